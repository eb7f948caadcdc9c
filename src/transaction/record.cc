#include "transaction/record.h"

#include "core/endian.h"

namespace strata::transaction {

std::size_t begin_section(Bytes& payload, std::uint8_t store) {
  core::Encoder out(payload);
  out.u8(store);
  out.u32(0);
  return payload.size();
}

void end_section(Bytes& payload, std::size_t begun) {
  const std::size_t size = payload.size() - begun;
  STRATA_ASSERT(size <= UINT32_MAX);
  core::store(payload.data() + begun - sizeof(std::uint32_t), static_cast<std::uint32_t>(size));
}

Result<void> for_each_section(ByteView payload, const std::function<Result<void>(std::uint8_t, ByteView)>& visit) {
  core::Decoder in(payload);
  int last = -1;
  while (in.ok() && in.remaining() > 0) {
    const std::uint8_t store = in.u8();
    const ByteView section = in.raw(in.u32());
    if (!in.ok()) break;
    const bool known = store < kStoreCount || store == kEngineSection;
    if (!known || store <= last) {
      return Error(ErrorCode::corruption,
                   "record: section of an unknown store or out of order: " + std::to_string(store));
    }
    last = store;
    STRATA_TRY(visit(store, section));
  }
  return in.finish("record");
}

}  // namespace strata::transaction
