#include "engine/manifest.h"

#include <gtest/gtest.h>

#include <limits>

#include "engine/commit_clock.h"
#include "engine/superblock.h"
#include "io/memory_file_system.h"
#include "testing/faulty_file_system.h"

namespace strata::engine {
namespace {

Manifest example() {
  Manifest manifest;
  manifest.number = 7;
  manifest.database.fill(std::byte{0x42});
  manifest.lsn = 1'274;
  manifest.time = 1'700'000'000'000'000;
  manifest.horizon = 600;
  manifest.previous = {1, 2};
  manifest.stores[0] = {1'274, {std::byte{1}, std::byte{2}}, {{"vector/1.segment", 4'096, {3, 4}}}};
  manifest.idempotency = {{99, 1'200, 1'699'999'999'000'000}};
  manifest.commit_times = {{1, 1'000}, {1'274, 2'000}};
  manifest.tags = {{"before the rewrite", 900, 1'699'000'000'000'000}};
  return manifest;
}

TEST(Manifest, ReadsBackWhatItWrote) {
  const Manifest written = example();
  const auto read = decode_manifest(encode(written), "MANIFEST-000000000007");
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(read->number, 7U);
  EXPECT_EQ(read->stores[0].files[0].name, "vector/1.segment");
  EXPECT_EQ(read->stores[0].state, written.stores[0].state);
  EXPECT_EQ(read->idempotency[0].lsn, 1'200U);
  EXPECT_EQ(read->commit_times[1].time, 2'000);
  EXPECT_EQ(read->tags[0].name, "before the rewrite");
}

// Found by fuzzing: the sum of two differences overflowed (only the sanitizer sees it).
TEST(Manifest, TimesFarApartComeBack) {
  Manifest written = example();
  constexpr Timestamp kFirst = std::numeric_limits<Timestamp>::min(), kLast = std::numeric_limits<Timestamp>::max();
  written.commit_times = {{1, kLast}, {2, kFirst}, {3, kLast}};
  const auto read = decode_manifest(encode(written), "m");
  ASSERT_TRUE(read);
  ASSERT_EQ(read->commit_times.size(), 3U);
  EXPECT_EQ(read->commit_times[1].time, kFirst);
  EXPECT_EQ(read->commit_times[2].time, kLast);
}

TEST(Manifest, EveryFlippedBitAndEveryTruncationIsNoticed) {
  const Bytes good = encode(example());
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes bad = good;
      bad[at] ^= static_cast<std::byte>(1 << bit);
      EXPECT_FALSE(decode_manifest(bad, "m")) << "byte " << at << " bit " << bit;
    }
    EXPECT_FALSE(decode_manifest(ByteView(good).first(at), "m")) << at;
  }
}

TEST(Superblock, TheNewestValidSlotCountsAndOneMayRot) {
  const auto files = io::make_memory_file_system();
  for (std::uint64_t sequence = 1; sequence <= 6; ++sequence) {
    ASSERT_TRUE(write_superblock(*files, {sequence, {}, 1, 100 + sequence, sequence}));
  }
  auto blocks = read_superblock(*files);
  ASSERT_TRUE(blocks);
  EXPECT_EQ(blocks->front().manifest, 106U);
  ASSERT_TRUE(
      files->damage(kSuperblockName, [](Bytes& bytes) { bytes[2 * 4096 + 20] ^= std::byte{1}; }));  // slot 6 % 4
  blocks = read_superblock(*files);
  ASSERT_TRUE(blocks);
  EXPECT_EQ(blocks->front().manifest, 105U);
}

TEST(Superblock, NoValidSlotIsCorruptionAndNotANewDatabase) {
  const auto files = io::make_memory_file_system();
  ASSERT_TRUE(write_superblock(*files, {1, {}, 1, 1, 0}));
  ASSERT_TRUE(files->damage(kSuperblockName, [](Bytes& bytes) { bytes.assign(bytes.size(), std::byte{0}); }));
  EXPECT_EQ(read_superblock(*files).error().code(), ErrorCode::corruption);
}

TEST(Superblock, TheFirstOneIsThereWholeOrNotAtAll) {
  for (std::uint64_t nth = 1;; ++nth) {
    const auto disk = io::make_memory_file_system();
    testing::FaultyFileSystem files(*disk);
    files.fail({.call = testing::Call::change, .nth = nth, .forever = true, .effect = testing::Fault::Effect::half});
    const bool written = write_superblock(files, {1, {}, 1, 1, 0}).has_value();
    const auto exists = disk->exists(kSuperblockName);
    ASSERT_TRUE(exists);
    EXPECT_TRUE(!*exists || read_superblock(*disk)) << "stopped at change " << nth;
    if (written) break;
  }
}

TEST(CommitClock, StaysBoundedAndExactForRecentCommits) {
  CommitClock clock;
  constexpr Lsn kCommits = 300'000;
  for (Lsn lsn = 1; lsn <= kCommits; ++lsn) clock.add({lsn, static_cast<Timestamp>(lsn * 10)});
  EXPECT_LE(clock.points().size(), CommitClock::kPointsMax + 1);
  EXPECT_EQ(clock.at_time(kCommits * 10 - 5).lsn, kCommits - 1);
  EXPECT_LE(clock.at_time(1'000'005).lsn, 100'000U) << "an older one may be a little early, never late";
  EXPECT_GT(clock.at_time(1'000'005).lsn, 99'000U);
  EXPECT_EQ(clock.at_time(0).lsn, 0U);
}

}  // namespace
}  // namespace strata::engine
