#include "transaction/record_pool.h"

#include <gtest/gtest.h>

namespace strata::transaction {
namespace {

TEST(RecordPool, KeepsTheMemoryOfLargeRecordsAndNoMoreThanItSays) {
  RecordPool pool;
  const auto fill = [](Bytes& buffer, std::size_t size) {
    EXPECT_TRUE(buffer.empty());
    buffer.resize(size);
    return buffer.data();
  };
  const std::byte* large = fill(*pool.take(), 1 << 20);
  EXPECT_EQ(fill(*pool.take(), 1 << 20), large) << "given back and taken again";
  (void)fill(*pool.take(), RecordPool::kKeptBytesMax + 1);
  EXPECT_EQ(pool.take()->capacity(), 0U) << "too large to keep";
  (void)fill(*pool.take(), 100);
  EXPECT_EQ(pool.take()->capacity(), 0U) << "too small to be worth it";
  {
    std::vector<std::shared_ptr<Bytes>> many;
    for (std::size_t i = 0; i < RecordPool::kKeptMax + 2; ++i) many.push_back(pool.take());
    for (const auto& buffer : many) fill(*buffer, 1 << 20);
  }
  std::vector<std::shared_ptr<Bytes>> taken;
  for (std::size_t i = 0; i < RecordPool::kKeptMax; ++i) {
    taken.push_back(pool.take());
    EXPECT_GE(taken.back()->capacity(), 1U << 20);
  }
  EXPECT_EQ(pool.take()->capacity(), 0U);
}

TEST(RecordPool, ARecordMayOutliveIt) {
  auto pool = std::make_unique<RecordPool>();
  const auto record = pool->take();
  record->resize(1 << 20);
  pool.reset();
  EXPECT_EQ(record->size(), std::size_t{1} << 20);
}

}  // namespace
}  // namespace strata::transaction
