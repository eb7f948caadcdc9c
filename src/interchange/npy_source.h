#pragma once
#include "interchange/point_names.h"

namespace strata::interchange {

/// An array of two axes, a row a point; labels are the rows. Numbers of other types become floats of 32 bits, which is remarked
/// where it may round. Borrows `names`, which may be nullptr.
/// Errors  invalid_argument (other axes, text, Fortran order; as many names as rows are needed), corruption (the file ends early)
Result<std::unique_ptr<PointSource>> open_npy(io::FileSystem& files, const std::string& name, PointNames* names);

}  // namespace strata::interchange
