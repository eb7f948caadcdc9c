#include "io/memory_file_system.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <new>
#include <optional>
#include <set>

#include "core/assert.h"
#include "core/mutex.h"

namespace strata::io {
namespace {

constexpr std::size_t kSectorBytes = 512;

/// A file's bytes, and which of them are on the platter.
struct Content {
  Bytes bytes;
  Bytes durable;
  std::set<std::uint64_t> unsynced;  // sectors where the two differ, or may

  void touch(std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t sector = begin / kSectorBytes; sector * kSectorBytes < end; ++sector)
      unsynced.insert(unsynced.end(), sector);
  }

  void resize(std::uint64_t size) {
    const std::uint64_t before = bytes.size();
    bytes.resize(size);
    touch(std::min(before, size), std::max(before, size));
  }

  void write(std::uint64_t offset, ByteView from) {
    if (offset + from.size() > bytes.size()) resize(offset + from.size());
    if (!from.empty()) std::memcpy(bytes.data() + offset, from.data(), from.size());
    touch(offset, offset + from.size());
  }

  void sync() {
    durable.resize(bytes.size());
    for (const std::uint64_t sector : unsynced) keep(sector);
    unsynced.clear();
  }

  /// Makes one sector durable, as far as the durable file reaches.
  void keep(std::uint64_t sector) {
    const std::uint64_t begin = sector * kSectorBytes;
    const std::uint64_t end = std::min<std::uint64_t>({begin + kSectorBytes, bytes.size(), durable.size()});
    if (begin < end) std::memcpy(durable.data() + begin, bytes.data() + begin, end - begin);
  }

  void power_cut(core::Random& random, PowerCut::Unsynced policy) {
    using enum PowerCut::Unsynced;
    if (policy == kept) sync();
    if (policy == prefix && !unsynced.empty()) {
      const std::uint64_t count = random.below(unsynced.size() + 1);
      unsynced.erase(std::next(unsynced.begin(), static_cast<std::ptrdiff_t>(count)), unsynced.end());
      // The size that goes with what was kept: a longer file, never one that loses durable bytes.
      const std::uint64_t end = unsynced.empty() ? 0 : (*unsynced.rbegin() + 1) * kSectorBytes;
      durable.resize(std::max<std::uint64_t>(durable.size(), std::min<std::uint64_t>(end, bytes.size())));
      for (const std::uint64_t sector : unsynced) keep(sector);
    }
    if ((policy == torn || policy == garbled) && !unsynced.empty()) {
      // The size is metadata of its own: it may be the old one or the new one, with zeros where nothing was written.
      if (random.chance(0.5)) durable.resize(bytes.size());
      for (const std::uint64_t sector : unsynced) {
        if (random.chance(0.5)) {
          keep(sector);
        } else if (policy == garbled && random.chance(0.5)) {
          const std::uint64_t begin = sector * kSectorBytes;
          for (std::uint64_t at = begin; at < std::min<std::uint64_t>(begin + kSectorBytes, durable.size()); ++at)
            durable[at] = static_cast<std::byte>(random.next());
        }
      }
    }
    bytes = durable;
    unsynced.clear();
  }
};

using Names = std::map<std::string, std::shared_ptr<Content>, std::less<>>;  // a folder has no content

/// A change of names that is not yet promised. A rename is one change: it happens whole or not at all.
struct NameChange {
  std::string removed;               // "" if none
  std::string added;                 // "" if none
  std::shared_ptr<Content> content;  // of `added`; nullptr: a folder
};

void carry_out(const NameChange& change, Names& names) {
  if (!change.removed.empty()) names.erase(change.removed);
  if (!change.added.empty()) names[change.added] = change.content;
}

/// What the file system and its open files share: a file outlives its name, and also the disk in a test's hands.
struct Disk {
  core::Mutex mutex;
  Names names STRATA_GUARDED_BY(mutex);
  Names durable_names STRATA_GUARDED_BY(mutex);
  std::vector<NameChange> unsynced STRATA_GUARDED_BY(mutex);                       // in order
  std::map<std::string, std::string, std::less<>> locks STRATA_GUARDED_BY(mutex);  // name → owner
  std::uint64_t power_cuts STRATA_GUARDED_BY(mutex) = 0;
  std::uint64_t capacity STRATA_GUARDED_BY(mutex) = std::uint64_t{1} << 62;

