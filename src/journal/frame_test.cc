#include "journal/frame.h"

#include <gtest/gtest.h>

#include <cstring>

#include "core/digest.h"

namespace strata::journal {
namespace {

const FrameHeader kRecord{.type = FrameType::record,
                          .payload_bytes = 5,
                          .epoch = 2,
                          .timeline = 1,
                          .lsn = 7,
                          .commit_time = 1'700'000'000'000'000,
                          .idempotency = 9,
                          .payload_hash = core::xxh3_128(as_bytes("hello"))};

TEST(Frame, HeadersReadBackAsWritten) {
  std::array<std::byte, kHeaderBytes> bytes;
  encode(kRecord, bytes);
  EXPECT_EQ(decode_frame(bytes), kRecord);
  EXPECT_FALSE(decode_batch(bytes)) << "a record is no batch";
  const BatchHeader batch{.flags = 1,
                          .bytes = 100,
                          .epoch = 2,
                          .frames = 3,
                          .first_lsn = 7,
                          .durable_before = 6,
                          .block = 2,
                          .durable_blocks = 2,
                          .chain_before = 11,
                          .chain_after = 12};
  encode(batch, bytes);
  EXPECT_EQ(decode_batch(bytes), batch);
  EXPECT_FALSE(decode_frame(bytes));
  SegmentHeader segment{.timeline = 1, .epoch = 2, .number = 3, .first_lsn = 7, .chain = {1, 2}, .created = 4};
  segment.database.fill(std::byte{5});
  EXPECT_EQ(decode_segment(encode(segment)), segment);
}

TEST(Frame, EveryFlippedBitOfAHeaderIsNoticed) {
  std::array<std::byte, kHeaderBytes> bytes;
  encode(kRecord, bytes);
  for (std::size_t bit = 0; bit < kHeaderBytes * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
    EXPECT_FALSE(decode_frame(bytes)) << bit;
    bytes[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
  }
}

// The worked example of docs/formats/journal.md. It changes only with the format's version.
TEST(Frame, TheBytesAreThoseOfTheFormatDocument) {
  std::array<std::byte, kHeaderBytes> bytes;
  encode(kRecord, bytes);
  EXPECT_EQ(core::to_hex(bytes),
            "53545246020000000500000002000000070000000000000000401e18240a0600"
            "09000000000000001838525eaacf79c77f3e1b07adc1e9b5010000009ccaa96c");
  const Chain chain = next_chain({1, 2}, bytes);
  std::array<std::byte, 16> out;
  std::memcpy(out.data(), &chain.low, 8);
  std::memcpy(out.data() + 8, &chain.high, 8);
  EXPECT_EQ(core::to_hex(out), "ef58fa17abefe366b4863df3593f3090");
}

TEST(Frame, SegmentNamesAreNumbersOfTwelveDigits) {
  EXPECT_EQ(segment_name("journal", 7), "journal/000000000007.journal");
  EXPECT_EQ(number_in("000000000007.journal", ".journal"), 7U);
  EXPECT_FALSE(number_in("7.journal", ".journal"));
  EXPECT_FALSE(number_in("00000000000x.journal", ".journal"));
  EXPECT_FALSE(number_in("000000000007.journal.tmp", ".journal"));
}

}  // namespace
}  // namespace strata::journal
