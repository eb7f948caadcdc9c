#pragma once
/// Whether bytes of somebody else are UTF-8 (RFC 3629: no surrogates, nothing longer than it must be).
#include <string_view>

namespace strata::core {

bool is_utf8(std::string_view text) noexcept;

}  // namespace strata::core
