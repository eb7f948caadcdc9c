#pragma once
/// The ten anomalies of Hermitage (Kleppmann 2014, after Adya 1999 and Bailis 2013) as scripts over two items, x in one
/// store and y in another, and over a group in each that predicates read.
///
///     G0          write cycle                   two transactions' writes interleave
///     G1a         aborted read                  what was rolled back is seen
///     G1b         intermediate read             a value that its writer replaced before the commit is seen
///     G1c         circular information flow     each sees the other's write
///     OTV         observed transaction vanishes  after one write of a commit is seen, another of it is missed
///     PMP         predicate-many-preceders      a phantom: asked again, a predicate has another answer
///     P4          lost update                   two read, both write, both commit
///     G-single    read skew                     an old value of x beside a new one of y
///     G2-item     write skew                    both read x and y, one writes x, the other y
///     G2          anti-dependency cycle         as before, but they read predicates and insert
#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "isolation/item_store.h"
#include "isolation/stage.h"

namespace strata::isolation {

enum class Anomaly : std::uint8_t { g0, g1a, g1b, g1c, otv, pmp, p4, g_single, g2_item, g2 };
inline constexpr std::size_t kAnomalyCount = 10;
std::string_view name(Anomaly anomaly) noexcept;
std::string_view name(Isolation level) noexcept;
inline constexpr std::array<Isolation, 4> kLevels = {Isolation::read_uncommitted, Isolation::read_committed,
                                                     Isolation::repeatable_read, Isolation::serializable};

/// Whether a level excludes an anomaly, if all that was read was read by key. Where `by_key` is false (the transaction that
/// commits last found its item by a query) G2-item is a G2.
bool forbidden(Anomaly anomaly, Isolation level, bool by_key);

/// What is there when a play begins, and what its transactions do to it.
enum class Variation : std::uint8_t {
  replace,       ///< both items are there and are replaced; the groups are empty, and predicates meet inserts
  x_missing,     ///< as before, but nobody has written x yet: who writes it, inserts it
  y_missing,     ///< or y
  both_missing,  ///< or either
  remove,        ///< both items are there and are taken away; so are the members that predicates find
};
inline constexpr std::array<Variation, 5> kVariations = {Variation::replace, Variation::x_missing, Variation::y_missing,
                                                         Variation::both_missing, Variation::remove};
std::string_view name(Variation variation) noexcept;

enum class Action : std::uint8_t { begin, read, write, remove, scan, insert, erase, commit, rollback };
/// For scan, insert and erase: the group in the store of x, of y. Each transaction inserts and erases a member of its own.
enum class Place : std::uint8_t { none, x, y };

struct Step {
  std::size_t transaction = 1;  ///< 1, 2 or 3
  Action action = Action::begin;
  Place place = Place::none;
  int value = 0;
};

/// What one step got, once the play is over.
struct Answer {
  bool given = false;             ///< false: the transaction had ended before
  std::optional<int> value = {};  ///< of a read
  std::vector<int> members = {};  ///< of a scan: the transactions whose inserts are there
};

/// How one transaction ended.
struct Ending {
  bool committed = false;
  Lsn lsn = 0;
  std::optional<ErrorCode> refused = {};
};

struct Play {
  std::vector<Answer> answers;    ///< one a step
  std::array<Ending, 4> endings;  ///< by transaction; [0] is not used
  std::optional<int> x_before, y_before;
  std::optional<int> x, y;          ///< at the end
  std::vector<int> in_x, in_y;      ///< whose inserts are in the groups at the end
  std::vector<std::string> broken;  ///< what no level excuses: an untyped error, a state that no commit wrote
};

struct Script {
  Anomaly anomaly;
  std::vector<Step> steps;
  std::function<bool(const std::vector<Step>&, const Play&)> happened;
};

/// The schedules of an anomaly. What is there of x before is 10, of y 20. Where items are missing, none for the anomalies
/// that concern predicates alone: they meet inserts anyway.
const std::vector<Script>& scripts_of(Anomaly anomaly, Variation variation = Variation::replace);

/// The steps of each transaction without those of others between them: then nothing may be refused.
std::vector<Step> one_after_another(const std::vector<Step>& steps);

enum class Door : std::uint8_t {
  transactions,  ///< what is tested
  calls,         ///< every call by itself, as if there were no transactions: what the suite must notice
};

struct Scene {
  Engine* engine = nullptr;
  Stage* stage = nullptr;
  ItemStore* store_of_x = nullptr;
  ItemStore* store_of_y = nullptr;
  Isolation level = Isolation::serializable;
  Door door = Door::transactions;
  Variation variation = Variation::replace;
  std::string name;  ///< of its groups: once in a database
};

/// Keys and values that scripts use.
extern const std::vector<std::string> kScriptKeys, kScriptValues;

/// Plays it. Errors  those of preparing the items and of reading them at the end
Result<Play> play(const Scene& scene, const std::vector<Step>& steps);

}  // namespace strata::isolation
