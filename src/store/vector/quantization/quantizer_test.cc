// Codes by themselves: how near they come to what they stand for, and that they are the same once they were written and read.
#include "store/vector/quantization/quantizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "store/vector/quantization/product.h"
#include "store/vector/quantization/rotation.h"
#include "store/vector/store_vector_fixture.h"

namespace strata::store::vector {
namespace {

const std::function<bool()> kGoOn = [] { return false; };

/// Rows around centres of uneven spread, with their 8-bit codes.
struct Rows {
  Rows(Metric which, Row count, std::uint32_t dims, std::uint64_t seed) : metric(which), rows(count), dimension(dims) {
    core::Random random(seed);
    std::vector<std::vector<float>> centres;
    for (int i = 0; i < 20; ++i) centres.push_back(random_vector(random, dimension));
    const auto some = [&] {
      std::vector<float> x = centres[random.below(centres.size())];
      const std::vector<float> noise = random_vector(random, dimension);
      for (std::size_t i = 0; i < x.size(); ++i) x[i] = (x[i] + noise[i]) * (i % 3 == 0 ? 2.0F : 0.7F) + 0.2F;
      return x;
    };
    const std::size_t stride = distance::code_stride(dimension);
    codes.resize(rows * stride);
    for (Row row = 0; row < rows; ++row) {
      vectors.push_back(some());
      const RowCode code = encode_row(metric, vectors.back(), codes.data() + row * stride);
      scale.push_back(code.scale);
      square.push_back(code.square);
      std::vector<float> x = vectors.back();
      if (metric == Metric::cosine) {
        const float norm = std::sqrt(std::inner_product(x.begin(), x.end(), x.begin(), 0.0F));
        for (float& value : x) value /= norm;
      }
      compared.insert(compared.end(), x.begin(), x.end());
      ids.push_back("p" + std::to_string(row));
      part->append(1, ids.back(), hash_of_id(ids.back()), std::as_bytes(std::span(vectors.back())), {}, {}, 0);
    }
    for (int i = 0; i < 40; ++i) queries.push_back(some());
  }
  std::span<const float> row(Row row) const {
    return std::span(compared).subspan(std::size_t{row} * dimension, dimension);
  }
  QuantizerShape shape() const { return {metric, ElementType::f32, dimension}; }
  std::unique_ptr<Quantizer> train(const QuantizationOptions& options) const {
    return train_quantizer(options, shape(), compared, kGoOn);
  }
  std::vector<std::uint8_t> encode(const Quantizer& quantizer) const {
    std::vector<std::uint8_t> out(rows * std::size_t{quantizer.code_bytes()});
    for (Row each = 0; each < rows; ++each) {
      quantizer.encode({row(each), codes.data() + each * distance::code_stride(dimension)},
                       out.data() + std::size_t{each} * quantizer.code_bytes());
    }
    return out;
  }
  ScorerInput input(const std::vector<std::uint8_t>& made, const QueryCode& query) const {
    return {made.data(), {codes.data(), scale.data(), nullptr, nullptr, square.data()}, &query, part.get()};
  }
  std::vector<float> similarities(const Scorer& scorer) const {
    std::vector<Row> all(rows);
    std::iota(all.begin(), all.end(), 0U);
    std::vector<float> out(rows);
    for (Row at = 0; at < rows; at += Scorer::kRowsAtOnce) {
      scorer(all.data() + at, std::min(Scorer::kRowsAtOnce, rows - at), out.data() + at);
    }
    return out;
  }

