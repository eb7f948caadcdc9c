#pragma once
/// The power cut of a mounted file system.
#include <string>

namespace strata::crash {

/// Shuts down the file system that holds `directory`, as if the power went out: what was not synced is lost.
void shut_down(const std::string& directory);

}  // namespace strata::crash
