#include "isolation/script.h"

#include <algorithm>
#include <charconv>
#include <memory>

namespace strata::isolation {

const std::vector<std::string> kScriptKeys = {"1", "2"};
const std::vector<std::string> kScriptValues = {"10", "11", "12", "18", "19", "20", "21", "22", "30", "101", "201"};

std::string_view name(Anomaly anomaly) noexcept {
  static constexpr std::string_view kNames[] = {"G0",  "G1a", "G1b",      "G1c",     "OTV",
                                                "PMP", "P4",  "G-single", "G2-item", "G2"};
  return kNames[static_cast<std::size_t>(anomaly)];
}

std::string_view name(Isolation level) noexcept {
  static constexpr std::string_view kNames[] = {"read_uncommitted", "read_committed", "repeatable_read",
                                                "serializable"};
  return kNames[static_cast<std::size_t>(level)];
}

bool forbidden(Anomaly anomaly, Isolation level, bool by_key) {
  if (anomaly <= Anomaly::otv) return true;  // read uncommitted behaves as read committed
  if (level < Isolation::repeatable_read) return false;
  if (level == Isolation::serializable) return true;
  return anomaly != Anomaly::g2 && (anomaly != Anomaly::g2_item || by_key);
}

// ---- the scripts ------------------------------------------------------------------------------------------------

namespace {

constexpr Action kBegin = Action::begin, kRead = Action::read, kWrite = Action::write, kScan = Action::scan,
                 kInsert = Action::insert, kCommit = Action::commit, kRollback = Action::rollback;
constexpr Place kX = Place::x, kY = Place::y;

bool both_committed(const std::vector<Step>&, const Play& play) {
  return play.endings[1].committed && play.endings[2].committed;
}

bool anyone_read(const Play& play, std::initializer_list<int> values) {
  return std::any_of(play.answers.begin(), play.answers.end(), [&](const Answer& answer) {
    return answer.value && std::find(values.begin(), values.end(), *answer.value) != values.end();
  });
}

/// What this transaction's first read of the place gave.
std::optional<int> first_read(const std::vector<Step>& steps, const Play& play, std::size_t transaction, Place place) {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].transaction == transaction && steps[i].action == kRead && steps[i].place == place) {
      return play.answers[i].value;
    }
  }
  return {};
}

bool writes_interleaved(const std::vector<Step>&, const Play& play) {
  const bool one = play.endings[1].committed, two = play.endings[2].committed;
  const auto is = [&](int x, int y) { return play.x == x && play.y == y; };
  return !((one && is(11, 21)) || (two && is(12, 22)) || (!one && !two && is(10, 20)));
}

/// Reads of transaction 3 show versions of 1 (11, 19) and 2 (12, 18), who commit in that order if they do: never back.
bool something_vanished(const std::vector<Step>& steps, const Play& play) {
  int newest = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].transaction != 3 || !play.answers[i].value) continue;
    const int value = *play.answers[i].value;
    const int writer = value == 11 || value == 19 ? 1 : value == 12 || value == 18 ? 2 : 0;
    if (writer < newest || (writer > 0 && !play.endings[static_cast<std::size_t>(writer)].committed)) return true;
    newest = writer;
  }
  return false;
}

bool a_phantom_appeared(const std::vector<Step>& steps, const Play& play) {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].transaction == 1 && steps[i].action == kScan && !play.answers[i].members.empty()) return true;
  }
  return false;
}

}  // namespace

