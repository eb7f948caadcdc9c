// Graphs by themselves: what they find, that they hold together, and their file under damage.
#include "store/vector/graph/graph.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <numeric>

#include "store/vector/coding.h"
#include "store/vector/collection_options.h"
#include "store/vector/graph/graph_builder.h"
#include "store/vector/graph/graph_codes.h"
#include "store/vector/graph/graph_file.h"
#include "store/vector/graph/graph_search.h"
#include "store/vector/store_vector_fixture.h"

namespace strata::store::vector {
namespace {

const std::function<bool()> kGoOn = [] { return false; };

/// Rows around centres, as embeddings lie, some of them copies; coded as a segment codes them.
struct CodedRows {
  CodedRows(Metric which, Row count, std::uint32_t dims, std::uint64_t seed)
      : metric(which), rows(count), dimension(dims) {
    core::Random random(seed);
    std::vector<std::vector<float>> centres;
    for (int i = 0; i < 40; ++i) centres.push_back(random_vector(random, dimension));
    for (Row row = 0; row < rows; ++row) {
      if (row > 0 && row % 10 == 0) {
        vectors.push_back(vectors.back());
      } else {
        vectors.push_back(near(random, centres));
      }
    }
    for (int i = 0; i < 100; ++i) queries.push_back(near(random, centres));
    code();
  }
  /// Some rows of another, in this order.
  CodedRows(const CodedRows& all, const std::vector<Row>& which)
      : metric(all.metric), rows(static_cast<Row>(which.size())), dimension(all.dimension), queries(all.queries) {
    for (const Row row : which) vectors.push_back(all.vectors[row]);
    code();
  }
  void code() {
    const std::size_t stride = distance::code_stride(dimension);
    codes.resize(rows * stride);
    for (Row row = 0; row < rows; ++row) {
      const RowCode code = encode_row(metric, vectors[row], codes.data() + row * stride);
      scale.push_back(code.scale);
      residual.push_back(code.residual);
      length.push_back(code.length);
      square.push_back(code.square);
    }
    halves = codes_of(*quantizer, columns(), rows, dimension);
  }
  /// A graph's links with half codes.
  GraphView with_codes(const GraphData& graph) const { return graph.view(quantizer.get(), halves.data()); }
  std::unique_ptr<Scorer> scorer(const GraphView& graph, const QueryCode& query) const {
    return graph.quantizer->scorer({graph.codes, columns(), &query});
  }
  std::vector<float> near(core::Random& random, const std::vector<std::vector<float>>& centres) const {
    std::vector<float> x = centres[random.below(centres.size())];
    const std::vector<float> noise = random_vector(random, dimension);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += noise[i] * 0.7F;
    return x;
  }
  distance::CodeColumns columns() const {
    return {codes.data(), scale.data(), residual.data(), length.data(), square.data()};
  }
  std::optional<GraphData> graph(const GraphOptions& options = {}, const Origin* origin = nullptr) const {
    return build_graph(columns(), rows, dimension, metric, options, kGoOn, origin);
  }

