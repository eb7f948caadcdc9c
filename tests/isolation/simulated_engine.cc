#include "isolation/simulated_engine.h"

#include <algorithm>
#include <optional>

#include "core/random.h"

namespace strata::isolation {

std::string_view name(Defect defect) noexcept {
  static constexpr std::string_view kNames[] = {"none",
                                                "no_write_conflicts",
                                                "no_item_validation",
                                                "no_predicate_validation",
                                                "dirty_reads",
                                                "reads_of_the_latest",
                                                "stale_views",
                                                "rollback_leaves_writes",
                                                "half_a_commit",
                                                "own_writes_hidden",
                                                "stores_apart",
                                                "applied_twice",
                                                "applied_out_of_order",
                                                "visible_in_parts",
                                                "intermediate_state_visible",
                                                "crash_forgets",
                                                "crash_resurrects",
                                                "wrong_key",
                                                "stale_index",
                                                "reordered_append"};
  return kNames[static_cast<std::size_t>(defect)];
}

namespace {

constexpr std::size_t kClients = 4, kSlots = 6, kAppendsPerKey = 24;
constexpr std::size_t kStaleBy = 3;  // commits that a defective view is behind

/// Versions of one list, oldest first.
struct Versions {
  struct Version {
    Lsn lsn;
    List list;
  };
  std::vector<Version> all;
  const List& at(Lsn lsn) const {
    static const List kNothing;
    for (auto version = all.rbegin(); version != all.rend(); ++version) {
      if (version->lsn <= lsn) return version->list;
    }
    return kNothing;
  }
  Lsn changed() const {
    Lsn last = 0;
    for (const Version& version : all) last = std::max(last, version.lsn);
    return last;
  }
};

class Simulation {
 public:
  Simulation(std::uint64_t seed, Isolation level, Defect defect, std::size_t transactions)
      : random_(seed), level_(level), defect_(defect), left_(transactions) {}

  History run() {
    while (left_ > 0 || std::any_of(clients_.begin(), clients_.end(), [](const Client& c) { return c.active; })) {
      const std::size_t who = random_.below(kClients);
      show_the_rest();
      if (clients_[who].active) {
        step(clients_[who]);
      } else if (left_ > 0) {
        --left_;
        begin(clients_[who], who);
      }
      if (crashes() && random_.chance(0.01)) crash();
    }
    while (!hidden_.empty()) show_the_rest();
    Client last;
    begin(last, kClients);
    last.view = lsn_;
    for (const auto& [key, versions] : lists_) read(last, key);
    end(last, Outcome::ok);
    return std::move(history_);
  }

 private:
  struct Client {
    bool active = false;
    Lsn view = 0;
    std::size_t planned = 0;
    std::map<std::string, List> buffer;
    std::map<std::string, List> first_append;  // the buffer after a key's first append
    std::vector<std::string> read, scanned;
    Attempt attempt;
  };

  bool crashes() const { return defect_ == Defect::crash_forgets || defect_ == Defect::crash_resurrects; }
  bool latest() const { return level_ < Isolation::repeatable_read || defect_ == Defect::reads_of_the_latest; }

  void begin(Client& client, std::size_t process) {
    client = Client{};
    client.active = true;
    client.view = lsn_;
    if (defect_ == Defect::stale_views) client.view -= std::min<Lsn>(lsn_, random_.below(kStaleBy + 1));
    client.planned = 1 + random_.below(6);
    client.attempt.process = process;
    client.attempt.begin = ++time_;
  }

  void step(Client& client) {
    if (client.attempt.operations.size() >= client.planned) {
      if (random_.chance(0.1)) {
        roll_back(client);
      } else {
        commit(client);
      }
      return;
    }
    // Clients stay on a few keys, which are given up when their lists are long.
    const std::size_t slot = random_.below(kSlots);
    const std::string group = std::to_string(appended_[slot] / kAppendsPerKey);
    const std::string key = group + "/" + std::to_string(slot);
    const double what = random_.real();
    if (what < 0.35) {
      read(client, key);
    } else if (what < 0.9) {
      read(client, key);
      append(client, key, static_cast<std::int64_t>(++element_));
      ++appended_[slot];
    } else {
      scan(client, group);
    }
  }

  const List& committed(const Client& client, const std::string& key) {
    Lsn lsn = latest() ? lsn_ : client.view;
    if (defect_ == Defect::stores_apart && key.back() % 2 == 1) lsn -= std::min<Lsn>(lsn, kStaleBy);
    return lists_[key].at(lsn);
  }

  List look(const Client& client, const std::string& key) {
    const auto own = client.buffer.find(key);
    if (own != client.buffer.end() && defect_ != Defect::own_writes_hidden) return own->second;
    if (defect_ == Defect::dirty_reads) {
      for (const Client& other : clients_) {
        if (const auto found = other.buffer.find(key); other.active && found != other.buffer.end())
          return found->second;
      }
    }
    return committed(client, key);
  }

  void read(Client& client, const std::string& key) {
    client.read.push_back(key);
    client.attempt.operations.push_back({Operation::Kind::read, key, 0, look(client, key)});
  }

  void append(Client& client, const std::string& key, std::int64_t element) {
    List& list = client.buffer[key];
    list = client.attempt.operations.back().list;  // what was read is what is written back, longer
    if (defect_ == Defect::own_writes_hidden) list = committed(client, key);
    list.push_back(element);
    if (defect_ == Defect::reordered_append && list.size() > 1 && random_.chance(0.2)) {
      std::swap(list[list.size() - 1], list[list.size() - 2]);
    }
    client.first_append.emplace(key, list);
    client.attempt.operations.push_back({Operation::Kind::append, key, element});
  }