  std::uint64_t used() STRATA_REQUIRES(mutex) {
    std::uint64_t total = 0;
    for (const auto& [name, content] : names) total += content != nullptr ? content->bytes.size() : 0;
    return total;
  }
  bool limited() STRATA_REQUIRES(mutex) { return capacity < std::uint64_t{1} << 62; }
  bool is_folder(std::string_view name) STRATA_REQUIRES(mutex) {
    if (name.empty()) return true;
    const auto found = names.find(name);
    return found != names.end() && found->second == nullptr;
  }
  void change(NameChange change) STRATA_REQUIRES(mutex) {
    carry_out(change, names);
    unsynced.push_back(std::move(change));
  }
};

Error missing(std::string_view action, std::string_view name) {
  return Error(ErrorCode::not_found, std::string(action) + " failed: No such file or directory: " + std::string(name));
}

class MemoryMapping final : public Mapping {
 public:
  explicit MemoryMapping(ByteView bytes)
      : size_(bytes.size()), data_(static_cast<std::byte*>(::operator new(bytes.size() + 1, kAlignment))) {
    if (size_ > 0) std::memcpy(data_, bytes.data(), size_);
  }
  ~MemoryMapping() override { ::operator delete(data_, kAlignment); }
  ByteView bytes() const noexcept override { return {data_, size_}; }
  void advise(Advice) noexcept override {}
  void release(std::uint64_t, std::uint64_t) noexcept override {}

 private:
  static constexpr std::align_val_t kAlignment{4096};  // as mmap gives
  const std::size_t size_;
  std::byte* const data_;
};

class MemoryFile final : public File {
 public:
  MemoryFile(std::shared_ptr<Disk> disk, std::shared_ptr<Content> content, std::string name, bool writable,
             std::uint64_t power_cuts)
      : disk_(std::move(disk)),
        content_(std::move(content)),
        name_(std::move(name)),
        writable_(writable),
        power_cuts_(power_cuts) {}

  Result<void> read(std::uint64_t offset, std::span<std::byte> out) const override {
    const core::MutexLock lock(disk_->mutex);
    STRATA_TRY(alive());
    if (out.empty()) return {};
    if (offset + out.size() > content_->bytes.size())
      return Error(ErrorCode::corruption,
                   "file ends too early: " + name_ + " at offset " + std::to_string(content_->bytes.size()));
    std::memcpy(out.data(), content_->bytes.data() + offset, out.size());
    return {};
  }
  Result<void> read_durable(std::uint64_t offset, std::span<std::byte> out) const override { return read(offset, out); }

  Result<void> write(std::uint64_t offset, ByteView bytes) override {
    const core::MutexLock lock(disk_->mutex);
    STRATA_TRY(writable());
    STRATA_TRY(room_for(offset + bytes.size()));
    content_->write(offset, bytes);
    return {};
  }
  Result<void> append(ByteView bytes) override {
    const core::MutexLock lock(disk_->mutex);
    STRATA_TRY(writable());
    STRATA_TRY(room_for(content_->bytes.size() + bytes.size()));
    content_->write(content_->bytes.size(), bytes);
    return {};
  }
  Result<void> sync() override {
    const core::MutexLock lock(disk_->mutex);
    STRATA_TRY(alive());
    content_->sync();
    return {};
  }
  Result<void> sync_data() override { return sync(); }
  Result<void> truncate(std::uint64_t size) override {
    const core::MutexLock lock(disk_->mutex);
    STRATA_TRY(writable());
    STRATA_TRY(room_for(size));
    content_->resize(size);
    return {};
  }
  Result<void> zero_fill(std::uint64_t offset, std::uint64_t size) override { return write(offset, Bytes(size)); }
  // Zeros that were never written: a power cut may take them, and leaves nothing else in their place.
  Result<void> reserve(std::uint64_t offset, std::uint64_t size) override {
    const core::MutexLock lock(disk_->mutex);
    STRATA_TRY(writable());
    STRATA_TRY(room_for(offset + size));
    if (offset + size > content_->bytes.size()) content_->bytes.resize(offset + size);
    return {};
  }
  Result<std::uint64_t> size() const override {
    const core::MutexLock lock(disk_->mutex);
    STRATA_TRY(alive());
    return content_->bytes.size();
  }

