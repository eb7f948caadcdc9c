#include "core/utf8.h"

#include <cstdint>

namespace strata::core {

bool is_utf8(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    const std::size_t length = first < 0x80         ? 1
                               : first >> 5 == 0x06 ? 2
                               : first >> 4 == 0x0E ? 3
                               : first >> 3 == 0x1E ? 4
                                                    : 0;
    if (length == 0 || length > text.size() - i) return false;
    std::uint32_t code_point = length == 1 ? first : first & (0x7FU >> length);
    for (std::size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if (next >> 6 != 2) return false;
      code_point = code_point << 6 | (next & 0x3FU);
    }
    constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
    if (code_point < kLeast[length] || code_point > 0x10FFFF || surrogate) return false;
    i += length;
  }
  return true;
}

}  // namespace strata::core
