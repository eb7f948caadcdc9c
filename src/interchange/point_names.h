#pragma once
/// What the points of a file are called whose vectors have only numbers, its labels: the rows of an array, the integer ids of a faiss
/// or hnswlib index. Beside such a file lies another one:
///
///     JSON lines    "n1"  or  17  or  {"id": "n1", "payload": {…}, "label": 4711}; without "label" the first line is label 0
///     .npy          one axis of integers or of text; the first item is label 0
#include <memory>

#include "interchange/input_file.h"
#include "interchange/point_source.h"

namespace strata::interchange {

inline constexpr std::size_t kLineBytesMax = 4 << 20;  // a payload of 1 MiB, with every character escaped

/// One thread at a time.
class PointNames {
 public:
  virtual ~PointNames() = default;
  virtual std::uint64_t count() const = 0;
  /// Sets id and payload; false when nothing has this label. Errors  invalid_argument (a line that is no such JSON: it is named)
  virtual Result<bool> describe(std::uint64_t label, IncomingPoint& point) = 0;

  /// Which of the two it is, its first bytes say.
  /// Errors  invalid_argument (also: a label twice, lines with and without labels)
  /// Cost    a pass over JSON lines; memory 8 bytes a line, 16 where they have labels
  static Result<std::unique_ptr<PointNames>> open(io::FileSystem& files, const std::string& name);
};

/// The label in decimal digits, or what `names` says of it. False, with a remark, when `names` has none for it.
Result<bool> name_point(PointNames* names, std::uint64_t label, IncomingPoint& point, Remarks& remarks);

}  // namespace strata::interchange
