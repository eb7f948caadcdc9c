#include "store/metadata/sqlite_files.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "core/mutex.h"
#include "store/metadata/pages.h"
#include "store/metadata/sqlite.h"

namespace strata::store::metadata {
namespace {

constexpr const char* kName = "strata";
constexpr int kSmallestPage = 512;      // of SQLite's
constexpr int kDamageMet = 0x73'74'72;  // an operation of xFileControl, of ours
constexpr sqlite3_int64 kNoFrame = INT64_MAX;

enum class Kind : std::uint8_t { database, log, other };

/// SQLite's methods of one kind of file, with others in their place. A file points to the first member, and so leads to the rest.
struct Methods {
  sqlite3_io_methods ours;
  const sqlite3_io_methods* theirs;
  Kind kind;
};

/// What we know of an open file; it lies behind SQLite's own structure.
struct State {
  const char* name;  // SQLite's, as long as the file is open
  State* database;   // whose log this is; of the database itself: this
  // The last damage met, kept with the database.
  const char* damage;
  const char* damaged_file;
  sqlite3_int64 damaged_page;
  // Of a log that this connection writes. A page that is written again in one transaction takes the place of its first frame,
  // and the sums from there on are put right at the end of the transaction.
  sqlite3_int64 begun;     // the frame whose header was written last
  sqlite3_int64 unsummed;  // the first frame whose sum is to be put right; kNoFrame: none
};

const Methods& methods_of(sqlite3_file* file) { return *reinterpret_cast<const Methods*>(file->pMethods); }

/// What SQLite keeps registered: as long as the process lives.
struct Layer {
  sqlite3_vfs ours{};
  sqlite3_vfs* theirs = nullptr;
  int state_at = 0;
};
Layer& layer() {
  static Layer one;
  return one;
}

State& state_of(sqlite3_file* file) {
  return *reinterpret_cast<State*>(reinterpret_cast<char*>(file) + layer().state_at);
}

int met_damage(sqlite3_file* file, const char* what, sqlite3_int64 page) {
  State& state = state_of(file);
  state.database->damage = what;
  state.database->damaged_file = state.name;
  state.database->damaged_page = page;
  return SQLITE_IOERR_DATA;
}

int read(sqlite3_file* file, void* out, int bytes, sqlite3_int64 offset) {
  const int code = methods_of(file).theirs->xRead(file, out, bytes, offset);
  return code == SQLITE_IOERR_CORRUPTFS ? SQLITE_IOERR_READ : code;
}

// ---- the database ----------------------------------------------------------------------------------------------------

/// SQLITE_IOERR_SHORT_READ: the file ends where this page begins.
int read_page(sqlite3_file* file, std::byte* out, sqlite3_int64 index) {
  const sqlite3_int64 offset = index * kPageBytes;
  const int code = read(file, out, kPageBytes, offset);
  if (code == SQLITE_IOERR_SHORT_READ) {
    sqlite3_int64 size = 0;
    if (methods_of(file).theirs->xFileSize(file, &size) == SQLITE_OK && size > offset) {
      return met_damage(file, "it is cut off", index + 1);
    }
  }
  if (code != SQLITE_OK) return code;
  const char* const damage = damage_of_page(ConstPage(out, kPageBytes), static_cast<std::uint32_t>(index + 1));
  return damage == nullptr ? SQLITE_OK : met_damage(file, damage, index + 1);
}

int read_database(sqlite3_file* file, void* out, int bytes, sqlite3_int64 offset) {
  // SQLite looks at the beginning of the header before it has any lock, while somebody may be writing the page; what it sees
  // there it reads again with the page.
  if (bytes < kSmallestPage) return read(file, out, bytes, offset);
  auto* const to = static_cast<std::byte*>(out);
  if (bytes == kPageBytes && offset % kPageBytes == 0) return read_page(file, to, offset / kPageBytes);
  // Pages of another size: SQLite believes a header that is not ours, or was damaged.
  std::array<std::byte, kPageBytes> page;
  for (int done = 0; done < bytes;) {
    const sqlite3_int64 index = (offset + done) / kPageBytes;
    const int code = read_page(file, page.data(), index);
    if (code != SQLITE_OK) {
      std::memset(to + done, 0, static_cast<std::size_t>(bytes - done));
      return code;
    }
    const auto from = static_cast<int>(offset + done - index * kPageBytes);
    const int part = std::min(bytes - done, kPageBytes - from);
    std::memcpy(to + done, page.data() + from, static_cast<std::size_t>(part));
    done += part;
  }
  return SQLITE_OK;
}

int write_database(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
  if (count != kPageBytes || offset % kPageBytes != 0) return SQLITE_IOERR_WRITE;  // of a file that is not ours
  std::array<std::byte, kPageBytes> page;
  std::memcpy(page.data(), bytes, kPageBytes);
  seal_page(page, static_cast<std::uint32_t>(offset / kPageBytes + 1));
  return methods_of(file).theirs->xWrite(file, page.data(), kPageBytes, offset);
}

int control_database(sqlite3_file* file, int operation, void* argument) {
  if (operation != kDamageMet) return methods_of(file).theirs->xFileControl(file, operation, argument);
  const State& state = state_of(file);
  if (state.damage == nullptr) return SQLITE_NOTFOUND;
  const std::string_view path = state.damaged_file;
  *static_cast<std::string*>(argument) = std::string(path.substr(path.rfind('/') + 1)) + ", page " +
                                         std::to_string(state.damaged_page) + ": " + state.damage;
  return SQLITE_OK;
}

// ---- its log ---------------------------------------------------------------------------------------------------------

constexpr sqlite3_int64 kFrameBytes = kFrameHeaderBytes + kPageBytes;

sqlite3_int64 frame_at(sqlite3_int64 offset) {
  return offset < kLogHeaderBytes ? kNoFrame : (offset - kLogHeaderBytes) / kFrameBytes;
}
sqlite3_int64 offset_of(sqlite3_int64 frame) { return kLogHeaderBytes + frame * kFrameBytes; }
bool is_page_of(sqlite3_int64 frame, int bytes, sqlite3_int64 offset) {
  return bytes == kPageBytes && frame != kNoFrame && offset == offset_of(frame) + kFrameHeaderBytes;
}

int read_log(sqlite3_file* file, void* out, int bytes, sqlite3_int64 offset) {
  const int code = read(file, out, bytes, offset);
  const sqlite3_int64 frame = frame_at(offset);
  if (!is_page_of(frame, bytes, offset) || frame >= state_of(file).unsummed) return code;
  if (code == SQLITE_IOERR_SHORT_READ) return met_damage(file, "the log is cut off", 0);
  if (code != SQLITE_OK) return code;
  std::array<std::byte, kFrameHeaderBytes> header;
  if (const int failed = read(file, header.data(), kFrameHeaderBytes, offset_of(frame)); failed != SQLITE_OK)
    return failed;
  std::array<std::byte, 8> before;
  const sqlite3_int64 before_at = frame == 0 ? kLogHeaderBytes - 8 : offset_of(frame - 1) + kFrameHeaderBytes - 8;
  if (const int failed = read(file, before.data(), 8, before_at); failed != SQLITE_OK) return failed;
  const auto* const page = static_cast<const std::byte*>(out);
  if (is_sound_frame(LogSum::read(before.data()), header, ConstPage(page, kPageBytes))) return SQLITE_OK;
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) number = number << 8 | std::to_integer<std::uint32_t>(header[i]);
  return met_damage(file, "the checksum is wrong", number);
}

int write_log(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
  State& state = state_of(file);
  const sqlite3_int64 frame = frame_at(offset);
  if (count == kFrameHeaderBytes && frame != kNoFrame && offset == offset_of(frame)) {
    state.begun = frame;
    if (frame == state.unsummed) state.unsummed = kNoFrame;
  } else if (is_page_of(frame, count, offset) && frame != state.begun) {
    state.unsummed = std::min(state.unsummed, frame);
  }
  if (count != kFrameHeaderBytes) state.begun = kNoFrame;
  return methods_of(file).theirs->xWrite(file, bytes, count, offset);
}

// ---- opening ---------------------------------------------------------------------------------------------------------

/// SQLite has a handful of kinds of methods, by how they lock; each may serve the three kinds of files.
class KnownMethods {
 public:
  /// nullptr: there are more than we thought.
  const sqlite3_io_methods* of(const sqlite3_io_methods* theirs, Kind kind) {
    const core::MutexLock lock(mutex_);
    for (Methods& known : known_) {
      if (known.theirs == theirs && known.kind == kind) return &known.ours;
      if (known.theirs != nullptr) continue;
      known = {*theirs, theirs, kind};
      known.ours.xRead = kind == Kind::database ? read_database : kind == Kind::log ? read_log : read;
      if (kind == Kind::database) {
        known.ours.iVersion = std::min(theirs->iVersion, 2);  // without xFetch: a page that is mapped is not looked at
        known.ours.xWrite = write_database;
        known.ours.xFileControl = control_database;
      }
      if (kind == Kind::log) known.ours.xWrite = write_log;
      return &known.ours;
    }
    return nullptr;
  }

