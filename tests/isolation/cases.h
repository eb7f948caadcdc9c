#pragma once
/// The table: ten anomalies × 42 ordered pairs of stores × four levels, each case under every schedule of its anomaly. And
/// its variations: items that are missing at first and inserted, items that are removed.
///
/// A case fails when a forbidden anomaly happened, or when anything is left that no committed transaction wrote, or when a
/// transaction ended with an error other than conflict and timeout. Where an anomaly is allowed, only the latter two.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "isolation/script.h"

namespace strata::isolation {

/// A database in a directory of its own, removed at the end, with the seven stores prepared.
class CaseRoom {
 public:
  static Result<std::unique_ptr<CaseRoom>> open();
  ~CaseRoom();

  /// One play of one pair, in groups of its own.
  Result<Play> play(std::size_t store_of_x, std::size_t store_of_y, Isolation level, Door door, Variation variation,
                    const std::vector<Step>& steps);
  const std::vector<std::unique_ptr<ItemStore>>& stores() const { return stores_; }

 private:
  CaseRoom() = default;
  std::string directory_;
  std::unique_ptr<Engine> engine_;
  std::vector<std::unique_ptr<ItemStore>> stores_;
  std::unique_ptr<Stage> stage_;
  std::uint64_t plays_ = 0;
};

struct CaseTally {
  std::uint64_t cases = 0, plays = 0, refused = 0;
  std::map<std::pair<Isolation, Anomaly>, std::uint64_t> happened;  ///< cases in which it did
  std::vector<std::string> violations;                              ///< "G1a/vector-object/read_committed: …"
  void add(const CaseTally& other);
};

/// Plays every case of these levels. `expected` is the level whose table of forbidden anomalies is applied; by default the
/// case's own. Any other is for the test that the suite notices.
Result<CaseTally> run_cases(CaseRoom& room, std::span<const Isolation> levels, Door door = Door::transactions,
                            std::optional<Isolation> expected = {}, Variation variation = Variation::replace);

/// The same transactions one after another, at every level: each commits, and the last one's writes are there.
Result<CaseTally> run_controls(CaseRoom& room, std::span<const Isolation> levels,
                               Variation variation = Variation::replace);

/// The table of what happened, levels by anomalies.
std::string table_of(const CaseTally& tally);

}  // namespace strata::isolation
