#pragma once
/// Parquet (and with it what Arrow, pandas, LanceDB and many others write): a row a point.
#include "interchange/point_names.h"

namespace strata::interchange {

struct ColumnNames {
  std::string id;      ///< empty: "id"
  std::string vector;  ///< empty: "vector", "embedding", or the only column of lists of real numbers
};

/// The other columns are the payload, under their names; what is null is absent. A text column "payload" holds JSON objects, whose
/// members are the payload's. Columns of types that a payload has not (times, decimals, integers beyond 64 bits) become text, which is remarked.
/// Errors  invalid_argument (no such columns: those that there are are named), corruption
Result<std::unique_ptr<PointSource>> open_parquet(io::FileSystem& files, const std::string& name, ColumnNames columns);

}  // namespace strata::interchange
