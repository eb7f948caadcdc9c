// A vector that was split is the vector again, to the bit, whatever it holds.
#include "store/vector/split_vector.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "store/vector/distance/distance.h"
#include "store/vector/store_vector_fixture.h"

namespace strata::store::vector {
namespace {

struct Split {
  float step;
  std::vector<std::uint8_t> codes, rests;
  Bytes exceptions;

  explicit Split(std::span<const float> x) : codes(distance::code_stride(x.size())), rests(rest_bytes(x.size())) {
    step = distance::encode(x, 1, codes.data()).step;
    split_vector(x, step, codes.data(), rests.data(), exceptions);
  }
};

std::vector<std::uint32_t> bits_of(std::span<const float> x) {
  std::vector<std::uint32_t> bits(x.size());
  std::memcpy(bits.data(), x.data(), x.size_bytes());
  return bits;
}

void expect_the_same_again(std::span<const float> x) {
  const Split split(x);
  std::vector<float> again(x.size());
  ASSERT_TRUE(join_vector(split.codes.data(), split.step, split.rests.data(), split.exceptions, again));
  EXPECT_EQ(bits_of(again), bits_of(x));
  EXPECT_LE(split.exceptions.size(), x.size());
}

TEST(SplitVector, IsTheSameVectorAgainWhateverTheNumbersAre) {
  core::Random random(11);
  for (const std::size_t size : {1U, 2U, 3U, 4U, 7U, 63U, 64U, 65U, 128U, 384U, 385U}) {
    for (int round = 0; round < 200; ++round) {
      auto x = random_vector(random, size);
      const double spread = std::exp2(random.real() * 250 - 125);
      for (float& value : x) value *= static_cast<float>(spread);
      if (float& one = x[random.below(size)]; random.chance(0.3) && std::isfinite(one * 1000)) one *= 1000;
      if (random.chance(0.2)) {  // any finite float beside any other
        for (float& value : x) {
          do value = std::bit_cast<float>(static_cast<std::uint32_t>(random.next()));
          while (!std::isfinite(value));
        }
      }
      if (random.chance(0.3)) x[random.below(size)] = 0;
      if (random.chance(0.3)) x[random.below(size)] = -0.0F;
      expect_the_same_again(x);
    }
  }
}

TEST(SplitVector, IsTheSameVectorAgainAtTheEdgesOfEachCode) {
  core::Random random(12);
  for (const float largest : {1.0F, 1.9999999F, 3.4e38F, 1.5e-28F, 0.0731F}) {
    const float step = largest / 127;
    for (int number = 0; number <= 126; ++number) {
      std::vector<float> x{largest};
      float at = step * (static_cast<float>(number) + 0.5F);
      for (int i = 0; i < 300; ++i) at = std::nextafter(at, 0.0F);
      for (int i = 0; i < 600; ++i) {
        x.push_back(random.chance(0.5) ? at : -at);
        at = std::min(std::nextafter(at, std::numeric_limits<float>::max()), largest);
      }
      expect_the_same_again(x);
    }
  }
}

// Coding rounds: a number just inside an interval's edge may get the code beside it.
TEST(SplitVector, NumbersBeyondTheEdgesOfTheirCodesNeedNoExceptions) {
  const float largest = 1, step = largest / 127;
  std::vector<float> x{largest};
  for (int number = 1; number <= 126; ++number) {
    float at = step * (static_cast<float>(number) + 0.5F);
    for (int i = 0; i < 300; ++i) at = std::nextafter(at, 0.0F);
    for (int i = 0; i < 600; ++i, at = std::nextafter(at, 1.0F)) x.push_back(at);
  }
  EXPECT_TRUE(Split(x).exceptions.empty());
}

TEST(SplitVector, OfFewNumbersMoreThanCodesAndRestsIsKept) {
  core::Random random(13);
  std::size_t exceptions = 0;
  for (int round = 0; round < 100; ++round) exceptions += Split(random_vector(random, 384)).exceptions.size();
  EXPECT_LT(exceptions, 100 * 3 * 384 / 50) << "one number in fifty";
  const std::vector<float> zeros(384);
  EXPECT_TRUE(Split(zeros).exceptions.empty());
  std::vector<float> one_large(384, 1e-6F);
  one_large[5] = 1;
  EXPECT_EQ(Split(one_large).exceptions.size(), 384U) << "a byte each, without places";
}

TEST(SplitVector, IsJoinedToTheSameBitsByEveryInstructionSet) {
  core::Random random(14);
  for (const std::size_t size : {1U, 7U, 16U, 31U, 384U, 385U}) {
    const auto x = random_vector(random, size);
    Split split(x);
    for (std::uint8_t& byte : split.rests) byte ^= static_cast<std::uint8_t>(random.chance(0.2) ? random.next() : 0);
    std::vector<float> expected(size), joined(size);
    distance::kScalarKernels.join(split.codes.data(), split.step, split.rests.data(), size, expected.data());
    for (const distance::Kernels* set : distance::all_kernels()) {
      set->join(split.codes.data(), split.step, split.rests.data(), size, joined.data());
      EXPECT_EQ(bits_of(joined), bits_of(expected)) << set->name << " " << size;
    }
  }
}

TEST(SplitVector, ExceptionsThatCannotBeAreRefused) {
  core::Random random(15);
  const auto x = random_vector(random, 16);
  const Split split(x);
  std::vector<float> out(16);
  const auto joins = [&](const Bytes& exceptions) {
    return join_vector(split.codes.data(), split.step, split.rests.data(), exceptions, out);
  };
  EXPECT_FALSE(joins(Bytes(4))) << "of three bytes each";
  EXPECT_FALSE(joins(Bytes(18))) << "more than the numbers";
  EXPECT_TRUE(joins({std::byte{15}, std::byte{0}, std::byte{1}}));
  EXPECT_FALSE(joins({std::byte{16}, std::byte{0}, std::byte{1}})) << "behind the last number";
  EXPECT_FALSE(joins({std::byte{0}, std::byte{1}, std::byte{1}}));
}

}  // namespace
}  // namespace strata::store::vector
