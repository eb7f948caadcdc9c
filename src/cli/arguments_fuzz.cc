// Any text as an argument of the command. The first byte says which kind.
#include "cli/arguments.h"
#include "cli/settings.h"
#include "core/assert.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strata;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 9) {
    case 0: (void)cli::parse_parameter(text); break;
    case 1: (void)cli::parse_map(text, "--filter").has_value(); break;
    case 2:
      if (text == "-" || text.starts_with('@')) break;  // would read a file
      if (const auto vector = cli::parse_vector(text)) STRATA_ASSERT(vector->size() <= text.size());
      break;
    case 3:
      if (const auto tag = cli::parse_tag(text))
        STRATA_ASSERT(!tag->key.empty());  // whether its weight is one, Memory says
      break;
    case 4:
      if (const auto link = cli::parse_link(text)) {
        STRATA_ASSERT(!link->type.empty() && link->type + ":" + link->target == text);
      }
      break;
    case 5: (void)cli::parse_optional_time(text, "--at").has_value(); break;
    case 6:
      if (const auto shape = cli::parse_shape(text)) STRATA_ASSERT(shape->size() <= text.size());
      break;
    case 7:
      if (const auto rows = cli::parse_rows(text)) STRATA_ASSERT(rows->begin <= rows->end);
      break;
    case 8:
      (void)cli::parse_bytes(text).has_value();
      (void)cli::parse_duration_ms(text).has_value();
      break;
  }
  return 0;
}