  Metric metric;
  Row rows;
  std::uint32_t dimension;
  std::vector<std::vector<float>> vectors, queries;
  std::vector<float> compared;  // of length 1 under cosine
  std::vector<std::uint8_t> codes;
  std::vector<float> scale, square;
  std::vector<std::string> ids;
  std::unique_ptr<Delta> part = std::make_unique<Delta>(CollectionOptions{.dimension = dimension, .metric = metric});
};

/// The share of the true ten nearest that are among the `among` best by the codes.
double recall(const Rows& given, const Quantizer& quantizer, std::size_t among) {
  const std::vector<std::uint8_t> codes = given.encode(quantizer);
  double found = 0;
  for (const auto& vector : given.queries) {
    const QueryCode query(given.metric, vector);
    const auto scorer = quantizer.scorer(given.input(codes, query));
    const std::vector<float> near = given.similarities(*scorer);
    std::vector<float> exact;
    for (const auto& x : given.vectors) exact.push_back(query.score(x));
    const auto best = [](const std::vector<float>& scores, std::size_t count) {
      std::vector<Row> order(scores.size());
      std::iota(order.begin(), order.end(), 0U);
      std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                        [&](Row a, Row b) { return scores[a] > scores[b]; });
      order.resize(count);
      return order;
    };
    const std::vector<Row> first = best(near, among);
    for (const Row row : best(exact, 10)) {
      found += std::find(first.begin(), first.end(), row) != first.end() ? 1 : 0;
    }
  }
  return found / (10.0 * static_cast<double>(given.queries.size()));
}

struct Expected {
  QuantizationOptions options;
  std::uint32_t bytes;  // of 50 dimensions
  std::size_t among;
  double recall;
};

class EveryQuantizer : public ::testing::TestWithParam<Expected> {};

TEST_P(EveryQuantizer, KeepsTheNearestAmongTheFirst) {
  for (const Metric metric : {Metric::cosine, Metric::l2, Metric::inner_product}) {
    const Rows given(metric, 2'000, 50, 7);
    const auto quantizer = given.train(GetParam().options);
    EXPECT_EQ(quantizer->code_bytes(), GetParam().bytes);
    EXPECT_GE(recall(given, *quantizer, GetParam().among), GetParam().recall) << name(metric);
  }
}

TEST_P(EveryQuantizer, IsTheSameAfterItWasWrittenAndRead) {
  const Rows given(Metric::l2, 300, 50, 8);
  const auto made = given.train(GetParam().options);
  const Bytes trained = made->trained();
  EXPECT_EQ(trained.empty(), !learns(GetParam().options));
  const auto read = load_quantizer(GetParam().options, given.shape(), trained);
  ASSERT_NE(read, nullptr);
  const auto codes = given.encode(*made);
  EXPECT_EQ(given.encode(*read), codes);
  const QueryCode query(given.metric, given.queries[0]);
  EXPECT_EQ(given.similarities(*read->scorer(given.input(codes, query))),
            given.similarities(*made->scorer(given.input(codes, query))));
}

TEST_P(EveryQuantizer, WhatItCannotHaveLearntIsRefused) {
  const Rows given(Metric::l2, 300, 50, 9);
  const Bytes trained = given.train(GetParam().options)->trained();
  Bytes longer = trained;
  longer.push_back(std::byte{0});
  EXPECT_EQ(load_quantizer(GetParam().options, given.shape(), longer), nullptr);
  if (trained.empty()) return;
  EXPECT_EQ(load_quantizer(GetParam().options, given.shape(), ByteView(trained).first(trained.size() - 1)), nullptr);
  Bytes endless = trained;
  std::fill(endless.end() - 4, endless.end(), std::byte{0xff});  // a NaN
  EXPECT_EQ(load_quantizer(GetParam().options, given.shape(), endless), nullptr);
}

using enum QuantizationKind;
INSTANTIATE_TEST_SUITE_P(
    Kinds, EveryQuantizer,
    ::testing::Values(Expected{{.kind = scalar, .bits = 4}, 64, 20, 0.95},
                      Expected{{.kind = scalar, .bits = 8}, 0, 11, 0.98},
                      Expected{{.kind = scalar, .bits = 16}, 100, 10, 0.99},
                      Expected{{.kind = scalar, .bits = 4, .range = QuantizationRange::dimension}, 64, 20, 0.95},
                      Expected{{.kind = scalar, .bits = 8, .range = QuantizationRange::dimension}, 64, 12, 0.97},
                      Expected{{.kind = scalar, .bits = 4, .range = QuantizationRange::collection}, 64, 30, 0.95},
                      Expected{{.kind = scalar, .bits = 8, .range = QuantizationRange::collection}, 64, 12, 0.97},
                      Expected{{.kind = product, .bits = 8}, 13, 100, 0.9},
                      Expected{{.kind = product, .bits = 5, .parts = 25}, 16, 100, 0.9},
                      Expected{{.kind = product, .bits = 4, .parts = 50}, 25, 30, 0.95},
                      Expected{{.kind = rabitq}, 16, 100, 0.85}, Expected{{.kind = none}, 0, 10, 0.99}));

// Twice as many bits of the same range lose less, and so do levels that lie where the numbers are.
TEST(Quantizers, MoreBitsFindMore) {
  const Rows given(Metric::cosine, 3'000, 64, 3);
  const auto of = [&](const QuantizationOptions& options) { return recall(given, *given.train(options), 10); };
  EXPECT_GT(of({.kind = scalar, .bits = 8}), of({.kind = scalar, .bits = 4}));
  EXPECT_GT(of({.kind = scalar, .bits = 4}), of({.kind = rabitq}));
  EXPECT_GT(of({.kind = product, .bits = 8, .parts = 16}), of({.kind = product, .bits = 4, .parts = 16}));
  EXPECT_GT(of({.kind = product, .bits = 4, .parts = 64}),
            of({.kind = scalar, .bits = 4, .range = QuantizationRange::collection}));
}

TEST(Rabitq, EstimatesAreRightOnAverageAndWithinTheirBound) {
  for (const Metric metric : {Metric::cosine, Metric::l2, Metric::inner_product}) {
    const Rows given(metric, 2'000, 100, 5);
    const auto quantizer = given.train({.kind = rabitq});
    const auto codes = given.encode(*quantizer);
    double sum = 0, bounds = 0;
    std::size_t outside = 0;
    for (const auto& vector : given.queries) {
      const QueryCode query(metric, vector);
      const auto scorer = quantizer->scorer(given.input(codes, query));
      const std::vector<float> near = given.similarities(*scorer);
      for (Row row = 0; row < given.rows; ++row) {
        double dot = 0;
        const auto x = given.row(row);
        const std::vector<float> q = compared(query);
        for (std::size_t i = 0; i < x.size(); ++i) dot += static_cast<double>(q[i]) * static_cast<double>(x[i]);
        const double truth = metric == Metric::l2 ? 2 * dot - static_cast<double>(given.square[row]) : dot;
        const double off = static_cast<double>(near[row]) - truth;
        const double bound = static_cast<double>(scorer->error(row));
        outside += std::fabs(off) > bound ? 1 : 0;
        sum += off;
        bounds += bound;
      }
    }
    const double count = static_cast<double>(given.rows) * static_cast<double>(given.queries.size());
    // Chebyshev-like: ε₀ = 1.9 standard deviations of a nearly normal error leave out some hundredths.
    EXPECT_LT(static_cast<double>(outside), 0.08 * count) << name(metric);
    EXPECT_GT(outside, 0U) << name(metric) << ": a bound that nothing passes says too little";
    EXPECT_LT(std::fabs(sum / count), 0.1 * bounds / count) << name(metric);
  }
}

TEST(Rabitq, EstimatesOfWhatIsNearAreNotSmaller) {
  // Errors of queries on all sides cancel out: an estimate that is too short by a fifth is right on average, too. So the slope.
  const Rows given(Metric::cosine, 2'000, 100, 5);
  const auto quantizer = given.train({.kind = rabitq});
  const auto codes = given.encode(*quantizer);
  double products = 0, squares = 0;
  for (const auto& vector : given.queries) {
    const QueryCode query(given.metric, vector);
    const auto scorer = quantizer->scorer(given.input(codes, query));
    const std::vector<float> near = given.similarities(*scorer);
    const std::vector<float> q = compared(query);
    std::vector<double> truth(given.rows);
    for (Row row = 0; row < given.rows; ++row) {
      truth[row] = std::inner_product(q.begin(), q.end(), given.row(row).begin(), 0.0);
    }
    const double middle = std::accumulate(truth.begin(), truth.end(), 0.0) / static_cast<double>(given.rows);
    for (Row row = 0; row < given.rows; ++row) {
      products += (truth[row] - middle) * static_cast<double>(near[row]);
      squares += (truth[row] - middle) * (truth[row] - middle);
    }
  }
  EXPECT_NEAR(products / squares, 1, 0.05);
}

TEST(Product, WhatHasAWordOfItsOwnIsReadBackWhole) {
  // Sixteen different points and sixteen words for each part.
  core::Random random(4);
  constexpr std::uint32_t kDimension = 10;
  for (const std::uint32_t bits : {4U, 5U, 7U, 8U}) {
    std::vector<float> sample;
    for (int i = 0; i < 16; ++i) {
      const auto x = random_vector(random, kDimension);
      sample.insert(sample.end(), x.begin(), x.end());
    }
    const auto codes = ProductCodes::train(bits, 3, kDimension, sample, kGoOn);
    const std::vector<float> q = random_vector(random, kDimension);
    const QueryCode query(Metric::inner_product, q);
    std::vector<std::uint8_t> made(16 * codes->code_bytes());
    for (std::size_t i = 0; i < 16; ++i) {
      codes->encode({std::span(sample).subspan(i * kDimension, kDimension)}, made.data() + i * codes->code_bytes());
    }
    const auto scorer = codes->scorer({made.data(), {}, &query});
    for (Row row = 0; row < 16; ++row) {
      float near = 0;
      (*scorer)(&row, 1, &near);
      EXPECT_NEAR(near, std::inner_product(q.begin(), q.end(), sample.begin() + row * kDimension, 0.0F), 1e-4)
          << bits << " " << row;
    }
  }
}

TEST(Product, StopsWhenItIsToldTo) {
  const Rows given(Metric::l2, 2'000, 50, 3);
  EXPECT_EQ(train_quantizer({.kind = product, .bits = 8}, given.shape(), given.compared, [] { return true; }), nullptr);
}

TEST(Rotation, KeepsLengthsAndAnglesAndSpreadsWhatOneDimensionHeld) {
  core::Random random(9);
  for (const std::size_t dimension : {1U, 3U, 64U, 100U, 128U, 384U, 1000U}) {
    const Rotation rotation(dimension, 5);
    EXPECT_EQ(rotation.size() % 64, 0U);
    EXPECT_GE(rotation.size(), dimension);
    std::vector<float> a = random_vector(random, dimension), b = random_vector(random, dimension), one(rotation.size());
    a.resize(rotation.size());
    b.resize(rotation.size());
    one[0] = 1;
    const auto dot = [](const std::vector<float>& x, const std::vector<float>& y) {
      return std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
    };
    const double aa = dot(a, a), ab = dot(a, b);
    for (auto* x : {&a, &b, &one}) rotation.apply(*x);
    EXPECT_NEAR(dot(a, a), aa, 1e-4 * (1 + aa)) << dimension;
    EXPECT_NEAR(dot(a, b), ab, 1e-4 * (1 + aa)) << dimension;
    EXPECT_NEAR(dot(one, one), 1, 1e-5);
    const double largest = std::fabs(
        *std::max_element(one.begin(), one.end(), [](float x, float y) { return std::fabs(x) < std::fabs(y); }));
    EXPECT_LT(largest, 6.0 / std::sqrt(static_cast<double>(rotation.size()))) << dimension;
  }
}

}  // namespace
}  // namespace strata::store::vector
