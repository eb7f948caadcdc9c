#pragma once
/// Distance arithmetic. Two kinds, with different promises:
///
///     exact   dot and squared_l2 over float32, summed in double in a fixed order (16 lanes, then a tree), so that every
///             instruction set gives the same bits and a score is the same on every machine
///     scan    an upper bound of each row's score from its 8-bit code; it never says less than the exact score
///
/// A vector x is coded as x ≈ scale · (code − 128), code 1 … 255, with residual = ‖x − scale · (code − 128)‖. For a query
/// coded the same way the Cauchy–Schwarz inequality bounds what the codes left out:
///
///     |⟨q, x⟩ − ⟨q̂, x̂⟩| ≤ ‖q‖ · ‖x − x̂‖ + ‖q − q̂‖ · ‖x̂‖
///
/// so the scan plus an exact second look at the rows whose bound reaches the k-th best gives exactly the brute-force
/// answer (I5 of the store's README). One translation unit per instruction set; the others stay free of its flags.
#include <cstddef>
#include <cstdint>
#include <span>

namespace strata::store::vector::distance {

/// Codes of one row take this many bytes: a whole number of cache lines.
constexpr std::size_t code_stride(std::size_t dimension) { return (dimension + 63) / 64 * 64; }
/// Half codes, the upper four bits of each code: of every 128 dimensions 64 bytes, byte i holding dimension i in its low half and
/// dimension 64 + i in its high half. Dimensions past the last count as 0.
constexpr std::size_t half_stride(std::size_t dimension) { return (dimension + 127) / 128 * 64; }

/// What a scan reads of one run of rows. Columns are parallel arrays; codes lie code_stride apart.
struct CodeColumns {
  const std::uint8_t* codes = nullptr;
  const float* scale = nullptr;
  const float* residual = nullptr;  ///< ‖x − x̂‖, rounded up
  const float* length = nullptr;    ///< ‖x̂‖, rounded up
  const float* square = nullptr;    ///< ‖x‖² under l2, else 0
};

/// bound(row) = dot_weight · scale · ⟨query, code − 128⟩ + residual_weight · residual + length_weight · length
///              + square_weight · square + constant
struct ScanQuery {
  const std::int8_t* codes = nullptr;  ///< [2 · half_stride(dimension)], 64-byte aligned, zero past the dimension
  std::size_t stride = 0;
  std::int32_t bias = 0;  ///< 128 · Σ codes
  float dot_weight = 0;
  float residual_weight = 0;
  float length_weight = 0;
  float square_weight = 0;
  float constant = 0;
};

/// What a code leaves out, and what it keeps: ‖x − x̂‖² and ‖x̂‖².
struct CodeErrors {
  double lost = 0;
  double kept = 0;
};

/// How a float32 is told by its code and a rest of 24 bits (split_vector.h).
inline constexpr std::uint32_t kSignBit = std::uint32_t{1} << 31;
inline constexpr std::uint32_t kInnerRests = std::uint32_t{1} << 23;  ///< of each sign, around 0
/// So many floats beyond the edges of a code's interval are still told: rounding may have put them there, a few hundred at the most.
inline constexpr std::uint32_t kEdgeMargin = 1024;

/// Centroids side by side: in each block the first dimension of kCentroidLanes of them, then the second, …
inline constexpr std::size_t kCentroidLanes = 16;
struct CentroidBlocks {
  const float* lanes = nullptr;    ///< [blocks × dimension × kCentroidLanes], 64-byte aligned
  const float* offsets = nullptr;  ///< [blocks × kCentroidLanes], 64-byte aligned; infinite past the last centroid
  std::size_t dimension = 0;
  std::size_t blocks = 0;
};

struct Kernels {
  const char* name;
  double (*dot)(const float* a, const float* b, std::size_t size);
  double (*squared_l2)(const float* a, const float* b, std::size_t size);
  /// Writes the rows of [begin, end) whose bound is not below `threshold` (a NaN bound counts as reaching it), with their
  /// bounds; returns how many. `rows` and `bounds` hold end − begin.
  std::uint32_t (*scan)(const ScanQuery& query, const CodeColumns& columns, std::uint32_t begin, std::uint32_t end,
                        float threshold, std::uint32_t* rows, float* bounds);
  /// The same of `picked`, [count] rows that lie anywhere.
  std::uint32_t (*scan_picked)(const ScanQuery& query, const CodeColumns& columns, const std::uint32_t* picked,
                               std::uint32_t count, float threshold, std::uint32_t* rows, float* bounds);
  /// Codes of x at a scale, and what they leave out; the same bits whatever the instruction set.
  CodeErrors (*code)(const float* x, std::size_t size, float scale, std::uint8_t* codes);
  float (*largest)(const float* x, std::size_t size);  ///< magnitude; 0 for none
  /// The floats that codes at a step and rests [3 · size] tell; the same whatever the instruction set.
  void (*join)(const std::uint8_t* codes, float step, const std::uint8_t* rests, std::size_t size, float* out);
  /// dots[i] = ⟨query − 128, code of rows[i]⟩, both codes; rows lie anywhere: the steps of a walk.
  void (*pick)(const std::uint8_t* query, const std::uint8_t* codes, std::size_t stride, const std::uint32_t* rows,
               std::uint32_t count, std::int32_t* dots);
  /// dots[i] = ⟨query, half code of rows[i]⟩; `query` is [2 · stride], 64-byte aligned, zero past the dimension.
  void (*pick_halves)(const std::int8_t* query, const std::uint8_t* halves, std::size_t stride,
                      const std::uint32_t* rows, std::uint32_t count, std::int32_t* dots);
  /// Of each of `count` points, [count × dimension], the centroid c for which ⟨point, c⟩ − its offset is largest, the first of several, and
  /// how large; the same bits whatever the instruction set. None when no such number can be told: 0 and −infinity.
  void (*nearest_centroids)(const float* points, std::size_t count, const CentroidBlocks& centroids,
                            std::uint32_t* nearest, float* similarity);
  /// Σ query[i] over the bits that are set; bits [size / 8], the first in the lowest bit of the first byte; size a multiple of 64.
  std::int32_t (*dot_bits)(const std::int8_t* query, const std::uint8_t* bits, std::size_t size);
  /// ⟨a, b⟩ in float, in whatever order is quick: it says where to look, and is no score.
  float (*near_dot)(const float* a, const float* b, std::size_t size);
  /// The same of half-precision numbers, finite, at any address.
  float (*near_dot_half)(const float* a, const std::uint8_t* b, std::size_t size);
};

/// The best set this processor has; chosen once.
const Kernels& kernels();
/// Every set this processor can run, scalar first: for tests.
std::span<const Kernels* const> all_kernels();

/// The error terms of one coded vector.
struct CodedVector {
  float step = 0;   ///< from code to code; 0: x is so small that its codes tell nothing
  float scale = 0;  ///< step / divisor
  float residual = 0;
  float length = 0;
  double norm = 0;  ///< ‖x‖, exact to double
};
/// Codes x / divisor; codes [code_stride(size)], bytes past the dimension are 128.
CodedVector encode(std::span<const float> x, double divisor, std::uint8_t* codes);
/// The half codes of one row's codes; halves [half_stride(dimension)].
void halve(const std::uint8_t* codes, std::size_t dimension, std::uint8_t* halves);

// One per translation unit; nullptr where the compiler target lacks it.
extern const Kernels kScalarKernels;
const Kernels* avx2_kernels();
const Kernels* avx512_kernels();
const Kernels* neon_kernels();

}  // namespace strata::store::vector::distance
