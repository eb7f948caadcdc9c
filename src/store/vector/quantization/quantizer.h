#pragma once
/// Codes of vectors, shorter than they are, and how near a query is to what they stand for.
///
///     scalar 4, range point       the upper halves of a segment's own codes, side by side       dimension / 2 bytes
///     scalar 8, range point       a segment's own codes: nothing is kept beside them            0
///     scalar 4 and 8, ranges      levels spread evenly over a dimension, or over all            dimension / 2, dimension
///     scalar 16                   half-precision floats                                         2 · dimension
///     product (product.h)         a number in a codebook for each group of dimensions           parts · bits / 8
///     rabitq (rabitq.h)           a bit a dimension, after a rotation                           dimension / 8 + 8
///     none                        the vectors of the part                                       0
///
/// Codes say where to look, never what is true: whoever asks scores the rows they name in full. So a code may be as coarse as it likes,
/// and the order it gives is all that counts. Similarities of one quantizer are compared with each other alone.
#include <functional>
#include <limits>
#include <memory>

#include "store/vector/coding.h"
#include "store/vector/part.h"
#include "strata/vector.h"

namespace strata::store::vector {

/// A row as its code is made from it.
struct CodedRow {
  std::span<const float> vector;  ///< [dimension], of length 1 under cosine; only where a quantizer asks for vectors
  const std::uint8_t* code = nullptr;  ///< its code in the segment or delta, as distance.h says
};

/// Similarities of rows to one query.
class Scorer {
 public:
  virtual ~Scorer() = default;
  /// out[i]: how near rows[i] is; larger is nearer. count  at most kRowsAtOnce
  virtual void operator()(const Row* rows, std::uint32_t count, float* out) const = 0;
  /// How far the similarity of a row is from that of its vector, mostly at most; infinite: it does not say.
  virtual float error(Row row) const {
    (void)row;
    return std::numeric_limits<float>::infinity();
  }
  static constexpr std::uint32_t kRowsAtOnce = 256;
};

/// What a scorer reads. Borrowed for as long as it is used.
struct ScorerInput {
  const std::uint8_t* codes = nullptr;  ///< [rows × code_bytes]
  distance::CodeColumns columns;        ///< of the part: scale and square; codes where code_bytes is 0
  const QueryCode* query = nullptr;
  const Part* part = nullptr;  ///< whose vectors are read when the kind is none
};

/// Threads: any.
class Quantizer {
 public:
  virtual ~Quantizer() = default;
  /// Of a row; 0: what the part keeps anyway is read.
  virtual std::uint32_t code_bytes() const = 0;
  /// Whether encode reads vectors; else the codes of the part are enough.
  virtual bool reads_vectors() const { return true; }
  /// code  [code_bytes]
  virtual void encode(const CodedRow& row, std::uint8_t* code) const = 0;
  /// What was learnt from the sample, for load_quantizer.
  virtual Bytes trained() const { return {}; }
  virtual std::unique_ptr<Scorer> scorer(const ScorerInput& input) const = 0;
};

/// What a quantizer is for.
struct QuantizerShape {
  Metric metric = Metric::cosine;
  ElementType element = ElementType::f32;
  std::uint32_t dimension = 0;
};

/// sample   [rows × dimension] vectors as CodedRow says; empty where the kind learns nothing
/// options  resolved (collection_options.h), not automatic
/// Returns nullptr when `stop` said so.
std::unique_ptr<Quantizer> train_quantizer(const QuantizationOptions& options, const QuantizerShape& shape,
                                           std::span<const float> sample, const std::function<bool()>& stop);
/// Whether a sample is needed to train.
bool learns(const QuantizationOptions& options);
/// From what trained() gave; nullptr when that cannot be.
std::unique_ptr<Quantizer> load_quantizer(const QuantizationOptions& options, const QuantizerShape& shape,
                                          ByteView trained);
/// Scalar of 4 bits over each point: what deltas use, and graphs of before there was a choice.
std::shared_ptr<const Quantizer> half_codes(std::uint32_t dimension);

/// Turns the dot product of a query and a row into what is ranked: under l2 the squares count, too.
class DotRanking {
 public:
  DotRanking(const QueryCode& query, const distance::CodeColumns& columns)
      : factor_(query.metric() == Metric::l2 ? 2.0F : 1.0F),
        square_weight_(query.scan().square_weight),
        square_(columns.square) {}
  float factor() const { return factor_; }
  float similarity(Row row, float dot) const {
    return square_weight_ == 0 ? dot : factor_ * dot + square_weight_ * square_[row];
  }

 private:
  float factor_;
  float square_weight_;
  const float* square_;
};

/// The query as rows are compared with it: of length 1 under cosine. Cost  a pass over it
std::vector<float> compared(const QueryCode& query);

}  // namespace strata::store::vector
