#include "store/vector/split_vector.h"

#include <bit>
#include <vector>

#include "core/endian.h"
#include "store/vector/distance/distance.h"

namespace strata::store::vector {
namespace {

constexpr std::uint32_t kRests = std::uint32_t{1} << 24;
constexpr std::size_t kExceptionBytes = 3;

void put_rest(std::uint32_t rest, std::size_t i, std::size_t size, std::uint8_t* rests) {
  rests[2 * i] = static_cast<std::uint8_t>(rest);
  rests[2 * i + 1] = static_cast<std::uint8_t>(rest >> 8);
  rests[2 * size + i] = static_cast<std::uint8_t>(rest >> 16);
}

std::uint32_t rest_at(const std::uint8_t* rests, std::size_t i, std::size_t size) {
  return std::uint32_t{rests[2 * i]} | std::uint32_t{rests[2 * i + 1]} << 8 | std::uint32_t{rests[2 * size + i]} << 16;
}

// The rest that tells `bits` beside its code; kRests when none does.
std::uint32_t rest_of(std::uint32_t bits, std::int32_t number, float step) {
  const std::uint32_t sign = bits & distance::kSignBit;
  const std::uint32_t magnitude = bits & ~distance::kSignBit;
  if (number == 0) {
    if (magnitude == 0) return sign >> 8;
    const std::uint32_t before =
        std::bit_cast<std::uint32_t>(step * 0.5F) + distance::kEdgeMargin - distance::kInnerRests + 1;
    const std::uint32_t rest = magnitude - before;  // wraps where it is below
    return step > 0 && rest > 0 && rest < distance::kInnerRests ? rest | sign >> 8 : kRests;
  }
  if ((sign != 0) != (number < 0)) return kRests;
  const float edge = step * (static_cast<float>(number < 0 ? -number : number) - 0.5F);
  const std::uint32_t rest = magnitude - (std::bit_cast<std::uint32_t>(edge) - distance::kEdgeMargin);
  return rest < kRests ? rest : kRests;
}

}  // namespace

void split_vector(std::span<const float> x, float step, const std::uint8_t* codes, std::uint8_t* rests,
                  Bytes& exceptions) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto bits = std::bit_cast<std::uint32_t>(x[i]);
    std::uint32_t rest = rest_of(bits, static_cast<std::int32_t>(codes[i]) - 128, step);
    if (rest == kRests) {
      places.push_back(i);
      rest = bits % kRests;
    }
    put_rest(rest, i, x.size(), rests);
  }
  const auto put = [&](std::uint32_t byte) { exceptions.push_back(static_cast<std::byte>(byte)); };
  if (places.size() * kExceptionBytes < x.size()) {
    for (const std::size_t place : places) {
      put(static_cast<std::uint32_t>(place) & 0xff);
      put(static_cast<std::uint32_t>(place) >> 8);
      put(std::bit_cast<std::uint32_t>(x[place]) >> 24);
    }
    return;
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto bits = std::bit_cast<std::uint32_t>(x[i]);
    put_rest(bits % kRests, i, x.size(), rests);
    put(bits >> 24);
  }
}

bool join_vector(const std::uint8_t* codes, float step, const std::uint8_t* rests, ByteView exceptions,
                 std::span<float> out) {
  const std::size_t size = out.size();
  const auto bits_at = [&](std::size_t i, std::byte upper) {
    return std::bit_cast<float>(rest_at(rests, i, size) | std::to_integer<std::uint32_t>(upper) << 24);
  };
  if (exceptions.size() == size) {
    for (std::size_t i = 0; i < size; ++i) out[i] = bits_at(i, exceptions[i]);
    return true;
  }
  if (exceptions.size() > size || exceptions.size() % kExceptionBytes != 0) return false;
  distance::kernels().join(codes, step, rests, size, out.data());
  for (std::size_t at = 0; at < exceptions.size(); at += kExceptionBytes) {
    const std::size_t place = core::load<std::uint16_t>(exceptions.data() + at);
    if (place >= size) return false;
    out[place] = bits_at(place, exceptions[at + 2]);
  }
  return true;
}

}  // namespace strata::store::vector
