// A Parquet file of the user's, and nothing else.
#include "store/analytics/parquet_file.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "core/random.h"

namespace strata::store::analytics {
namespace {

class ParquetFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder = std::filesystem::temp_directory_path() / ("strata-parquet-" + std::to_string(core::random_seed()));
    std::filesystem::create_directories(folder);
  }
  void TearDown() override { std::filesystem::remove_all(folder); }
  std::string path(const std::string& name) const { return (folder / name).string(); }
  void write(const std::string& name, int rows) {
    auto writer = ParquetPointWriter::open(path(name), path(name) + ".tmp", 3);
    ASSERT_TRUE(writer.has_value()) << writer.error().to_string();
    for (int i = 0; i < rows; ++i) {
      const float vector[] = {static_cast<float>(i), 0.5F, -1};
      ASSERT_TRUE(writer->append("n" + std::to_string(i), vector, "{}").has_value());
    }
    const auto finished = writer->finish();
    ASSERT_TRUE(finished.has_value()) << finished.error().to_string();
  }
  std::filesystem::path folder;
};

TEST_F(ParquetFileTest, RowsComeBackInTheirOrder) {
  write("it's.parquet", 5'000);
  auto reader = ParquetReader::open(path("it's.parquet"));
  ASSERT_TRUE(reader.has_value()) << reader.error().to_string();
  EXPECT_EQ(reader->rows(), 5'000U);
  ASSERT_EQ(reader->columns().size(), 3U);
  EXPECT_EQ(reader->columns()[1].type, "FLOAT[]");
  const std::vector<std::string> wanted{"id", "vector"};
  ASSERT_TRUE(reader->select(wanted).has_value());
  Rows rows;
  int count = 0;
  for (auto more = reader->next(rows); more && *more; more = reader->next(rows)) {
    for (const auto& row : rows.rows) {
      EXPECT_EQ(*row[0].text(), "n" + std::to_string(count));
      EXPECT_EQ(row[1], (Value(Value::List{static_cast<double>(count), 0.5, -1.0})));
      ++count;
    }
  }
  EXPECT_EQ(count, 5'000);
}

TEST_F(ParquetFileTest, WhatDoesNotFitIntoMemoryWaitsOnDisk) {
  constexpr std::uint32_t kDimension = 1'024;
  constexpr int kRows = 40'960;  // 160 MiB of vectors
  auto writer = ParquetPointWriter::open(path("large.parquet"), path("waiting"), kDimension, 128 << 20);
  ASSERT_TRUE(writer.has_value()) << writer.error().to_string();
  std::vector<float> vector(kDimension);
  for (int row = 0; row < kRows; ++row) {
    vector[static_cast<std::size_t>(row) % kDimension] = static_cast<float>(row);
    const auto appended = writer->append("n" + std::to_string(row), vector, "{}");
    ASSERT_TRUE(appended.has_value()) << appended.error().to_string();
  }
  const auto finished = writer->finish();
  ASSERT_TRUE(finished.has_value()) << finished.error().to_string();
  const auto reader = ParquetReader::open(path("large.parquet"));
  ASSERT_TRUE(reader.has_value()) << reader.error().to_string();
  EXPECT_EQ(reader->rows(), static_cast<std::uint64_t>(kRows));
}

TEST_F(ParquetFileTest, NoOtherFileIsInReach) {
  write("mine.parquet", 1);
  write("other.parquet", 1);
  auto reader = ParquetReader::open(path("mine.parquet"));
  ASSERT_TRUE(reader.has_value());
  for (const std::string& reach : {"(SELECT max(id) FROM read_parquet('" + path("other.parquet") + "'))",
                                   std::string("(SELECT max(content) FROM read_text('/etc/hostname'))")}) {
    const auto selected = reader->select(std::span(&reach, 1));
    ASSERT_FALSE(selected.has_value()) << reach;
    EXPECT_EQ(selected.error().code(), ErrorCode::permission_denied) << selected.error().to_string();
  }
}

}  // namespace
}  // namespace strata::store::analytics
