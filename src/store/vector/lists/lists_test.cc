// Lists by themselves: what they find, what a merge takes over, and their file under damage.
#include "store/vector/lists/lists.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <numeric>

#include "store/vector/coding.h"
#include "store/vector/lists/lists_builder.h"
#include "store/vector/lists/lists_file.h"
#include "store/vector/lists/lists_search.h"
#include "store/vector/store_vector_fixture.h"

namespace strata::store::vector {
namespace {

const std::function<bool()> kGoOn = [] { return false; };

/// Rows around centres, as embeddings lie, coded as a segment codes them.
struct CodedRows {
  CodedRows(Metric which, Row count, std::uint32_t dims, std::uint64_t seed) : metric(which), dimension(dims) {
    core::Random random(seed);
    std::vector<std::vector<float>> centres;
    for (int i = 0; i < 40; ++i) centres.push_back(random_vector(random, dimension));
    const auto near = [&] {
      std::vector<float> x = centres[random.below(centres.size())];
      const std::vector<float> noise = random_vector(random, dimension);
      for (std::size_t i = 0; i < x.size(); ++i) x[i] += noise[i] * 0.7F;
      return x;
    };
    for (Row row = 0; row < count; ++row) add(near());
    for (int i = 0; i < 100; ++i) queries.push_back(near());
  }
  CodedRows(Metric which, const std::vector<std::vector<float>>& some)
      : metric(which), dimension(static_cast<std::uint32_t>(some.front().size())) {
    for (const auto& x : some) add(x);
  }
  void add(const std::vector<float>& x) {
    const std::size_t stride = distance::code_stride(dimension);
    codes.resize(codes.size() + stride);
    const RowCode code = encode_row(metric, x, codes.data() + codes.size() - stride);
    scale.push_back(code.scale);
    residual.push_back(code.residual);
    length.push_back(code.length);
    square.push_back(code.square);
    vectors.push_back(x);
  }
  Row rows() const { return static_cast<Row>(vectors.size()); }
  distance::CodeColumns columns() const {
    return {codes.data(), scale.data(), residual.data(), length.data(), square.data()};
  }
  ListsData lists(std::uint32_t wanted = 0, const ListsOrigin* origin = nullptr) const {
    return *build_lists(columns(), rows(), dimension, metric, wanted, kGoOn, origin);
  }