 private:
  Result<void> alive() const STRATA_REQUIRES(disk_->mutex) {
    if (disk_->power_cuts != power_cuts_) return Error(ErrorCode::io, "the power was cut: " + name_);
    return {};
  }
  Result<void> writable() const STRATA_REQUIRES(disk_->mutex) {
    STRATA_TRY(alive());
    if (!writable_) return Error(ErrorCode::permission_denied, "write failed: opened for reading only: " + name_);
    return {};
  }
  Result<void> room_for(std::uint64_t size) const STRATA_REQUIRES(disk_->mutex) {
    const std::uint64_t have = content_->bytes.size();
    if (size > have && disk_->limited() && disk_->used() + size - have > disk_->capacity)
      return Error(ErrorCode::resource_exhausted, "write failed: No space left on device: " + name_);
    return {};
  }

  const std::shared_ptr<Disk> disk_;  // shared: a test may drop the file system before the files
  const std::shared_ptr<Content> content_;
  const std::string name_;
  const bool writable_;
  const std::uint64_t power_cuts_;
};

class MemoryLock final : public DirectoryLock {
 public:
  MemoryLock(std::shared_ptr<Disk> disk, std::string name, std::uint64_t power_cuts)
      : disk_(std::move(disk)), name_(std::move(name)), power_cuts_(power_cuts) {}
  ~MemoryLock() override {
    const core::MutexLock lock(disk_->mutex);
    if (disk_->power_cuts == power_cuts_) disk_->locks.erase(name_);
  }

 private:
  const std::shared_ptr<Disk> disk_;
  const std::string name_;
  const std::uint64_t power_cuts_;
};

class MemoryFileSystemImplementation final : public MemoryFileSystem {
 public:
  Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override {
    STRATA_TRY(check_name(name));
    const core::MutexLock lock(disk_->mutex);
    const auto found = disk_->names.find(name);
    if (found == disk_->names.end()) {
      if (mode == OpenMode::read || mode == OpenMode::read_write || !disk_->is_folder(parent_of(name)))
        return missing("open", name);
      auto content = std::make_shared<Content>();
      disk_->change({.removed = "", .added = std::string(name), .content = content});
      return file(std::move(content), name, true);
    }
    if (mode == OpenMode::create)
      return Error(ErrorCode::already_exists, "open failed: File exists: " + std::string(name));
    if (found->second == nullptr) return Error(ErrorCode::io, "open failed: Is a directory: " + std::string(name));
    return file(found->second, name, mode != OpenMode::read);
  }

  Result<std::unique_ptr<Mapping>> map(std::string_view name) override {
    STRATA_TRY(check_name(name));
    const core::MutexLock lock(disk_->mutex);
    const auto content = STRATA_TRY(find("open", name));
    return std::unique_ptr<Mapping>(std::make_unique<MemoryMapping>(content->bytes));
  }

  Result<void> rename(std::string_view from, std::string_view to) override {
    STRATA_TRY(check_name(from));
    STRATA_TRY(check_name(to));
    const core::MutexLock lock(disk_->mutex);
    const auto found = disk_->names.find(from);
    if (found == disk_->names.end() || !disk_->is_folder(parent_of(to))) return missing("rename", from);
    if (found->second != nullptr) {
      if (disk_->is_folder(to)) return Error(ErrorCode::io, "rename failed: Is a directory: " + std::string(to));
      disk_->change({.removed = std::string(from), .added = std::string(to), .content = found->second});
      return {};
    }
    if (disk_->names.contains(to))
      return Error(ErrorCode::already_exists, "rename failed: File exists: " + std::string(to));
    for (const auto& [name, content] : below(from, true))
      disk_->change({.removed = name, .added = std::string(to) + name.substr(from.size()), .content = content});
    return {};
  }

