#pragma once
/// What embedders outside this process answer, read as what it is: input. The messages continue the caller's sentence
/// ("the embedding endpoint … answered ", "the embedder program … printed ").
/// Errors of all  unavailable
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "strata/error.h"

namespace strata::memory {

/// An OpenAI-compatible endpoint's: {"data": [{"index": 0, "embedding": […]}, …]}, in any order when indexes are given.
/// Gives `count` embeddings of 1 … kDimensionMax finite numbers, in the order of the texts.
Result<std::vector<std::vector<float>>> read_embedding_list(std::string_view body, std::size_t count);

/// A program's: `count` lines {"embedding": […]} of `dimension` finite numbers each; blank lines are passed over.
Result<std::vector<std::vector<float>>> read_embedding_lines(std::string_view output, std::size_t count,
                                                             std::uint32_t dimension);

struct EmbedderDescription {
  std::string model;
  std::uint32_t dimension = 0;  ///< 1 … kDimensionMax
};
/// A program's answer to --describe: {"model": "…", "dimension": 384}.
Result<EmbedderDescription> read_description(std::string_view answer);

}  // namespace strata::memory
