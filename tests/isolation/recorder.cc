#include "isolation/recorder.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "core/random.h"

namespace strata::isolation {
namespace {

constexpr std::uint64_t kAppendsPerKey = 30;
constexpr std::size_t kOperationsMax = 6;

std::string text_of(const List& list, char separator) {
  std::string text;
  for (const std::int64_t element : list) {
    if (!text.empty()) text += separator;
    text += std::to_string(element);
  }
  return text;
}

Result<List> list_of(std::string_view text, char separator) {
  List list;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    std::int64_t element = 0;
    const auto [rest, error] = std::from_chars(at, end, element);
    if (error != std::errc() || (rest != end && *rest != separator)) {
      return Error(ErrorCode::invalid_argument, "not a list: " + std::string(text));
    }
    list.push_back(element);
    at = rest == end ? end : rest + 1;
  }
  return list;
}

/// What all clients share.
class Clients {
 public:
  Clients(Engine& engine, const Workload& workload, const Listener& listener)
      : engine_(engine), workload_(workload), listener_(listener), stores_(stores_of_any_value()) {}

  Result<void> run() {
    // All groups are made beforehand: a transaction with a view of before could not write to one that is made meanwhile.
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      appended_[slot] = workload_.appended[slot];
      const std::uint64_t first = workload_.appended[slot] / kAppendsPerKey;
      const std::uint64_t appends = workload_.transactions * kOperationsMax / 2 / kSlots;  // about as many for each
      last_group_[slot] = first + 1 + 2 * appends / kAppendsPerKey;
      if (slot % kSlotsPerStore == 0) STRATA_TRY(store(slot).set_up(engine_));
      for (std::uint64_t number = first; number <= last_group_[slot]; ++number) {
        STRATA_TRY(store(slot).open_group(engine_, group(slot, number)));
        if (!store(slot).reads_by_key()) STRATA_TRY(write_nothing({group(slot, number), member(slot)}, store(slot)));
      }
    }
    element_ = workload_.first_element;
    tick_ = workload_.first_tick;
    std::vector<std::thread> threads;
    for (std::size_t client = 0; client < workload_.clients; ++client) {
      threads.emplace_back([this, client] {
        core::Random random(workload_.seed * 1'000'003 + workload_.first_process + client);
        while (!failed_ && begun_.fetch_add(1) < workload_.transactions) {
          if (auto done = transact(random, workload_.first_process + client); !done) fail(std::move(done).error());
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    if (error_) return std::move(*error_);
    return {};
  }

 private:
  ItemStore& store(std::size_t slot) { return *stores_[slot / kSlotsPerStore]; }
  std::string group(std::size_t slot, std::uint64_t number) {
    return std::string(store(slot).name()) + "-" + workload_.name + "-" + std::to_string(number);
  }
  /// The one that clients work on now.
  std::string group(std::size_t slot) {
    return group(slot, std::min(appended_[slot].load() / kAppendsPerKey, last_group_[slot]));
  }

  /// Where two inserts of one id are two rows (no key is declared), an item is there from the beginning.
  Result<void> write_nothing(const Item& item, ItemStore& store) {
    if (STRATA_TRY(store.read(engine_, item))) return {};
    return store.write(engine_, item, "");
  }

  static std::string member(std::size_t slot) { return "s" + std::to_string(slot % kSlotsPerStore); }

  void fail(Error error) {
    const std::lock_guard lock(mutex_);
    if (!failed_.exchange(true)) error_.emplace(std::move(error));
  }

  Result<void> transact(core::Random& random, std::uint64_t process) {
    // Now and then somebody cleans up between the others.
    if (random.chance(0.004)) STRATA_TRY(engine_.object().collect());
    if (random.chance(0.002)) STRATA_TRY(engine_.checkpoint());
    Attempt attempt;
    attempt.process = process;
    attempt.begin = ++tick_;
    TransactionOptions options;
    options.isolation = workload_.level;
    options.durability = workload_.durability;
    const auto transaction = STRATA_TRY(engine_.begin(options));
    const std::size_t planned = 1 + random.below(kOperationsMax);
    while (attempt.operations.size() < planned) {
      if (auto done = operate(random, *transaction, attempt); !done) {
        transaction->rollback();
        tell_before(attempt);
        return finish(attempt, std::move(done).error());
      }
      std::this_thread::yield();  // let the others in between
    }
    tell_before(attempt);
    if (random.chance(0.05)) {
      transaction->rollback();
      return finish(attempt, Error(ErrorCode::conflict, "rolled back by choice"));
    }
    auto committed = transaction->commit();
    if (!committed) return finish(attempt, std::move(committed).error());
    attempt.lsn = has_appends(attempt) ? *committed : 0;
    return finish(attempt, {});
  }

  static bool has_appends(const Attempt& attempt) {
    for (const Operation& operation : attempt.operations) {
      if (operation.kind == Operation::Kind::append) return true;
    }
    return false;
  }

  Result<void> operate(core::Random& random, Stores& stores, Attempt& attempt) {
    const std::size_t slot = random.below(kSlots);
    const std::string name = group(slot);
    if (random.chance(0.15)) {
      Operation operation{Operation::Kind::scan, name};
      for (const auto& [key, text] : STRATA_TRY(store(slot).scan(stores, name))) {
        operation.members[name + "/" + key] = STRATA_TRY(list_of(text, ' '));
      }
      attempt.operations.push_back(std::move(operation));
      return {};
    }
    const Item item{name, member(slot)};
    const std::string text = STRATA_TRY(store(slot).read(stores, item)).value_or("");
    attempt.operations.push_back(
        {Operation::Kind::read, item.name(), 0, STRATA_TRY(list_of(text, ' ')), !store(slot).reads_by_key()});
    if (random.chance(0.4)) return {};
    const std::uint64_t element = ++element_;
    // First noted, then done: when it fails half-way, nobody may see it.
    attempt.operations.push_back({Operation::Kind::append, item.name(), static_cast<std::int64_t>(element)});
    STRATA_TRY(store(slot).write(stores, item, text + (text.empty() ? "" : " ") + std::to_string(element)));
    ++appended_[slot];
    return {};
  }

  void tell_before(const Attempt& attempt) {
    const std::lock_guard lock(mutex_);
    listener_.before(attempt);
  }

  Result<void> finish(Attempt& attempt, Result<void> how) {
    attempt.end = ++tick_;
    if (how) {
      attempt.outcome = Outcome::ok;
    } else if (how.error().code() == ErrorCode::commit_unknown) {
      attempt.outcome = Outcome::unknown;
    } else {
      attempt.outcome = Outcome::failed;
    }
    {
      const std::lock_guard lock(mutex_);
      listener_.after(attempt);
    }
    if (how || how.error().code() == ErrorCode::conflict || how.error().code() == ErrorCode::timeout) return {};
    return how;
  }

  Engine& engine_;
  const Workload& workload_;
  const Listener& listener_;
  const std::vector<std::unique_ptr<ItemStore>> stores_;
  std::array<std::atomic<std::uint64_t>, kSlots> appended_{};
  std::array<std::uint64_t, kSlots> last_group_{};
  std::atomic<std::uint64_t> element_{0}, tick_{0}, begun_{0};
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::optional<Error> error_;
};

}  // namespace

Result<void> run_clients(Engine& engine, const Workload& workload, const Listener& listener) {
  return Clients(engine, workload, listener).run();
}

std::size_t slot_of(std::string_view key) {
  static constexpr std::string_view kStores[kStoreCount] = {"vector",    "object", "metadata", "graph",
                                                            "analytics", "cache",  "array"};
  const auto* const store = std::find(std::begin(kStores), std::end(kStores), key.substr(0, key.find('-')));
  const std::size_t member = static_cast<std::size_t>(key.back() - '0') % kSlotsPerStore;
  return static_cast<std::size_t>(store - std::begin(kStores)) % kStoreCount * kSlotsPerStore + member;
}

Result<Attempt> read_everything(Engine& engine, const History& history) {
  Attempt attempt;
  std::set<std::string> keys;
  for (const Attempt& other : history) {
    attempt.process = std::max(attempt.process, other.process + 1);
    attempt.begin = std::max({attempt.begin, other.begin + 1, other.end + 1});
    for (const Operation& operation : other.operations) {
      if (operation.kind == Operation::Kind::append) keys.insert(operation.key);
    }
  }
  attempt.end = attempt.begin + 1;
  const auto stores = stores_of_any_value();
  const auto view = STRATA_TRY(engine.view());
  for (const std::string& key : keys) {
    const std::size_t slash = key.find('/');
    const Item item{key.substr(0, slash), key.substr(slash + 1)};
    for (const auto& store : stores) {
      if (!item.group.starts_with(std::string(store->name()) + "-")) continue;
      const std::string text = STRATA_TRY(store->read(*view, item)).value_or("");
      attempt.operations.push_back({Operation::Kind::read, key, 0, STRATA_TRY(list_of(text, ' '))});
    }
  }
  return attempt;
}

// ---- lines ------------------------------------------------------------------------------------------------------

// process begin end outcome lsn|r key 1,2|q key 1|a key 3|s group key=1,2;key=3
std::string describe(const Attempt& attempt) {
  std::string line = std::to_string(attempt.process) + " " + std::to_string(attempt.begin) + " " +
                     std::to_string(attempt.end) + " " + std::to_string(static_cast<int>(attempt.outcome)) + " " +
                     std::to_string(attempt.lsn);
  for (const Operation& operation : attempt.operations) {
    switch (operation.kind) {
      case Operation::Kind::read:
        line += (operation.by_predicate ? "|q " : "|r ") + operation.key + " " + text_of(operation.list, ',');
        break;
      case Operation::Kind::append: line += "|a " + operation.key + " " + std::to_string(operation.element); break;
      case Operation::Kind::scan: {
        line += "|s " + operation.key + " ";
        bool first = true;
        for (const auto& [key, list] : operation.members) {
          line += (first ? "" : ";") + key + "=" + text_of(list, ',');
          first = false;
        }
        break;
      }
    }
  }
  return line;
}

namespace {

/// What is before the next separator, which is taken away with it.
std::string_view take(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  const std::string_view taken = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
  return taken;
}

Result<Operation> parse_operation(std::string_view text) {
  const std::string_view kind = take(text, ' ');
  Operation operation;
  operation.key = take(text, ' ');
  if (kind == "r" || kind == "q") {
    operation.list = STRATA_TRY(list_of(text, ','));
    operation.by_predicate = kind == "q";
  } else if (kind == "a") {
    operation.kind = Operation::Kind::append;
    const List list = STRATA_TRY(list_of(text, ','));
    if (list.size() != 1) return Error(ErrorCode::invalid_argument, "an append has one element: " + std::string(text));
    operation.element = list[0];
  } else if (kind == "s") {
    operation.kind = Operation::Kind::scan;
    while (!text.empty()) {
      std::string_view member = take(text, ';');
      const std::string key(take(member, '='));
      operation.members[key] = STRATA_TRY(list_of(member, ','));
    }
  } else {
    return Error(ErrorCode::invalid_argument, "not an operation: " + std::string(kind));
  }
  return operation;
}

}  // namespace

Result<Attempt> parse(std::string_view line) {
  std::string_view numbers = take(line, '|');
  const List head = STRATA_TRY(list_of(numbers, ' '));
  if (head.size() != 5 || head[3] < 0 || head[3] > 2) {
    return Error(ErrorCode::invalid_argument, "not an attempt: " + std::string(numbers));
  }
  Attempt attempt;
  attempt.process = static_cast<std::uint64_t>(head[0]);
  attempt.begin = static_cast<std::uint64_t>(head[1]);
  attempt.end = static_cast<std::uint64_t>(head[2]);
  attempt.outcome = static_cast<Outcome>(head[3]);
  attempt.lsn = static_cast<Lsn>(head[4]);
  while (!line.empty()) attempt.operations.push_back(STRATA_TRY(parse_operation(take(line, '|'))));
  return attempt;
}

}  // namespace strata::isolation
