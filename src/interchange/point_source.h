#pragma once
/// What every format is to the import: points, one after the other, and what is known of all of them.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "strata/interchange.h"

namespace strata::interchange {

/// A point on its way in; its vector and payload are as the file holds them, not checked.
struct IncomingPoint {
  std::string id;
  std::vector<float> vector;
  Map payload;
  std::string place;  ///< where it is, for people: "row 17", "label 4711"
};

/// What of a file's points is left out or changed. Kept in the order in which the kinds were met.
class Remarks {
 public:
  void add(std::string_view what, std::string_view example, std::uint64_t points = 1);
  std::vector<TransferRemark> list() const { return remarks_; }
  /// Those of `other` behind these; it is empty then.
  void take(Remarks& other);

 private:
  std::vector<TransferRemark> remarks_;
};

struct SourceInfo {
  std::string format;            ///< "faiss IndexHNSWFlat"
  std::uint32_t dimension = 0;   ///< 1 … kDimensionMax; 0: there are no points
  std::optional<Metric> metric;  ///< none: the file does not say, or means one that we do not have
  std::string metric_text;       ///< why none: "an hnswlib file does not say which metric it was made for"
  std::uint64_t points = 0;      ///< 0: not known before the end
};

/// Text, or an integer in decimal digits; none: it is something else.
std::optional<std::string> id_of(const Value& value);
/// A list of numbers, at least one, each as the nearest float; `rounded` is set where one is another number then. None: it is something else.
std::optional<std::vector<float>> floats_of(const Value& value, bool& rounded);

/// One thread at a time.
class PointSource {
 public:
  virtual ~PointSource() = default;
  virtual const SourceInfo& info() const = 0;
  /// The next point, in the file's order; false at the end. What the file marks as deleted is passed over and remarked.
  /// Errors  corruption, invalid_argument: file and offset are named
  virtual Result<bool> next(IncomingPoint& point, Remarks& remarks) = 0;
};

/// One of a file that says nowhere how many dimensions there are: the first point is read to learn it, and given first.
class PeekingSource : public PointSource {
 public:
  const SourceInfo& info() const final { return info_; }
  Result<bool> next(IncomingPoint& point, Remarks& remarks) final;

 protected:
  /// To be called once, when `read` can be: sets info_.dimension. Errors  as next
  Result<void> read_first();
  /// As next, without looking ahead.
  virtual Result<bool> read(IncomingPoint& point, Remarks& remarks) = 0;

  SourceInfo info_;
  Remarks first_remarks_;  ///< told with the first point

 private:
  IncomingPoint first_;
  bool has_first_ = false;
};

}  // namespace strata::interchange
