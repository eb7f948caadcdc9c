#include "isolation/cases.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace strata::isolation {
namespace {

std::string case_name(const CaseRoom& room, Anomaly anomaly, std::size_t x, std::size_t y, Isolation level,
                      Variation variation) {
  const std::string suffix = variation == Variation::replace ? "" : "/" + std::string(name(variation));
  return std::string(name(anomaly)) + "/" + std::string(room.stores()[x]->name()) + "-" +
         std::string(room.stores()[y]->name()) + "/" + std::string(name(level)) + suffix;
}

/// Calls `visit(x, y)` for every ordered pair.
Result<void> for_each_pair(const CaseRoom& room, const std::function<Result<void>(std::size_t, std::size_t)>& visit) {
  for (std::size_t x = 0; x < room.stores().size(); ++x) {
    for (std::size_t y = 0; y < room.stores().size(); ++y) {
      if (x != y) STRATA_TRY(visit(x, y));
    }
  }
  return {};
}

/// Which plays could show what they are to show.
bool applies(const ItemStore& x, const ItemStore& y, Anomaly anomaly, Isolation level, Variation variation) {
  // Two who write the same item write one key, or one looked for what the other wrote: else each may leave an item of its
  // own, and below serializable nothing is to keep them from it.
  const bool two_writers = anomaly == Anomaly::g0 || anomaly == Anomaly::otv || anomaly == Anomaly::p4;
  if (two_writers && level != Isolation::serializable) {
    if ((variation == Variation::x_missing || variation == Variation::both_missing) && !x.inserts_by_key())
      return false;
    if ((variation == Variation::y_missing || variation == Variation::both_missing) && !y.inserts_by_key())
      return false;
  }
  // A view of the cache misses what was removed after it, which says nothing; these are recognized by what is missed.
  const bool by_a_miss =
      anomaly == Anomaly::g1b || anomaly == Anomaly::otv || anomaly == Anomaly::pmp || anomaly == Anomaly::g_single;
  return !(variation == Variation::remove && by_a_miss && level >= Isolation::repeatable_read &&
           (x.may_miss() || y.may_miss()));
}

std::uint64_t count_refused(const Play& play) {
  return static_cast<std::uint64_t>(std::count_if(play.endings.begin(), play.endings.end(),
                                                  [](const Ending& ending) { return ending.refused.has_value(); }));
}

}  // namespace

Result<std::unique_ptr<CaseRoom>> CaseRoom::open() {
  std::unique_ptr<CaseRoom> room(new CaseRoom);
  room->directory_ = (std::filesystem::temp_directory_path() / "strata-isolation-XXXXXX").string();
  if (::mkdtemp(room->directory_.data()) == nullptr) {
    return Error(ErrorCode::io, "cannot make a directory: " + room->directory_);
  }
  room->engine_ = STRATA_TRY(Engine::open(room->directory_));
  room->stores_ = seven_stores(kScriptKeys, kScriptValues);
  for (const auto& store : room->stores_) STRATA_TRY(store->set_up(*room->engine_));
  room->stage_ = std::make_unique<Stage>(3, [] { return std::size_t{0}; });
  return room;
}

CaseRoom::~CaseRoom() {
  stage_.reset();
  engine_.reset();
  std::filesystem::remove_all(directory_);
}

Result<Play> CaseRoom::play(std::size_t store_of_x, std::size_t store_of_y, Isolation level, Door door,
                            Variation variation, const std::vector<Step>& steps) {
  const Scene scene{engine_.get(), stage_.get(), stores_[store_of_x].get(),         stores_[store_of_y].get(), level,
                    door,          variation,    "play-" + std::to_string(plays_++)};
  return isolation::play(scene, steps);
}

