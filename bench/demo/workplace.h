#pragma once
/// Folders that the demo made, and no other: it begins anew each time, and what it removes must be its own.
#include <filesystem>
#include <fstream>

#include "strata/error.h"

namespace strata::demo {

/// A file of this name in a folder says that the demo made it.
inline constexpr const char* kMark = "made-by-strata-demo";

/// Whether a folder may be made anew: it is not there, is empty, or is the demo's. A link is never.
/// Errors  invalid_argument (something else is there: it is named)
inline Result<void> check_ours(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  std::error_code failed;
  const fs::file_status status = fs::symlink_status(folder, failed);
  if (!fs::exists(status)) return {};
  if (fs::is_directory(status) && (fs::exists(folder / kMark, failed) || fs::is_empty(folder, failed))) return {};
  return Error(ErrorCode::invalid_argument, "\"" + folder.string() +
                                                "\" was not made by the demo and is left as it is; give another "
                                                "--directory, or remove it yourself");
}

inline Result<void> mark_ours(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  if (std::ofstream(folder / kMark) << "strata_demo removes this folder when it runs again.\n") return {};
  return Error(ErrorCode::io, "\"" + folder.string() + "\" cannot be written to");
}

}  // namespace strata::demo
