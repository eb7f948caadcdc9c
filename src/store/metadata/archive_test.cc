#include "store/metadata/archive.h"

#include <gtest/gtest.h>

#include "core/endian.h"
#include "io/memory_file_system.h"

namespace strata::store::metadata {
namespace {

class ArchiveTest : public testing::Test {
 protected:
  void SetUp() override {
    ArchiveWriter writer(*files_, 1);
    ASSERT_TRUE(writer.append({3, 1'000, false, as_bytes("one")}));
    ASSERT_TRUE(writer.append({5, 2'000, false, as_bytes("two")}));
    ASSERT_TRUE(writer.finish());
    file_ = io::read_file(*files_, archive_name(1), 1 << 20).value();
  }
  /// The code that reading `bytes` ends with; `internal`: it was read to its end.
  ErrorCode read(const Bytes& bytes) {
    EXPECT_TRUE(io::write_file_atomically(*files_, archive_name(2), bytes));
    lsns_.clear();
    const auto done = read_archive(*files_, archive_name(2), [&](const ArchiveRecord& record) -> Result<void> {
      lsns_.push_back(record.lsn);
      return {};
    });
    return done ? ErrorCode::internal : done.error().code();
  }

  std::unique_ptr<io::FileSystem> files_ = io::make_memory_file_system();
  Bytes file_;
  std::vector<Lsn> lsns_;
};

TEST_F(ArchiveTest, IsReadFromTheFirstRecordToTheLast) {
  EXPECT_EQ(read(file_), ErrorCode::internal);
  EXPECT_EQ(lsns_, (std::vector<Lsn>{3, 5}));
}

TEST_F(ArchiveTest, EveryFlippedBitAndEveryTruncationIsNoticed) {
  for (std::size_t at = 0; at < file_.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      Bytes bad = file_;
      bad[at] ^= static_cast<std::byte>(1U << bit);
      EXPECT_NE(read(bad), ErrorCode::internal) << "byte " << at << " bit " << bit;
    }
    EXPECT_NE(read(Bytes(file_.begin(), file_.begin() + static_cast<std::ptrdiff_t>(at))), ErrorCode::internal) << at;
  }
}

// Found by fuzzing: a footer was taken whatever it said beside its LSN, and so was a version below the first.
TEST_F(ArchiveTest, WhatNoWriterWritesIsRefusedThoughItsChecksumIsRight) {
  constexpr std::size_t kRecordBytes = 29, kTime = 8, kSize = 16, kSectionCrc = 21, kCrc = 25;
  for (const std::size_t field : {kTime, kSize, kSectionCrc}) {
    Bytes bad = file_;
    const std::size_t footer = bad.size() - kRecordBytes;
    bad[footer + field] = std::byte{1};
    core::store(&bad[footer + kCrc], core::crc32c(ByteView(bad).subspan(footer, kCrc)));
    EXPECT_EQ(read(bad), ErrorCode::corruption) << field;
  }
  Bytes old = file_;
  core::store(&old[8], std::uint32_t{0});
  core::store(&old[12], core::crc32c(ByteView(old).first(12)));
  EXPECT_EQ(read(old), ErrorCode::corruption);
}

}  // namespace
}  // namespace strata::store::metadata
