#include "transaction/lock_table.h"

#include <algorithm>
#include <chrono>

#include "core/assert.h"

namespace strata::transaction {
namespace {

// A waiter looks at the clock this often: it may be one that a test moves by hand.
constexpr std::int64_t kLookUs = 20'000;

std::string named(std::uint64_t owner) { return "transaction " + std::to_string(owner); }

}  // namespace

bool compatible(LockMode a, LockMode b) noexcept {
  constexpr bool kTable[4][4] = {
      {true, true, true, false}, {true, true, false, false}, {true, false, true, false}, {false, false, false, false}};
  return kTable[static_cast<int>(a)][static_cast<int>(b)];
}

LockMode both(LockMode a, LockMode b) noexcept {
  if (a > b) std::swap(a, b);
  const bool mixed = a == LockMode::intend_exclusive && b == LockMode::shared;
  return mixed ? LockMode::exclusive : b;
}

// ---- the table ----------------------------------------------------------------------------------------------------

LockTable::Slot* LockTable::Shard::find(std::uint64_t key) {
  if (slots.empty()) return nullptr;
  for (std::size_t i = key & (slots.size() - 1);; i = (i + 1) & (slots.size() - 1)) {
    if (slots[i].first.owner == 0) return nullptr;
    if (slots[i].key == key) return &slots[i];
  }
}

LockTable::Slot& LockTable::Shard::at(std::uint64_t key) {
  if (Slot* found = find(key)) return *found;
  if ((used + 1) * 2 > slots.size()) grow();
  std::size_t i = key & (slots.size() - 1);
  while (slots[i].first.owner != 0) i = (i + 1) & (slots.size() - 1);
  slots[i].key = key;
  ++used;
  return slots[i];
}

void LockTable::Shard::grow() {
  std::vector<Slot> old(std::max<std::size_t>(16, slots.size() * 2));
  old.swap(slots);
  for (Slot& slot : old) {
    if (slot.first.owner == 0) continue;
    std::size_t i = slot.key & (slots.size() - 1);
    while (slots[i].first.owner != 0) i = (i + 1) & (slots.size() - 1);
    slots[i] = std::move(slot);
  }
}

// What stood behind it in the same run moves up, so that a search never meets a hole before its key.
void LockTable::Shard::erase(Slot& slot) {
  const std::size_t mask = slots.size() - 1;
  auto hole = static_cast<std::size_t>(&slot - slots.data());
  for (std::size_t i = (hole + 1) & mask; slots[i].first.owner != 0; i = (i + 1) & mask) {
    const std::size_t home = slots[i].key & mask;
    if (((i - home) & mask) < ((i - hole) & mask)) continue;  // its home lies behind the hole
    slots[hole] = std::move(slots[i]);
    hole = i;
  }
  slots[hole] = Slot{};
  --used;
}

template <typename Visit>
void LockTable::each_holder(const Slot& slot, Visit&& visit) {
  visit(slot.first);
  if (!slot.crowd) return;
  for (const Holder& holder : slot.crowd->more) visit(holder);
}

LockTable::Holder* LockTable::holder(Slot& slot, std::uint64_t owner) {
  if (slot.first.owner == owner) return &slot.first;
  if (!slot.crowd) return nullptr;
  for (Holder& each : slot.crowd->more) {
    if (each.owner == owner) return &each;
  }
  return nullptr;
}

bool LockTable::grant(Shard&, Slot& slot, std::uint64_t owner, LockMode mode, bool& fresh, bool ignore_queue) {
  fresh = false;
  if (slot.first.owner == 0) {
    slot.first = {owner, mode};
    fresh = true;
    return true;
  }
  Holder* mine = holder(slot, owner);
  const LockMode wanted = mine != nullptr ? both(mine->mode, mode) : mode;
  if (mine != nullptr && wanted == mine->mode) return true;
  if (mine == nullptr && !ignore_queue && slot.crowd && !slot.crowd->waiters.empty()) return false;
  bool free = true;
  each_holder(slot, [&](const Holder& each) { free &= each.owner == owner || compatible(each.mode, wanted); });
  if (!free) return false;
  if (mine != nullptr) {
    mine->mode = wanted;
    return true;
  }
  if (!slot.crowd) slot.crowd = std::make_unique<Crowd>();
  slot.crowd->more.push_back({owner, wanted});
  fresh = true;
  return true;
}

LockTable::~LockTable() {
  const core::MutexLock lock(wait_mutex_);
  STRATA_ASSERT(waiting_.empty());
}

bool LockTable::try_acquire(LockOwner& owner, std::uint64_t key, LockMode mode) {
  STRATA_ASSERT(owner.id() != 0);
  Shard& shard = shard_of(key);
  const core::MutexLock lock(shard.mutex);
  bool fresh = false;
  if (!grant(shard, shard.at(key), owner.id(), mode, fresh, false)) return false;
  if (!fresh) return true;
  if (owner.held_.empty()) owner.held_.reserve(16);  // about what one memory writes
  owner.held_.push_back(key);
  return true;
}

// ---- waiting ------------------------------------------------------------------------------------------------------

Result<LockTable::Granted> LockTable::acquire(LockOwner& owner, StoreKind store, std::uint64_t key, LockMode mode,
                                              std::int64_t deadline_us) {
  if (try_acquire(owner, key, mode)) return Granted::at_once;
  const core::MutexLock lock(wait_mutex_);
  Waiter self{owner.id(), store, key, mode, clock_.monotonic_us()};
  {
    // Once more: until now the slot could change. From here on, with this waiter in it, it cannot.
    Shard& shard = shard_of(key);
    const core::MutexLock shard_lock(shard.mutex);
    Slot& slot = shard.at(key);
    bool fresh = false;
    if (grant(shard, slot, owner.id(), mode, fresh, false)) {
      if (fresh) owner.held_.push_back(key);
      return Granted::after_waiting;
    }
    if (!slot.crowd) slot.crowd = std::make_unique<Crowd>();
    auto& queue = slot.crowd->waiters;
    auto place = queue.end();
    if (holder(slot, owner.id()) != nullptr) {
      place =
          std::find_if(queue.begin(), queue.end(), [&](Waiter* each) { return holder(slot, each->owner) == nullptr; });
    }
    queue.insert(place, &self);
  }
  start_waiting(self);

  // L4: every cycle that this wait closes loses its youngest.
  while (self.state == Waiter::State::waiting) {
    const std::vector<std::uint64_t> cycle = find_cycle(owner.id());
    if (cycle.empty()) break;
    std::string text;
    for (const std::uint64_t each : cycle) text += named(each) + " waits for ";
    text += named(cycle.front());
    Waiter& victim = *waiting_.at(*std::max_element(cycle.begin(), cycle.end()));
    victim.state = Waiter::State::victim;
    victim.cycle = std::move(text);
    board_.counters.deadlocks.fetch_add(1, std::memory_order_relaxed);
    leave_queue(victim);
    victim.changed.notify_one();
  }
  while (self.state == Waiter::State::waiting) {
    const std::int64_t left = deadline_us - clock_.monotonic_us();
    if (left < 0) {
      std::string holders;
      for (const std::uint64_t each : waits_for(owner.id())) holders += (holders.empty() ? "" : ", ") + named(each);
      leave_queue(self);
      board_.counters.lock_timeouts.fetch_add(1, std::memory_order_relaxed);
      return Error(ErrorCode::timeout, "another transaction holds the lock for too long: " + named(owner.id()) +
                                           " waited " + std::to_string((clock_.monotonic_us() - self.since_us) / 1000) +
                                           " ms for " + holders);
    }
    self.changed.wait_for(wait_mutex_, std::chrono::microseconds(std::min(left + 1, kLookUs)));
  }
  if (self.state == Waiter::State::victim) {
    return Error(ErrorCode::conflict,
                 "a deadlock, and this transaction is the youngest in it. Run the transaction again: " + self.cycle);
  }
  if (std::find(owner.held_.begin(), owner.held_.end(), key) == owner.held_.end()) owner.held_.push_back(key);
  return Granted::after_waiting;
}

void LockTable::release_all(LockOwner& owner) {
  for (const std::uint64_t key : owner.held_) {
    // True when the slot is nobody's any more.
    const auto drop = [&](Slot& slot) {
      if (slot.first.owner != owner.id()) {
        std::erase_if(slot.crowd->more, [&](const Holder& each) { return each.owner == owner.id(); });
      } else if (slot.crowd && !slot.crowd->more.empty()) {
        slot.first = slot.crowd->more.back();
        slot.crowd->more.pop_back();
      } else if (slot.crowd && !slot.crowd->waiters.empty()) {
        slot.first.owner = kNobody;
      } else {
        return true;
      }
      return false;
    };
    Shard& shard = shard_of(key);
    {
      const core::MutexLock lock(shard.mutex);
      Slot* slot = shard.find(key);
      STRATA_ASSERT(slot != nullptr);
      if (!slot->crowd || slot->crowd->waiters.empty()) {
        if (drop(*slot)) shard.erase(*slot);
        continue;
      }
    }
    const core::MutexLock lock(wait_mutex_);
    {
      const core::MutexLock shard_lock(shard.mutex);
      Slot& slot = *shard.find(key);  // its waiters may have given up meanwhile
      if (drop(slot)) shard.erase(slot);
    }
    serve(key);
  }
  owner.held_.clear();
}

void LockTable::serve(std::uint64_t key) {
  serve_queue(key);
  show_waiters(key);  // who is left waits for others now
}

void LockTable::serve_queue(std::uint64_t key) {
  Shard& shard = shard_of(key);
  const core::MutexLock lock(shard.mutex);
  Slot* slot = shard.find(key);
  if (slot == nullptr || !slot->crowd) return;  // all gone, and perhaps taken anew
  auto& queue = slot->crowd->waiters;
  while (!queue.empty()) {
    Waiter& next = *queue.front();
    bool fresh = false;
    if (slot->first.owner == kNobody) {
      slot->first = {next.owner, next.mode};
    } else if (!grant(shard, *slot, next.owner, next.mode, fresh, true)) {
      return;
    }
    queue.pop_front();
    stop_waiting(next);
    next.state = Waiter::State::granted;
    next.changed.notify_one();
  }
  if (slot->first.owner == kNobody) shard.erase(*slot);
}

void LockTable::leave_queue(Waiter& waiter) {
  {
    Shard& shard = shard_of(waiter.key);
    const core::MutexLock lock(shard.mutex);
    std::erase(shard.find(waiter.key)->crowd->waiters, &waiter);
  }
  stop_waiting(waiter);
  serve(waiter.key);  // who stood behind may go now
}

// ---- who waits for whom -------------------------------------------------------------------------------------------

void LockTable::start_waiting(Waiter& waiter) {
  waiting_.emplace(waiter.owner, &waiter);
  board_.counters.lock_waits.fetch_add(1, std::memory_order_relaxed);
  for (ShownWait& place : board_.waits) {
    if (place.waiter.load(std::memory_order_relaxed) != 0) continue;
    waiter.shown = &place;
    break;
  }
  if (waiter.shown == nullptr) board_.counters.unshown.fetch_add(1, std::memory_order_relaxed);
  show_waiters(waiter.key);  // one that passed others is before them now
}

void LockTable::stop_waiting(Waiter& waiter) {
  waiting_.erase(waiter.owner);
  if (waiter.shown == nullptr) {
    board_.counters.unshown.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  const ShownWait::Change change(*waiter.shown);
  waiter.shown->waiter.store(0, std::memory_order_relaxed);
}

void LockTable::show_waiters(std::uint64_t key) {
  for (const auto& [owner, waiter] : waiting_) {
    if (waiter->key != key || waiter->shown == nullptr) continue;
    ShownWait& shown = *waiter->shown;
    const std::vector<std::uint64_t> holders = waits_for(owner);
    const ShownWait::Change change(shown);
    shown.waiter.store(owner, std::memory_order_relaxed);
    shown.since_us.store(static_cast<std::uint64_t>(waiter->since_us), std::memory_order_relaxed);
    shown.key.store(key, std::memory_order_relaxed);
    shown.store.store(static_cast<std::uint64_t>(waiter->store), std::memory_order_relaxed);
    shown.holders.store(holders.size(), std::memory_order_relaxed);
    for (std::size_t i = 0; i < std::min(holders.size(), ShownWait::kHoldersMax); ++i) {
      shown.holder[i].store(holders[i], std::memory_order_relaxed);
    }
  }
}

std::vector<std::uint64_t> LockTable::waits_for(std::uint64_t owner) {
  const auto found = waiting_.find(owner);
  if (found == waiting_.end()) return {};
  const Waiter& waiter = *found->second;
  Shard& shard = shard_of(waiter.key);
  const core::MutexLock lock(shard.mutex);
  Slot& slot = *shard.find(waiter.key);
  const Holder* mine = holder(slot, owner);
  const LockMode wanted = mine != nullptr ? both(mine->mode, waiter.mode) : waiter.mode;
  std::vector<std::uint64_t> others;
  each_holder(slot, [&](const Holder& each) {
    if (each.owner != owner && each.owner != kNobody && !compatible(each.mode, wanted)) others.push_back(each.owner);
  });
  for (const Waiter* each : slot.crowd->waiters) {
    if (each->owner == owner) break;
    others.push_back(each->owner);  // L2: it is served first, whatever it wants
  }
  std::sort(others.begin(), others.end());
  others.erase(std::unique(others.begin(), others.end()), others.end());
  return others;
}

std::vector<std::uint64_t> LockTable::find_cycle(std::uint64_t owner) {
  struct Step {
    std::uint64_t owner;
    std::vector<std::uint64_t> next;
    std::size_t at = 0;
  };
  std::vector<Step> path;
  std::unordered_map<std::uint64_t, bool> seen;
  path.push_back({owner, waits_for(owner)});
  while (!path.empty()) {
    Step& last = path.back();
    if (last.at == last.next.size()) {
      path.pop_back();
      continue;
    }
    const std::uint64_t next = last.next[last.at++];
    if (next == owner) {
      std::vector<std::uint64_t> cycle;
      for (const Step& step : path) cycle.push_back(step.owner);
      return cycle;
    }
    if (seen.emplace(next, true).second) path.push_back({next, waits_for(next)});
  }
  return {};
}

std::vector<LockWait> LockTable::waits() {
  const core::MutexLock lock(wait_mutex_);
  std::vector<LockWait> waits;
  for (const auto& [owner, waiter] : waiting_) {
    waits.push_back({owner, waits_for(owner), waiter->since_us, waiter->store, waiter->key});
  }
  std::sort(waits.begin(), waits.end(), [](const LockWait& a, const LockWait& b) { return a.waiter < b.waiter; });
  return waits;
}

LockStats LockTable::stats() {
  const BoardCounters& counters = board_.counters;
  return {counters.lock_waits.load(std::memory_order_relaxed), counters.deadlocks.load(std::memory_order_relaxed),
          counters.lock_timeouts.load(std::memory_order_relaxed)};
}

std::size_t LockTable::size() {
  std::size_t size = 0;
  for (Shard& shard : shards_) {
    const core::MutexLock lock(shard.mutex);
    size += shard.used;
  }
  return size;
}

}  // namespace strata::transaction
