#pragma once
#include "strata/memory.h"

namespace strata::memory {

struct HttpEmbedderOptions {
  std::int64_t timeout_ms = 60'000;  ///< of one request
  std::int64_t connect_timeout_ms = 10'000;
  int attempts = 4;               ///< in all, when the connection fails or the answer is 429 or 5xx
  std::int64_t backoff_ms = 250;  ///< before the second attempt; doubles, with jitter, up to 8 s
  std::size_t answer_bytes_max = 64U << 20;
};

/// An OpenAI-compatible endpoint: POST <base>/embeddings {"model", "input": […]}, up to 64 texts a request. `url` is
/// base#model, http or https (certificates are checked); redirects are not followed. The key comes from the environment
/// variable STRATA_EMBEDDER_KEY and is sent as a bearer token. The name stored with a database is "http:<model>": the
/// same model behind another address is the same embedder. Making it opens no connection: the dimension is learnt from the
/// first answer (`dimension` asks for one when there was none yet; 0 when the endpoint does not answer).
/// Errors  invalid_argument (no #model, another scheme; of embed: an answer of 400, 404, 413 or 422, with its words),
///         unauthenticated (401), permission_denied (403), unavailable (connection, 429, 5xx, an answer that is no list of
///         embeddings)
Result<std::unique_ptr<Embedder>> make_http_embedder(std::string_view url, const HttpEmbedderOptions& options = {});

}  // namespace strata::memory
