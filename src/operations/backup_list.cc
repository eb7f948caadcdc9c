#include "operations/backup_list.h"

#include <algorithm>

#include "core/clock.h"
#include "core/digest.h"

namespace strata::operations {
namespace {

constexpr std::int64_t kFormat = 1;
constexpr std::uint64_t kListBytesMax = 64 << 20;
constexpr std::size_t kBlockBytes = 1 << 20;

Result<std::string> hash_file(const io::File& file, std::uint64_t bytes,
                              const std::function<Result<void>(std::uint64_t, ByteView)>& block) {
  core::Sha256 hash;
  Bytes buffer(kBlockBytes);
  for (std::uint64_t at = 0; at < bytes;) {
    const std::span<std::byte> part(buffer.data(), std::min<std::uint64_t>(kBlockBytes, bytes - at));
    STRATA_TRY(file.read(at, part));
    hash.update(part);
    STRATA_TRY(block(at, part));
    at += part.size();
  }
  return core::to_hex(hash.finish());
}

}  // namespace

std::string encode(const BackupList& list) {
  Value::List files;
  for (const BackupFile& file : list.files) {
    files.emplace_back(Map{{"name", file.name}, {"bytes", file.bytes}, {"sha256", file.sha256}});
  }
  return to_json(Map{{"format", kFormat},
                     {"lsn", list.lsn},
                     {"manifest", list.manifest},
                     {"created", core::format_time(list.created)},
                     {"files", std::move(files)}}) +
         "\n";
}

Result<BackupList> read_backup_list(io::FileSystem& files) {
  auto bytes = io::read_file(files, kBackupListName, kListBytesMax);
  if (!bytes) {
    if (bytes.error().code() != ErrorCode::not_found) return std::move(bytes).error();
    return Error(ErrorCode::not_found, "not a finished backup: there is no file BACKUP in it");
  }
  auto parsed = parse_json(as_text(*bytes));
  const auto corrupt = [](std::string what) { return Error(ErrorCode::corruption, "BACKUP: " + std::move(what)); };
  if (!parsed) return corrupt(parsed.error().message());
  const Map* map = parsed->map();
  const auto integer = [](const Map* from, std::string_view name) -> const std::int64_t* {
    const Value* value = from ? from->find(name) : nullptr;
    return value ? value->integer() : nullptr;
  };
  const auto text = [](const Map* from, std::string_view name) -> const std::string* {
    const Value* value = from ? from->find(name) : nullptr;
    return value ? value->text() : nullptr;
  };
  const std::int64_t* format = integer(map, "format");
  if (format == nullptr) return corrupt("no format");
  if (*format > kFormat) {
    return Error(ErrorCode::unsupported, "BACKUP: format " + std::to_string(*format) + "; this program reads 1");
  }
  const std::int64_t* lsn = integer(map, "lsn");
  const std::int64_t* manifest = integer(map, "manifest");
  const std::string* created = text(map, "created");
  const Value* list = map->find("files");
  if (!lsn || !manifest || !created || !list || !list->list())
    return corrupt("lsn, manifest, created or files is missing");
  if (*lsn < 0 || *manifest < 0) return corrupt("lsn or manifest is negative");
  BackupList backup;
  backup.lsn = static_cast<Lsn>(*lsn);
  backup.manifest = static_cast<std::uint64_t>(*manifest);
  const auto time = core::parse_time(*created);
  if (!time) return corrupt("created is " + time.error().message());
  backup.created = *time;
  for (const Value& entry : *list->list()) {
    const std::string* name = text(entry.map(), "name");
    const std::int64_t* size = integer(entry.map(), "bytes");
    const std::string* sha256 = text(entry.map(), "sha256");
    if (!name || !size || !sha256) return corrupt("an entry of files is not complete");
    if (const auto inside = io::check_name(*name); !inside) return corrupt(inside.error().message());
    if (*size < 0) return corrupt("a negative size: " + *name);
    backup.files.push_back({*name, static_cast<std::uint64_t>(*size), *sha256});
  }
  return backup;
}

Result<void> make_parents(io::FileSystem& files, std::string_view name) {
  const std::size_t slash = name.rfind('/');
  return slash == std::string_view::npos ? Result<void>() : files.create_directory(name.substr(0, slash));
}

Result<BackupFile> copy_file(io::FileSystem& from, std::string_view source, io::FileSystem& to, std::string_view target,
                             std::uint64_t bytes) {
  STRATA_TRY(make_parents(to, target));
  const auto in = STRATA_TRY(from.open(source, io::OpenMode::read));
  const auto out = STRATA_TRY(to.open(target, io::OpenMode::create));
  std::string sha256 = STRATA_TRY(
      hash_file(*in, bytes, [&](std::uint64_t at, ByteView block) -> Result<void> { return out->write(at, block); }));
  STRATA_TRY(out->sync());
  return BackupFile{std::string(target), bytes, std::move(sha256)};
}

Result<void> check_file(io::FileSystem& files, const BackupFile& expected) {
  const auto file = STRATA_TRY(files.open(expected.name, io::OpenMode::read));
  const std::uint64_t bytes = STRATA_TRY(file->size());
  if (bytes != expected.bytes) {
    return Error(ErrorCode::corruption, expected.name + ": has " + std::to_string(bytes) +
                                            " bytes, the backup's list says " + std::to_string(expected.bytes));
  }
  const std::string sha256 =
      STRATA_TRY(hash_file(*file, bytes, [](std::uint64_t, ByteView) { return Result<void>(); }));
  if (sha256 != expected.sha256)
    return Error(ErrorCode::corruption, expected.name + ": its SHA-256 differs from the backup's list");
  return {};
}

}  // namespace strata::operations
