#pragma once
/// What a user gave, quoted in a message: its beginning.
#include <string>
#include <string_view>

namespace strata::core {

inline constexpr std::size_t kExcerptBytes = 80;

/// At most 80 bytes, cut between two characters of UTF-8, with … where something is missing.
inline std::string excerpt(std::string_view text) {
  if (text.size() <= kExcerptBytes) return std::string(text);
  std::size_t end = kExcerptBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return std::string(text.substr(0, end)) + "…";
}

}  // namespace strata::core
