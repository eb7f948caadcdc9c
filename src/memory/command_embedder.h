#pragma once
#include <string>
#include <vector>

#include "strata/memory.h"

namespace strata::memory {

struct CommandEmbedderOptions {
  std::int64_t timeout_ms = 60'000;          ///< of one run of the program; then it is killed
  std::size_t output_bytes_max = 64U << 20;  ///< of one run; a program that prints more is killed
};

/// An embedder that is a program: started for each batch (up to 512 texts), without a shell; reads one JSON object
/// {"text": "…"} a line and prints one {"embedding": […]} a line, in the same order. Model name and dimension are what it
/// prints for `<program> --describe`: {"model": "…", "dimension": 384}.
/// command  program and arguments, parted by blanks; 'single' and "double" quotes keep blanks, \ takes the next character
///          as it is (not within single quotes). The program is looked for in PATH
/// Errors   invalid_argument (an empty command, an open quote), unavailable (it cannot be started, fails, is too slow, or
///          prints something else; the last of what it wrote to standard error is in the message)
Result<std::unique_ptr<Embedder>> make_command_embedder(std::string_view command,
                                                        const CommandEmbedderOptions& options = {});

/// The words of a command line, as make_command_embedder parts them.
Result<std::vector<std::string>> split_command(std::string_view command);

}  // namespace strata::memory
