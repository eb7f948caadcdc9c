#include "testing/faulty_file_system.h"

namespace strata::testing {
namespace {

bool changes(Call call) { return call >= Call::write && call <= Call::sync_directory; }

bool matches(Call wanted, Call call) {
  return wanted == call || wanted == Call::any || (wanted == Call::change && changes(call));
}

Error injected(const Fault& fault, Call call, std::string_view name) {
  return Error(fault.error, "injected fault: " + std::string(testing::name(call)) + ": " + std::string(name));
}

}  // namespace

std::string_view name(Call call) noexcept {
  static constexpr std::array<std::string_view, 17> kNames{"open",
                                                           "read",
                                                           "map",
                                                           "list",
                                                           "stat",
                                                           "write",
                                                           "reserve",
                                                           "sync",
                                                           "truncate",
                                                           "rename",
                                                           "remove",
                                                           "create_directory",
                                                           "remove_directory",
                                                           "sync_directory",
                                                           "lock",
                                                           "change",
                                                           "any"};
  return kNames[static_cast<std::size_t>(call)];
}

class FaultyFile final : public io::File {
 public:
  FaultyFile(FaultyFileSystem& files, std::unique_ptr<io::File> base, std::string name)
      : files_(files), base_(std::move(base)), name_(std::move(name)) {}

  Result<void> read(std::uint64_t offset, std::span<std::byte> out) const override {
    if (const auto fault = files_.enter(Call::read, name_)) return injected(*fault, Call::read, name_);
    return base_->read(offset, out);
  }
  Result<void> read_durable(std::uint64_t offset, std::span<std::byte> out) const override {
    if (const auto fault = files_.enter(Call::read, name_)) return injected(*fault, Call::read, name_);
    return base_->read_durable(offset, out);
  }
  Result<void> write(std::uint64_t offset, ByteView bytes) override {
    return change(
        Call::write, [&] { return base_->write(offset, bytes); },
        [&] { return base_->write(offset, bytes.first(bytes.size() / 2)); });
  }
  Result<void> append(ByteView bytes) override {
    return change(
        Call::write, [&] { return base_->append(bytes); },
        [&] { return base_->append(bytes.first(bytes.size() / 2)); });
  }
  Result<void> sync() override {
    return change(Call::sync, [&] { return base_->sync(); });
  }
  Result<void> sync_data() override {
    return change(Call::sync, [&] { return base_->sync_data(); });
  }
  Result<void> truncate(std::uint64_t size) override {
    return change(Call::truncate, [&] { return base_->truncate(size); });
  }
  Result<void> zero_fill(std::uint64_t offset, std::uint64_t size) override {
    return change(
        Call::write, [&] { return base_->zero_fill(offset, size); },
        [&] { return base_->zero_fill(offset, size / 2); });
  }
  Result<void> reserve(std::uint64_t offset, std::uint64_t size) override {
    return change(
        Call::reserve, [&] { return base_->reserve(offset, size); }, [&] { return base_->reserve(offset, size / 2); });
  }
  Result<std::uint64_t> size() const override { return base_->size(); }

 private:
  template <typename Whole>
  Result<void> change(Call call, Whole whole) {
    return change(call, whole, [] { return Result<void>(); });
  }
  template <typename Whole, typename Half>
  Result<void> change(Call call, Whole whole, Half half) {
    const auto fault = files_.enter(call, name_);
    if (!fault) return whole();
    if (fault->effect == Fault::Effect::all) (void)whole();
    if (fault->effect == Fault::Effect::half) (void)half();
    return injected(*fault, call, name_);
  }

