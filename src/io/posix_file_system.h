#pragma once
#include <optional>

#include "io/file_system.h"

namespace strata::io {

/// The real disk below `root`, an existing directory. Every open is confined to it (openat2 RESOLVE_BENEATH where the
/// kernel has it). Errors  not_found, permission_denied, io
Result<std::unique_ptr<FileSystem>> open_posix_file_system(const std::string& root);

/// Makes the directory that a file system can then be opened on; its parents must exist. Fine when it is there.
/// Errors  not_found (a parent), permission_denied, invalid_argument (there is a file of that name), io
Result<void> make_root_directory(const std::string& root);

/// Who holds the lock on file `name` below `root`: the text given to FileSystem::lock, "" when it has none. Nothing when
/// nobody does. Neither takes the lock nor waits for it, so that an opening at this moment is not refused.
/// Errors  not_found (there is no such file), permission_denied, unsupported (the disk cannot tell), io
Result<std::optional<std::string>> lock_owner(const std::string& root, std::string_view name);

/// Two numbers that no other directory of this machine has at the same time, as text. Errors  as open_posix_file_system
Result<std::string> directory_identity(const std::string& root);

}  // namespace strata::io
