// The Arrow stream of a query: types, values, nulls, batches, and who frees what.
#include <gtest/gtest.h>

#include <cstring>

#include "store/metadata/metadata_fixture.h"

namespace strata::store::metadata {
namespace {

bool valid(const ArrowArray& array, int64_t i) {
  const auto* bits = static_cast<const std::uint8_t*>(array.buffers[0]);
  return bits == nullptr || (bits[i / 8] >> (i % 8) & 1) != 0;
}
std::string_view text(const ArrowArray& array, int64_t i) {
  const auto* offsets = static_cast<const std::int32_t*>(array.buffers[1]);
  return {static_cast<const char*>(array.buffers[2]) + offsets[i],
          static_cast<std::size_t>(offsets[i + 1] - offsets[i])};
}

TEST(ArrowRows, CarryTypesValuesAndNulls) {
  World world;
  ASSERT_OK(
      world.db()->execute("create table t(id integer primary key, r real, s text, b blob, f boolean, m, e integer)"));
  ASSERT_OK(world.db()->execute(
      "insert into t values (1, 1.5, 'ä', x'00ff', 1, 'x', null), (2, null, null, null, 0, 7, null), "
      "(3, 2, '', x'', null, x'ab', null)"));
  auto stream = world.db()->query_arrow("select *, id * 2 from t order by id");
  ASSERT_OK(stream);
  ArrowSchema schema;
  ASSERT_EQ(stream->get()->get_schema(stream->get(), &schema), 0);
  EXPECT_STREQ(schema.format, "+s");
  ASSERT_EQ(schema.n_children, 8);
  std::string formats;
  for (int i = 0; i < 8; ++i) formats += schema.children[i]->format;
  EXPECT_EQ(formats, "lguzbull");
  EXPECT_STREQ(schema.children[2]->name, "s");
  ArrowArray batch;
  ASSERT_EQ(stream->get()->get_next(stream->get(), &batch), 0);
  ASSERT_EQ(batch.length, 3);
  ASSERT_EQ(batch.n_children, 8);
  EXPECT_EQ(static_cast<const std::int64_t*>(batch.children[0]->buffers[1])[2], 3);
  EXPECT_EQ(static_cast<const double*>(batch.children[1]->buffers[1])[2], 2.0);
  EXPECT_FALSE(valid(*batch.children[1], 1));
  EXPECT_EQ(batch.children[1]->null_count, 1);
  EXPECT_EQ(text(*batch.children[2], 0), "ä");
  EXPECT_FALSE(valid(*batch.children[2], 1));
  EXPECT_TRUE(valid(*batch.children[2], 2));
  EXPECT_EQ(text(*batch.children[3], 0), std::string_view("\x00\xff", 2));
  EXPECT_EQ(*static_cast<const std::uint8_t*>(batch.children[4]->buffers[1]) & 7, 1);
  EXPECT_EQ(text(*batch.children[5], 0), "x");
  EXPECT_EQ(text(*batch.children[5], 1), "7");
  EXPECT_EQ(text(*batch.children[5], 2), "ab");
  EXPECT_EQ(batch.children[6]->null_count, 3);
  // A consumer may take a child out of the batch and free it later.
  ArrowArray taken = *batch.children[2];
  batch.children[2]->release = nullptr;
  batch.release(&batch);
  EXPECT_EQ(text(taken, 0), "ä");
  taken.release(&taken);
  ASSERT_EQ(stream->get()->get_next(stream->get(), &batch), 0);
  EXPECT_EQ(batch.release, nullptr);
  schema.release(&schema);
}

TEST(ArrowRows, ComeInBatchesOfBoundedSize) {
  World world;
  auto stream = world.db()->query_arrow(
      "with recursive c(n) as (select 1 union all select n + 1 from c where n < 150000) select n from c");
  ASSERT_OK(stream);
  ArrowArrayStream owned = stream->take();
  std::int64_t rows = 0, sum = 0;
  int batches = 0;
  for (ArrowArray batch; owned.get_next(&owned, &batch) == 0 && batch.release != nullptr; ++batches) {
    EXPECT_LE(batch.length, 65'536);
    for (std::int64_t i = 0; i < batch.length; ++i)
      sum += static_cast<const std::int64_t*>(batch.children[0]->buffers[1])[i];
    rows += batch.length;
    batch.release(&batch);
  }
  owned.release(&owned);
  EXPECT_EQ(rows, 150'000);
  EXPECT_EQ(sum, 150'000LL * 150'001 / 2);
  EXPECT_EQ(batches, 3);
}

TEST(ArrowRows, DescribeAnEmptyResult) {
  World world;
  ASSERT_OK(world.db()->execute("create table t(id integer primary key, s text)"));
  auto stream = world.db()->query_arrow("select * from t");
  ASSERT_OK(stream);
  ArrowSchema schema;
  ASSERT_EQ(stream->get()->get_schema(stream->get(), &schema), 0);
  EXPECT_EQ(schema.n_children, 2);
  schema.release(&schema);
  ArrowArray batch;
  ASSERT_EQ(stream->get()->get_next(stream->get(), &batch), 0);
  EXPECT_EQ(batch.release, nullptr);
}

}  // namespace
}  // namespace strata::store::metadata
