// The plain types of the contract strata/object.h.
#include "core/digest.h"
#include "strata/object.h"

namespace strata {
namespace {
constexpr std::array<std::string_view, 4> kCompressionNames{"automatic", "none", "lz4", "zstd"};
}  // namespace

std::string Address::to_string() const { return core::to_hex(digest); }

Result<Address> Address::parse(std::string_view text) {
  Address address;
  auto bytes = core::from_hex(text);
  if (!bytes || bytes->size() != address.digest.size()) {
    return Error(ErrorCode::invalid_argument,
                 "not an address (64 hexadecimal digits): \"" + std::string(text.substr(0, 80)) + "\"");
  }
  std::copy(bytes->begin(), bytes->end(), address.digest.begin());
  return address;
}

std::string_view name(Compression compression) noexcept {
  return kCompressionNames[static_cast<std::size_t>(compression)];
}

Result<Compression> parse_compression(std::string_view text) {
  for (std::size_t i = 0; i < kCompressionNames.size(); ++i) {
    if (kCompressionNames[i] == text) return static_cast<Compression>(i);
  }
  return Error(ErrorCode::invalid_argument, "not a compression: \"" + std::string(text.substr(0, 64)) +
                                                "\"; there are automatic, none, lz4 and zstd");
}

}  // namespace strata