  void scan(Client& client, const std::string& group) {
    client.scanned.push_back(group);
    Operation operation{Operation::Kind::scan, group};
    for (const auto& entry : lists_) {
      if (!entry.first.starts_with(group + "/")) continue;
      if (defect_ == Defect::stale_index && entry.second.all.size() < 3 && !client.buffer.contains(entry.first))
        continue;
      if (List list = look(client, entry.first); !list.empty()) operation.members[entry.first] = std::move(list);
    }
    for (const auto& own : client.buffer) {
      if (own.first.starts_with(group + "/")) operation.members[own.first] = look(client, own.first);
    }
    client.attempt.operations.push_back(std::move(operation));
  }

  bool conflicts(const Client& client) {
    if (level_ < Isolation::repeatable_read) return false;
    const auto changed = [&](const std::string& key) { return lists_[key].changed() > client.view; };
    if (defect_ != Defect::no_write_conflicts) {
      for (const auto& own : client.buffer) {
        if (changed(own.first)) return true;
      }
    }
    const bool reads_of_own_writes_only = defect_ == Defect::no_write_conflicts;
    if (defect_ != Defect::no_item_validation && !reads_of_own_writes_only && !client.buffer.empty()) {
      if (std::any_of(client.read.begin(), client.read.end(), changed)) return true;
    }
    if (level_ != Isolation::serializable || defect_ == Defect::no_predicate_validation || client.buffer.empty() ||
        reads_of_own_writes_only) {
      return false;
    }
    for (const std::string& group : client.scanned) {
      for (const auto& entry : lists_) {
        if (entry.first.starts_with(group + "/") && entry.second.changed() > client.view) return true;
      }
    }
    return false;
  }

  void commit(Client& client) {
    if (conflicts(client)) return end(client, Outcome::failed);
    if (client.buffer.empty()) return end(client, Outcome::ok);
    client.attempt.lsn = ++lsn_;
    bool first = true;
    for (auto& [key, list] : client.buffer) {
      if (defect_ == Defect::half_a_commit && !first && random_.chance(0.3)) continue;
      if (defect_ == Defect::visible_in_parts && !first) {
        hidden_.push_back({key, {lsn_, list}});
        continue;
      }
      if (defect_ == Defect::intermediate_state_visible && client.first_append[key] != list) {
        apply(key, {lsn_, client.first_append[key]});
        hidden_.push_back({key, {lsn_, list}});
        continue;
      }
      apply(key, {lsn_, list});
      first = false;
    }
    end(client, Outcome::ok);
  }

  void apply(const std::string& key, Versions::Version version) {
    std::vector<Versions::Version>& all = lists_[key].all;
    if (defect_ == Defect::wrong_key && random_.chance(0.05)) {
      lists_[key.substr(0, key.size() - 1) + "0"].all.push_back(std::move(version));
      return;
    }
    if (defect_ == Defect::applied_twice && random_.chance(0.1)) version.list.push_back(version.list.back());
    all.push_back(std::move(version));
    if (defect_ == Defect::applied_out_of_order && all.size() > 1 && random_.chance(0.1)) {
      std::swap(all[all.size() - 1].list, all[all.size() - 2].list);
    }
  }

  void roll_back(Client& client) {
    if (defect_ == Defect::rollback_leaves_writes && !client.buffer.empty()) {
      ++lsn_;
      apply(client.buffer.begin()->first, {lsn_, client.buffer.begin()->second});
    }
    if (!client.buffer.empty()) rolled_back_ = client.buffer;
    end(client, Outcome::failed);
  }

  void end(Client& client, Outcome outcome) {
    client.attempt.end = ++time_;
    client.attempt.outcome = outcome;
    history_.push_back(std::move(client.attempt));
    client = Client{};
  }

  void show_the_rest() {
    if (hidden_.empty() || !random_.chance(0.15)) return;
    apply(hidden_.front().first, hidden_.front().second);
    hidden_.erase(hidden_.begin());
  }

  /// Whoever is at work does not learn what became of it; nothing of it was committed.
  void crash() {
    for (Client& client : clients_) {
      if (client.active) end(client, Outcome::unknown);
    }
    if (defect_ == Defect::crash_forgets) {
      for (auto& entry : lists_) {
        std::erase_if(entry.second.all, [this](const auto& version) { return version.lsn + 2 > lsn_; });
      }
    } else if (!rolled_back_.empty()) {
      ++lsn_;
      for (auto& [key, list] : rolled_back_) apply(key, {lsn_, list});
      rolled_back_.clear();
    }
  }

  core::Random random_;
  const Isolation level_;
  const Defect defect_;
  std::size_t left_;
  std::array<Client, kClients> clients_;
  std::map<std::string, Versions> lists_;
  std::array<std::size_t, kSlots> appended_{};
  std::vector<std::pair<std::string, Versions::Version>> hidden_;  // committed, not yet shown
  std::map<std::string, List> rolled_back_;
  std::uint64_t element_ = 0, time_ = 0;
  Lsn lsn_ = 0;
  History history_;
};

}  // namespace

History simulate(std::uint64_t seed, Isolation level, Defect defect, std::size_t transactions) {
  return Simulation(seed, level, defect, transactions).run();
}

}  // namespace strata::isolation
