#pragma once
#include <string_view>
#include <vector>

#include "strata/value.h"

namespace strata::cli {

struct Context;

/// Whether a line at the prompt is SQL: by its first word, after comments.
bool looks_like_sql(std::string_view line);
/// Runs one statement on the rows; prints what it selects, or how many rows it changed.
Result<void> run_sql(Context& context, std::string_view sql, const std::vector<Value>& parameters);

}  // namespace strata::cli
