/// The store through its public contract, over parts, memory and transactions. The disk is in memory; the files are real
/// HDF5 all the same.
#include <gtest/gtest.h>

#include <thread>

#include "store/array/array_store_fixture.h"
#include "store/array/layout.h"

namespace strata::store::array {
namespace {

constexpr std::uint64_t kWidth = 8;

struct ArrayStoreTest : ::testing::Test {
  std::unique_ptr<io::MemoryFileSystem> disk = io::make_memory_file_system();
  TestDatabase db{*disk};

  void create(std::string_view name = "a") {
    ASSERT_TRUE(db.once([&](ArrayStore& s) { return s.create_dataset(name, float_rows(kWidth)); }));
  }
  std::uint64_t append(std::uint64_t first, std::uint64_t rows, std::string_view key = {}) {
    return *db.once([&](ArrayStore& s) { return append_floats(s, "a", ramp(first, rows, kWidth), kWidth, key); });
  }
  std::vector<std::string> files() {
    auto listed = disk->list("array");
    return listed.has_value() ? *listed : std::vector<std::string>{};
  }
};

TEST_F(ArrayStoreTest, RowsAreReadableAtOnceAndAfterACheckpointAndAfterReopening) {
  create();
  EXPECT_EQ(append(0, 3, "k1"), 0U);
  EXPECT_EQ(append(3, 2, "k2"), 3U);
  EXPECT_EQ(append(5, 1, "k1"), 5U);
  const auto check = [&] {
    auto view = db.view();
    EXPECT_EQ(read_floats(view->array(), "a"), ramp(0, 6, kWidth));
    EXPECT_EQ(read_floats(view->array(), "a", 2, 4), ramp(2, 2, kWidth));
    EXPECT_EQ(*view->array().find("a", "k1"), (std::vector<RowRange>{{0, 3}, {5, 6}}));
    EXPECT_EQ(*view->array().find("a", "k2"), (std::vector<RowRange>{{3, 5}}));
    EXPECT_TRUE(view->array().find("a", "k3")->empty());
    EXPECT_TRUE(read_floats(view->array(), "a", 6, 9).empty());
  };
  check();
  ASSERT_TRUE(db.checkpoint());
  EXPECT_EQ(db.view()->array().dataset("a")->parts, 1U);
  check();
  db.reopen();
  check();
}

TEST_F(ArrayStoreTest, AViewSeesTheDatasetAsItWasAlsoFromInsideAPart) {
  create();
  std::vector<Lsn> lsns;
  for (std::uint64_t i = 0; i < 10; ++i) {
    append(i, 1, "k" + std::to_string(i % 3));
    lsns.push_back(db.lsn());
  }
  const auto check = [&] {
    for (std::uint64_t i = 0; i < 10; ++i) {
      auto view = db.view(lsns[i]);
      EXPECT_EQ(read_floats(view->array(), "a"), ramp(0, i + 1, kWidth));
      EXPECT_EQ(view->array().dataset("a")->rows, i + 1);
      EXPECT_EQ(view->array().find("a", "k0")->size(), i / 3 + 1);
    }
    EXPECT_EQ(db.view(0)->array().dataset("a").error().code(), ErrorCode::not_found);
  };
  check();
  ASSERT_TRUE(db.checkpoint(1));
  check();
  db.reopen();
  check();
}

TEST_F(ArrayStoreTest, ATransactionSeesItsOwnRowsBehindThoseOfItsView) {
  create();
  append(0, 2);
  auto tx = db.begin();
  EXPECT_EQ(*append_floats(tx->array(), "a", ramp(2, 2, kWidth), kWidth, "own"), 2U);
  EXPECT_EQ(*append_floats(tx->array(), "a", ramp(4, 1, kWidth), kWidth), 4U);
  EXPECT_EQ(read_floats(tx->array(), "a"), ramp(0, 5, kWidth));
  EXPECT_EQ(*tx->array().find("a", "own"), (std::vector<RowRange>{{2, 4}}));
  EXPECT_EQ(tx->array().dataset("a")->rows, 5U);
  EXPECT_EQ(db.view()->array().dataset("a")->rows, 2U);
  tx->roll_back();
  EXPECT_EQ(db.view()->array().dataset("a")->rows, 2U);
}

TEST_F(ArrayStoreTest, AppendsOfTwoTransactionsLineUpInCommitOrder) {
  create();
  auto first = db.begin();
  auto second = db.begin();
  EXPECT_EQ(*append_floats(first->array(), "a", ramp(0, 1, kWidth), kWidth, "first"), 0U);
  EXPECT_EQ(*append_floats(second->array(), "a", ramp(1, 2, kWidth), kWidth, "second"), 0U);
  ASSERT_TRUE(second->array().clear_rows("a", 0, 1));  // its own first row, wherever that will be
  ASSERT_TRUE(first->commit());
  ASSERT_TRUE(second->commit());
  auto view = db.view();
  EXPECT_EQ(*view->array().find("a", "first"), (std::vector<RowRange>{{0, 1}}));
  EXPECT_EQ(*view->array().find("a", "second"), (std::vector<RowRange>{{1, 3}}));
  EXPECT_EQ(read_floats(view->array(), "a", 0, 1), ramp(0, 1, kWidth));
  EXPECT_EQ(read_floats(view->array(), "a", 1, 2), std::vector<float>(kWidth));
  EXPECT_EQ(read_floats(view->array(), "a", 2, 3), ramp(2, 1, kWidth));
}

TEST_F(ArrayStoreTest, ClearedRowsAreZerosAtOnceAndGoneFromTheFilesOnceNoViewNeedsThem) {
  create();
  append(0, 100);
  ASSERT_TRUE(db.checkpoint());
  const Lsn before = db.lsn();
  ASSERT_TRUE(db.once([](ArrayStore& s) { return s.clear_rows("a", 10, 12); }));
  std::vector<float> expected = ramp(0, 100, kWidth);
  std::fill_n(expected.begin() + 10 * kWidth, 2 * kWidth, 0.0F);
  EXPECT_EQ(read_floats(db.view()->array(), "a"), expected);
  EXPECT_TRUE(read_floats(db.view()->array(), "a", 11, 11).empty());
  EXPECT_EQ(read_floats(db.view(before)->array(), "a"), ramp(0, 100, kWidth));

  ASSERT_TRUE(db.checkpoint(before));  // a view could still be at `before`
  db.reopen();
  EXPECT_EQ(read_floats(db.view(before)->array(), "a"), ramp(0, 100, kWidth));
  EXPECT_EQ(read_floats(db.view()->array(), "a"), expected);
  EXPECT_EQ(*db.store().statistics().find("pending_clears"), Value(1));

  ASSERT_TRUE(db.checkpoint());
  EXPECT_EQ(*db.store().statistics().find("pending_clears"), Value(0));
  EXPECT_EQ(read_floats(db.view(before)->array(), "a"), expected);  // the part itself holds the zeros
}

TEST_F(ArrayStoreTest, ALargeAppendGoesToAFileOfItsOwnAndKeepsItsPlaceInTheOrder) {
  create();
  append(0, 5);
  EXPECT_EQ(append(5, 10'000, "large"), 5U);
  EXPECT_EQ(append(10'005, 5), 10'005U);
  EXPECT_EQ(db.view()->array().dataset("a")->parts, 1U);
  const auto check = [&] {
    auto view = db.view();
    EXPECT_EQ(read_floats(view->array(), "a"), ramp(0, 10'010, kWidth));
    EXPECT_EQ(read_floats(view->array(), "a", 4, 6), ramp(4, 2, kWidth));
    EXPECT_EQ(*view->array().find("a", "large"), (std::vector<RowRange>{{5, 10'005}}));
  };
  check();
  db.reopen();
  check();
  ASSERT_TRUE(db.checkpoint());
  check();
  EXPECT_EQ(db.view()->array().dataset("a")->parts, 3U);  // for ten rows the large one is not written again
  db.reopen();
  check();
}

TEST_F(ArrayStoreTest, ARolledBackTransactionLeavesNoFile) {
  create();
  auto tx = db.begin();
  ASSERT_TRUE(append_floats(tx->array(), "a", ramp(0, 10'000, kWidth), kWidth));
  EXPECT_EQ(read_floats(tx->array(), "a", 9'999, 10'000), ramp(9'999, 1, kWidth));
  EXPECT_EQ(files().size(), 1U);
  tx->roll_back();
  EXPECT_TRUE(files().empty());
}

TEST_F(ArrayStoreTest, RecoveryRemovesWhatNothingNames) {
  create();
  append(0, 10);
  ASSERT_TRUE(db.checkpoint());
  const auto expected = files();
  auto tx = db.begin();
  ASSERT_TRUE(append_floats(tx->array(), "a", ramp(0, 10'000, kWidth), kWidth));  // and then the process dies
  tx->abandon();
  ASSERT_TRUE(io::write_file_atomically(*disk, "array/000099.h5.tmp", as_bytes("half a part")));
  ASSERT_TRUE(io::write_file_atomically(*disk, "array/000098.idx", as_bytes("an index")));
  db.reopen();
  EXPECT_EQ(files(), expected);
  EXPECT_EQ(append(10, 10'000), 10U);
  EXPECT_EQ(files().back(), "index.h5");
  EXPECT_EQ(files()[files().size() - 2], "000100.h5");  // numbers are not used again
}

TEST_F(ArrayStoreTest, ManySmallAppendsOverManyCheckpointsEndUpInFewFiles) {
  create();
  std::uint64_t parts_max = 0;
  for (std::uint64_t i = 0; i < 60; ++i) {
    for (std::uint64_t k = 0; k < 20; ++k) append(i * 20 + k, 1, "key" + std::to_string(i));
    ASSERT_TRUE(db.checkpoint());
    parts_max = std::max(parts_max, db.view()->array().dataset("a")->parts);
  }
  EXPECT_LE(parts_max, 8U);
  EXPECT_EQ(read_floats(db.view()->array(), "a"), ramp(0, 1200, kWidth));
  EXPECT_EQ(db.view()->array().find("a", "key17")->size(), 20U);
  EXPECT_LE(files().size(), 2 * parts_max + 1);
}

TEST_F(ArrayStoreTest, ADroppedDatasetStaysForOlderViewsAndItsFilesGoWithTheLastOfThem) {
  create();
  append(0, 10, "k");
  const Lsn before = db.lsn();
  ASSERT_TRUE(db.checkpoint());
  ASSERT_TRUE(db.once([](ArrayStore& s) { return s.drop_dataset("a"); }));
  create();
  append(100, 1);
  ASSERT_TRUE(db.checkpoint(before));
  db.reopen();
  EXPECT_EQ(read_floats(db.view(before)->array(), "a"), ramp(0, 10, kWidth));
  EXPECT_EQ(read_floats(db.view()->array(), "a"), ramp(100, 1, kWidth));
  ASSERT_TRUE(db.checkpoint());
  EXPECT_EQ(files().size(), 3U);  // rows and index of the new one; index.h5
  ASSERT_TRUE(db.once([](ArrayStore& s) { return s.drop_dataset("a"); }));
  ASSERT_TRUE(db.checkpoint());
  EXPECT_EQ(files(), std::vector<std::string>{"index.h5"});
  EXPECT_TRUE(db.view()->array().datasets()->empty());
}

TEST_F(ArrayStoreTest, CreatingDroppingAndFillingADatasetFitsIntoOneTransaction) {
  auto tx = db.begin();
  ASSERT_TRUE(tx->array().create_dataset("a", float_rows(4)));
  ASSERT_TRUE(append_floats(tx->array(), "a", ramp(0, 2, 4), 4));
  ASSERT_TRUE(tx->array().drop_dataset("a"));
  EXPECT_EQ(tx->array().dataset("a").error().code(), ErrorCode::not_found);
  ASSERT_TRUE(tx->array().create_dataset("a", float_rows(kWidth)));
  ASSERT_TRUE(tx->array().create_dataset("b", float_rows(2)));
  ASSERT_TRUE(append_floats(tx->array(), "b", ramp(0, 1, 2), 2));
  ASSERT_TRUE(append_floats(tx->array(), "a", ramp(7, 3, kWidth), kWidth, "x"));
  ASSERT_TRUE(append_floats(tx->array(), "b", ramp(1, 1, 2), 2));
  ASSERT_TRUE(tx->array().clear_rows("b", 1, 2));
  EXPECT_EQ(tx->array().datasets()->size(), 2U);
  const auto own = read_floats(tx->array(), "b");
  ASSERT_TRUE(tx->commit());
  EXPECT_EQ(read_floats(db.view()->array(), "a"), ramp(7, 3, kWidth));
  EXPECT_EQ(read_floats(db.view()->array(), "b"), own);
  db.reopen();
  EXPECT_EQ(read_floats(db.view()->array(), "b"), own);
}

TEST_F(ArrayStoreTest, AttributesHaveHistoryAndNullTakesOneAway) {
  create();
  ASSERT_TRUE(db.once([](ArrayStore& s) { return s.set_attribute("a", "unit", Value("mV")); }));
  const Lsn first = db.lsn();
  ASSERT_TRUE(db.once([](ArrayStore& s) { return s.set_attribute("a", "rate", Value(3.5)); }));
  ASSERT_TRUE(db.once([](ArrayStore& s) { return s.set_attribute("a", "unit", Value()); }));
  const auto attributes = [&](Lsn lsn) { return db.view(lsn)->array().dataset("a")->attributes; };
  ASSERT_TRUE(db.checkpoint(first));
  db.reopen();
  EXPECT_EQ(attributes(first), (Map{{"unit", "mV"}}));
  EXPECT_EQ(attributes(db.lsn()), (Map{{"rate", 3.5}}));
  ASSERT_TRUE(db.checkpoint());
  db.reopen();
  EXPECT_EQ(attributes(db.lsn()), (Map{{"rate", 3.5}}));
}

TEST_F(ArrayStoreTest, EveryTypeComesBackByteForByteThroughEveryFilter) {
  const DataType types[] = {DataType::int8,    DataType::int16,   DataType::int32,  DataType::int64,
                            DataType::uint8,   DataType::uint16,  DataType::uint32, DataType::uint64,
                            DataType::float16, DataType::float32, DataType::float64};
  std::map<std::string, Bytes> expected;
  std::uint8_t seed = 1;
  for (const DataType type : types) {
    for (int filters = 0; filters < 8; ++filters) {
      DatasetOptions options;
      options.type = type;
      if (filters % 3 == 1) options.row_shape = {3, 2};
      if (filters % 3 == 2) options.row_shape = {1, 2, 1, 2, 1, 1, 2, 1};
      options.chunk_rows = 4;
      options.gzip_level = (filters & 1) != 0 ? 5 : 0;
      options.shuffle = (filters & 2) != 0;
      options.fletcher32 = (filters & 4) != 0;
      const std::string name = std::string(strata::name(type)) + "-" + std::to_string(filters);
      Bytes bytes(10 * row_bytes(options));
      for (auto& byte : bytes) byte = static_cast<std::byte>(seed++);
      std::vector<std::uint64_t> shape{10};
      shape.insert(shape.end(), options.row_shape.begin(), options.row_shape.end());
      auto tx = db.begin();
      ASSERT_TRUE(tx->array().create_dataset(name, options));
      ASSERT_TRUE(tx->array().append(name, type, shape, bytes));
      ASSERT_TRUE(tx->commit());
      expected[name] = bytes;
    }
  }
  ASSERT_TRUE(db.checkpoint());
  db.reopen();
  for (const auto& [name, bytes] : expected) {
    auto data = db.view()->array().read(name, 0, 10);
    ASSERT_TRUE(data) << name << ": " << data.error().to_string();
    EXPECT_EQ(data->bytes, bytes) << name;
  }
  EXPECT_LE(db.store().statistics().find("open_files")->integer()[0], 16);
}

TEST_F(ArrayStoreTest, BadInputIsRefusedInAWordThatHelps) {
  create();
  auto tx = db.begin();
  ArrayStore& store = tx->array();
  const auto message = [](const auto& result) {
    return result.has_value() ? std::string() : result.error().to_string();
  };
  const std::vector<float> row(kWidth);
  const auto bytes = std::as_bytes(std::span(row));
  const std::uint64_t good[] = {1, kWidth}, flat[] = {kWidth}, wide[] = {1, kWidth + 1}, none[] = {0, kWidth},
                      two[] = {2, kWidth};
  EXPECT_EQ(message(store.append("a", DataType::float64, good, bytes)),
            "invalid_argument: the rows do not fit the dataset: it holds float32[n, 8], given float64[1, 8]");
  EXPECT_EQ(message(store.append("a", DataType::float32, flat, bytes)),
            "invalid_argument: the rows do not fit the dataset: it holds float32[n, 8], given float32[8]");
  EXPECT_NE(message(store.append("a", DataType::float32, wide, bytes)), "");
  EXPECT_NE(message(store.append("a", DataType::float32, none, {})), "");
  EXPECT_NE(message(store.append("a", DataType::float32, two, bytes)), "");
  EXPECT_NE(message(store.append("a", DataType::float32, good, bytes, std::string(1025, 'k'))), "");
  EXPECT_TRUE(store.append("a", DataType::float32, good, bytes, std::string(1024, 'k')));
  EXPECT_EQ(store.append("b", DataType::float32, good, bytes).error().code(), ErrorCode::not_found);
  EXPECT_EQ(store.read("a", 2, 1).error().code(), ErrorCode::invalid_argument);
  EXPECT_EQ(store.clear_rows("a", 2, 1).error().code(), ErrorCode::invalid_argument);
  EXPECT_EQ(store.drop_dataset("b").error().code(), ErrorCode::not_found);
  EXPECT_EQ(store.create_dataset("a", float_rows(3)).error().code(), ErrorCode::already_exists);
  EXPECT_TRUE(store.create_dataset("a", float_rows(kWidth)));
  for (const char* name : {"", "A", "-a", "a/b", "../a", "a b", "\xC3\xA4"}) {
    EXPECT_EQ(store.create_dataset(name, {}).error().code(), ErrorCode::invalid_argument) << name;
  }
  DatasetOptions options;
  options.row_shape = std::vector<std::uint64_t>(9, 1);
  EXPECT_FALSE(store.create_dataset("c", options));
  options.row_shape = {0};
  EXPECT_FALSE(store.create_dataset("c", options));
  options.row_shape = {1ULL << 40, 1ULL << 40};
  EXPECT_FALSE(store.create_dataset("c", options));
  options.row_shape = {1 << 10};
  options.chunk_rows = 1 << 20;
  EXPECT_FALSE(store.create_dataset("c", options));
  options.chunk_rows = 0;
  options.gzip_level = 10;
  EXPECT_FALSE(store.create_dataset("c", options));
  EXPECT_FALSE(store.set_attribute("a", "", Value(1)));
  EXPECT_FALSE(store.set_attribute("a", "\xFF", Value(1)));
  EXPECT_FALSE(store.set_attribute("a", "x", Value(std::string(40'000, 'x'))));
  auto view = db.view();
  EXPECT_EQ(view->array().drop_dataset("a").error().code(), ErrorCode::failed_precondition);
}

TEST_F(ArrayStoreTest, SummariesDependOnContentAndNotOnFiles) {
  create();
  for (std::uint64_t i = 0; i < 50; ++i) append(i, 1, i % 2 == 0 ? "even" : "");
  ASSERT_TRUE(db.once([](ArrayStore& s) { return s.clear_rows("a", 3, 5); }));
  const Lsn middle = db.lsn();
  const auto in_memory = *db.store().summarize(middle);
  append(50, 3000);
  ASSERT_TRUE(db.checkpoint(middle));
  EXPECT_EQ(*db.store().summarize(middle), in_memory);
  const auto whole = *db.store().summarize(db.lsn());
  EXPECT_NE(whole, in_memory);
  db.reopen();
  EXPECT_EQ(*db.store().summarize(db.lsn()), whole);
  ASSERT_TRUE(db.checkpoint());
  EXPECT_EQ(*db.store().summarize(db.lsn()), whole);
  ASSERT_TRUE(db.once([](ArrayStore& s) { return s.clear_rows("a", 0, 1); }));
  EXPECT_NE(*db.store().summarize(db.lsn()), whole);
}

TEST_F(ArrayStoreTest, ReadersGoOnWhileRowsAreAppendedAndPartsAreReplaced) {
  create();
  append(0, 1, "k");
  std::atomic<Lsn> visible{db.lsn()};
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  const auto read = [&] {
    while (!done.load()) {
      auto view = db.view(visible.load());
      auto info = view->array().dataset("a");
      auto data = view->array().read("a", 0, ~std::uint64_t{0});
      auto found = view->array().find("a", "k");
      const bool right =
          info && data && found && floats(*data) == ramp(0, info->rows, kWidth) && found->size() == info->rows;
      if (!right) wrong.fetch_add(1);
    }
  };
  std::thread first(read), second(read);
  for (std::uint64_t i = 1; i < 200; ++i) {
    append(i, 1, "k");
    visible.store(db.lsn());
    if (i % 20 == 0) {
      EXPECT_TRUE(db.checkpoint());
    }
  }
  done.store(true);
  first.join();
  second.join();
  EXPECT_EQ(wrong.load(), 0);
}

}  // namespace
}  // namespace strata::store::array