const std::vector<Script>& scripts_of(Anomaly anomaly) {
  static const std::vector<std::vector<Script>> kScripts = [] {
    std::vector<std::vector<Script>> all(kAnomalyCount);
    const auto add = [&](Anomaly a, auto happened, std::vector<Step> steps) {
      all[static_cast<std::size_t>(a)].push_back({a, std::move(steps), happened});
    };
    add(Anomaly::g0, writes_interleaved,
        {{1, kBegin},
         {2, kBegin},
         {1, kWrite, kX, 11},
         {2, kWrite, kX, 12},
         {2, kWrite, kY, 22},
         {1, kWrite, kY, 21},
         {1, kCommit},
         {2, kCommit}});
    add(Anomaly::g0, writes_interleaved,  // each then wants what the other has: who waits for ever?
        {{1, kBegin},
         {2, kBegin},
         {1, kWrite, kX, 11},
         {2, kWrite, kY, 22},
         {2, kWrite, kX, 12},
         {1, kWrite, kY, 21},
         {1, kCommit},
         {2, kCommit}});
    add(Anomaly::g1a, [](const auto&, const Play& play) { return anyone_read(play, {101, 201}); },
        {{1, kBegin},
         {2, kBegin},
         {1, kWrite, kX, 101},
         {1, kWrite, kY, 201},
         {2, kRead, kX},
         {2, kRead, kY},
         {1, kRollback},
         {2, kRead, kX},
         {2, kRead, kY},
         {2, kCommit}});
    add(Anomaly::g1b, [](const auto&, const Play& play) { return anyone_read(play, {101, 201}); },
        {{1, kBegin},
         {2, kBegin},
         {1, kWrite, kX, 101},
         {1, kWrite, kY, 201},
         {2, kRead, kX},
         {2, kRead, kY},
         {1, kWrite, kX, 11},
         {1, kWrite, kY, 21},
         {1, kCommit},
         {2, kRead, kX},
         {2, kRead, kY},
         {2, kCommit}});
    // Both sides are needed for the circle; one is already a read of what is not committed.
    add(Anomaly::g1c,
        [](const auto& steps, const Play& play) {
          return first_read(steps, play, 1, kY) == 22 || first_read(steps, play, 2, kX) == 11;
        },
        {{1, kBegin},
         {2, kBegin},
         {1, kWrite, kX, 11},
         {2, kWrite, kY, 22},
         {1, kRead, kY},
         {2, kRead, kX},
         {1, kCommit},
         {2, kCommit}});
    add(Anomaly::otv, something_vanished,
        {{1, kBegin},
         {2, kBegin},
         {1, kWrite, kX, 11},
         {1, kWrite, kY, 19},
         {2, kWrite, kX, 12},
         {1, kCommit},
         {3, kBegin},
         {3, kRead, kX},
         {3, kRead, kY},
         {2, kWrite, kY, 18},
         {3, kRead, kY},
         {2, kCommit},
         {3, kRead, kY},
         {3, kRead, kX},
         {3, kCommit}});
    add(Anomaly::pmp, a_phantom_appeared,
        {{1, kBegin},
         {2, kBegin},
         {1, kScan, kX},
         {2, kInsert, kX, 30},
         {2, kInsert, kY, 30},
         {2, kCommit},
         {1, kScan, kY},
         {1, kScan, kX},
         {1, kCommit}});
    // The inserts are receipts in the other store: there when the update is, gone when it was refused.
    add(Anomaly::p4, both_committed,
        {{1, kBegin},
         {2, kBegin},
         {1, kRead, kX},
         {1, kRead, kY},
         {2, kRead, kX},
         {2, kRead, kY},
         {1, kInsert, kX, 30},
         {1, kWrite, kY, 21},
         {1, kCommit},
         {2, kInsert, kX, 30},
         {2, kWrite, kY, 22},
         {2, kCommit}});
    add(Anomaly::p4, both_committed,  // both have written before one commits; and nothing but y
        {{1, kBegin},
         {2, kBegin},
         {1, kRead, kX},
         {1, kRead, kY},
         {2, kRead, kX},
         {2, kRead, kY},
         {1, kWrite, kY, 21},
         {2, kWrite, kY, 22},
         {1, kCommit},
         {2, kCommit}});
    add(Anomaly::g_single,
        [](const auto& steps, const Play& play) {
          return first_read(steps, play, 1, kX) == 10 && first_read(steps, play, 1, kY) == 18;
        },
        {{1, kBegin},
         {2, kBegin},
         {1, kRead, kX},
         {2, kRead, kX},
         {2, kRead, kY},
         {2, kWrite, kX, 12},
         {2, kWrite, kY, 18},
         {2, kCommit},
         {1, kRead, kY},
         {1, kCommit}});
    add(Anomaly::g2_item, both_committed,
        {{1, kBegin},
         {2, kBegin},
         {1, kRead, kX},
         {1, kRead, kY},
         {2, kRead, kX},
         {2, kRead, kY},
         {1, kWrite, kX, 11},
         {2, kWrite, kY, 21},
         {1, kCommit},
         {2, kCommit}});
    add(Anomaly::g2, both_committed,
        {{1, kBegin},
         {2, kBegin},
         {1, kScan, kX},
         {1, kScan, kY},
         {2, kScan, kX},
         {2, kScan, kY},
         {1, kInsert, kX, 30},
         {2, kInsert, kY, 30},
         {1, kCommit},
         {2, kCommit}});
    return all;
  }();
  return kScripts[static_cast<std::size_t>(anomaly)];
}

