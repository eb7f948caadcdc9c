#include "isolation/script.h"

#include <algorithm>
#include <charconv>
#include <iterator>
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

constexpr Place kX = Place::x, kY = Place::y;

/// "b1 r1x w1x11 s2y i2y30 a1 c2": begin, read, write, scan, insert, abort, commit; transaction; place; value.
std::vector<Step> steps_of(std::string_view text) {
  static constexpr std::string_view kLetters = "brwsica";
  static constexpr Action kActions[] = {Action::begin,  Action::read,   Action::write,   Action::scan,
                                        Action::insert, Action::commit, Action::rollback};
  std::vector<Step> steps;
  for (std::size_t at = 0; at < text.size(); at = text.find_first_not_of(' ', at)) {
    const std::string_view word = text.substr(at, text.find(' ', at) - at);
    Step step{static_cast<std::size_t>(word[1] - '0'), kActions[kLetters.find(word[0])], Place::none, 0};
    if (word.size() > 2) step.place = word[2] == 'x' ? Place::x : Place::y;
    for (const char digit : word.substr(std::min<std::size_t>(3, word.size()))) {
      step.value = step.value * 10 + (digit - '0');
    }
    steps.push_back(step);
    at += word.size();
  }
  return steps;
}

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
    if (steps[i].transaction == transaction && steps[i].action == Action::read && steps[i].place == place) {
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

bool read_a_replaced_value(const std::vector<Step>&, const Play& play) { return anyone_read(play, {101, 201}); }

/// Both sides are needed for the circle; one is already a read of what is not committed.
bool read_the_other(const std::vector<Step>& steps, const Play& play) {
  return first_read(steps, play, 1, kY) == 22 || first_read(steps, play, 2, kX) == 11;
}

bool read_skewed(const std::vector<Step>& steps, const Play& play) {
  return first_read(steps, play, 1, kX) == 10 && first_read(steps, play, 1, kY) == 18;
}

bool a_phantom_appeared(const std::vector<Step>& steps, const Play& play) {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].transaction == 1 && steps[i].action == Action::scan && !play.answers[i].members.empty()) return true;
  }
  return false;
}

}  // namespace

const std::vector<Script>& scripts_of(Anomaly anomaly) {
  static const std::vector<std::vector<Script>> kScripts = [] {
    std::vector<std::vector<Script>> all(kAnomalyCount);
    const auto add = [&](Anomaly kind, auto happened, std::string_view steps) {
      all[static_cast<std::size_t>(kind)].push_back({kind, steps_of(steps), happened});
    };
    add(Anomaly::g0, writes_interleaved, "b1 b2 w1x11 w2x12 w2y22 w1y21 c1 c2");
    // Each then wants what the other has: who waits for ever?
    add(Anomaly::g0, writes_interleaved, "b1 b2 w1x11 w2y22 w2x12 w1y21 c1 c2");
    add(Anomaly::g1a, read_a_replaced_value, "b1 b2 w1x101 w1y201 r2x r2y a1 r2x r2y c2");
    add(Anomaly::g1b, read_a_replaced_value, "b1 b2 w1x101 w1y201 r2x r2y w1x11 w1y21 c1 r2x r2y c2");
    add(Anomaly::g1c, read_the_other, "b1 b2 w1x11 w2y22 r1y r2x c1 c2");
    add(Anomaly::otv, something_vanished, "b1 b2 w1x11 w1y19 w2x12 c1 b3 r3x r3y w2y18 r3y c2 r3y r3x c3");
    add(Anomaly::pmp, a_phantom_appeared, "b1 b2 s1x i2x30 i2y30 c2 s1y s1x c1");
    // The inserts are receipts in the other store: there when the update is, gone when it was refused.
    add(Anomaly::p4, both_committed, "b1 b2 r1x r1y r2x r2y i1x30 w1y21 c1 i2x30 w2y22 c2");
    // Both have written before one commits; and nothing but y.
    add(Anomaly::p4, both_committed, "b1 b2 r1x r1y r2x r2y w1y21 w2y22 c1 c2");
    add(Anomaly::g_single, read_skewed, "b1 b2 r1x r2x r2y w2x12 w2y18 c2 r1y c1");
    add(Anomaly::g2_item, both_committed, "b1 b2 r1x r1y r2x r2y w1x11 w2y21 c1 c2");
    add(Anomaly::g2, both_committed, "b1 b2 s1x s1y s2x s2y i1x30 i2y30 c1 c2");
    return all;
  }();
  return kScripts[static_cast<std::size_t>(anomaly)];
}

std::vector<Step> one_after_another(const std::vector<Step>& steps) {
  std::vector<Step> sorted;
  for (const std::size_t transaction : {1, 2, 3}) {
    std::copy_if(steps.begin(), steps.end(), std::back_inserter(sorted),
                 [&](const Step& step) { return step.transaction == transaction; });
  }
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
      role.transaction = STRATA_TRY(
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