  Metric metric;
  Row rows;
  std::uint32_t dimension;
  std::vector<std::vector<float>> vectors, queries;
  std::vector<std::uint8_t> codes;
  std::vector<float> scale, residual, length, square;
  std::shared_ptr<const Quantizer> quantizer = half_codes(dimension);
  std::vector<std::uint8_t> halves;
};

/// The share of the true ten nearest that a walk of this beam has among its candidates; equal scores count as found.
double recall(const CodedRows& given, const GraphView& graph, std::size_t beam_size, const RowSet* matching = nullptr) {
  WalkMemory memory;
  double found = 0;
  for (const auto& vector : given.queries) {
    const QueryCode query(given.metric, vector);
    std::vector<float> all, candidates;
    for (Row row = 0; row < given.rows; ++row) {
      if (matching == nullptr || matching->contains(row)) all.push_back(query.score(given.vectors[row]));
    }
    std::sort(all.begin(), all.end(), std::greater<>());
    const Beam& beam = walk_graph(graph, *given.scorer(graph, query), beam_size, matching, memory);
    for (std::size_t i = 0; i < beam.count(); ++i) {
      EXPECT_TRUE(matching == nullptr || matching->contains(beam.node(i)));
      candidates.push_back(query.score(given.vectors[beam.node(i)]));
    }
    found += static_cast<double>(std::min<std::ptrdiff_t>(
        10, std::count_if(candidates.begin(), candidates.end(), [&](float score) { return score >= all[9]; })));
  }
  return found / (10.0 * static_cast<double>(given.queries.size()));
}

TEST(Graph, FindsNearlyAllOfTheNearestUnderEveryMetric) {
  for (const Metric metric : {Metric::cosine, Metric::l2, Metric::inner_product}) {
    const CodedRows given(metric, 4'000, 48, 11);
    const auto graph = given.graph();
    ASSERT_TRUE(graph);
    ASSERT_TRUE(graph->view().holds_together());
    const double small = recall(given, given.with_codes(*graph), 20);
    const double usual = recall(given, given.with_codes(*graph), 64);
    EXPECT_GT(usual, metric == Metric::inner_product ? 0.93 : 0.97) << name(metric);
    EXPECT_GE(usual + 0.005, small) << name(metric);
  }
}

TEST(Graph, AWalkAmongRowsThatMatchFindsTheNearestOfThem) {
  const CodedRows given(Metric::cosine, 4'000, 48, 13);
  const auto graph = given.graph({.degree = 16, .effort = 64});
  core::Random random(7);
  for (const double share : {0.5, 0.1, 0.03}) {
    RowSet some(given.rows);
    for (Row row = 0; row < given.rows; ++row) {
      if (random.chance(share)) some.add(row);
    }
    EXPECT_GT(recall(given, given.with_codes(*graph), 64, &some), 0.95) << share;
  }
  // Rows on one side, which most queries are not on, and rows far from one another, with nothing that matches between them.
  RowSet side(given.rows), apart(given.rows);
  for (Row row = 0; row < given.rows; ++row) {
    if (given.vectors[row][0] > 0.8F) side.add(row);
    if (std::abs(given.vectors[row][1]) > 1.5F) apart.add(row);
  }
  EXPECT_GT(side.count(), 200U);
  EXPECT_GT(recall(given, given.with_codes(*graph), 64, &side), 0.95) << side.count();
  EXPECT_GT(apart.count(), 100U);
  EXPECT_GT(recall(given, given.with_codes(*graph), 64, &apart), 0.95) << apart.count();
}

TEST(Graph, ARankingOfRowsIsByHowNearTheyAre) {
  const CodedRows given(Metric::l2, 1'000, 48, 17);
  const auto graph = given.graph({.degree = 8, .effort = 32});
  const GraphView view = given.with_codes(*graph);
  WalkMemory memory;
  double found = 0;
  for (const auto& vector : given.queries) {
    const QueryCode query(given.metric, vector);
    const auto scorer = given.scorer(view, query);
    RowRanking ranking(*scorer, 40, memory);
    std::vector<Row> some;
    std::vector<float> scores;
    for (Row row = 1; row < given.rows; row += 2) {
      some.push_back(row);
      scores.push_back(query.score(given.vectors[row]));
    }
    ranking.add(std::span(some).first(7));
    ranking.add(std::span(some).subspan(7));
    std::sort(scores.begin(), scores.end(), std::greater<>());
    ASSERT_EQ(ranking.best().count(), 40U);
    for (std::size_t i = 0; i < 40; ++i) {
      EXPECT_EQ(ranking.best().node(i) % 2, 1U);
      found += query.score(given.vectors[ranking.best().node(i)]) >= scores[9] ? 1 : 0;
    }
  }
  EXPECT_GT(found, 10.0 * 0.99 * static_cast<double>(given.queries.size()));
}

TEST(Graph, OneThatBeginsWithAnotherKeepsItsLinksAndIsAsGood) {
  for (const Metric metric : {Metric::cosine, Metric::l2, Metric::inner_product}) {
    const CodedRows all(metric, 3'000, 48, 19);
    core::Random random(3);
    std::vector<Row> order(all.rows);
    std::iota(order.begin(), order.end(), 0U);
    for (Row i = all.rows; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
    const CodedRows merged(all, order);
    // Two thirds of the rows lie somewhere among those of the merged segment.
    std::vector<Row> part, places;
    for (Row row = 0; row < merged.rows; ++row) {
      if (row % 3 == 0) continue;
      part.push_back(order[row]);
      places.push_back(row);
    }
    const GraphOptions options{.degree = 16, .effort = 64};
    const auto before = CodedRows(all, part).graph(options);
    const GraphView begin = before->view();
    const Origin origin{&begin, places};
    const auto grown = merged.graph(options, &origin);
    ASSERT_TRUE(grown->view().holds_together());
    std::size_t kept = 0, links = 0;
    for (Row row = 0; row < begin.rows; ++row) {
      const auto now = grown->view().ground_links(places[row]);
      for (const Row link : begin.ground_links(row)) {
        ++links;
        kept += std::find(now.begin(), now.end(), places[link]) != now.end() ? 1 : 0;
      }
    }
    EXPECT_GT(kept, links / 2) << name(metric);  // the others gave way to nearer ones
    const auto anew = merged.graph(options);
    EXPECT_GE(recall(merged, merged.with_codes(*grown), 40), recall(merged, merged.with_codes(*anew), 40) - 0.01)
        << name(metric);
  }
}

TEST(Graph, GapsOfRowsThatAreGoneAreHealed) {
  const CodedRows all(Metric::cosine, 6'000, 48, 23);
  core::Random random(29);
  const GraphOptions options{.degree = 12, .effort = 48};
  std::vector<Row> live, spare;
  for (Row row = 0; row < all.rows; ++row) (row % 3 == 0 ? spare : live).push_back(row);
  auto graph = CodedRows(all, live).graph(options);
  for (int round = 0; round < 8; ++round) {  // of ten rows three go, others come
    std::vector<Row> now, map(live.size(), kNoRow), gone;
    for (std::size_t i = 0; i < live.size(); ++i) {
      if (random.chance(0.3) && gone.size() < spare.size()) {
        gone.push_back(live[i]);
      } else {
        map[i] = static_cast<Row>(now.size());
        now.push_back(live[i]);
      }
    }
    now.insert(now.end(), spare.begin(), spare.begin() + static_cast<std::ptrdiff_t>(gone.size()));
    spare.erase(spare.begin(), spare.begin() + static_cast<std::ptrdiff_t>(gone.size()));
    spare.insert(spare.end(), gone.begin(), gone.end());
    const GraphView before = graph->view();
    const Origin origin{&before, map};
    auto next = CodedRows(all, now).graph(options, &origin);
    ASSERT_TRUE(next->view().holds_together());
    graph = std::move(next);
    live = std::move(now);
  }
  const CodedRows rows(all, live);
  const auto anew = rows.graph(options);
  EXPECT_GT(recall(rows, rows.with_codes(*graph), 30), recall(rows, rows.with_codes(*anew), 30) - 0.015);
}

// Codes of a bit say how far they may be off; four bits do not, and leave out nothing.
TEST(Graph, CandidatesThatAreMostLikelyBelowTheBestAreLeftOut) {
  const CodedRows given(Metric::l2, 2'000, 96, 43);
  std::vector<float> all;
  for (const auto& x : given.vectors) all.insert(all.end(), x.begin(), x.end());
  const auto rabitq =
      train_quantizer({.kind = QuantizationKind::rabitq}, {given.metric, ElementType::f32, 96}, all, kGoOn);
  std::vector<std::uint8_t> codes(given.rows * std::size_t{rabitq->code_bytes()});
  for (Row row = 0; row < given.rows; ++row) {
    rabitq->encode({given.vectors[row]}, codes.data() + row * std::size_t{rabitq->code_bytes()});
  }
  std::size_t kept = 0, lost = 0;
  for (const auto& vector : given.queries) {
    const QueryCode query(given.metric, vector);
    const auto scorer = rabitq->scorer({codes.data(), given.columns(), &query});
    std::vector<Candidate> candidates;
    std::vector<float> scores;
    for (Row row = 0; row < 300; ++row) {
      float similarity = 0;
      (*scorer)(&row, 1, &similarity);
      candidates.push_back({similarity, row});
      scores.push_back(query.score(given.vectors[row]));
    }
    std::vector<Candidate> halves = candidates;
    leave_out_hopeless(*given.scorer(given.with_codes(GraphData{}), query), 10, halves);
    EXPECT_EQ(halves.size(), 300U);
    leave_out_hopeless(*scorer, 10, candidates);
    kept += candidates.size();
    std::vector<float> best = scores;
    std::nth_element(best.begin(), best.begin() + 9, best.end(), std::greater<>());
    for (Row row = 0; row < 300; ++row) {
      const auto here = [row](const Candidate& each) { return each.row == row; };
      lost += scores[row] >= best[9] && std::none_of(candidates.begin(), candidates.end(), here) ? 1 : 0;
    }
  }
  EXPECT_LT(kept, 300 * given.queries.size() / 2);
  EXPECT_LE(lost, 10 * given.queries.size() / 100);
}

TEST(Graph, OneOfWhichTheUpperLevelsAreGoneIsEnteredElsewhere) {
  const CodedRows all(Metric::l2, 2'000, 24, 31);
  const GraphOptions options{.degree = 8, .effort = 32};
  const auto before = all.graph(options);
  const GraphView view = before->view();
  ASSERT_GT(view.levels, 0U);
  std::vector<Row> now, map(all.rows, kNoRow);
  for (Row row = 0; row < all.rows; ++row) {
    if (std::binary_search(view.upper.begin(), view.upper.end(), row)) continue;
    map[row] = static_cast<Row>(now.size());
    now.push_back(row);
  }
  const CodedRows left(all, now);
  const Origin origin{&view, map};
  const auto graph = left.graph(options, &origin);
  ASSERT_TRUE(graph->view().holds_together());
  EXPECT_EQ(graph->view().levels, 0U);
  EXPECT_GT(recall(left, left.with_codes(*graph), 64), 0.97);

  const std::vector<Row> none(all.rows, kNoRow);
  const Origin gone{&view, none};
  EXPECT_EQ(left.graph(options, &gone)->ground, left.graph(options)->ground);
}

TEST(Graph, IsTheSameForTheSameRows) {
  const CodedRows given(Metric::l2, 700, 20, 3);
  const auto one = given.graph({.degree = 8, .effort = 32});
  const auto two = given.graph({.degree = 8, .effort = 32});
  EXPECT_EQ(one->ground, two->ground);
  EXPECT_EQ(one->upper_links, two->upper_links);
}

TEST(Graph, EveryRowCanBeReached) {
  for (const bool copies : {false, true}) {
    CodedRows given(Metric::cosine, 2'000, 24, 5);
    if (copies) {  // a crowd that has only itself as its nearest
      for (Row row = 500; row < 1'500; ++row) {
        std::copy_n(given.codes.begin() + 500 * 64, 64, given.codes.begin() + row * 64);
        given.scale[row] = given.scale[500];
      }
    }
    const auto graph = given.graph({.degree = 8, .effort = 40});
    const GraphView view = graph->view();
    std::vector<bool> reached(view.rows);
    std::vector<Row> open{view.levels == 0 ? view.entry : view.upper[view.entry]};
    reached[open[0]] = true;
    std::size_t count = 1;
    while (!open.empty()) {
      const Row row = open.back();
      open.pop_back();
      for (const Row link : view.ground_links(row)) {
        if (reached[link]) continue;
        reached[link] = true;
        ++count;
        open.push_back(link);
      }
    }
    EXPECT_EQ(count, view.rows);
  }
}

TEST(Graph, OfFewRowsAndOfCopiesAlone) {
  for (const Row rows : {1U, 2U, 3U, 40U}) {
    CodedRows given(Metric::cosine, rows, 3, 9);
    const auto graph = given.graph();
    ASSERT_TRUE(graph->view().holds_together());
    WalkMemory memory;
    const QueryCode query(Metric::cosine, given.queries[0]);
    const GraphView view = given.with_codes(*graph);
    EXPECT_EQ(walk_graph(view, *given.scorer(view, query), 100, nullptr, memory).count(), rows);
  }
}

TEST(Graph, BuildingStopsWhenItIsToldTo) {
  const CodedRows given(Metric::cosine, 100, 8, 1);
  const auto stop = [] { return true; };
  EXPECT_FALSE(build_graph(given.columns(), given.rows, given.dimension, given.metric, {}, stop));
}

TEST(Graph, RowsThatNoBoundCoversAreNotLinked) {
  CodedRows given(Metric::l2, 10, 8, 1);
  EXPECT_TRUE(can_be_linked(given.columns(), given.rows));
  given.residual[7] = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(can_be_linked(given.columns(), given.rows));
}

class GraphFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(files->create_directory("vector"));
    data = given.graph(options);
    auto written = write_graph(*files, name, subject, making, given.with_codes(*data));
    ASSERT_TRUE(written) << written.error().to_string();
    file = *written;
  }
  Result<std::shared_ptr<GraphFile>> open() { return GraphFile::open(*files, 3, file, subject); }

  const CodedRows given{Metric::cosine, 300, 20, 4};
  const GraphOptions options{.degree = 4, .effort = 16};
  const GraphMaking making{.options = options, .chosen = resolved({}), .code_bytes = 64};
  const QuantizerShape shape{given.metric, ElementType::f32, 20};
  const IndexSubject subject{77, 300, shape};
  const std::string name = graph_name("vector", 3);
  std::unique_ptr<io::MemoryFileSystem> files = io::make_memory_file_system();
  std::optional<GraphData> data;
  transaction::CheckpointFile file;
};

TEST_F(GraphFileTest, IsReadAsItWasWritten) {
  const auto opened = open();
  ASSERT_TRUE(opened) << opened.error().to_string();
  const GraphView* view = (*opened)->graph();
  ASSERT_NE(view, nullptr);
  const GraphView made = given.with_codes(*data);
  EXPECT_EQ(view->levels, made.levels);
  EXPECT_EQ(view->entry, made.entry);
  for (Row row = 0; row < made.rows; ++row) {
    EXPECT_TRUE(std::ranges::equal(made.ground_links(row), view->ground_links(row))) << row;
  }
  EXPECT_TRUE(std::equal(given.halves.begin(), given.halves.end(), view->codes));
  EXPECT_EQ(recall(given, *view, 50), recall(given, made, 50));
  EXPECT_TRUE((*opened)->verify().empty());
  EXPECT_EQ(name, "vector/0000000000000003.graph");
}

// Bytes that the first format's code wrote: half codes, and nothing of quantization.
TEST(GraphFile, OfFormat1IsReadAsHalfCodes) {
  std::ifstream in(STRATA_GRAPH_OF_FORMAT_1, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  ASSERT_GT(bytes.size(), 1'000U);
  const auto files = io::make_memory_file_system();
  ASSERT_TRUE(files->create_directory("vector"));
  const std::string name = graph_name("vector", 1);
  // A fuzz target's input: its first byte is not of the file.
  ASSERT_TRUE(io::write_file_atomically(*files, name, std::as_bytes(std::span(bytes)).subspan(1)));
  const auto file =
      GraphFile::open(*files, 1, {name, bytes.size() - 1, {}}, {77, 40, {Metric::cosine, ElementType::f32, 8}});
  ASSERT_TRUE(file) << file.error().to_string();
  const GraphView* graph = (*file)->graph();
  ASSERT_NE(graph, nullptr);
  EXPECT_EQ(graph->rows, 40U);
  EXPECT_EQ(graph->quantizer->code_bytes(), 64U);
  EXPECT_TRUE((*file)->suits({.m = 4, .ef_construction = 16}, {}));
}

// The same graph as format 2 had it: links in fixed places, each list behind its number.
TEST_F(GraphFileTest, OfFormat2IsRead) {
  const GraphView made = given.with_codes(*data);
  const auto written = write_paged_file(*files, graph_name("vector", 5), [&](PagedFile& out) -> Result<void> {
    STRATA_TRY(out.begin("STRVGRF1"));
    std::vector<std::pair<std::uint64_t, std::uint64_t>> places;
    const auto block = [&](ByteView bytes) -> Result<void> {
      STRATA_TRY(out.pad_to(64));
      places.emplace_back(out.size(), bytes.size());
      return out.append(bytes);
    };
    for (const auto* numbers : {&data->ground, &data->upper, &data->upper_begins, &data->upper_links}) {
      STRATA_TRY(block(std::as_bytes(std::span(*numbers))));
    }
    STRATA_TRY(block(std::as_bytes(std::span(given.halves))));
    STRATA_TRY(block({}));
    Bytes directory;
    core::Encoder encoder(directory);
    encoder.u32(2);
    encoder.u64(subject.root);
    for (const std::uint32_t each : {subject.rows, shape.dimension, options.degree, options.effort}) encoder.u32(each);
    encoder.f32(options.stretch);
    for (const std::uint32_t each : {made.levels, made.entry}) encoder.u32(each);
    encoder.u32(static_cast<std::uint32_t>(made.upper.size()));
    for (const QuantizationOptions& each : {making.wanted, making.chosen}) {
      encoder.u8(static_cast<std::uint8_t>(each.kind));
      encoder.u8(static_cast<std::uint8_t>(each.bits));
      encoder.u8(static_cast<std::uint8_t>(each.range));
      encoder.u32(each.parts);
      encoder.f32(each.recall_min);
    }
    encoder.u32(making.code_bytes);
    encoder.f32(making.recall);
    encoder.u64(out.size());
    for (const auto& [offset, size] : places) {
      encoder.u64(offset);
      encoder.u64(size);
    }
    return out.finish("STRVGRFT", std::move(directory));
  });
  ASSERT_TRUE(written);
  const auto opened = GraphFile::open(*files, 5, *written, subject);
  ASSERT_TRUE(opened) << opened.error().to_string();
  const GraphView* view = (*opened)->graph();
  ASSERT_NE(view, nullptr);
  for (Row row = 0; row < made.rows; ++row) {
    EXPECT_TRUE(std::ranges::equal(made.ground_links(row), view->ground_links(row))) << row;
  }
}

TEST_F(GraphFileTest, ListsThatDoNotFollowEachOtherAreNotFollowed) {
  std::vector<std::uint64_t> begins{0};
  std::vector<std::uint32_t> ground;
  GraphView wrong = given.with_codes(*data);
  for (Row row = 0; row < wrong.rows; ++row) {
    const auto links = wrong.ground_links(row);
    ground.insert(ground.end(), links.begin(), links.end());
    begins.push_back(ground.size());
  }
  wrong.ground = ground.data();
  wrong.ground_begins = begins.data();
  wrong.ground_total = ground.size();
  EXPECT_TRUE(wrong.holds_together());
  std::swap(begins[7], begins[8]);
  EXPECT_FALSE(wrong.holds_together());
  std::swap(begins[7], begins[8]);
  begins.back() += 1'000'000;
  EXPECT_FALSE(wrong.holds_together()) << "behind the block";
}

TEST_F(GraphFileTest, OfAnotherSegmentIsRefused) {
  for (const IndexSubject& other :
       {IndexSubject{78, 300, shape}, {77, 301, shape}, {77, 300, {given.metric, ElementType::f32, 21}}}) {
    const auto opened = GraphFile::open(*files, 3, file, other);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), ErrorCode::corruption);
  }
}

TEST_F(GraphFileTest, EveryFlippedBitIsNoticed) {
  const std::uint64_t size = *files->file_size(name);
  std::size_t refused = 0, found = 0;
  for (std::uint64_t bit = 0; bit < size * 8; bit += size * 8 > 60'000 ? 7 : 1) {
    const auto flip = [&](Bytes& bytes) { bytes[bit / 8] ^= static_cast<std::byte>(1 << bit % 8); };
    ASSERT_TRUE(files->damage(name, flip));
    if (const auto opened = open()) {
      const bool checked = (*opened)->graph() == nullptr;
      const bool verified = !(*opened)->verify().empty();
      EXPECT_EQ(checked, verified) << bit;
      // Zeros behind the trailer's fields are the only bytes that nothing hangs on.
      if (!checked) {
        EXPECT_GE(bit / 8, size - kTrailerBytes + 36) << bit;
      }
      found += checked ? 1 : 0;
    } else {
      EXPECT_EQ(opened.error().code() == ErrorCode::corruption || opened.error().code() == ErrorCode::unsupported,
                true);
      ++refused;
    }
    ASSERT_TRUE(files->damage(name, flip));
  }
  EXPECT_GT(refused, 0U);
  EXPECT_GT(found, 0U);
}

TEST_F(GraphFileTest, EveryCutIsRefused) {
  const Bytes whole = *io::read_file(*files, name, 1 << 20);
  for (std::size_t size = 0; size < whole.size(); size += size < 256 || size + 256 > whole.size() ? 1 : 61) {
    ASSERT_TRUE(files->damage(
        name, [&](Bytes& bytes) { bytes.assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)); }));
    EXPECT_FALSE(open()) << size;
  }
}

TEST_F(GraphFileTest, LinksThatLeadNowhereAreNotFollowed) {
  GraphData wrong = *data;
  wrong.ground[1] = 300;  // as if whoever wrote the file had made a mistake: all hashes are right
  auto written = write_graph(*files, graph_name("vector", 4), subject, making, given.with_codes(wrong));
  const auto opened = GraphFile::open(*files, 4, *written, subject);
  ASSERT_TRUE(opened);
  EXPECT_EQ((*opened)->graph(), nullptr);
  EXPECT_TRUE((*opened)->damaged());
}

}  // namespace
}  // namespace strata::store::vector
