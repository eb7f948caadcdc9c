#pragma once
/// Bytes as hexadecimal digits: two a byte, the high half first.
#include <string>
#include <string_view>

#include "strata/error.h"
#include "strata/value.h"

namespace strata::core {

std::string to_hex(ByteView bytes);  ///< lower case
/// Errors  invalid_argument (odd length, a character that is not a hexadecimal digit)
Result<Bytes> from_hex(std::string_view text);

}  // namespace strata::core