 private:
  core::Mutex mutex_;
  std::array<Methods, 24> known_ STRATA_GUARDED_BY(mutex_){};
};

int open(sqlite3_vfs*, sqlite3_filename name, sqlite3_file* file, int flags, int* out_flags) {
  static KnownMethods known;
  const int code = layer().theirs->xOpen(layer().theirs, name, file, flags, out_flags);
  if (file->pMethods == nullptr) return code;
  const Kind kind = (flags & SQLITE_OPEN_MAIN_DB) != 0 ? Kind::database
                    : (flags & SQLITE_OPEN_WAL) != 0   ? Kind::log
                                                       : Kind::other;
  const sqlite3_io_methods* const methods = known.of(file->pMethods, kind);
  if (methods == nullptr) {
    file->pMethods->xClose(file);
    file->pMethods = nullptr;
    return SQLITE_CANTOPEN;
  }
  file->pMethods = methods;
  State& state = state_of(file);
  state = {name, &state, nullptr, nullptr, 0, kNoFrame, kNoFrame};
  if (kind == Kind::log) state.database = &state_of(sqlite3_database_file_object(name));
  return code;
}

sqlite3_file* file_of(sqlite3* connection, int which) {
  sqlite3_file* file = nullptr;
  sqlite3_file_control(connection, "main", which, &file);
  return file;
}

}  // namespace

