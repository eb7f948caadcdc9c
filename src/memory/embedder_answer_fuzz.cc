// Any text as what an embedder answers. What is accepted is as many finite embeddings of one size as were asked for. The
// first byte says who answers, and how many texts it was given.
#include <cmath>

#include "core/assert.h"
#include "memory/embedder_answer.h"
#include "strata/vector.h"

using namespace strata;

namespace {

void check(const Result<std::vector<std::vector<float>>>& embeddings, std::size_t count) {
  if (!embeddings) return;
  STRATA_ASSERT(embeddings->size() == count);
  for (const std::vector<float>& embedding : *embeddings) {
    STRATA_ASSERT(!embedding.empty() && embedding.size() <= kDimensionMax);
    for (const float number : embedding) STRATA_ASSERT(std::isfinite(number));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t count = data[0] / 3 % 4;
  switch (data[0] % 3) {
    case 0: check(memory::read_embedding_list(text, count), count); break;
    case 1: check(memory::read_embedding_lines(text, count, 2), count); break;
    case 2:
      if (const auto described = memory::read_description(text)) {
        STRATA_ASSERT(!described->model.empty() && described->dimension >= 1 && described->dimension <= kDimensionMax);
      }
      break;
  }
  return 0;
}
