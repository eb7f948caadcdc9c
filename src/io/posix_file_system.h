#pragma once
#include "io/file_system.h"

namespace strata::io {

/// The real disk below `root`, an existing directory. Every open is confined to it (openat2 RESOLVE_BENEATH where the
/// kernel has it). Errors  not_found, permission_denied, io
Result<std::unique_ptr<FileSystem>> open_posix_file_system(const std::string& root);

/// Makes the directory that a file system can then be opened on; its parents must exist. Fine when it is there.
/// Errors  not_found (a parent), permission_denied, invalid_argument (there is a file of that name), io
Result<void> make_root_directory(const std::string& root);

}  // namespace strata::io
