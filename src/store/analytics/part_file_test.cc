#include "store/analytics/part_file.h"

#include <gtest/gtest.h>

#include "core/random.h"
#include "io/memory_file_system.h"

namespace strata::store::analytics {
namespace {

class PartFileTest : public testing::Test {
 protected:
  PartFileTest() { EXPECT_TRUE(files_->create_directory("analytics")); }

  PartInfo write(int records, std::size_t bytes_each) {
    auto writer = PartWriter::create(*files_, 1);
    EXPECT_TRUE(writer);
    core::Random random(5);
    std::uint64_t chain = 0;
    for (int i = 1; i <= records; ++i) {
      Bytes section(bytes_each);
      for (std::byte& byte : section) byte = static_cast<std::byte>(random.below(4));
      const Lsn lsn = static_cast<Lsn>(i) * 10;
      chain = next_chain(chain, lsn, section);
      records_.push_back({lsn, i, chain, std::make_shared<const Bytes>(section)});
      EXPECT_TRUE(writer->add(records_.back()));
    }
    auto info = writer->finish();
    EXPECT_TRUE(info);
    return *info;
  }
  Result<std::vector<Record>> read(const PartInfo& info, Lsn after = 0) {
    auto reader = STRATA_TRY(PartReader::open(*files_, info));
    std::vector<Record> all;
    for (;;) {
      auto block = STRATA_TRY(reader.next(after));
      if (block.empty()) return all;
      all.insert(all.end(), block.begin(), block.end());
    }
  }

  std::unique_ptr<io::MemoryFileSystem> files_ = io::make_memory_file_system();
  std::vector<Record> records_;
};

TEST_F(PartFileTest, GivesBackItsRecordsFromAnyPosition) {
  const PartInfo info = write(100, 50'000);  // several blocks
  const auto all = read(info);
  ASSERT_TRUE(all) << all.error().to_string();
  ASSERT_EQ(all->size(), 100u);
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_EQ((*all)[i].lsn, records_[i].lsn);
    EXPECT_EQ((*all)[i].time, records_[i].time);
    EXPECT_EQ((*all)[i].chain, records_[i].chain);
    EXPECT_EQ(*(*all)[i].section, *records_[i].section);
  }
  EXPECT_EQ(read(info, 500)->size(), 50u);
  EXPECT_EQ(read(info, 505)->front().lsn, 510u);
  EXPECT_TRUE(read(info, 1000)->empty());
  EXPECT_EQ(info.first_lsn, 10u);
  EXPECT_EQ(info.last_lsn, 1000u);
  EXPECT_LT(info.bytes, 3'000'000u) << "compressed";
  const Bytes whole = io::read_file(*files_, info.name(), 1 << 30).value();
  EXPECT_EQ(core::xxh3_128(whole), info.hash);
}

TEST_F(PartFileTest, NoFlippedBitGoesUnnoticed) {
  const PartInfo info = write(5, 60);
  const Bytes good = io::read_file(*files_, info.name(), 1 << 20).value();
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      ASSERT_TRUE(files_->damage(info.name(), [&](Bytes& bytes) { bytes[i] ^= static_cast<std::byte>(1 << bit); }));
      const auto bad = read(info);
      ASSERT_FALSE(bad) << "byte " << i << ", bit " << bit;
      EXPECT_NE(bad.error().message().find("part-1.rows"), std::string::npos);
      ASSERT_TRUE(files_->damage(info.name(), [&](Bytes& bytes) { bytes = good; }));
    }
  }
}

TEST_F(PartFileTest, NoTruncationGoesUnnoticed) {
  const PartInfo info = write(5, 60);
  const Bytes good = io::read_file(*files_, info.name(), 1 << 20).value();
  for (std::size_t size = 0; size < good.size(); ++size) {
    ASSERT_TRUE(files_->damage(info.name(), [&](Bytes& bytes) { bytes.resize(size); }));
    EXPECT_EQ(read(info).error().code(), ErrorCode::corruption) << size;
    ASSERT_TRUE(files_->damage(info.name(), [&](Bytes& bytes) { bytes = good; }));
  }
  ASSERT_TRUE(files_->damage(info.name(), [&](Bytes& bytes) { bytes.insert(bytes.end(), good.begin(), good.end()); }));
  EXPECT_FALSE(read(info));
}

TEST_F(PartFileTest, AnUnfinishedPartIsNotThere) {
  auto writer = PartWriter::create(*files_, 3);
  ASSERT_TRUE(writer);
  ASSERT_TRUE(writer->add({1, 1, 1, std::make_shared<const Bytes>(10)}));
  EXPECT_FALSE(*files_->exists("analytics/part-3.rows"));
  EXPECT_TRUE(*files_->exists("analytics/part-3.rows.tmp"));
}

}  // namespace
}  // namespace strata::store::analytics
