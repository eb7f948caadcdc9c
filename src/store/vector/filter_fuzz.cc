// Any text as a filter (first line) on any text as a payload (the rest). A filter that compiles means the same within
// must, should and twice within must_not, and the opposite within must_not; as the condition of a list's items it means the same
// of each; and it stays inside of damaged payloads.
#include <algorithm>

#include "core/assert.h"
#include "store/vector/filter/filter.h"

using namespace strata;

namespace {

bool matches(const Map& filter, ByteView payload) {
  const auto compiled = store::vector::CompiledFilter::compile(filter);
  STRATA_ASSERT(compiled.has_value());
  return compiled->matches("n1", payload);
}

Map within(const char* name, const Map& filter) { return {{name, Value::List{filter}}}; }

int depth_of(const Value& value) {
  int deepest = 0;
  if (const Map* map = value.map()) {
    for (const auto& [name, inner] : *map) deepest = std::max(deepest, depth_of(inner));
  } else if (const Value::List* list = value.list()) {
    for (const Value& inner : *list) deepest = std::max(deepest, depth_of(inner));
  } else {
    return 0;
  }
  return deepest + 1;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = std::min(text.find('\n'), size);
  const auto filter = parse_json(text.substr(0, line));
  if (!filter || filter->map() == nullptr) return 0;
  const Map& given = *filter->map();
  const auto compiled = store::vector::CompiledFilter::compile(given);
  if (!compiled) return 0;

  const std::string_view rest = text.substr(std::min(line + 1, size));
  const auto parsed = parse_json(rest);
  if (!parsed || parsed->map() == nullptr) {
    (void)compiled->matches("n1", as_bytes(rest));
    return 0;
  }
  Bytes payload;
  core::Encoder(payload).map(*parsed->map());
  const bool holds = compiled->matches("n1", payload);
  if (depth_of(*filter) > 24) return 0;  // a filter may not nest without end
  STRATA_ASSERT(matches(within("must", given), payload) == holds);
  STRATA_ASSERT(matches(within("should", given), payload) == holds);
  STRATA_ASSERT(matches(within("must_not", given), payload) != holds);
  STRATA_ASSERT(matches(within("must_not", within("must_not", given)), payload) == holds);
  const Map of_items{{"x", Map{{"nested", given}}}};
  if (store::vector::CompiledFilter::compile(of_items)) {  // items have no ids
    Bytes listed;
    core::Encoder(listed).map({{"x", Value::List{7, *parsed}}});
    STRATA_ASSERT(matches(of_items, listed) == holds);
  }
  for (std::size_t cut = 0; cut < std::min<std::size_t>(payload.size(), 64); ++cut) {
    (void)compiled->matches("n1", ByteView(payload).first(cut));
  }
  return 0;
}
