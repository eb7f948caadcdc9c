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

std::string_view name(Variation variation) noexcept {
  static constexpr std::string_view kNames[] = {"replace", "x missing", "y missing", "both missing", "remove"};
  return kNames[static_cast<std::size_t>(variation)];
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

/// "b1 r1x w1x11 d1x s2y i2y30 e2y a1 c2": begin, read, write, delete, scan, insert, erase, abort, commit; transaction;
/// place; value.
std::vector<Step> steps_of(std::string_view text) {
  static constexpr std::string_view kLetters = "brwdsieca";
  static constexpr Action kActions[] = {Action::begin,  Action::read,  Action::write,  Action::remove,  Action::scan,
                                        Action::insert, Action::erase, Action::commit, Action::rollback};
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

/// Somebody missed what was there before.
bool anyone_missed(const std::vector<Step>& steps, const Play& play) {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].action != Action::read || !play.answers[i].given || play.answers[i].value) continue;
    if (steps[i].place == kX ? play.x_before : play.y_before) return true;
  }
  return false;
}

/// What a transaction's first read of a place gave: an item's value, or that there is none; nothing if it did not get so far.
using Seen = std::optional<std::optional<int>>;

Seen first_read(const std::vector<Step>& steps, const Play& play, std::size_t transaction, Place place) {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].transaction == transaction && steps[i].action == Action::read && steps[i].place == place) {
      return play.answers[i].given ? Seen(play.answers[i].value) : Seen();
    }
  }
  return {};
}

constexpr std::optional<int> kGone = {};

/// What a transaction leaves of a place if it commits last.
std::optional<int> left_by(const std::vector<Step>& steps, std::size_t transaction, Place place) {
  std::optional<int> left;
  for (const Step& step : steps) {
    if (step.transaction != transaction || step.place != place) continue;
    if (step.action == Action::write) left = step.value;
    if (step.action == Action::remove) left = kGone;
  }
  return left;
}

bool writes_interleaved(const std::vector<Step>& steps, const Play& play) {
  const bool one = play.endings[1].committed, two = play.endings[2].committed;
  const auto left_by_one = [&](std::size_t who) {
    return play.x == left_by(steps, who, kX) && play.y == left_by(steps, who, kY);
  };
  const bool as_before = play.x == play.x_before && play.y == play.y_before;
  return !((one && left_by_one(1)) || (two && left_by_one(2)) || (!one && !two && as_before));
}

/// Reads of transaction 3 show versions of 1 and 2, who commit in that order if they do: never back. `by_two` are 2's.
template <typename ByTwo>
auto something_vanished(ByTwo by_two) {
  return [by_two](const std::vector<Step>& steps, const Play& play) {
    int newest = 0;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (steps[i].transaction != 3 || steps[i].action != Action::read || !play.answers[i].given) continue;
      const std::optional<int> value = play.answers[i].value;
      const int writer = value == 11 || value == 19 ? 1 : by_two(value) ? 2 : 0;
      if (writer < newest || (writer > 0 && !play.endings[static_cast<std::size_t>(writer)].committed)) return true;
      newest = writer;
    }
    return false;
  };
}

bool read_a_replaced_value(const std::vector<Step>&, const Play& play) { return anyone_read(play, {101, 201}); }

/// Both sides are needed for the circle; one is already a read of what is not committed.
bool read_the_other(const std::vector<Step>& steps, const Play& play) {
  return first_read(steps, play, 1, kY) == Seen(left_by(steps, 2, kY)) ||
         first_read(steps, play, 2, kX) == Seen(left_by(steps, 1, kX));
}

bool read_skewed(const std::vector<Step>& steps, const Play& play) {
  return first_read(steps, play, 1, kX) == Seen(play.x_before) &&
         first_read(steps, play, 1, kY) == Seen(left_by(steps, 2, kY));
}

/// The groups are empty before, or hold one member of each transaction.
bool a_phantom_appeared(const std::vector<Step>& steps, const Play& play) {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].transaction == 1 && steps[i].action == Action::scan && !play.answers[i].members.empty()) return true;
  }
  return false;
}
bool a_member_vanished(const std::vector<Step>& steps, const Play& play) {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].transaction != 1 || steps[i].action != Action::scan || !play.answers[i].given) continue;
    if (play.answers[i].members.size() < 2) return true;
  }
  return false;
}

}  // namespace

