#pragma once
/// The engine's own section of a record: a tag is set or removed.
///
///     section := kind u8 (1 set, 2 remove) · name text [· lsn varint, of set]        (docs/formats/record.md)
#include <string>

#include "core/codec.h"

namespace strata::engine {

struct TagChange {
  enum class Kind : std::uint8_t { set = 1, remove = 2 };
  Kind kind = Kind::set;
  std::string name;
  Lsn lsn = 0;  ///< what the tag names; of set
  bool operator==(const TagChange&) const = default;
};

Bytes encode(const TagChange& change);
/// Errors  corruption
Result<TagChange> decode_tag_change(ByteView section);

}  // namespace strata::engine
