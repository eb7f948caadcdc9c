// What is under way, told by the process that has the database open or read from its board by another.
#include <charconv>

#include "core/clock.h"
#include "engine/local_engine.h"
#include "io/posix_file_system.h"
#include "io/shared_memory.h"

namespace strata::engine {
namespace {

std::string_view isolation_name(Isolation isolation) {
  switch (isolation) {
    case Isolation::read_uncommitted: return "read_uncommitted";
    case Isolation::read_committed: return "read_committed";
    case Isolation::repeatable_read: return "repeatable_read";
    case Isolation::serializable: return "serializable";
  }
  return "unknown";
}

Map told(const transaction::TransactionsStatus& status) {
  Value::List active;
  for (const transaction::TransactionStatus& each : status.active) {
    Map shown{{"id", each.id}};
    if (!each.call) {
      shown.set("isolation", std::string(isolation_name(each.isolation)));
      shown.set("age_ms", each.age_us / 1000);
      shown.set("view_lsn", each.view);
      shown.set("writing", each.writes > 0);
      shown.set("bytes", each.bytes);
      shown.set("keys", each.keys);
    }
    if (!each.waits_for.empty()) {
      shown.set("waits_for", Value::List(each.waits_for.begin(), each.waits_for.end()));
      shown.set("waits_on", each.waits_on);
      shown.set("waiting_ms", each.waiting_us / 1000);
    }
    active.push_back(std::move(shown));
  }
  Value::List conflicts;
  for (const transaction::RecentConflict& each : status.conflicts) {
    conflicts.push_back(Map{{"time", core::format_time(each.time)}, {"message", each.message}});
  }
  Map behind;
  for (std::size_t i = 0; i < kStoreCount; ++i) {
    const auto store = static_cast<StoreKind>(i);
    if (store != StoreKind::cache) behind.set(std::string(name(store)), status.lag[i]);
  }
  return Map{{"active", std::move(active)},
             {"not_shown", status.unshown},
             {"conflicts", std::move(conflicts)},
             {"locks", status.locks},
             {"lag", std::move(behind)},
             {"lag_bytes_max", status.lag_bytes_max},
             {"counters", Map{{"committed", status.committed},
                              {"rolled_back", status.rolled_back},
                              {"conflicts", status.conflicted},
                              {"timeouts", status.timeouts},
                              {"lag_waits", status.lag_waits},
                              {"lag_refusals", status.lag_refusals},
                              {"lock_waits", status.lock_waits},
                              {"deadlocks", status.deadlocks},
                              {"lock_timeouts", status.lock_timeouts}}}};
}

/// Of "process 4711 (python3)", as open writes it into the lock's file.
std::optional<int> number_of(std::string_view owner) {
  constexpr std::string_view kBegin = "process ";
  if (!owner.starts_with(kBegin)) return std::nullopt;
  owner.remove_prefix(kBegin.size());
  int number = 0;
  const auto [end, failed] = std::from_chars(owner.data(), owner.data() + owner.size(), number);
  return failed == std::errc() && end != owner.data() && number > 0 ? std::optional(number) : std::nullopt;
}

Result<Map> read_from_outside(const std::string& directory) {
  const auto no_process = [&] { return Error(ErrorCode::not_found, "no process has the database open: " + directory); };
  auto owner = io::lock_owner(directory, kLockName);
  if (!owner && owner.error().code() == ErrorCode::not_found) return no_process();
  if (!owner) return std::move(owner).error();
  if (!*owner) return no_process();
  const auto with_owner = [&](ErrorCode code, const std::string& what) {
    return Error(code, "what is under way cannot be looked at from here: " + what + "; the database is open in " +
                           (**owner).substr(0, 200));
  };
  const std::optional<int> process = number_of(**owner);
  if (!process) return with_owner(ErrorCode::unavailable, "its lock does not name a process");
  const std::string board = transaction::board_name(STRATA_TRY(io::directory_identity(directory)));
  auto copies = io::read_shared_memory(*process, board, transaction::kBoardBytes + 1);
  if (!copies) {
    if (copies.error().code() == ErrorCode::permission_denied) return std::move(copies).error();
    // Ended meanwhile, of an earlier version, in another container, or without descriptors to spare when it opened.
    return with_owner(ErrorCode::unavailable, copies.error().message());
  }
  static const core::SystemClock clock;
  auto status = transaction::read_board(copies->first, copies->second, clock.monotonic_us());
  if (!status) return with_owner(status.error().code(), status.error().message());
  Map map{{"process", **owner}};
  for (auto& [key, value] : told(*status)) map.set(key, value);
  return map;
}

}  // namespace

Result<Map> LocalEngine::transactions() noexcept {
  STRATA_TRY(check_open());
  return told(manager_->transactions());
}

}  // namespace strata::engine

namespace strata {

Result<Map> transactions_of(const std::string& directory) noexcept { return engine::read_from_outside(directory); }

}  // namespace strata