  Metric metric;
  std::uint32_t dimension;
  std::vector<std::vector<float>> vectors, queries;
  std::vector<std::uint8_t> codes;
  std::vector<float> scale, residual, length, square;
};

/// The share of the true ten nearest among the candidates.
double recall(const CodedRows& given, const ListsView& lists, std::size_t probes, std::size_t places = 64,
              const RowSet* matching = nullptr) {
  WalkMemory memory;
  std::size_t found = 0, wanted = 0;
  for (const auto& vector : given.queries) {
    const QueryCode query(given.metric, vector);
    std::vector<float> all;
    for (Row row = 0; row < given.rows(); ++row) {
      if (matching == nullptr || matching->contains(row)) all.push_back(query.score(given.vectors[row]));
    }
    std::sort(all.begin(), all.end(), std::greater<>());
    all.resize(std::min<std::size_t>(all.size(), 10));
    const Beam& beam = Probing(lists, query, memory).look(probes, places, matching);
    EXPECT_LE(beam.count(), places);
    std::size_t reached = 0;
    for (std::size_t i = 0; i < beam.count(); ++i) {
      EXPECT_TRUE(matching == nullptr || matching->contains(beam.node(i)));
      reached += query.score(given.vectors[beam.node(i)]) >= all.back() ? 1 : 0;
    }
    found += std::min(reached, all.size());
    wanted += all.size();
  }
  return static_cast<double>(found) / static_cast<double>(wanted);
}

std::vector<std::uint32_t> list_of_each(const ListsView& lists) {
  std::vector<std::uint32_t> of(lists.rows);
  for (std::uint32_t list = 0; list < lists.count; ++list) {
    for (std::uint32_t place = lists.begins[list]; place < lists.begins[list + 1]; ++place) {
      of[lists.members[place]] = list;
    }
  }
  return of;
}

TEST(Lists, HoldEveryRowOnceWithItsCodesInOrder) {
  const CodedRows given(Metric::l2, 3'000, 70, 51);
  const ListsData data = given.lists();
  const ListsView lists = data.view();
  ASSERT_TRUE(lists.holds_together());
  EXPECT_EQ(lists.count, 219U);  // 4 · √3,000
  EXPECT_EQ(lists.trained, 3'000U);
  const std::size_t half_stride = distance::half_stride(given.dimension);
  std::vector<std::uint8_t> halves(half_stride);
  for (std::uint32_t place = 0; place < lists.rows; ++place) {
    const Row row = lists.members[place];
    distance::halve(given.codes.data() + row * distance::code_stride(given.dimension), given.dimension, halves.data());
    ASSERT_TRUE(std::equal(halves.begin(), halves.end(), lists.halves + place * half_stride));
    ASSERT_EQ(lists.scale[place], given.scale[row]);
    ASSERT_EQ(lists.square[place], given.square[row]);
  }
  for (std::uint32_t list = 0; list < lists.count; ++list) {
    EXPECT_TRUE(std::is_sorted(lists.members + lists.begins[list], lists.members + lists.begins[list + 1]));
  }
}

TEST(Lists, FindNearlyAllOfTheNearestUnderEveryMetric) {
  for (const Metric metric : {Metric::cosine, Metric::l2, Metric::inner_product}) {
    const CodedRows given(metric, 4'000, 48, 52);
    const ListsData data = given.lists();
    const ListsView lists = data.view();
    const double few = recall(given, lists, 4);
    const double usual = recall(given, lists, probes_for(lists.count));
    const double all = recall(given, lists, lists.count);
    EXPECT_LT(few, usual) << name(metric);
    EXPECT_GT(usual, metric == Metric::inner_product ? 0.85 : 0.95) << name(metric);
    EXPECT_GT(all, 0.99) << name(metric);
    // Lists that have nothing to do with the query would hold a share of the nearest no larger than theirs of all rows.
    EXPECT_GT(few, 10 * 4.0 / lists.count) << name(metric);
  }
}

TEST(Lists, AmongRowsThatMatchAreTheNearestOfThose) {
  const CodedRows given(Metric::cosine, 4'000, 48, 53);
  const ListsData data = given.lists();
  core::Random random(7);
  for (const double share : {0.5, 0.1, 0.002}) {
    RowSet some(given.rows());
    for (Row row = 0; row < given.rows(); ++row) {
      if (random.chance(share)) some.add(row);
    }
    EXPECT_GT(recall(given, data.view(), data.count(), 64, &some), 0.99) << share;
  }
}

TEST(Lists, ThatBeginWithOthersKeepTheirCentroidsAndCompareWhatIsNew) {
  const CodedRows all(Metric::cosine, 4'000, 48, 54);
  // Two thirds of the rows were there before, in another order and beside others that are gone.
  std::vector<std::vector<float>> before;
  std::vector<Row> became;
  core::Random random(9);
  for (Row row = all.rows(); row-- > 0;) {
    if (row % 3 == 0) continue;
    before.push_back(all.vectors[row]);
    became.push_back(row);
    if (row % 7 != 0) continue;
    before.push_back(random_vector(random, 48));
    became.push_back(kNoRow);
  }
  const CodedRows first(Metric::cosine, before);
  const ListsData old = first.lists();
  const ListsView old_view = old.view();
  const ListsOrigin origin{&old_view, became};
  ASSERT_TRUE(serves(old_view, all.rows(), 0));
  const ListsData data = all.lists(0, &origin);
  const ListsView lists = data.view();
  ASSERT_TRUE(lists.holds_together());
  EXPECT_EQ(data.centroids, old.centroids);
  EXPECT_EQ(data.centroid_scale, old.centroid_scale);
  EXPECT_EQ(lists.trained, first.rows());
  const auto now = list_of_each(lists);
  const auto then = list_of_each(old_view);
  for (Row row = 0; row < first.rows(); ++row) {
    if (became[row] != kNoRow) {
      EXPECT_EQ(now[became[row]], then[row]);
    }
  }
  const ListsData anew = all.lists();
  EXPECT_GT(recall(all, lists, probes_for(lists.count)), recall(all, anew.view(), probes_for(anew.count())) - 0.02);
  // What would be said of all rows is said of the new ones, too.
  std::vector<Row> none(first.rows(), kNoRow);
  const ListsOrigin centroids_alone{&old_view, none};
  const ListsData compared = all.lists(0, &centroids_alone);
  EXPECT_EQ(list_of_each(compared.view()), now);
}

TEST(Lists, ServeUntilTheRowsHaveDoubledOrHalved) {
  ListsView lists;
  lists.trained = 10'000;
  EXPECT_TRUE(serves(lists, 20'000, 0));
  EXPECT_FALSE(serves(lists, 20'002, 0));
  EXPECT_TRUE(serves(lists, 5'000, 0));
  EXPECT_FALSE(serves(lists, 4'999, 0));
  EXPECT_FALSE(serves(lists, 10'000, 400));
  lists.wanted = 400;
  EXPECT_TRUE(serves(lists, 10'000, 400));
}

TEST(Lists, AreTheSameForTheSameRowsAndStopWhenTold) {
  const CodedRows given(Metric::cosine, 2'500, 32, 55);
  const ListsData one = given.lists(), two = given.lists();
  EXPECT_EQ(one.centroids, two.centroids);
  EXPECT_EQ(one.members, two.members);
  EXPECT_EQ(one.begins, two.begins);
  EXPECT_FALSE(build_lists(given.columns(), given.rows(), 32, Metric::cosine, 0, [] { return true; }));
  const ListsView view = one.view();
  std::vector<Row> same(given.rows());
  std::iota(same.begin(), same.end(), 0U);
  const ListsOrigin origin{&view, same};
  EXPECT_FALSE(build_lists(given.columns(), given.rows(), 32, Metric::cosine, 0, [] { return true; }, &origin));
}

TEST(Lists, OfFewRowsAndOfCopiesAndOfOpposites) {
  const CodedRows one(Metric::cosine, {{1, 2, 3}});
  EXPECT_EQ(one.lists().count(), 1U);
  const CodedRows copies(Metric::l2, std::vector<std::vector<float>>(500, {1, 2}));
  ListsData data = copies.lists(20);
  EXPECT_TRUE(data.view().holds_together());
  // The mean of x and −x is no direction.
  const CodedRows opposites(Metric::cosine, {{1, 0}, {-1, 0}, {1, 0}, {-1, 0}});
  data = opposites.lists(1);
  ASSERT_TRUE(data.view().holds_together());
  WalkMemory memory;
  const std::vector<float> x{1, 0};
  const QueryCode query(Metric::cosine, x);
  const Beam& beam = Probing(data.view(), query, memory).look(1, 10, nullptr);
  ASSERT_EQ(beam.count(), 4U);
  EXPECT_EQ(beam.node(0) % 2, 0U);
  EXPECT_EQ(CodedRows(Metric::l2, 50, 8, 1).lists(100).count(), 50U);  // at most one a row
}

TEST(Lists, NumbersByTheRows) {
  EXPECT_EQ(lists_for(1), 1U);
  EXPECT_EQ(lists_for(10'000), 400U);
  EXPECT_EQ(lists_for(62'666), 1'001U);
  EXPECT_EQ(lists_for(1'000'000'000), kListsMax);
  EXPECT_EQ(probes_for(1), 1U);
  EXPECT_EQ(probes_for(4), 4U);
  EXPECT_EQ(probes_for(400), 60U);
  EXPECT_EQ(probes_for(1'001), 95U);
}

class ListsFileTest : public ::testing::Test {
 protected:
  ListsFileTest() {
    data = given.lists(12);
    file = *write_lists(*files, name, subject, data);
  }
  Result<std::shared_ptr<ListsFile>> open() { return ListsFile::open(*files, 3, file, subject); }

  const std::string name = lists_name("vector", 3);
  CodedRows given{Metric::l2, 300, 20, 56};
  IndexSubject subject{77, 300, {Metric::l2, ElementType::f32, 20}};
  std::unique_ptr<io::MemoryFileSystem> files = [] {
    auto made = io::make_memory_file_system();
    EXPECT_TRUE(made->create_directory("vector"));
    return made;
  }();
  ListsData data;
  transaction::CheckpointFile file;
};

TEST_F(ListsFileTest, IsReadAsItWasWritten) {
  const auto opened = open();
  ASSERT_TRUE(opened) << opened.error().to_string();
  const ListsView* lists = (*opened)->lists();
  ASSERT_NE(lists, nullptr);
  EXPECT_EQ(lists->count, 12U);
  EXPECT_EQ(lists->trained, 300U);
  EXPECT_TRUE((*opened)->suits({.kind = IndexKind::ivf, .lists = 12}, {}));
  EXPECT_FALSE((*opened)->suits({.kind = IndexKind::ivf}, {}));
  EXPECT_FALSE((*opened)->suits({.kind = IndexKind::hnsw, .lists = 12}, {}));
  EXPECT_TRUE(std::equal(data.members.begin(), data.members.end(), lists->members));
  EXPECT_TRUE(std::equal(data.halves.begin(), data.halves.end(), lists->halves));
  EXPECT_EQ(recall(given, *lists, 3), recall(given, data.view(), 3));
  EXPECT_TRUE((*opened)->verify().empty());
  EXPECT_EQ(name, "vector/0000000000000003.lists");
}

TEST_F(ListsFileTest, OfAnotherSegmentIsRefused) {
  for (const IndexSubject& other : {IndexSubject{78, 300, subject.shape},
                                    {77, 301, subject.shape},
                                    {77, 300, {Metric::l2, ElementType::f32, 21}}}) {
    const auto opened = ListsFile::open(*files, 3, file, other);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), ErrorCode::corruption);
  }
}

TEST_F(ListsFileTest, EveryFlippedBitIsNoticed) {
  const std::uint64_t size = *files->file_size(name);
  std::size_t refused = 0, found = 0;
  for (std::uint64_t bit = 0; bit < size * 8; bit += 7) {
    const auto flip = [&](Bytes& bytes) { bytes[bit / 8] ^= static_cast<std::byte>(1 << bit % 8); };
    ASSERT_TRUE(files->damage(name, flip));
    if (const auto opened = open()) {
      const bool checked = (*opened)->lists() == nullptr;
      EXPECT_EQ(checked, !(*opened)->verify().empty()) << bit;
      // Zeros behind the trailer's fields are the only bytes that nothing hangs on.
      if (!checked) {
        EXPECT_GE(bit / 8, size - kTrailerBytes + 36) << bit;
      }
      found += checked ? 1 : 0;
    } else {
      EXPECT_TRUE(opened.error().code() == ErrorCode::corruption || opened.error().code() == ErrorCode::unsupported);
      ++refused;
    }
    ASSERT_TRUE(files->damage(name, flip));
  }
  EXPECT_GT(refused, 0U);
  EXPECT_GT(found, 0U);
}

TEST_F(ListsFileTest, EveryCutIsRefused) {
  const Bytes whole = *io::read_file(*files, name, 1 << 20);
  for (std::size_t size = 0; size < whole.size(); size += size < 256 || size + 256 > whole.size() ? 1 : 61) {
    ASSERT_TRUE(files->damage(
        name, [&](Bytes& bytes) { bytes.assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)); }));
    EXPECT_FALSE(open()) << size;
  }
}

// As if whoever wrote the file had made a mistake: all hashes are right.
TEST_F(ListsFileTest, ListsThatDoNotHoldTogetherAreNotLookedInto) {
  const auto opened_with = [&](const std::function<void(ListsData&)>& spoil) {
    ListsData wrong = data;
    spoil(wrong);
    const auto written = write_lists(*files, lists_name("vector", 4), subject, wrong);
    return *ListsFile::open(*files, 4, *written, subject);
  };
  const auto expect_refused = [&](const std::function<void(ListsData&)>& spoil) {
    const auto opened = opened_with(spoil);
    EXPECT_EQ(opened->lists(), nullptr);
    EXPECT_TRUE(opened->damaged());
  };
  EXPECT_NE(opened_with([](ListsData&) {})->lists(), nullptr);
  expect_refused([](ListsData& wrong) { wrong.members[7] = 300; });
  expect_refused([](ListsData& wrong) { wrong.members[7] = wrong.members[8]; });
  expect_refused([](ListsData& wrong) { wrong.begins[0] = 1; });
  expect_refused([](ListsData& wrong) { wrong.begins[12] = 299; });
  expect_refused([](ListsData& wrong) { wrong.begins[5] = 301; });
  expect_refused([](ListsData& wrong) { wrong.begins[5] = wrong.begins[4] - 1; });
}

// Bytes that the first format's code wrote.
TEST(ListsFile, OfFormat1IsRead) {
  std::ifstream in(STRATA_LISTS_OF_FORMAT_1, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  ASSERT_GT(bytes.size(), 1'000U);
  const auto files = io::make_memory_file_system();
  ASSERT_TRUE(files->create_directory("vector"));
  const std::string name = lists_name("vector", 1);
  // A fuzz target's input: its first byte is not of the file.
  ASSERT_TRUE(io::write_file_atomically(*files, name, std::as_bytes(std::span(bytes)).subspan(1)));
  const auto file =
      ListsFile::open(*files, 1, {name, bytes.size() - 1, {}}, {77, 40, {Metric::l2, ElementType::f32, 8}});
  ASSERT_TRUE(file) << file.error().to_string();
  const ListsView* lists = (*file)->lists();
  ASSERT_NE(lists, nullptr);
  EXPECT_EQ(lists->count, 5U);
  EXPECT_EQ(lists->wanted, 5U);
  EXPECT_EQ(lists->trained, 40U);
  EXPECT_EQ(lists->begins[5], 40U);
}

}  // namespace
}  // namespace strata::store::vector