  FaultyFileSystem& files_;
  const std::unique_ptr<io::File> base_;
  const std::string name_;
};

FaultyFileSystem::FaultyFileSystem(io::FileSystem& base) : base_(base) {}
FaultyFileSystem::~FaultyFileSystem() = default;

void FaultyFileSystem::fail(const Fault& fault) {
  const core::MutexLock lock(mutex_);
  waiting_.push_back({fault, fault.nth});
}

void FaultyFileSystem::heal() {
  const core::MutexLock lock(mutex_);
  waiting_.clear();
}

std::uint64_t FaultyFileSystem::calls(Call call) const { return counts_[static_cast<std::size_t>(call)].load(); }
std::uint64_t FaultyFileSystem::failures() const { return failures_.load(); }
void FaultyFileSystem::set_hook(std::function<void(Call, std::string_view)> hook) { hook_ = std::move(hook); }

std::optional<Fault> FaultyFileSystem::enter(Call call, std::string_view name) {
  if (hook_) hook_(call, name);
  ++counts_[static_cast<std::size_t>(call)];
  ++counts_[static_cast<std::size_t>(Call::any)];
  if (changes(call)) ++counts_[static_cast<std::size_t>(Call::change)];
  const core::MutexLock lock(mutex_);
  std::optional<Fault> struck;
  for (Waiting& waiting : waiting_) {
    if (!matches(waiting.fault.call, call)) continue;
    if (waiting.left > 0) --waiting.left;
    if (waiting.left == 0 && !struck) struck = waiting.fault;
  }
  std::erase_if(waiting_, [](const Waiting& waiting) { return waiting.left == 0 && !waiting.fault.forever; });
  if (struck) ++failures_;
  return struck;
}

template <typename T, typename Function>
Result<T> FaultyFileSystem::pass(Call call, std::string_view name, Function function) {
  const auto fault = enter(call, name);
  if (!fault) return function();
  if (fault->effect == Fault::Effect::all) (void)function();
  return injected(*fault, call, name);
}

Result<std::unique_ptr<io::File>> FaultyFileSystem::open(std::string_view name, io::OpenMode mode) {
  using Opened = std::unique_ptr<io::File>;
  auto file = STRATA_TRY(pass<Opened>(Call::open, name, [&] { return base_.open(name, mode); }));
  return Opened(std::make_unique<FaultyFile>(*this, std::move(file), std::string(name)));
}
Result<std::unique_ptr<io::Mapping>> FaultyFileSystem::map(std::string_view name) {
  return pass<std::unique_ptr<io::Mapping>>(Call::map, name, [&] { return base_.map(name); });
}
Result<void> FaultyFileSystem::rename(std::string_view from, std::string_view to) {
  return pass<void>(Call::rename, from, [&] { return base_.rename(from, to); });
}
Result<void> FaultyFileSystem::remove(std::string_view name) {
  return pass<void>(Call::remove, name, [&] { return base_.remove(name); });
}
Result<bool> FaultyFileSystem::exists(std::string_view name) {
  return pass<bool>(Call::stat, name, [&] { return base_.exists(name); });
}
Result<std::uint64_t> FaultyFileSystem::file_size(std::string_view name) {
  return pass<std::uint64_t>(Call::stat, name, [&] { return base_.file_size(name); });
}
Result<void> FaultyFileSystem::create_directory(std::string_view name) {
  return pass<void>(Call::create_directory, name, [&] { return base_.create_directory(name); });
}
Result<void> FaultyFileSystem::remove_directory(std::string_view name) {
  return pass<void>(Call::remove_directory, name, [&] { return base_.remove_directory(name); });
}
Result<std::vector<std::string>> FaultyFileSystem::list(std::string_view directory) {
  return pass<std::vector<std::string>>(Call::list, directory, [&] { return base_.list(directory); });
}
Result<void> FaultyFileSystem::sync_directory(std::string_view directory) {
  return pass<void>(Call::sync_directory, directory, [&] { return base_.sync_directory(directory); });
}
Result<std::unique_ptr<io::DirectoryLock>> FaultyFileSystem::lock(std::string_view name, std::string_view owner) {
  return pass<std::unique_ptr<io::DirectoryLock>>(Call::lock, name, [&] { return base_.lock(name, owner); });
}
Result<std::uint64_t> FaultyFileSystem::free_bytes() { return base_.free_bytes(); }
Result<std::string> FaultyFileSystem::path(std::string_view name) { return base_.path(name); }

}  // namespace strata::testing
