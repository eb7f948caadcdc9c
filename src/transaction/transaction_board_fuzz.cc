// A board of transactions with any of its words replaced: ten bytes of the input are the place of a word and its value, and the
// top bit of the place leaves the first copy as it was. What is read keeps to what the board may show.
#include <algorithm>

#include "core/assert.h"
#include "core/codec.h"
#include "core/utf8.h"
#include "transaction/transaction_board.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace strata;
  using namespace strata::transaction;
  Bytes first(kBoardBytes);
  core::store(first.data(), BoardLayout::kMagic);
  core::store(first.data() + 8, BoardLayout::kVersion);
  core::store(first.data() + 16, std::uint64_t{kBoardBytes});
  Bytes second = first;
  core::Decoder in(ByteView(reinterpret_cast<const std::byte*>(data), size));
  while (in.remaining() >= 10) {
    const std::uint16_t place = in.u16();
    const std::uint64_t value = in.u64();
    const std::size_t at = (place & 0x7fffU) % (kBoardBytes / 8) * 8;
    core::store(second.data() + at, value);
    if ((place & 0x8000U) == 0) core::store(first.data() + at, value);
  }
  const auto read = read_board(first, second, 1'000'000);
  if (!read) return 0;
  STRATA_ASSERT(read->active.size() <= BoardLayout::kSlots + BoardLayout::kWaits);
  std::uint64_t last = 0;
  for (const TransactionStatus& each : read->active) {
    STRATA_ASSERT(each.id > last && each.age_us >= 0 && each.waiting_us >= 0);
    STRATA_ASSERT(each.waits_for.size() <= ShownWait::kHoldersMax && each.isolation <= Isolation::serializable);
    last = each.id;
  }
  STRATA_ASSERT(read->conflicts.size() <= BoardLayout::kConflicts);
  for (const RecentConflict& each : read->conflicts) {
    STRATA_ASSERT(each.message.size() <= ShownConflict::kTextBytesMax && core::is_utf8(each.message));
  }
  return 0;
}