std::vector<Step> one_after_another(const std::vector<Step>& steps) {
  std::vector<Step> sorted = steps;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Step& a, const Step& b) { return a.transaction < b.transaction; });
  return sorted;
}

// ---- playing them -----------------------------------------------------------------------------------------------

namespace {

int number(const std::string& text) {
  int value = -1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::vector<int> numbers_of_keys(const Members& members) {
  std::vector<int> keys;
  for (const auto& member : members) keys.push_back(number(member.first));
  return keys;
}

/// One transaction of a play. Its steps run on one actor, so it needs no lock; the play looks at it when all is over.
struct Role {
  std::unique_ptr<Transaction> transaction;
  Ending ending;
  bool ended = false;
  std::string broken;
};

class Director {
 public:
  Director(const Scene& scene, const std::vector<Step>& steps) : scene_(scene), steps_(steps) {
    play_.answers.resize(steps.size());
  }

  Result<Play> direct() {
    STRATA_TRY(prepare());
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      scene_.stage->perform(steps_[i].transaction - 1, [this, i] { take(i); });
    }
    scene_.stage->finish();
    for (std::size_t i = 1; i < roles_.size(); ++i) {
      roles_[i].transaction.reset();  // what was not ended is rolled back
      play_.endings[i] = roles_[i].ending;
      if (!roles_[i].broken.empty()) play_.broken.push_back(roles_[i].broken);
    }
    STRATA_TRY(look_at_the_end());
    return std::move(play_);
  }

 private:
  ItemStore& store(Place place) const { return place == Place::x ? *scene_.store_of_x : *scene_.store_of_y; }
  Item item(Place place) const { return {scene_.name + "-items", place == Place::x ? "x" : "y"}; }
  std::string group(Place place) const { return scene_.name + (place == Place::x ? "-in-x" : "-in-y"); }

  Result<void> prepare() {
    for (const Place place : {Place::x, Place::y}) {
      STRATA_TRY(store(place).open_group(*scene_.engine, item(place).group));
      STRATA_TRY(store(place).open_group(*scene_.engine, group(place)));
    }
    const auto before = STRATA_TRY(scene_.engine->begin({.durability = Durability::off}));
    STRATA_TRY(store(Place::x).write(*before, item(Place::x), "10"));
    STRATA_TRY(store(Place::y).write(*before, item(Place::y), "20"));
    STRATA_TRY(before->commit());
    return {};
  }

  /// One step, on its actor's thread.
  void take(std::size_t i) {
    Role& role = roles_[steps_[i].transaction];
    if (role.ended) return;
    if (auto taken = attempt(role, i); !taken) refuse(role, taken.error());
  }

  /// What every level may say is "again"; anything else is a defect.
  static void refuse(Role& role, const Error& error) {
    role.ending.refused = error.code();
    if (error.code() != ErrorCode::conflict && error.code() != ErrorCode::timeout) role.broken = error.to_string();
    if (role.transaction) role.transaction->rollback();
    role.ended = true;
  }

  Result<void> attempt(Role& role, std::size_t i) {
    const Step& step = steps_[i];
    Answer& answer = play_.answers[i];
    if (step.action == Action::begin) {
      if (scene_.door == Door::calls) return {};
      role.transaction =
          // One thread plays all transactions, so whoever would wait for a lock is refused at once.
          STRATA_TRY(
              scene_.engine->begin({.isolation = scene_.level, .durability = Durability::off, .lock_timeout_ms = 0}));
      return {};
    }
    Stores& door = role.transaction ? static_cast<Stores&>(*role.transaction) : *scene_.engine;
    switch (step.action) {
      case Action::begin: break;
      case Action::read: {
        const auto read = STRATA_TRY(store(step.place).read(door, item(step.place)));
        if (read) answer.value = number(*read);
        break;
      }
      case Action::write:
        STRATA_TRY(store(step.place).write(door, item(step.place), std::to_string(step.value)));
        break;
      case Action::scan:
        answer.members = numbers_of_keys(STRATA_TRY(store(step.place).scan(door, group(step.place))));
        break;
      case Action::insert:
        STRATA_TRY(
            store(step.place)
                .insert(door, {group(step.place), std::to_string(step.transaction)}, std::to_string(step.value)));
        break;
      case Action::commit:
        if (role.transaction) role.ending.lsn = STRATA_TRY(role.transaction->commit());
        role.ending.committed = true;
        role.ended = true;
        break;
      case Action::rollback:
        if (role.transaction) role.transaction->rollback();
        role.ended = true;
        break;
    }
    answer.given = true;
    return {};
  }

  /// The state that is left is one that the committed transactions wrote.
  Result<void> look_at_the_end() {
    for (const Place place : {Place::x, Place::y}) {
      const auto left = STRATA_TRY(store(place).read(*scene_.engine, item(place)));
      (place == Place::x ? play_.x : play_.y) = left ? std::optional(number(*left)) : std::nullopt;
      auto& inserted = place == Place::x ? play_.in_x : play_.in_y;
      inserted = numbers_of_keys(STRATA_TRY(store(place).scan(*scene_.engine, group(place))));
      const char* which = place == Place::x ? "x" : "y";
      check_value(place, left ? number(*left) : -1, which);
      check_inserts(place, inserted, which);
    }
    return {};
  }

  void check_value(Place place, int value, const char* which) {
    bool written = value == (place == Place::x ? 10 : 20), replaced = false;
    for (std::size_t transaction = 1; transaction < roles_.size(); ++transaction) {
      if (!roles_[transaction].ending.committed) continue;
      int last = 0;  // what this transaction wrote last
      for (const Step& step : steps_) {
        if (step.transaction == transaction && step.action == Action::write && step.place == place) last = step.value;
      }
      if (last == 0) continue;
      if (!replaced) written = false;
      replaced = true;
      written = written || value == last;
    }
    if (!written) {
      play_.broken.push_back(std::string(which) + " is " + std::to_string(value) + ", which no commit wrote last");
    }
  }

  void check_inserts(Place place, const std::vector<int>& inserted, const char* which) {
    for (const Step& step : steps_) {
      if (step.action != Action::insert || step.place != place) continue;
      const bool there = std::find(inserted.begin(), inserted.end(), step.transaction) != inserted.end();
      if (there != roles_[step.transaction].ending.committed) {
        play_.broken.push_back("transaction " + std::to_string(step.transaction) +
                               (there ? " was not committed, and its insert is in the store of "
                                      : " was committed, and its insert is missing in the store of ") +
                               which);
      }
    }
  }

  const Scene& scene_;
  const std::vector<Step>& steps_;
  Play play_;
  std::array<Role, 4> roles_;
};

}  // namespace

Result<Play> play(const Scene& scene, const std::vector<Step>& steps) { return Director(scene, steps).direct(); }

}  // namespace strata::isolation
