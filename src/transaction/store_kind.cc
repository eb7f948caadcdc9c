#include <array>

#include "strata/transaction.h"

namespace strata {
namespace {
constexpr std::array<std::string_view, kStoreCount> kNames{"vector",    "object", "metadata", "graph",
                                                           "analytics", "cache",  "array"};
}  // namespace

std::string_view name(StoreKind store) noexcept { return kNames[static_cast<std::size_t>(store)]; }

Result<StoreKind> parse_store_kind(std::string_view text) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == text) return static_cast<StoreKind>(i);
  }
  return Error(ErrorCode::invalid_argument,
               "not a store: \"" + std::string(text.substr(0, 64)) +
                   "\"; the stores are vector, object, metadata, graph, analytics, cache and array");
}

}  // namespace strata
