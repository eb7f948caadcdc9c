/// What the disk may do to the array store: flipped bytes, missing files, failing calls, power cuts.
#include <gtest/gtest.h>

#include "core/random.h"
#include "store/array/array_store_fixture.h"
#include "testing/faulty_file_system.h"

namespace strata::store::array {
namespace {

constexpr std::uint64_t kWidth = 8;

struct ArrayDamageTest : ::testing::Test {
  std::unique_ptr<io::MemoryFileSystem> disk = io::make_memory_file_system();

  static void fill(TestDatabase& db, std::uint64_t rows) {
    ASSERT_TRUE(db.once([](ArrayStore& s) { return s.create_dataset("a", float_rows(kWidth)); }));
    for (std::uint64_t i = 0; i < rows; ++i) {
      ASSERT_TRUE(db.once(
          [&](ArrayStore& s) { return append_floats(s, "a", ramp(i, 1, kWidth), kWidth, "k" + std::to_string(i)); }));
    }
  }
  void flip(const std::string& name, std::size_t offset) {
    ASSERT_TRUE(disk->damage(name, [&](Bytes& bytes) { bytes[offset % bytes.size()] ^= std::byte{0x10}; }));
  }
};

TEST_F(ArrayDamageTest, AFlippedByteAnywhereInAPartIsFoundAndTheFileNamed) {
  TestDatabase db(*disk);
  fill(db, 30);
  ASSERT_TRUE(db.checkpoint());
  const std::uint64_t size = *disk->file_size("array/000001.h5");
  for (std::uint64_t offset = 0; offset < size; offset += 37) {
    flip("array/000001.h5", offset);
    db.reopen();
    auto read = db.view()->array().read("a", 0, 1);
    ASSERT_FALSE(read) << offset;
    EXPECT_EQ(read.error().code(), ErrorCode::corruption);
    EXPECT_NE(read.error().message().find("array/000001.h5"), std::string::npos);
    const auto damage = *db.store().verify();
    ASSERT_EQ(damage.size(), 1U);
    EXPECT_EQ(damage[0].file, "array/000001.h5");
    EXPECT_FALSE(damage[0].rebuilt_by_itself);
    flip("array/000001.h5", offset);
  }
  db.reopen();
  EXPECT_EQ(read_floats(db.view()->array(), "a"), ramp(0, 30, kWidth));
}

TEST_F(ArrayDamageTest, ATruncatedOrMissingPartIsCorruptionAndTheRestIsReadable) {
  TestDatabase db(*disk);
  fill(db, 30);
  ASSERT_TRUE(db.once([](ArrayStore& s) { return s.create_dataset("b", float_rows(1)); }));
  ASSERT_TRUE(db.once([](ArrayStore& s) { return append_floats(s, "b", ramp(0, 3, 1), 1); }));
  ASSERT_TRUE(db.checkpoint());
  ASSERT_TRUE(disk->damage("array/000001.h5", [](Bytes& bytes) { bytes.resize(bytes.size() - 1); }));
  db.reopen();
  EXPECT_EQ(db.view()->array().read("a", 0, 1).error().code(), ErrorCode::corruption);
  EXPECT_EQ(read_floats(db.view()->array(), "b"), ramp(0, 3, 1));
  ASSERT_TRUE(disk->remove("array/000001.h5"));
  db.reopen();
  EXPECT_EQ(db.view()->array().read("a", 0, 1).error().code(), ErrorCode::corruption);
}

TEST_F(ArrayDamageTest, ADamagedIndexIsComputedAnewAndWrittenBack) {
  TestDatabase db(*disk);
  fill(db, 30);
  ASSERT_TRUE(db.checkpoint());
  const std::string name = "array/000001.idx";
  const std::uint64_t size = *disk->file_size(name);
  for (std::uint64_t offset = 0; offset < size; offset += 11) {
    flip(name, offset);
    db.reopen();
    ASSERT_EQ(db.store().verify()->size(), 1U) << offset;
    EXPECT_TRUE((*db.store().verify())[0].rebuilt_by_itself);
    EXPECT_EQ(*db.view()->array().find("a", "k17"), (std::vector<RowRange>{{17, 18}}));
    EXPECT_TRUE(db.store().verify()->empty());
  }
  ASSERT_TRUE(disk->remove(name));
  db.reopen();
  EXPECT_EQ(*db.view()->array().find("a", "k3"), (std::vector<RowRange>{{3, 4}}));
}

TEST_F(ArrayDamageTest, WhicheverCallOfACheckpointFailsNothingIsLostAndTheNextOneSucceeds) {
  for (const ErrorCode code : {ErrorCode::io, ErrorCode::resource_exhausted}) {
    std::uint64_t failures = 0;
    for (std::uint64_t nth = 1; nth < 200; ++nth) {
      auto fresh = io::make_memory_file_system();
      testing::FaultyFileSystem faulty(*fresh);
      TestDatabase db(faulty);
      fill(db, 10);
      faulty.fail({.call = testing::Call::change, .nth = nth, .error = code});
      ASSERT_TRUE(db.store().freeze(db.lsn()));
      auto written = db.store().write_checkpoint(db.lsn());
      if (written) {
        EXPECT_GT(failures, 8U);
        break;
      }
      ++failures;
      EXPECT_EQ(written.error().code(), code) << written.error().to_string();
      faulty.heal();
      EXPECT_EQ(read_floats(db.view()->array(), "a"), ramp(0, 10, kWidth));
      ASSERT_TRUE(db.checkpoint());
      EXPECT_EQ(read_floats(db.view()->array(), "a"), ramp(0, 10, kWidth));
      db.reopen();
      EXPECT_EQ(read_floats(db.view()->array(), "a"), ramp(0, 10, kWidth));
      EXPECT_EQ(fresh->list("array")->size(), 3U);  // rows, index, index.h5: the failed attempt left nothing
    }
  }
}

TEST_F(ArrayDamageTest, ALargeAppendWhoseFileCannotBeWrittenLeavesNothingBehind) {
  testing::FaultyFileSystem faulty(*disk);
  TestDatabase db(faulty);
  fill(db, 1);
  for (std::uint64_t nth = 1; nth < 100; ++nth) {
    auto tx = db.begin();
    faulty.fail({.call = testing::Call::change, .nth = nth, .error = ErrorCode::resource_exhausted});
    auto appended = append_floats(tx->array(), "a", ramp(1, 5000, kWidth), kWidth);
    faulty.heal();
    if (appended) {
      EXPECT_GT(nth, 5U);
      break;
    }
    EXPECT_EQ(appended.error().code(), ErrorCode::resource_exhausted);
    tx->roll_back();
    EXPECT_TRUE(!disk->list("array") || disk->list("array")->empty());
  }
}

TEST_F(ArrayDamageTest, WhatWasCommittedAndCheckpointedSurvivesAPowerCut) {
  core::Random random(3);
  for (const auto mode :
       {io::PowerCut::Unsynced::lost, io::PowerCut::Unsynced::torn, io::PowerCut::Unsynced::garbled}) {
    auto fresh = io::make_memory_file_system();
    TestDatabase db(*fresh);
    fill(db, 20);
    ASSERT_TRUE(db.checkpoint());
    ASSERT_TRUE(db.once([](ArrayStore& s) { return append_floats(s, "a", ramp(20, 5000, kWidth), kWidth, "large"); }));
    ASSERT_TRUE(db.store().freeze(db.lsn()));
    ASSERT_TRUE(db.store().write_checkpoint(db.lsn()));  // its manifest is not written any more
    fresh->power_cut(random, {mode, mode});
    db.reopen();
    EXPECT_EQ(read_floats(db.view()->array(), "a"), ramp(0, 5020, kWidth));
    EXPECT_EQ(*db.view()->array().find("a", "large"), (std::vector<RowRange>{{20, 5020}}));
    ASSERT_TRUE(db.checkpoint());
    fresh->power_cut(random, {mode, mode});
    db.reopen();
    EXPECT_EQ(read_floats(db.view()->array(), "a"), ramp(0, 5020, kWidth));
    EXPECT_TRUE(db.store().verify()->empty());
  }
}

}  // namespace
}  // namespace strata::store::array
