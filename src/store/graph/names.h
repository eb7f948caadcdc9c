#pragma once
/// Labels and types as small numbers: each text is kept once, number 0 is "" (any label).
///
/// A name's number never changes and is never given to another, so segments and the delta hold numbers alone. There are
/// few names; all of them stay in memory.
#include <optional>
#include <string_view>

#include "core/checksum.h"
#include "store/graph/append_only.h"

namespace strata::store::graph {

using NameId = std::uint32_t;
inline constexpr NameId kAnyName = 0;

/// Threads: one writer (apply), many readers.
class Names {
 public:
  Names() { intern(""); }

  std::optional<NameId> find(std::string_view text) const {
    const auto* entry = table_.find(core::xxh3_64(text), [&](const Entry& it) { return it.text == text; });
    return entry ? std::optional(entry->id) : std::nullopt;
  }
  /// id < size()
  std::string_view text(NameId id) const { return texts_[id]; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(texts_.size()); }

  NameId intern(std::string_view text) {
    if (const auto known = find(text)) return *known;
    const NameId id = size();
    const std::string_view kept = as_text(arena_.copy(as_bytes(text)));
    texts_.append(arena_, kept);
    table_.insert(arena_, arena_.make<Entry>(core::xxh3_64(text), id, kept));
    return id;
  }

 private:
  struct Entry {
    std::uint64_t hash;
    NameId id;
    std::string_view text;
  };
  Arena arena_;
  ReadTable<Entry> table_;
  StableArray<std::string_view> texts_;
};

}  // namespace strata::store::graph
