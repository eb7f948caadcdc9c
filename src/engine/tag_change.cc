#include "engine/tag_change.h"

namespace strata::engine {

Bytes encode(const TagChange& change) {
  Bytes section;
  core::Encoder out(section);
  out.u8(static_cast<std::uint8_t>(change.kind));
  out.text(change.name);
  if (change.kind == TagChange::Kind::set) out.varint(change.lsn);
  return section;
}

Result<TagChange> decode_tag_change(ByteView section) {
  core::Decoder in(section);
  TagChange change;
  change.kind = static_cast<TagChange::Kind>(in.u8());
  if (change.kind != TagChange::Kind::set && change.kind != TagChange::Kind::remove) {
    return Error(ErrorCode::corruption,
                 "record: unknown engine operation " + std::to_string(static_cast<unsigned>(change.kind)));
  }
  change.name = in.text();
  if (change.kind == TagChange::Kind::set) change.lsn = in.varint();
  STRATA_TRY(in.finish("record: engine section"));
  return change;
}

}  // namespace strata::engine
