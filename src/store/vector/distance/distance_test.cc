// Every instruction set against the scalar oracle, over odd sizes.
#include "store/vector/distance/distance.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>

#include "store/vector/coding.h"
#include "store/vector/store_vector_fixture.h"

namespace strata::store::vector::distance {
namespace {

const std::size_t kSizes[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 100, 127, 128, 129, 383, 384, 385, 1000};

TEST(Kernels, ExactDistancesHaveTheSameBitsOnEveryInstructionSet) {
  core::Random random(3);
  for (const std::size_t size : kSizes) {
    const auto a = random_vector(random, size);
    auto b = random_vector(random, size);
    // Of other magnitudes than `a`: the square of a difference then has more digits than a double, and fusing it would show.
    for (float& value : b) value *= static_cast<float>(std::exp2(random.below(24)));
    for (const Kernels* k : all_kernels()) {
      EXPECT_EQ(k->dot(a.data(), b.data(), size), kScalarKernels.dot(a.data(), b.data(), size)) << k->name << size;
      EXPECT_EQ(k->squared_l2(a.data(), b.data(), size), kScalarKernels.squared_l2(a.data(), b.data(), size))
          << k->name << size;
    }
  }
}

// The one value that tells: with a fused multiplication the 2^-60 of the square would tip the sum upwards.
TEST(Kernels, CodesAndWhatTheyLeaveOutHaveTheSameBitsOnEveryInstructionSet) {
  core::Random random(23);
  for (const std::size_t size : {1U, 3U, 4U, 7U, 8U, 9U, 31U, 384U, 385U, 1'000U}) {
    std::vector<float> x(size);
    for (float& value : x) value = static_cast<float>(random.real() * 2 - 1) * (random.chance(0.1) ? 1e3F : 1.0F);
    const float largest = kScalarKernels.largest(x.data(), size);
    float magnitude = 0;
    for (const float value : x) magnitude = std::max(magnitude, std::fabs(value));
    EXPECT_EQ(largest, magnitude);
    std::vector<std::uint8_t> expected(size), codes(size);
    const CodeErrors errors = kScalarKernels.code(x.data(), size, largest / 127, expected.data());
    double lost = 0;
    for (std::size_t i = 0; i < size; ++i) {
      EXPECT_NEAR(expected[i] - 128, x[i] / largest * 127, 0.501);
      lost += std::pow(x[i] - double(largest / 127) * (expected[i] - 128), 2);
    }
    EXPECT_NEAR(errors.lost, lost, 1e-9 * (1 + lost));
    for (const Kernels* set : all_kernels()) {
      EXPECT_EQ(set->largest(x.data(), size), largest) << set->name;
      const CodeErrors same = set->code(x.data(), size, largest / 127, codes.data());
      EXPECT_EQ(codes, expected) << set->name;
      EXPECT_EQ(std::bit_cast<std::uint64_t>(same.lost), std::bit_cast<std::uint64_t>(errors.lost)) << set->name;
      EXPECT_EQ(std::bit_cast<std::uint64_t>(same.kept), std::bit_cast<std::uint64_t>(errors.kept)) << set->name;
    }
  }
}

TEST(Kernels, ASquareIsRoundedBeforeItIsAdded) {
  std::vector<float> a(17), b(17);
  a[0] = std::ldexp(1.0F, -26);
  a[16] = 1.5F;
  b[16] = -std::ldexp(1.0F, -30);
  for (const Kernels* k : all_kernels()) {
    EXPECT_EQ(k->squared_l2(a.data(), b.data(), a.size()), 2.25 + std::ldexp(3.0, -30)) << k->name;
  }
}

TEST(Kernels, ScansFindTheSameRowsWithTheSameBoundsOnEveryInstructionSet) {
  core::Random random(4);
  for (const std::size_t size : kSizes) {
    const std::size_t stride = code_stride(size);
    constexpr std::uint32_t kRows = 53;
    std::vector<std::uint8_t> codes(kRows * stride, 128);
    std::vector<float> scale(kRows, 1), zero(kRows, 0);
    for (std::uint32_t row = 0; row < kRows; ++row) {
      // The far ends too: 255 · 127 in every place is what would overflow 16 bits.
      for (std::size_t i = 0; i < size; ++i)
        codes[row * stride + i] = static_cast<std::uint8_t>(row == 7 ? 255 : random.below(255) + 1);
    }
    const std::unique_ptr<std::int8_t, decltype(&std::free)> query(
        static_cast<std::int8_t*>(std::aligned_alloc(64, stride)), &std::free);
    std::memset(query.get(), 0, stride);
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < size; ++i) {
      query.get()[i] = static_cast<std::int8_t>(static_cast<int>(random.below(255)) - 127);
      sum += query.get()[i];
    }
    // Weights that make the bound the integer dot product itself.
    const ScanQuery scan{query.get(), stride, 128 * sum, 1, 0, 0, 0, 0};
    const CodeColumns columns{codes.data(), scale.data(), zero.data(), zero.data(), zero.data()};
    for (const Kernels* k : all_kernels()) {
      for (const auto& [begin, end] : {std::pair{0U, kRows}, {5U, 6U}, {16U, 48U}, {1U, 18U}}) {
        std::uint32_t rows[kRows], expected_rows[kRows];
        float bounds[kRows], expected[kRows];
        for (const float threshold : {-std::numeric_limits<float>::infinity(), 0.0F}) {
          const auto found = k->scan(scan, columns, begin, end, threshold, rows, bounds);
          ASSERT_EQ(found, kScalarKernels.scan(scan, columns, begin, end, threshold, expected_rows, expected))
              << k->name;
          for (std::uint32_t i = 0; i < found; ++i) {
            EXPECT_EQ(rows[i], expected_rows[i]) << k->name;
            EXPECT_EQ(bounds[i], expected[i]) << k->name << " " << size;
          }
          std::vector<std::uint32_t> picked;  // the same rows the other way round
          for (std::uint32_t row = end; row > begin; --row) picked.push_back(row - 1);
          const auto again = k->scan_picked(scan, columns, picked.data(), end - begin, threshold, rows, bounds);
          ASSERT_EQ(again, found) << k->name;
          for (std::uint32_t i = 0; i < found; ++i) {
            EXPECT_EQ(rows[i], expected_rows[found - 1 - i]) << k->name;
            EXPECT_EQ(bounds[i], expected[found - 1 - i]) << k->name << " " << size;
          }
        }
      }
    }
  }
}

TEST(Kernels, PickedRowsHaveTheSameDotsOnEveryInstructionSet) {
  core::Random random(6);
  constexpr std::uint32_t kRows = 40;
  for (const std::size_t size : kSizes) {
    const std::size_t stride = code_stride(size);
    const std::size_t halved = half_stride(size);
    std::vector<std::uint8_t> codes(kRows * stride, 128), halves(kRows * halved);
    for (std::uint32_t row = 0; row < kRows; ++row) {
      for (std::size_t i = 0; i < size; ++i)  // the far ends too
        codes[row * stride + i] = static_cast<std::uint8_t>(row == 7 ? 255 : row == 8 ? 1 : random.below(255) + 1);
      halve(codes.data() + row * stride, size, halves.data() + row * halved);
    }
    const std::unique_ptr<std::int8_t, decltype(&std::free)> query(
        static_cast<std::int8_t*>(std::aligned_alloc(64, 2 * halved)), &std::free);
    std::memset(query.get(), 0, 2 * halved);
    for (std::size_t i = 0; i < size; ++i)
      query.get()[i] = static_cast<std::int8_t>(static_cast<int>(codes[7 * stride + i]) - 128);
    for (const std::uint32_t count : {0U, 1U, 3U, 4U, 5U, 33U}) {
      std::vector<std::uint32_t> rows;
      for (std::uint32_t i = 0; i < count; ++i) rows.push_back(static_cast<std::uint32_t>(random.below(kRows)));
      for (const Kernels* k : all_kernels()) {
        std::vector<std::int32_t> dots(count + 1, 12'345), half_dots(count + 1, 12'345);
        k->pick(codes.data() + 7 * stride, codes.data(), stride, rows.data(), count, dots.data());
        k->pick_halves(query.get(), halves.data(), halved, rows.data(), count, half_dots.data());
        for (std::uint32_t i = 0; i < count; ++i) {
          std::int32_t dot = 0, half_dot = 0;
          for (std::size_t j = 0; j < size; ++j) {
            const int code = codes[rows[i] * stride + j];
            dot += (codes[7 * stride + j] - 128) * code;
            half_dot += query.get()[j] * (code >> 4);
          }
          EXPECT_EQ(dots[i], dot) << k->name << " " << size;
          EXPECT_EQ(half_dots[i], half_dot) << k->name << " " << size;
        }
        EXPECT_EQ(dots[count], 12'345) << k->name;  // nothing is written behind
        EXPECT_EQ(half_dots[count], 12'345) << k->name;
      }
    }
  }
}

TEST(Kernels, ABoundIsNeverBelowTheScoreAndTheLowerOneNeverAbove) {
  core::Random random(5);
  for (const Metric metric : {Metric::cosine, Metric::l2, Metric::inner_product}) {
    for (int round = 0; round < 300; ++round) {
      const std::size_t size = kSizes[random.below(std::size(kSizes))];
      auto x = random_vector(random, size);
      auto q = random_vector(random, size);
      const double spread = std::pow(10, random.real() * 60 - 30);
      for (float& value : x) value *= static_cast<float>(spread);
      if (random.chance(0.3)) q = x;  // equal vectors leave the least room
      if (random.chance(0.2)) x[random.below(size)] *= 1000;
      std::vector<std::uint8_t> codes(code_stride(size));
      const RowCode row = encode_row(metric, x, codes.data());
      const QueryCode query(metric, q);
      const CodeColumns columns{codes.data(), &row.scale, &row.residual, &row.length, &row.square};
      for (const Kernels* k : all_kernels()) {
        std::uint32_t found[1];
        float bound[1];
        ASSERT_EQ(k->scan(query.scan(), columns, 0, 1, -std::numeric_limits<float>::infinity(), found, bound), 1U);
        if (std::isnan(bound[0])) continue;  // says nothing; the row is scored
        const float score = query.score(x);
        EXPECT_GE(bound[0], score) << k->name << " metric " << static_cast<int>(metric) << " size " << size
                                   << " spread " << spread;
        const float lower = bound[0] - query.slack(columns, 0);
        if (!std::isnan(lower)) {
          EXPECT_LE(lower, score) << k->name << " metric " << static_cast<int>(metric) << " size " << size << " spread "
                                  << spread;
        }
      }
    }
  }
}

}  // namespace
}  // namespace strata::store::vector::distance
