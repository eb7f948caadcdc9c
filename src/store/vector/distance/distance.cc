#include "store/vector/distance/distance.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace strata::store::vector::distance {
namespace {

// Each instruction set is asked for by name: a processor may have a newer one and lack an older.
bool has_avx2() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return false;
#endif
}

bool has_avx512_vnni() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
#else
  return false;
#endif
}

std::vector<const Kernels*> runnable() {
  std::vector<const Kernels*> sets{&kScalarKernels};
  if (const Kernels* neon = neon_kernels()) sets.push_back(neon);
  if (const Kernels* avx2 = avx2_kernels(); avx2 && has_avx2()) sets.push_back(avx2);
  if (const Kernels* avx512 = avx512_kernels(); avx512 && has_avx512_vnni()) sets.push_back(avx512);
  return sets;
}

const std::vector<const Kernels*>& sets() {
  static const std::vector<const Kernels*> all = runnable();
  return all;
}

// Float arithmetic on the way to a bound loses at most this share; bounds are widened by it.
constexpr float kRoundUp = 1.0F + 4e-6F;

}  // namespace

const Kernels& kernels() {
  static const Kernels& best = *sets().back();
  return best;
}

std::span<const Kernels* const> all_kernels() { return sets(); }

CodedVector encode(std::span<const float> x, double divisor, std::uint8_t* codes) {
  CodedVector coded;
  const Kernels& k = kernels();
  coded.norm = std::sqrt(k.dot(x.data(), x.data(), x.size()));
  std::fill(codes, codes + code_stride(x.size()), std::uint8_t{128});

  const float largest = k.largest(x.data(), x.size());
  // So small (or the quotient so large) that 1/scale leaves the normal numbers: the row keeps the code zero, and a residual
  // that lets it through to the exact look.
  const float scale = largest / 127.0F;
  if (!(scale > 1e-30F)) {
    coded.residual = static_cast<float>(coded.norm / divisor) * kRoundUp;
    return coded;
  }
  const CodeErrors errors = k.code(x.data(), x.size(), scale, codes);
  coded.step = scale;
  coded.scale = static_cast<float>(static_cast<double>(scale) / divisor);
  coded.residual = static_cast<float>(std::sqrt(errors.lost) / divisor) * kRoundUp;
  coded.length = static_cast<float>(std::sqrt(errors.kept) / divisor) * kRoundUp;
  return coded;
}

void halve(const std::uint8_t* codes, std::size_t dimension, std::uint8_t* halves) {
  const std::size_t stride = half_stride(dimension);
  const std::size_t coded = code_stride(dimension);
  for (std::size_t i = 0; i < stride; ++i) {
    const std::size_t low = i / 64 * 128 + i % 64;
    const std::size_t high = low + 64;
    halves[i] =
        static_cast<std::uint8_t>((low < coded ? codes[low] >> 4 : 0) | (high < coded ? codes[high] & 0xf0 : 0));
  }
}

}  // namespace strata::store::vector::distance
