#pragma once
#include "interchange/input_file.h"
#include "interchange/point_source.h"

namespace strata::interchange {

/// What a path holds, opened: the format is `options.format`, or what the content says. Keeps what it opened.
/// Errors  not_found, invalid_argument (no format that is known; options that this format does not take), as each format's
Result<std::unique_ptr<PointSource>> open_source(const VectorImportOptions& options);

}  // namespace strata::interchange
