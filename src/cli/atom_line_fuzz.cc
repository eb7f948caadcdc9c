// Any text as a line of an import. What is read has numbers where numbers belong.
#include "cli/atom_line.h"
#include "core/assert.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strata;
  const auto line = cli::parse_atom_line({reinterpret_cast<const char*>(data), size});
  if (!line) return 0;
  STRATA_ASSERT(line->atom.embedding.size() <= size && line->atom.activation.size() <= size);
  for (const MemoryTag& tag : line->atom.tags) STRATA_ASSERT(tag.key.size() <= size);
  return 0;
}