const std::vector<Script>& scripts_of(Anomaly anomaly, Variation variation) {
  using All = std::array<std::vector<Script>, kAnomalyCount>;
  const auto add_to = [](All& all) {
    return [&all](Anomaly kind, auto happened, std::string_view steps) {
      all[static_cast<std::size_t>(kind)].push_back({kind, steps_of(steps), happened});
    };
  };
  static const All kReplacing = [&] {
    All all;
    const auto add = add_to(all);
    const auto by_two = [](std::optional<int> value) { return value == 12 || value == 18; };
    add(Anomaly::g0, writes_interleaved, "b1 b2 w1x11 w2x12 w2y22 w1y21 c1 c2");
    // Each then wants what the other has: who waits for ever?
    add(Anomaly::g0, writes_interleaved, "b1 b2 w1x11 w2y22 w2x12 w1y21 c1 c2");
    add(Anomaly::g1a, read_a_replaced_value, "b1 b2 w1x101 w1y201 r2x r2y a1 r2x r2y c2");
    add(Anomaly::g1b, read_a_replaced_value, "b1 b2 w1x101 w1y201 r2x r2y w1x11 w1y21 c1 r2x r2y c2");
    add(Anomaly::g1c, read_the_other, "b1 b2 w1x11 w2y22 r1y r2x c1 c2");
    add(Anomaly::otv, something_vanished(by_two), "b1 b2 w1x11 w1y19 w2x12 c1 b3 r3x r3y w2y18 r3y c2 r3y r3x c3");
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
  // The same with removals: the first to be taken away is what the second finds missing.
  static const All kRemoving = [&] {
    All all;
    const auto add = add_to(all);
    const auto gone = [](std::optional<int> value) { return value == kGone; };
    add(Anomaly::g0, writes_interleaved, "b1 b2 w1x11 d2x d2y w1y21 c1 c2");
    add(Anomaly::g0, writes_interleaved, "b1 b2 d1x w2y22 w2x12 d1y c1 c2");
    add(Anomaly::g1a, anyone_missed, "b1 b2 d1x d1y r2x r2y a1 r2x r2y c2");
    add(Anomaly::g1b, anyone_missed, "b1 b2 d1x d1y r2x r2y w1x11 w1y21 c1 r2x r2y c2");
    add(Anomaly::g1c, read_the_other, "b1 b2 d1x d2y r1y r2x c1 c2");
    add(Anomaly::otv, something_vanished(gone), "b1 b2 w1x11 w1y19 d2x c1 b3 r3x r3y d2y r3y c2 r3y r3x c3");
    add(Anomaly::pmp, a_member_vanished, "b1 b2 s1x e2x e2y c2 s1y s1x c1");
    add(Anomaly::p4, both_committed, "b1 b2 r1x r1y r2x r2y w1y21 c1 d2y c2");
    add(Anomaly::p4, both_committed, "b1 b2 r1x r1y r2x r2y d1y w2y22 c1 c2");
    add(Anomaly::g_single, read_skewed, "b1 b2 r1x r2x r2y d2x d2y c2 r1y c1");
    add(Anomaly::g2_item, both_committed, "b1 b2 r1x r1y r2x r2y d1x d2y c1 c2");
    add(Anomaly::g2, both_committed, "b1 b2 s1x s1y s2x s2y e1x e2y c1 c2");
    return all;
  }();
  static const std::vector<Script> kNone;
  if (variation == Variation::remove) return kRemoving[static_cast<std::size_t>(anomaly)];
  const bool of_predicates = anomaly == Anomaly::pmp || anomaly == Anomaly::g2;
  if (variation != Variation::replace && of_predicates) return kNone;
  return kReplacing[static_cast<std::size_t>(anomaly)];
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

  std::optional<int> before_of(Place place) const { return place == Place::x ? play_.x_before : play_.y_before; }

  Result<void> prepare() {
    for (const Place place : {Place::x, Place::y}) {
      STRATA_TRY(store(place).open_group(*scene_.engine, item(place).group));
      STRATA_TRY(store(place).open_group(*scene_.engine, group(place)));
    }
    const bool neither = scene_.variation == Variation::both_missing;
    if (!neither && scene_.variation != Variation::x_missing) play_.x_before = 10;
    if (!neither && scene_.variation != Variation::y_missing) play_.y_before = 20;
    const auto before = STRATA_TRY(scene_.engine->begin({.durability = Durability::off}));
    for (const Place place : {Place::x, Place::y}) {
      if (const auto value = before_of(place)) {
        STRATA_TRY(store(place).write(*before, item(place), std::to_string(*value)));
      }
      if (scene_.variation != Variation::remove) continue;
      for (const char* member : {"1", "2"}) STRATA_TRY(store(place).write(*before, {group(place), member}, "30"));
    }
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
      case Action::remove: STRATA_TRY(store(step.place).remove(door, item(step.place))); break;
      case Action::scan:
        answer.members = numbers_of_keys(STRATA_TRY(store(step.place).scan(door, group(step.place))));
        break;
      case Action::insert:
        STRATA_TRY(
            store(step.place)
                .insert(door, {group(step.place), std::to_string(step.transaction)}, std::to_string(step.value)));
        break;
      case Action::erase:
        STRATA_TRY(store(step.place).remove(door, {group(step.place), std::to_string(step.transaction)}));
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
      check_value(place, place == Place::x ? play_.x : play_.y, which);
      check_inserts(place, inserted, which);
    }
    return {};
  }

  void check_value(Place place, std::optional<int> value, const char* which) {
    bool written = value == before_of(place), replaced = false;
    for (std::size_t transaction = 1; transaction < roles_.size(); ++transaction) {
      const bool writes = std::any_of(steps_.begin(), steps_.end(), [&](const Step& step) {
        return step.transaction == transaction && step.place == place &&
               (step.action == Action::write || step.action == Action::remove);
      });
      if (!writes || !roles_[transaction].ending.committed) continue;
      if (!replaced) written = false;
      replaced = true;
      written = written || value == left_by(steps_, transaction, place);
    }
    if (!written) {
      play_.broken.push_back(std::string(which) + " is " + (value ? std::to_string(*value) : "missing") +
                             ", which no commit wrote last");
    }
  }

  void check_inserts(Place place, const std::vector<int>& inserted, const char* which) {
    for (const Step& step : steps_) {
      if ((step.action != Action::insert && step.action != Action::erase) || step.place != place) continue;
      const bool there = std::find(inserted.begin(), inserted.end(), step.transaction) != inserted.end();
      const bool committed = roles_[step.transaction].ending.committed;
      if (there != (step.action == Action::insert ? committed : !committed)) {
        play_.broken.push_back("transaction " + std::to_string(step.transaction) +
                               (committed ? " was committed" : " was not committed") + ", and its member is " +
                               (there ? "" : "not ") + "in the store of " + which);
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
