#include "store/metadata/sqlite_files.h"

#include <array>
#include <atomic>

#include "core/mutex.h"
#include "store/metadata/sqlite.h"

namespace strata::store::metadata {
namespace {

constexpr const char* kName = "strata";

/// SQLite's methods of one kind of file, with another read. A file points to the first member, and so leads to the second.
struct Methods {
  sqlite3_io_methods ours;
  const sqlite3_io_methods* theirs;
};

int read(sqlite3_file* file, void* out, int bytes, sqlite3_int64 offset) {
  const auto* methods = reinterpret_cast<const Methods*>(file->pMethods);
  const int code = methods->theirs->xRead(file, out, bytes, offset);
  return code == SQLITE_IOERR_CORRUPTFS ? SQLITE_IOERR_READ : code;
}

/// SQLite has a handful of kinds, by how they lock. One that finds no place here keeps its own read.
class Kinds {
 public:
  const sqlite3_io_methods* of(const sqlite3_io_methods* theirs) {
    const core::MutexLock lock(mutex_);
    for (Methods& known : kinds_) {
      if (known.theirs == theirs) return &known.ours;
      if (known.theirs != nullptr) continue;
      known = {*theirs, theirs};
      known.ours.xRead = read;
      return &known.ours;
    }
    return theirs;
  }

 private:
  core::Mutex mutex_;
  std::array<Methods, 8> kinds_ STRATA_GUARDED_BY(mutex_){};
};

/// What SQLite keeps registered: as long as the process lives.
struct Layer {
  sqlite3_vfs ours{};
  sqlite3_vfs* theirs = nullptr;
  Kinds kinds;
};
Layer& layer() {
  static Layer one;
  return one;
}

int open(sqlite3_vfs*, sqlite3_filename name, sqlite3_file* file, int flags, int* out_flags) {
  const int code = layer().theirs->xOpen(layer().theirs, name, file, flags, out_flags);
  if (file->pMethods != nullptr) file->pMethods = layer().kinds.of(file->pMethods);
  return code;
}

}  // namespace

Result<const char*> sqlite_files() {
  static const bool registered = [] {
    layer().theirs = sqlite3_vfs_find(nullptr);
    if (layer().theirs == nullptr) return false;
    layer().ours = *layer().theirs;
    layer().ours.zName = kName;
    layer().ours.pNext = nullptr;
    layer().ours.xOpen = open;
    return sqlite3_vfs_register(&layer().ours, 0) == SQLITE_OK;
  }();
  if (!registered) return Error(ErrorCode::internal, "SQLite has no layer over files on this system");
  return kName;
}

}  // namespace strata::store::metadata