  Result<void> remove(std::string_view name) override {
    STRATA_TRY(check_name(name));
    const core::MutexLock lock(disk_->mutex);
    STRATA_TRY(find("remove", name));
    disk_->change({.removed = std::string(name), .added = "", .content = nullptr});
    return {};
  }

  Result<bool> exists(std::string_view name) override {
    STRATA_TRY(check_name(name));
    const core::MutexLock lock(disk_->mutex);
    return disk_->names.contains(name);
  }

  Result<std::uint64_t> file_size(std::string_view name) override {
    STRATA_TRY(check_name(name));
    const core::MutexLock lock(disk_->mutex);
    return STRATA_TRY(find("open", name))->bytes.size();
  }

  Result<void> create_directory(std::string_view name) override {
    STRATA_TRY(check_name(name));
    const core::MutexLock lock(disk_->mutex);
    for (std::size_t end = 0; end != std::string_view::npos;) {
      end = name.find('/', end + 1);
      const std::string_view prefix = name.substr(0, end);
      const auto found = disk_->names.find(prefix);
      if (found == disk_->names.end())
        disk_->change({.removed = "", .added = std::string(prefix), .content = nullptr});
      else if (found->second != nullptr)
        return Error(ErrorCode::not_found, "create directory failed: Not a directory: " + std::string(prefix));
    }
    return {};
  }

  Result<void> remove_directory(std::string_view name) override {
    STRATA_TRY(check_name(name));
    const core::MutexLock lock(disk_->mutex);
    if (!disk_->is_folder(name)) return missing("remove directory", name);
    for (const auto& [inside, content] : below(name, true))
      disk_->change({.removed = inside, .added = "", .content = nullptr});
    return {};
  }

  Result<std::vector<std::string>> list(std::string_view directory) override {
    if (!directory.empty()) STRATA_TRY(check_name(directory));
    const core::MutexLock lock(disk_->mutex);
    if (!disk_->is_folder(directory)) return missing("list", directory);
    std::vector<std::string> found;
    for (const auto& [name, content] : below(directory, false))
      if (parent_of(name) == directory) found.push_back(directory.empty() ? name : name.substr(directory.size() + 1));
    std::sort(found.begin(), found.end());
    return found;
  }

  Result<void> sync_directory(std::string_view directory) override {
    if (!directory.empty()) STRATA_TRY(check_name(directory));
    const core::MutexLock lock(disk_->mutex);
    if (!disk_->is_folder(directory)) return missing("sync directory", directory);
    // A rename between two folders becomes durable with either of them.
    const auto concerns = [&](const NameChange& change) {
      return (!change.removed.empty() && parent_of(change.removed) == directory) ||
             (!change.added.empty() && parent_of(change.added) == directory);
    };
    for (const NameChange& change : disk_->unsynced)
      if (concerns(change)) carry_out(change, disk_->durable_names);
    std::erase_if(disk_->unsynced, concerns);
    return {};
  }

  Result<std::unique_ptr<DirectoryLock>> lock(std::string_view name, std::string_view owner) override {
    STRATA_TRY(check_name(name));
    const core::MutexLock lock(disk_->mutex);
    if (!disk_->is_folder(parent_of(name))) return missing("lock", name);
    const auto [held, taken] = disk_->locks.try_emplace(std::string(name), owner);
    if (!taken) return held_error(held->second);
    auto content = std::make_shared<Content>();
    content->write(0, as_bytes(owner));
    disk_->change({.removed = "", .added = std::string(name), .content = std::move(content)});
    return std::unique_ptr<DirectoryLock>(std::make_unique<MemoryLock>(disk_, std::string(name), disk_->power_cuts));
  }

  Result<std::uint64_t> free_bytes() override {
    const core::MutexLock lock(disk_->mutex);
    return disk_->capacity - std::min(disk_->capacity, disk_->used());
  }

  Result<std::string> path(std::string_view name) override {
    return Error(ErrorCode::unsupported, "a file in memory has no path: " + std::string(name));
  }

