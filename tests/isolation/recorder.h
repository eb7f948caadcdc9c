#pragma once
/// Clients at work on a database, and what they saw: random transactions of one to six operations over lists in all seven
/// stores, a few keys at a time so that they meet.
///
/// A client may be in a process that is killed. So it says on a pipe what a transaction did before it commits, and how that
/// ended after it: `describe` and `parse` are the two ends.
#include <array>
#include <functional>
#include <string>
#include <string_view>

#include "isolation/history.h"
#include "isolation/item_store.h"

namespace strata::isolation {

inline constexpr std::size_t kSlotsPerStore = 2;
inline constexpr std::size_t kSlots = kSlotsPerStore * kStoreCount;

struct Workload {
  std::uint64_t seed = 1;
  Isolation level = Isolation::repeatable_read;
  Durability durability = Durability::off;
  std::size_t clients = 4;
  std::size_t transactions = 300;  ///< of all clients together
  std::string name = "h0";         ///< of the keys: once in a database

  // What goes on from an earlier life of the same history.
  std::uint64_t first_process = 0, first_element = 0, first_tick = 0;
  std::array<std::uint64_t, kSlots> appended = {};  ///< a key is given up for a new one when its list is long
};

/// Told before a transaction's fate is decided (`end` and `lsn` are not known then), and after. Threads: one at a time.
struct Listener {
  std::function<void(const Attempt&)> before = [](const Attempt&) {};
  std::function<void(const Attempt&)> after = [](const Attempt&) {};
};

/// Runs the clients on threads of their own until all transactions are done.
/// Errors  the first that is neither conflict nor timeout: of any kind, from any store
Result<void> run_clients(Engine& engine, const Workload& workload, const Listener& listener);

/// Which slot a key belongs to: the counter in Workload::appended that its appends advance.
std::size_t slot_of(std::string_view key);

/// One more attempt: everything that anybody appended to, read at once, after all others.
Result<Attempt> read_everything(Engine& engine, const History& history);

/// One line without its end, and back. Errors  invalid_argument
std::string describe(const Attempt& attempt);
Result<Attempt> parse(std::string_view line);

}  // namespace strata::isolation
