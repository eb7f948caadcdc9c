// Any bytes as an analytics section: decoding ends in rows or an error, and what was decoded encodes again.
#include <cstdlib>

#include "core/assert.h"
#include "store/analytics/mutation.h"

namespace strata::store::analytics {
namespace {

Result<void> decode_all(ByteView section) {
  const std::vector<ColumnDefinition> columns = {{"b", ColumnType::boolean}, {"i", ColumnType::integer},
                                                 {"r", ColumnType::real},    {"t", ColumnType::text},
                                                 {"y", ColumnType::bytes},   {"ts", ColumnType::timestamp}};
  return for_each_operation(section, [&](const Operation& operation) -> Result<void> {
    switch (operation.kind) {
      case Operation::Kind::define: (void)STRATA_TRY(decode_define(operation)); break;
      case Operation::Kind::drop: break;
      case Operation::Kind::erase: (void)STRATA_TRY(decode_erase(operation)); break;
      case Operation::Kind::append: {
        RowBlock block;
        STRATA_TRY(decode_append(operation, columns, block));
        Bytes filtered;
        core::Encoder out(filtered);
        out.u8(kSectionVersion);
        const auto left = encode_filtered(out, operation, block, columns, [](std::uint32_t o) { return o % 2 == 1; });
        STRATA_ASSERT(left.has_value() && *left <= block.rows);
        if (*left == 0) break;
        STRATA_TRY(for_each_operation(filtered, [&](const Operation& again) -> Result<void> {
          RowBlock kept;
          const Result<void> decoded = decode_append(again, columns, kept);
          STRATA_ASSERT(decoded.has_value() && kept.rows == *left);
          return {};
        }));
        break;
      }
    }
    return {};
  });
}

}  // namespace
}  // namespace strata::store::analytics

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)strata::store::analytics::decode_all({reinterpret_cast<const std::byte*>(data), size});
  return 0;
}