  void power_cut(core::Random& random, const PowerCut& cut) override {
    using enum PowerCut::Unsynced;
    const core::MutexLock lock(disk_->mutex);
    ++disk_->power_cuts;
    disk_->locks.clear();
    std::size_t left = disk_->unsynced.size();
    if (cut.names == lost) left = 0;
    if (cut.names == prefix) left = random.below(left + 1);
    const bool toss = cut.names == torn || cut.names == garbled;
    for (std::size_t i = 0; i < left; ++i)
      if (!toss || random.chance(0.5)) carry_out(disk_->unsynced[i], disk_->durable_names);
    disk_->unsynced.clear();
    // What is in a folder that is not there is not there either.
    for (auto at = disk_->durable_names.begin(); at != disk_->durable_names.end();) {
      const std::string_view folder = parent_of(at->first);
      const auto found = disk_->durable_names.find(folder);
      const bool reachable = folder.empty() || (found != disk_->durable_names.end() && found->second == nullptr);
      at = reachable ? std::next(at) : disk_->durable_names.erase(at);
    }
    disk_->names = disk_->durable_names;
    for (const auto& [name, content] : disk_->names)
      if (content != nullptr) content->power_cut(random, cut.content);
  }

  std::unique_ptr<MemoryFileSystem> clone() const override {
    auto copy = std::make_unique<MemoryFileSystemImplementation>();
    const core::MutexLock lock(disk_->mutex);
    copy->fill_from(*disk_);
    return copy;
  }

  Result<void> damage(std::string_view name, const std::function<void(Bytes&)>& change) override {
    const core::MutexLock lock(disk_->mutex);
    const auto content = STRATA_TRY(find("damage", name));
    change(content->bytes);
    content->durable = content->bytes;
    content->unsynced.clear();
    return {};
  }

  void set_capacity(std::uint64_t bytes) override {
    const core::MutexLock lock(disk_->mutex);
    disk_->capacity = bytes;
  }

 private:
  void fill_from(Disk& from) STRATA_NO_THREAD_ANALYSIS {  // the caller holds `from`; this disk is not shared yet
    std::map<std::shared_ptr<Content>, std::shared_ptr<Content>> copies;
    const auto copy = [&](const std::shared_ptr<Content>& content) -> std::shared_ptr<Content> {
      if (content == nullptr) return nullptr;
      auto& there = copies[content];
      if (there == nullptr) there = std::make_shared<Content>(*content);
      return there;
    };
    for (const auto& [name, content] : from.names) disk_->names[name] = copy(content);
    for (const auto& [name, content] : from.durable_names) disk_->durable_names[name] = copy(content);
    for (NameChange change : from.unsynced) {
      change.content = copy(change.content);
      disk_->unsynced.push_back(std::move(change));
    }
    disk_->capacity = from.capacity;
  }

  std::unique_ptr<File> file(std::shared_ptr<Content> content, std::string_view name, bool writable)
      STRATA_REQUIRES(disk_->mutex) {
    return std::make_unique<MemoryFile>(disk_, std::move(content), std::string(name), writable, disk_->power_cuts);
  }

  Result<std::shared_ptr<Content>> find(std::string_view action, std::string_view name) STRATA_REQUIRES(disk_->mutex) {
    const auto found = disk_->names.find(name);
    if (found == disk_->names.end()) return missing(action, name);
    if (found->second == nullptr)
      return Error(ErrorCode::io, std::string(action) + " failed: Is a directory: " + std::string(name));
    return found->second;
  }

  /// Everything in a folder, at any depth, and the folder itself first when asked.
  std::vector<Names::value_type> below(std::string_view folder, bool itself) STRATA_REQUIRES(disk_->mutex) {
    std::vector<Names::value_type> found;
    for (const auto& entry : disk_->names) {
      const std::string_view name = entry.first;
      const bool inside =
          folder.empty() || (name.size() > folder.size() && name.starts_with(folder) && name[folder.size()] == '/');
      if (inside || (itself && name == folder)) found.push_back(entry);
    }
    return found;
  }

  const std::shared_ptr<Disk> disk_ = std::make_shared<Disk>();
};

}  // namespace

std::unique_ptr<MemoryFileSystem> make_memory_file_system() {
  return std::make_unique<MemoryFileSystemImplementation>();
}

}  // namespace strata::io
