#include "io/file_system.h"

#include "core/failpoint.h"

namespace strata::io {

Result<void> check_name(std::string_view name) {
  const auto refused = [&](const char* why) {
    return Error(ErrorCode::invalid_argument,
                 std::string("not a file name inside the database, ") + why + ": \"" + std::string(name) + "\"");
  };
  if (name.empty()) return refused("it is empty");
  if (name.size() > kNameBytesMax) return refused("it is too long");
  if (name.find('\0') != std::string_view::npos) return refused("it holds a zero byte");
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    const std::string_view part = name.substr(begin, end - begin);
    if (part.empty()) return refused("it has an empty part");
    if (part == "." || part == "..") return refused("it holds \".\" or \"..\"");
    if (part.size() > 255) return refused("a part is too long");
    begin = end + 1;
  }
  return {};
}

std::string_view parent_of(std::string_view name) noexcept {
  const std::size_t slash = name.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : name.substr(0, slash);
}

Error held_error(std::string_view owner) {
  std::string who(owner);
  if (who.starts_with("pid ")) who.replace(0, 3, "process");
  if (who.empty()) who = "another process";
  return Error(ErrorCode::unavailable, "the database is open in " + who);
}

Result<Bytes> read_file(FileSystem& files, std::string_view name, std::uint64_t bytes_max) {
  const auto file = STRATA_TRY(files.open(name, OpenMode::read));
  const std::uint64_t size = STRATA_TRY(file->size());
  if (size > bytes_max)
    return Error(ErrorCode::resource_exhausted, "file larger than the " + std::to_string(bytes_max) +
                                                    " bytes it may have: " + std::string(name) + " has " +
                                                    std::to_string(size));
  Bytes bytes(size);
  STRATA_TRY(file->read(0, bytes));
  return bytes;
}

Result<void> write_file_atomically(FileSystem& files, std::string_view name, ByteView bytes) {
  const std::string unfinished = std::string(name) + ".tmp";
  auto done = [&]() -> Result<void> {
    const auto file = STRATA_TRY(files.open(unfinished, OpenMode::create_or_open));
    STRATA_TRY(file->truncate(0));
    STRATA_TRY(file->write(0, bytes));
    STRATA_FAILPOINT("file.written");
    STRATA_TRY(file->sync());
    STRATA_FAILPOINT("file.synced");
    return {};
  }();
  if (done) done = files.rename(unfinished, name);
  if (!done) {
    (void)files.remove(unfinished);  // what it took may be the space that is missing
    return done;
  }
  STRATA_FAILPOINT("file.renamed");
  return files.sync_directory(parent_of(name));
}

}  // namespace strata::io
