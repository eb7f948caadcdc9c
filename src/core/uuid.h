#pragma once
/// Names as UUIDs, for stores whose ids are nothing else: RFC 9562, version 5, the same for the same text everywhere.
#include <string>
#include <string_view>

namespace strata::core {

/// Of `text` in the namespace of object identifiers: "c3d3f5a2-…", in lower case.
std::string uuid_of_text(std::string_view text);
/// Whether it is a UUID written with hyphens, of any version, in either case.
bool is_uuid(std::string_view text) noexcept;

}  // namespace strata::core
