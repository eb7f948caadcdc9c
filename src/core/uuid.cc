#include "core/uuid.h"

#include <openssl/evp.h>

#include <array>

#include "core/assert.h"

namespace strata::core {
namespace {

constexpr std::string_view kHyphened = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
// 6ba7b812-9dad-11d1-80b4-00c04fd430c8: NameSpace_OID of RFC 9562, section 6.6
constexpr std::string_view kNamespace("\x6b\xa7\xb8\x12\x9d\xad\x11\xd1\x80\xb4\x00\xc0\x4f\xd4\x30\xc8", 16);

}  // namespace

std::string uuid_of_text(std::string_view text) {
  const std::string named = std::string(kNamespace) + std::string(text);
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash = {};
  STRATA_ASSERT(EVP_Digest(named.data(), named.size(), hash.data(), nullptr, EVP_sha1(), nullptr) == 1);
  hash[6] = static_cast<unsigned char>((hash[6] & 0x0F) | 0x50);  // version 5
  hash[8] = static_cast<unsigned char>((hash[8] & 0x3F) | 0x80);  // variant of the RFC
  std::string uuid;
  for (std::size_t byte = 0; uuid.size() < kHyphened.size(); ++byte) {
    if (kHyphened[uuid.size()] == '-') uuid += '-';
    uuid += "0123456789abcdef"[hash[byte] >> 4];
    uuid += "0123456789abcdef"[hash[byte] & 15];
  }
  return uuid;
}

bool is_uuid(std::string_view text) noexcept {
  if (text.size() != kHyphened.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (kHyphened[i] == '-' ? c != '-' : !digit) return false;
  }
  return true;
}

}  // namespace strata::core
