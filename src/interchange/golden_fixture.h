#pragma once
/// The files of tests/interchange/golden: what make_golden.py put into them. For tests.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "interchange/point_source.h"
#include "io/posix_file_system.h"

namespace strata::interchange {

inline constexpr int kGoldenRows = 20;
inline constexpr int kGoldenDimension = 5;

inline std::vector<float> golden_vector(int row) {
  std::vector<float> vector;
  for (int column = 0; column < kGoldenDimension; ++column) {
    vector.push_back(static_cast<float>((row * 7 + column * 3) % 11) - 4.5F + static_cast<float>(row) / 16);
  }
  return vector;
}
inline std::string golden_label(int row) { return std::to_string(100 + 3 * row); }

inline std::unique_ptr<io::FileSystem> golden_files() {
  auto files = io::open_posix_file_system(STRATA_GOLDEN);
  EXPECT_TRUE(files.has_value());
  return std::move(*files);
}

/// Everything a source gives, with its remarks.
struct Drained {
  std::vector<IncomingPoint> points;
  Remarks remarks;
};
inline Result<Drained> drain(PointSource& source) {
  Drained drained;
  IncomingPoint point;
  while (STRATA_TRY(source.next(point, drained.remarks))) drained.points.push_back(point);
  return drained;
}

}  // namespace strata::interchange
