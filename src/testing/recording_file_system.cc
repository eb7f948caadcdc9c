#include "testing/recording_file_system.h"

#include <algorithm>
#include <cstring>

#include "core/assert.h"

namespace strata::testing {

using Kind = DiskCall::Kind;

class RecordingFile final : public io::File {
 public:
  RecordingFile(RecordingFileSystem& owner, std::unique_ptr<io::File> base, std::string name, std::size_t number)
      : owner_(owner), base_(std::move(base)), name_(std::move(name)), number_(number) {}
  Result<void> read(std::uint64_t offset, std::span<std::byte> out) const override { return base_->read(offset, out); }
  Result<void> read_durable(std::uint64_t offset, std::span<std::byte> out) const override {
    return base_->read_durable(offset, out);
  }
  Result<void> write(std::uint64_t offset, ByteView bytes) override {
    STRATA_TRY(base_->write(offset, bytes));
    owner_.note({.kind = Kind::write,
                 .name = name_,
                 .file = number_,
                 .offset = offset,
                 .bytes = Bytes(bytes.begin(), bytes.end())});
    return {};
  }
  Result<void> append(ByteView bytes) override { return write(STRATA_TRY(size()), bytes); }
  Result<void> sync() override {
    STRATA_TRY(base_->sync());
    owner_.note({.kind = Kind::sync, .name = name_, .file = number_});
    return {};
  }
  Result<void> sync_data() override { return sync(); }
  Result<void> truncate(std::uint64_t size) override {
    STRATA_TRY(base_->truncate(size));
    owner_.note({.kind = Kind::truncate, .name = name_, .file = number_, .offset = size});
    return {};
  }
  Result<void> zero_fill(std::uint64_t offset, std::uint64_t size) override { return write(offset, Bytes(size)); }
  /// Grows the file with zeros, or does nothing.
  Result<void> reserve(std::uint64_t offset, std::uint64_t size) override {
    const std::uint64_t before = STRATA_TRY(base_->size());
    STRATA_TRY(base_->reserve(offset, size));
    if (offset + size > before)
      owner_.note({.kind = Kind::truncate, .name = name_, .file = number_, .offset = offset + size});
    return {};
  }
  Result<std::uint64_t> size() const override { return base_->size(); }

 private:
  RecordingFileSystem& owner_;
  const std::unique_ptr<io::File> base_;
  const std::string name_;
  const std::size_t number_;
};

RecordingFileSystem::RecordingFileSystem() : base_(io::make_memory_file_system()) {}
RecordingFileSystem::~RecordingFileSystem() = default;

Result<std::unique_ptr<io::File>> RecordingFileSystem::open(std::string_view name, io::OpenMode mode) {
  const bool existed = STRATA_TRY(base_->exists(name));
  auto file = STRATA_TRY(base_->open(name, mode));
  if (!existed) {
    files_[std::string(name)] = next_file_;
    note({.kind = Kind::create, .name = std::string(name), .file = next_file_++});
  }
  const std::size_t number = files_.find(name)->second;
  return std::unique_ptr<io::File>(std::make_unique<RecordingFile>(*this, std::move(file), std::string(name), number));
}

Result<void> RecordingFileSystem::rename(std::string_view from, std::string_view to) {
  STRATA_TRY(base_->rename(from, to));
  const auto moved = files_.extract(std::string(from));
  STRATA_ASSERT(!moved.empty());  // of files only
  files_[std::string(to)] = moved.mapped();
  note({.kind = Kind::rename, .name = std::string(from), .to = std::string(to)});
  return {};
}

Result<void> RecordingFileSystem::remove(std::string_view name) {
  STRATA_TRY(base_->remove(name));
  files_.erase(std::string(name));
  note({.kind = Kind::remove, .name = std::string(name)});
  return {};
}

Result<void> RecordingFileSystem::create_directory(std::string_view name) {
  const bool existed = STRATA_TRY(base_->exists(name));
  STRATA_TRY(base_->create_directory(name));
  if (!existed) note({.kind = Kind::create_directory, .name = std::string(name)});
  return {};
}

Result<void> RecordingFileSystem::remove_directory(std::string_view name) {
  return Error(ErrorCode::unsupported, "a recorded disk keeps its folders: " + std::string(name));
}

Result<void> RecordingFileSystem::sync_directory(std::string_view directory) {
  STRATA_TRY(base_->sync_directory(directory));
  note({.kind = Kind::sync_directory, .name = std::string(directory)});
  return {};
}

std::vector<std::size_t> RecordingFileSystem::pending(std::size_t crash) const {
  STRATA_ASSERT(crash <= calls_.size());
  const auto promised_by = [](const DiskCall& change, const DiskCall& sync) {
    switch (change.kind) {
      case Kind::write:
      case Kind::truncate: return sync.kind == Kind::sync && sync.file == change.file;
      case Kind::create:
      case Kind::create_directory:
      case Kind::remove: return sync.kind == Kind::sync_directory && sync.name == io::parent_of(change.name);
      case Kind::rename:
        return sync.kind == Kind::sync_directory &&
               (sync.name == io::parent_of(change.name) || sync.name == io::parent_of(change.to));
      case Kind::sync:
      case Kind::sync_directory: return true;
    }
    return true;
  };
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < crash; ++i) {
    if (calls_[i].kind == Kind::sync || calls_[i].kind == Kind::sync_directory) continue;
    const auto later = calls_.begin() + static_cast<std::ptrdiff_t>(i) + 1;
    const auto end = calls_.begin() + static_cast<std::ptrdiff_t>(crash);
    if (std::none_of(later, end, [&](const DiskCall& sync) { return promised_by(calls_[i], sync); }))
      found.push_back(i);
  }
  return found;
}

