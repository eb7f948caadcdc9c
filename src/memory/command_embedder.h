#pragma once
#include "strata/memory.h"

namespace strata::memory {

/// An embedder that is a program: started for each batch, without a shell; reads one JSON object {"text": "…"} a line and
/// prints one {"embedding": […]} a line, in the same order. Model name and dimension are what it prints for
/// `<program> --describe`: {"model": "…", "dimension": 384}.
/// Errors  invalid_argument (an empty command), unavailable (it cannot be started, fails, or prints something else)
Result<std::unique_ptr<Embedder>> make_command_embedder(std::string_view command);

}  // namespace strata::memory
