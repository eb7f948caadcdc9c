#include "crash/simulate_engine.h"

#include <filesystem>

#include "core/clock.h"
#include "core/random.h"
#include "crash/model.h"
#include "crash/plan.h"
#include "engine/local_engine.h"
#include "io/memory_file_system.h"
#include "io/posix_file_system.h"
#include "testing/faulty_file_system.h"

namespace strata::crash {
namespace {

namespace fs = std::filesystem;

/// Everything goes to the disk in memory, but for the files of the two engines that do their own I/O.
class MixedFileSystem final : public io::FileSystem {
 public:
  MixedFileSystem(io::FileSystem& memory, std::unique_ptr<io::FileSystem> real)
      : memory_(memory), real_(std::move(real)) {}
  Result<std::unique_ptr<io::File>> open(std::string_view name, io::OpenMode mode) override {
    return of(name).open(name, mode);
  }
  Result<std::unique_ptr<io::Mapping>> map(std::string_view name) override { return of(name).map(name); }
  Result<void> rename(std::string_view from, std::string_view to) override { return of(from).rename(from, to); }
  Result<void> remove(std::string_view name) override { return of(name).remove(name); }
  Result<bool> exists(std::string_view name) override { return of(name).exists(name); }
  Result<std::uint64_t> file_size(std::string_view name) override { return of(name).file_size(name); }
  Result<void> create_directory(std::string_view name) override {
    STRATA_TRY(real_->create_directory(name));
    return memory_.create_directory(name);
  }
  Result<void> remove_directory(std::string_view name) override { return memory_.remove_directory(name); }
  Result<std::vector<std::string>> list(std::string_view directory) override { return memory_.list(directory); }
  Result<void> sync_directory(std::string_view directory) override { return memory_.sync_directory(directory); }
  Result<std::unique_ptr<io::DirectoryLock>> lock(std::string_view name, std::string_view owner) override {
    return memory_.lock(name, owner);
  }
  Result<std::uint64_t> free_bytes() override { return real_->free_bytes(); }
  Result<std::string> path(std::string_view name) override { return real_->path(name); }

 private:
  io::FileSystem& of(std::string_view name) {
    const bool derived = name.starts_with("metadata/state.") || name.starts_with("analytics/state.");
    return derived ? *real_ : memory_;
  }
  io::FileSystem& memory_;
  const std::unique_ptr<io::FileSystem> real_;
};

/// The engine's disk: faults in front of the mixture, both gone with it.
class FaultyDisk final : public io::FileSystem {
 public:
  FaultyDisk(io::FileSystem& memory, std::unique_ptr<io::FileSystem> real, const std::optional<testing::Fault>& fault)
      : mixed_(memory, std::move(real)), faulty_(mixed_) {
    if (fault) faulty_.fail(*fault);
  }
  std::uint64_t failures() const { return faulty_.failures(); }
  Result<std::unique_ptr<io::File>> open(std::string_view name, io::OpenMode mode) override {
    return faulty_.open(name, mode);
  }
  Result<std::unique_ptr<io::Mapping>> map(std::string_view name) override { return faulty_.map(name); }
  Result<void> rename(std::string_view from, std::string_view to) override { return faulty_.rename(from, to); }
  Result<void> remove(std::string_view name) override { return faulty_.remove(name); }
  Result<bool> exists(std::string_view name) override { return faulty_.exists(name); }
  Result<std::uint64_t> file_size(std::string_view name) override { return faulty_.file_size(name); }
  Result<void> create_directory(std::string_view name) override { return faulty_.create_directory(name); }
  Result<void> remove_directory(std::string_view name) override { return faulty_.remove_directory(name); }
  Result<std::vector<std::string>> list(std::string_view directory) override { return faulty_.list(directory); }
  Result<void> sync_directory(std::string_view directory) override { return faulty_.sync_directory(directory); }
  Result<std::unique_ptr<io::DirectoryLock>> lock(std::string_view name, std::string_view owner) override {
    return faulty_.lock(name, owner);
  }
  Result<std::uint64_t> free_bytes() override { return faulty_.free_bytes(); }
  Result<std::string> path(std::string_view name) override { return faulty_.path(name); }

 private:
  MixedFileSystem mixed_;
  testing::FaultyFileSystem faulty_;
};

/// One database over its lives.
class Simulation {
 public:
  Simulation(std::uint64_t seed, std::string real) : seed_(seed), real_(std::move(real)), random_(seed) {}

  std::string run(Tally& tally) {
    for (std::uint64_t lives = 2 + random_.below(3); lives > 0 && wrong_.empty(); --lives) {
      live();
      cut();
      tally.add("simulated cuts of an engine");
    }
    if (wrong_.empty()) compare();
    if (wrong_.empty()) tally.add("engine seeds");
    return wrong_;
  }