std::unique_ptr<io::MemoryFileSystem> RecordingFileSystem::disk_after(const Outcome& outcome) const {
  std::vector<std::size_t> dropped;
  if (outcome.nothing_pending) dropped = pending(outcome.crash);
  if (outcome.lost) dropped.push_back(*outcome.lost);
  std::map<std::size_t, Bytes> contents;
  std::map<std::string, std::size_t> names;
  std::vector<std::string> folders;
  for (std::size_t i = 0; i < outcome.crash; ++i) {
    if (std::find(dropped.begin(), dropped.end(), i) != dropped.end()) continue;
    const DiskCall& call = calls_[i];
    Bytes& content = contents[call.file];
    switch (call.kind) {
      case Kind::create_directory: folders.push_back(call.name); break;
      case Kind::create: names[call.name] = call.file; break;
      case Kind::write: {
        const std::uint64_t size =
            outcome.torn == i ? std::min<std::uint64_t>(outcome.kept, call.bytes.size()) : call.bytes.size();
        if (size == 0) break;
        content.resize(std::max<std::size_t>(content.size(), call.offset + size));
        std::memcpy(content.data() + call.offset, call.bytes.data(), size);
        break;
      }
      case Kind::truncate: content.resize(call.offset); break;
      case Kind::rename:
        if (const auto found = names.find(call.name); found != names.end()) {
          const std::size_t file = found->second;
          names.erase(found);
          names[call.to] = file;
        }
        break;
      case Kind::remove: names.erase(call.name); break;
      case Kind::sync:
      case Kind::sync_directory: break;
    }
  }
  auto disk = io::make_memory_file_system();
  const auto must = [](const auto& result) { STRATA_ASSERT(result.has_value()); };
  for (const std::string& folder : folders) must(disk->create_directory(folder));
  for (const auto& [name, file] : names) {
    const std::string_view folder = io::parent_of(name);
    if (!folder.empty() && !disk->exists(folder).value()) continue;  // what is in a folder that is lost is lost
    auto made = disk->open(name, io::OpenMode::create);
    must(made);
    must((*made)->write(0, contents[file]));
    must((*made)->sync());
    must(disk->sync_directory(folder));
  }
  for (const std::string& folder : folders) must(disk->sync_directory(io::parent_of(folder)));
  return disk;
}

}  // namespace strata::testing
