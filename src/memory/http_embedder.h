#pragma once
#include "strata/memory.h"

namespace strata::memory {

/// An OpenAI-compatible endpoint: POST <base>/embeddings {"model", "input": […]}. `url` is base#model. The key comes
/// from the environment variable STRATA_EMBEDDER_KEY. The dimension is asked for once, with a first text.
/// Errors  invalid_argument (no #model), unavailable (connection, status, an answer that is no list of embeddings)
Result<std::unique_ptr<Embedder>> make_http_embedder(std::string_view url);

}  // namespace strata::memory