Result<CaseTally> run_cases(CaseRoom& room, std::span<const Isolation> levels, Door door,
                            std::optional<Isolation> expected, Variation variation) {
  CaseTally tally;
  for (const Isolation level : levels) {
    for (std::size_t a = 0; a < kAnomalyCount; ++a) {
      const auto anomaly = static_cast<Anomaly>(a);
      STRATA_TRY(for_each_pair(room, [&](std::size_t x, std::size_t y) -> Result<void> {
        const ItemStore &of_x = *room.stores()[x], &of_y = *room.stores()[y];
        const Isolation promised = expected.value_or(level);
        // Transaction 1 commits first in G2-item, so what decides is how transaction 2 read x.
        const bool by_key = of_x.reads_by_key() && (variation != Variation::remove || of_x.removals_by_key());
        const bool must_not = forbidden(anomaly, promised, by_key);
        bool happened = false;
        std::string wrong;
        const std::vector<Script>& scripts = scripts_of(anomaly, variation);
        if (scripts.empty() || !applies(of_x, of_y, anomaly, promised, variation)) return {};
        for (const Script& script : scripts) {
          auto played = room.play(x, y, level, door, variation, script.steps);
          if (!played) {
            wrong = played.error().to_string();
            continue;
          }
          ++tally.plays;
          tally.refused += count_refused(*played);
          happened = happened || script.happened(script.steps, *played);
          if (door == Door::transactions && !played->broken.empty()) wrong = played->broken.front();
        }
        ++tally.cases;
        if (happened) ++tally.happened[{level, anomaly}];
        if (happened && must_not) wrong = "it happened";
        if (!wrong.empty()) tally.violations.push_back(case_name(room, anomaly, x, y, level, variation) + ": " + wrong);
        return {};
      }));
    }
  }
  return tally;
}

Result<CaseTally> run_controls(CaseRoom& room, std::span<const Isolation> levels, Variation variation) {
  CaseTally tally;
  for (const Isolation level : levels) {
    for (std::size_t a = 0; a < kAnomalyCount; ++a) {
      const auto anomaly = static_cast<Anomaly>(a);
      const std::vector<Script>& scripts = scripts_of(anomaly, variation);
      if (scripts.empty()) continue;
      const std::vector<Step> steps = one_after_another(scripts.front().steps);
      STRATA_TRY(for_each_pair(room, [&](std::size_t x, std::size_t y) -> Result<void> {
        const Play played = STRATA_TRY(room.play(x, y, level, Door::transactions, variation, steps));
        ++tally.cases;
        ++tally.plays;
        std::string wrong = played.broken.empty() ? "" : played.broken.front();
        for (const Step& step : steps) {
          const Ending& ending = played.endings[step.transaction];
          if (step.action != Action::commit || ending.committed) continue;
          wrong = "transaction " + std::to_string(step.transaction) + " was refused, and nobody else ran";
          ++tally.refused;
        }
        if (!wrong.empty())
          tally.violations.push_back(case_name(room, anomaly, x, y, level, variation) + " in turn: " + wrong);
        return {};
      }));
    }
  }
  return tally;
}

void CaseTally::add(const CaseTally& other) {
  cases += other.cases;
  plays += other.plays;
  refused += other.refused;
  for (const auto& [which, count] : other.happened) happened[which] += count;
  violations.insert(violations.end(), other.violations.begin(), other.violations.end());
}

std::string table_of(const CaseTally& tally) {
  std::string text = "cases in which it happened";
  for (std::size_t a = 0; a < kAnomalyCount; ++a) text += "  " + std::string(name(static_cast<Anomaly>(a)));
  text += "\n";
  for (const Isolation level : kLevels) {
    std::string line(name(level));
    line.resize(26, ' ');
    for (std::size_t a = 0; a < kAnomalyCount; ++a) {
      const auto anomaly = static_cast<Anomaly>(a);
      const auto found = tally.happened.find({level, anomaly});
      const std::string count = std::to_string(found == tally.happened.end() ? 0 : found->second);
      line += "  " + std::string(name(anomaly).size() - std::min(count.size(), name(anomaly).size()), ' ') + count;
    }
    text += line + "\n";
  }
  return text;
}

}  // namespace strata::isolation