 private:
  Result<std::unique_ptr<engine::LocalEngine>> open(const std::optional<testing::Fault>& fault, FaultyDisk** disk) {
    static const core::SystemClock clock;
    engine::Environment environment;
    auto made = std::make_unique<FaultyDisk>(*memory_, STRATA_TRY(io::open_posix_file_system(real_)), fault);
    *disk = made.get();
    environment.files = std::move(made);
    environment.clock = &clock;
    environment.graph_rows_min = kGraphRowsMin;
    ChildSettings child;
    child.history = seed_ % 2 == 0;
    return engine::LocalEngine::open("simulated", options_of(child), std::move(environment));
  }

  void live() {
    FaultyDisk* disk = nullptr;
    const bool early = random_.chance(0.3);
    const testing::Fault fault{.call = testing::Call::change,
                               .nth = 1 + random_.below(early ? 40 : 400),
                               .forever = true,
                               .error = ErrorCode::io,
                               .effect = static_cast<testing::Fault::Effect>(random_.below(3))};
    auto opened = open(fault, &disk);
    if (!opened) {
      // The disk is gone with the engine; only its own fault explains a refusal.
      if (opened.error().code() != ErrorCode::io && opened.error().code() != ErrorCode::commit_unknown)
        wrong_ = "it was refused: " + opened.error().to_string();
      return;
    }
    engine::LocalEngine& engine = **opened;
    if (!set_up(engine)) return;
    if (next_ < engine.visible_lsn()) next_ = engine.visible_lsn() - 1;
    for (std::uint64_t steps = 5 + random_.below(40); steps > 0; --steps) {
      if (random_.chance(0.08)) {
        if (!engine.checkpoint()) break;
        continue;
      }
      attempted_ = next_ + 1;
      const auto lsn = perform(engine, seed_, 0, next_);
      if (!lsn) break;
      if (plan_of(seed_, 0, next_).durability != Durability::off) durable_ = *lsn;
      ++next_;
    }
    if (random_.chance(0.3)) (void)engine.close().has_value();
  }

  void cut() {
    using enum io::PowerCut::Unsynced;
    constexpr io::PowerCut::Unsynced kAll[] = {lost, kept, torn, torn, prefix, garbled};
    memory_->power_cut(random_, {kAll[random_.below(6)], kAll[random_.below(6)]});
    if (random_.chance(0.2)) fs::remove_all(real_);  // derived: made again
    fs::create_directories(real_);
    compare();
  }

  void compare() {
    FaultyDisk* disk = nullptr;
    auto opened = open(std::nullopt, &disk);
    if (!opened) {
      wrong_ = "it was refused: " + opened.error().to_string();
      return;
    }
    const auto done = [&]() -> Result<void> {
      const auto view = STRATA_TRY((*opened)->view(AsOf::now()));
      const Lsn last = view->lsn();
      if (last < durable_)
        wrong_ = "lsn " + std::to_string(durable_) + " was acknowledged; " + std::to_string(last) + " is the last";
      next_ = 0;
      if (last == 0) return {};
      Model model(seed_);
      const auto ledger = STRATA_TRY(read_ledger(*view));
      if (ledger.size() + 1 != last) wrong_ = "the ledger has a hole";
      if (ledger.size() > attempted_) wrong_ = "more is there than was attempted";
      for (const LedgerLine& line : ledger) model.apply(line);
      next_ = ledger.size();
      for (const std::string& difference : STRATA_TRY(model.compare(*view))) wrong_ = difference;
      durable_ = std::max(durable_, last);
      return {};
    }();
    if (!done) wrong_ = "it cannot be read: " + done.error().to_string();
  }

  const std::uint64_t seed_;
  const std::string real_;
  core::Random random_;
  const std::unique_ptr<io::MemoryFileSystem> memory_ = io::make_memory_file_system();
  std::uint64_t next_ = 0, attempted_ = 0;
  Lsn durable_ = 0;
  std::string wrong_;
};

}  // namespace

SimulatedEngines::SimulatedEngines(const Settings& settings) : scratch_(settings) {}
SimulatedEngines::~SimulatedEngines() = default;

std::string SimulatedEngines::simulate(std::uint64_t seed, Tally& tally) {
  const std::string real = scratch_.path("real-" + std::to_string(seed));
  fs::create_directories(real);
  std::string wrong = Simulation(seed, real).run(tally);
  fs::remove_all(real);
  return wrong;
}

}  // namespace strata::crash
