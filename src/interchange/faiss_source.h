#pragma once
#include "interchange/point_names.h"

namespace strata::interchange {

/// The vectors of a faiss index file (faiss_layout.h); labels are its ids. Numbers that a quantizer keeps come as it gives them
/// back, which is remarked. Borrows `names`, which may be nullptr. Errors  as read_faiss_layout
Result<std::unique_ptr<PointSource>> open_faiss(io::FileSystem& files, const std::string& name, PointNames* names);

}  // namespace strata::interchange
