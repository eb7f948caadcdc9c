// The scenario of the errors: all that an engine does, in one process, while one call to the system is refused, once or for
// ever. Whatever fails is told and the next thing is tried. Then the machine is well again, and the same process must be
// able to go on: what it has in memory is compared with the model, a writer writes, and closing and opening work.
#include <filesystem>

#include "crash/child.h"
#include "crash/crash.h"
#include "crash/model.h"
#include "crash/plan.h"
#include "crash/system_faults.h"
#include "strata/operations.h"

namespace strata::crash {
namespace {

/// Number 0 writes large records, whose thousands of pages in SQLite are thousands of cases alike.
constexpr std::uint64_t kWriter = 1;

class Refused {
 public:
  explicit Refused(const ChildSettings& settings) : settings_(settings) {}

  void run() {
    for (const std::uint64_t count : {14, 6}) {
      if (!open()) continue;
      write(count);
      step("checkpoint", [&] { return engine_->checkpoint(); });
      write(4);
      look_back();
      step("analytics", [&] { return engine_->analytics().query("select count(*) from metrics"); });
      step("rows", [&] { return engine_->metadata().query("select count(*) from items"); });
      back_up();
      step("checkpoint", [&] { return engine_->checkpoint(); });
      write(2);
      step("checkpoint", [&] { return engine_->checkpoint(); });
      step("verify", [&] { return engine_->verify(); });
      compare();
      close();
    }
    restore_backup();
    const bool still_open = open();
    if (still_open) write(2);
    tell_calls();  // those that a fault could meet
    heal_system();
    if (still_open) recover();
    if (!open()) return say("E the machine is well, and it cannot be opened");
    write(2);
    compare();
    if (const auto closed = engine_->close(); !closed) say("E close: " + one_line(closed.error().to_string()));
  }

 private:
  template <typename Function>
  bool step(const char* name, Function function) {
    const auto done = function();
    if (!done) say("X " + std::string(name) + ": " + one_line(done.error().to_string()));
    return done.has_value();
  }

  bool open() {
    for (int tries = 0; tries < 2; ++tries) {
      engine_.reset();
      auto opened = open_database(settings_.directory, options_of(settings_));
      if (!step("open", [&]() -> Result<void> { return opened ? Result<void>() : opened.error().clone(); })) continue;
      engine_ = *std::move(opened);
      if (step("set-up", [&] { return set_up(*engine_); })) return true;
    }
    engine_.reset();
    return false;
  }

  void close() {
    step("close", [&] { return engine_->close(); });
    engine_.reset();
  }

  void write(std::uint64_t count) {
    // What failed, or may have been done, is what it begins with next time: with the same idempotency key.
    next_ = write_operations(*engine_, settings_, kWriter, next_, count);
  }

  /// A view of the past and one of the present, each read in every store.
  void look_back() {
    step("past", [&]() -> Result<void> {
      const auto view = STRATA_TRY(engine_->view(AsOf::at(std::max<Lsn>(1, engine_->visible_lsn() / 2))));
      STRATA_TRY(view->vector().count("points"));
      STRATA_TRY(view->graph().node("hub"));
      STRATA_TRY(view->array().dataset("log"));
      STRATA_TRY(view->object().count());
      STRATA_TRY(view->analytics().query("select count(*) from metrics"));
      if (auto rows = view->metadata().query("select count(*) from ledger"); !rows) {
        // Across a change of tables it cannot be shown.
        if (rows.error().code() != ErrorCode::unsupported) return std::move(rows).error();
      }
      return {};
    });
  }

  void back_up() {
    say("P backup");
    const auto report = backup(*engine_, settings_.backups);
    if (!report) return say("X backup: " + one_line(report.error().to_string()));
    say("K " + std::to_string(report->lsn) + " " + report->directory);
    backup_ = report->directory;
  }

  void restore_backup() {
    const std::string to = settings_.directory + ".restored";
    if (!backup_.empty()) step("restore", [&] { return restore(backup_, to); });
    std::error_code refused;  // then the parent removes it
    std::filesystem::remove_all(to, refused);
  }

  /// All that the engine shows now against what the ledger says; what is wrong is an error. Again, when a call was refused
  /// meanwhile: what cannot be read looks different.
  void compare() {
    for (int tries = 0; tries < 2; ++tries) {
      const std::uint64_t refused = system_failures();
      std::vector<std::string> differences;
      const bool read = step("compare", [&] { return differences_of(differences); });
      if (system_failures() != refused) continue;
      for (const std::string& difference : differences) say("E the open engine: " + difference);
      if (read) return;
    }
  }

  Result<void> differences_of(std::vector<std::string>& out) {
    const auto view = STRATA_TRY(engine_->view());
    Model model(settings_.seed);
    const auto ledger = STRATA_TRY(read_ledger(*view));
    for (const LedgerLine& line : ledger) model.apply(line);
    out = STRATA_TRY(model.compare(*view));
    if (ledger.size() + 1 != view->lsn()) out.push_back("the ledger has a hole");
    return {};
  }

  static void tell_calls() {
    const SystemCalls calls = system_calls();
    for (std::size_t call = 0; call < kSystemCalls; ++call) {
      for (std::size_t owner = 0; owner < kOwners; ++owner) {
        say("T " + std::string(name(static_cast<SystemCall>(call))) + "/" +
            std::string(name(static_cast<Owner>(owner))) + " " + std::to_string(calls[call][owner]));
      }
    }
  }

  /// The machine is well: the engine goes on, or it said that it does not know what its journal holds.
  void recover() {
    const std::uint64_t before = next_;
    write(1);
    if (next_ == before) {
      const auto answer = engine_->begin();
      if (answer || answer.error().code() != ErrorCode::commit_unknown)
        say("E the machine is well, and nothing can be written");
    } else {
      compare();
      if (auto done = engine_->checkpoint(); !done)
        say("E the machine is well: checkpoint: " + one_line(done.error().to_string()));
    }
    close();
  }

  const ChildSettings& settings_;
  std::uint64_t next_ = settings_.first[kWriter];
  std::unique_ptr<Engine> engine_;
  std::string backup_;
};

}  // namespace

int run_refused(const ChildSettings& settings) {
  if (const auto armed = arm_system_fault(settings.directory, settings.fault); !armed) {
    say("E " + armed.error().to_string());
    return 2;
  }
  Refused(settings).run();
  say("S " + std::to_string(system_failures()));
  say("D");
  return 0;
}

}  // namespace strata::crash