Result<const char*> sqlite_files() {
  static const bool registered = [] {
    Layer& it = layer();
    it.theirs = sqlite3_vfs_find(nullptr);
    if (it.theirs == nullptr) return false;
    it.state_at = (it.theirs->szOsFile + static_cast<int>(alignof(State)) - 1) / static_cast<int>(alignof(State)) *
                  static_cast<int>(alignof(State));
    it.ours = *it.theirs;
    it.ours.zName = kName;
    it.ours.pNext = nullptr;
    it.ours.szOsFile = it.state_at + static_cast<int>(sizeof(State));
    it.ours.xOpen = open;
    return sqlite3_vfs_register(&it.ours, 0) == SQLITE_OK;
  }();
  if (!registered) return Error(ErrorCode::internal, "SQLite has no layer over files on this system");
  return kName;
}

void make_room_for_checksums(sqlite3* connection) {
  int bytes = kReservedBytes;
  sqlite3_file_control(connection, "main", SQLITE_FCNTL_RESERVE_BYTES, &bytes);
}

std::string damage_met(sqlite3* connection) {
  std::string met;
  sqlite3_file_control(connection, "main", kDamageMet, &met);
  return met;
}

Result<void> check_page(sqlite3* connection, std::uint32_t number) {
  std::array<std::byte, kPageBytes> page;
  page.fill(std::byte{0xff});
  sqlite3_file* const file = file_of(connection, SQLITE_FCNTL_FILE_POINTER);
  const int code = file->pMethods->xRead(file, page.data(), kPageBytes, sqlite3_int64{number - 1} * kPageBytes);
  // A page that a transaction took and gave back is never written: a hole in the file. Used, it would be found by its reader.
  const bool is_hole = std::all_of(page.begin(), page.end(), [](std::byte byte) { return byte == std::byte{0}; });
  if (code != SQLITE_OK && !is_hole) return error_of(connection, code, "");
  return {};
}

Result<std::uint32_t> count_pages(sqlite3* connection) {
  sqlite3_int64 size = 0;
  sqlite3_file* const file = file_of(connection, SQLITE_FCNTL_FILE_POINTER);
  const int code = file->pMethods->xFileSize(file, &size);
  if (code != SQLITE_OK) return error_of(connection, code, "");
  return static_cast<std::uint32_t>((size + kPageBytes - 1) / kPageBytes);
}

Result<bool> is_log_empty(sqlite3* connection) {
  sqlite3_int64 size = 0;
  sqlite3_file* const file = file_of(connection, SQLITE_FCNTL_JOURNAL_POINTER);
  if (file == nullptr || file->pMethods == nullptr) return true;
  const int code = file->pMethods->xFileSize(file, &size);
  if (code != SQLITE_OK) return error_of(connection, code, "");
  return size == 0;
}

}  // namespace strata::store::metadata
