#include "store/cache/cache_store.h"

#include <unistd.h>

#include <functional>
#include <unordered_map>

#include "core/checksum.h"
#include "core/failpoint.h"

namespace strata::store::cache {
namespace {

using transaction::Context;

// Sets and removals are blind and commute: the last to commit stays. Who read a key meets who changed it, or all of them.
transaction::KeyHash entry_key(std::string_view key) { return core::xxh3_64(key, 0x63616368'65000001); }
constexpr transaction::KeyHash kAllEntriesKey = 0x63616368'65000002;

/// What a transaction wants the keyspace to become. `clear` comes before the keys' own effects.
class CacheBuffer final : public transaction::WriteBuffer {
 public:
  /// The last effect on one key.
  struct Effect {
    enum class Kind : std::uint8_t { set, remove, expire } kind;
    Bytes value;
    Deadline deadline = kNever;
  };

  explicit CacheBuffer(Keyspace& keyspace) : keyspace_(keyspace) {}

  bool empty() const override { return true; }  // the journal never hears of a cache
  void encode(core::Encoder&) const override {}
  std::string describe(std::uint64_t) const override { return "cache"; }
  Result<void> affects(Context&, std::vector<std::uint64_t>&) const override { return {}; }
  bool changes_memory() const override { return cleared_ || !effects_.empty(); }
  void committed(const transaction::Commit& commit) override;

  std::unique_ptr<Saved> save() override {
    return std::make_unique<transaction::SavedCopy<Content>>(Content{cleared_, effects_});
  }
  void restore(const Saved& saved) override {
    const Content& before = transaction::SavedCopy<Content>::of(saved);
    cleared_ = before.cleared;
    effects_ = before.effects;
  }

  void put(std::string_view key, Effect effect) { effects_.insert_or_assign(std::string(key), std::move(effect)); }
  void clear() {
    cleared_ = true;
    effects_.clear();
  }
  bool cleared() const { return cleared_; }
  Effect* find(std::string_view key) {
    const auto found = effects_.find(key);
    return found == effects_.end() ? nullptr : &found->second;
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const { return core::xxh3_64(key); }
  };
  using Effects = std::unordered_map<std::string, Effect, Hash, std::equal_to<>>;
  struct Content {
    bool cleared;
    Effects effects;
  };
  Keyspace& keyspace_;
  bool cleared_ = false;
  Effects effects_;
};

void CacheBuffer::committed(const transaction::Commit& commit) {
  if (cleared_) keyspace_.clear();
  const Deadline now = keyspace_.now();
  for (auto& [key, effect] : effects_) {
    switch (effect.kind) {
      case Effect::Kind::set:
        // A value that finds no room, or whose time is over already, leaves the key empty: a cache may miss, but it must
        // not go on showing what this transaction replaced.
        if ((effect.deadline != kNever && effect.deadline <= now) ||
            !keyspace_.set(key, effect.value, effect.deadline, {commit.lsn, commit.moment})) {
          keyspace_.remove(key);
        }
        break;
      case Effect::Kind::remove: keyspace_.remove(key); break;
      case Effect::Kind::expire: keyspace_.set_deadline(key, {commit.lsn, commit.moment}, effect.deadline); break;
    }
  }
  STRATA_CRASHPOINT("cache.apply");
  effects_.clear();
}

/// In a transaction or on a view.
class CacheSession final : public CacheStore {
 public:
  using Effect = CacheBuffer::Effect;
  CacheSession(Keyspace& keyspace, transaction::Session& session) : keyspace_(keyspace), session_(session) {}

  Result<void> set(std::string_view key, ByteView value, std::int64_t ttl_ms) override {
    return session_.write([&](Context& tx) -> Result<void> {
      STRATA_TRY(keyspace_.check_size(key, value.size()));
      const Deadline deadline = STRATA_TRY(keyspace_.deadline_in(ttl_ms));
      STRATA_TRY(tx.charge(Entry::charge_for(key.size(), value.size())));
      tx.note_effect(StoreKind::cache, entry_key(key));
      buffer(tx).put(key, {Effect::Kind::set, Bytes(value.begin(), value.end()), deadline});
      return {};
    });
  }

  Result<std::optional<Bytes>> get(std::string_view key) override {
    return session_.read([&](Context& tx) -> Result<std::optional<Bytes>> {
      if (auto* own = buffer_if_any(tx); own != nullptr) {
        if (const Effect* effect = own->find(key); effect != nullptr) {
          if (effect->kind == Effect::Kind::remove || past(effect->deadline)) return std::optional<Bytes>{};
          if (effect->kind == Effect::Kind::set) return std::optional<Bytes>(effect->value);
        } else if (own->cleared()) {
          return std::optional<Bytes>{};
        }
      }
      note_read(tx, key);
      return keyspace_.get(key, {tx.view_lsn(), tx.view_moment()});
    });
  }

  Result<bool> remove(std::string_view key) override {
    return session_.write([&](Context& tx) -> Result<bool> {
      const bool was_there = find_deadline(tx, key).has_value();
      STRATA_TRY(tx.charge(Entry::charge_for(key.size(), 0)));
      tx.note_effect(StoreKind::cache, entry_key(key));
      buffer(tx).put(key, {Effect::Kind::remove, {}, kNever});
      return was_there;
    });
  }

  Result<std::optional<std::int64_t>> ttl(std::string_view key) override {
    return session_.read([&](Context& tx) -> Result<std::optional<std::int64_t>> {
      const std::optional<Deadline> deadline = find_deadline(tx, key);
      if (!deadline) return std::optional<std::int64_t>{};
      return std::optional<std::int64_t>(keyspace_.ttl_until(*deadline));
    });
  }

  Result<bool> expire(std::string_view key, std::int64_t ttl_ms) override {
    return session_.write([&](Context& tx) -> Result<bool> {
      const Deadline deadline = STRATA_TRY(keyspace_.deadline_in(ttl_ms));
      if (!find_deadline(tx, key)) return false;
      STRATA_TRY(tx.charge(Entry::charge_for(key.size(), 0)));
      tx.note_effect(StoreKind::cache, entry_key(key));
      CacheBuffer& own = buffer(tx);
      if (Effect* effect = own.find(key); effect != nullptr) {
        effect->deadline = deadline;
      } else {
        own.put(key, {Effect::Kind::expire, {}, deadline});
      }
      return true;
    });
  }

  Result<void> clear() override {
    return session_.write([&](Context& tx) -> Result<void> {
      tx.note_effect(StoreKind::cache, kAllEntriesKey);
      buffer(tx).clear();
      return {};
    });
  }

  // Removing what nobody can read any more changes no answer, so it need not wait for the commit.
  Result<std::uint64_t> clear_expired() override {
    return session_.write([&](Context&) -> Result<std::uint64_t> { return keyspace_.clear_expired(); });
  }
  Result<CacheStats> stats() override {
    return session_.read([&](Context&) -> Result<CacheStats> { return keyspace_.stats(); });
  }

 private:
  CacheBuffer& buffer(Context& tx) {
    return tx.buffer<CacheBuffer>(StoreKind::cache, [&] { return std::make_unique<CacheBuffer>(keyspace_); });
  }
  static CacheBuffer* buffer_if_any(Context& tx) { return tx.buffer_if_any<CacheBuffer>(StoreKind::cache); }
  static void note_read(Context& tx, std::string_view key) {
    tx.note_read(StoreKind::cache, entry_key(key));
    tx.note_read(StoreKind::cache, kAllEntriesKey);
  }
  bool past(Deadline deadline) const { return deadline != kNever && deadline <= keyspace_.now(); }

  /// The deadline of an entry that this transaction sees; nullopt when it sees none.
  std::optional<Deadline> find_deadline(Context& tx, std::string_view key) {
    if (auto* own = buffer_if_any(tx); own != nullptr) {
      if (const Effect* effect = own->find(key); effect != nullptr) {
        if (effect->kind == Effect::Kind::remove || past(effect->deadline)) return std::nullopt;
        return effect->deadline;
      }
      if (own->cleared()) return std::nullopt;
    }
    note_read(tx, key);
    return keyspace_.deadline(key, {tx.view_lsn(), tx.view_moment()});
  }

  Keyspace& keyspace_;
  transaction::Session& session_;
};

/// On the database, each call by itself. A set takes the LSN that is visible now: every reader that begins later sees it.
class DirectSession final : public CacheStore {
 public:
  DirectSession(Keyspace& keyspace, const std::atomic<Lsn>& visible) : keyspace_(keyspace), visible_(visible) {}

  Result<void> set(std::string_view key, ByteView value, std::int64_t ttl_ms) override {
    const Deadline deadline = STRATA_TRY(keyspace_.deadline_in(ttl_ms));
    return keyspace_.set(key, value, deadline, view());
  }
  Result<std::optional<Bytes>> get(std::string_view key) override { return keyspace_.get(key, view()); }
  Result<bool> remove(std::string_view key) override { return keyspace_.remove(key); }
  Result<std::optional<std::int64_t>> ttl(std::string_view key) override {
    const std::optional<Deadline> deadline = keyspace_.deadline(key, view());
    if (!deadline) return std::optional<std::int64_t>{};
    return std::optional<std::int64_t>(keyspace_.ttl_until(*deadline));
  }
  Result<bool> expire(std::string_view key, std::int64_t ttl_ms) override {
    const Deadline deadline = STRATA_TRY(keyspace_.deadline_in(ttl_ms));
    return keyspace_.set_deadline(key, view(), deadline);
  }
  Result<void> clear() override {
    keyspace_.clear();
    return {};
  }
  Result<std::uint64_t> clear_expired() override { return keyspace_.clear_expired(); }
  Result<CacheStats> stats() override { return keyspace_.stats(); }

 private:
  Lsn view() const { return visible_.load(std::memory_order_acquire); }
  Keyspace& keyspace_;
  const std::atomic<Lsn>& visible_;
};

}  // namespace

std::uint64_t default_bytes_max() {
  const auto pages = static_cast<std::uint64_t>(std::max(0L, ::sysconf(_SC_PHYS_PAGES)));
  const auto page_bytes = static_cast<std::uint64_t>(std::max(0L, ::sysconf(_SC_PAGESIZE)));
  return std::min<std::uint64_t>(std::uint64_t{2} << 30, pages * page_bytes / 10);
}

std::unique_ptr<CacheStore> CacheParticipant::session(transaction::Session& session) {
  return std::make_unique<CacheSession>(keyspace_, session);
}

std::unique_ptr<CacheStore> CacheParticipant::direct_session(const std::atomic<Lsn>& visible) {
  return std::make_unique<DirectSession>(keyspace_, visible);
}

// ---- following a journal that never mentions it -------------------------------------------------------------------

Result<void> CacheParticipant::open(const transaction::Checkpoint* last) {
  keyspace_.clear();
  applied_ = last != nullptr ? last->lsn : 0;
  return {};
}

Result<void> CacheParticipant::apply(const transaction::Commit& commit, ByteView) {
  return Error(ErrorCode::corruption,
               "the record holds a section for the cache, which is never journaled: lsn " + std::to_string(commit.lsn));
}

Result<void> CacheParticipant::recovered(Lsn lsn) {
  applied_ = lsn;
  return {};
}

Result<void> CacheParticipant::freeze(Lsn lsn) {
  applied_ = lsn;
  return {};
}

Result<transaction::Checkpoint> CacheParticipant::write_checkpoint(Lsn) {
  return transaction::Checkpoint{applied_lsn(), {}, {}};
}

transaction::Statistics CacheParticipant::statistics() {
  const CacheStats stats = keyspace_.stats();
  return {{"items", stats.entries},
          {"bytes_on_disk", 0},
          {"bytes_in_memory", stats.bytes},
          {"bytes_max", stats.bytes_max},
          {"hits", stats.hits},
          {"misses", stats.misses},
          {"evictions", stats.evictions},
          {"expirations", stats.expirations},
          {"rejected", stats.rejected}};
}

Result<void> CacheParticipant::close() {
  keyspace_.clear();
  return {};
}

}  // namespace strata::store::cache
