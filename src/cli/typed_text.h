#pragma once
/// Values of an answer as text, by what their column holds: a moment as ISO 8601, a decimal with all its digits.
///
///     timestamp  2026-11-20T10:00:00.000000Z       date  2026-11-20       time  10:00:00.000000
///     interval   P1M2DT3.5S (ISO 8601)             infinity, -infinity    as they are
#include <string>

#include "strata/rows.h"

namespace strata::cli {

/// A value as it is shown where no quotes are needed; NULL is empty.
std::string text_of(const Value& value, const ValueType& type);
/// JSON: what stands for itself as to_json has it, a decimal or a large integer as a number, moments as text.
std::string json_of(const Value& value, const ValueType& type);
bool is_number(ValueType::Kind kind);

}  // namespace strata::cli
