#pragma once
/// Breadth-first walks over numbers.
#include <algorithm>
#include <vector>

#include "store/graph/reader.h"

namespace strata::store::graph {

/// A hash map from numbers to u32 that grows from a few cache lines: a walk of fifty nodes must not pay for a bitmap of
/// a hundred million, and one of a hundred thousand must not pay for nodes on the heap. Threads: one at a time.
class NumberMap {
 public:
  NumberMap() : slots_(small_), mask_(kSmall - 1) { std::fill(small_, small_ + kSmall, Slot{kFree, 0}); }
  NumberMap(const NumberMap&) = delete;
  NumberMap& operator=(const NumberMap&) = delete;

  /// False when it was there; then `value` is not stored.
  bool insert(Number number, std::uint32_t value = 0);
  const std::uint32_t* find(Number number) const;
  std::size_t size() const { return size_; }

 private:
  struct Slot {
    Number number;
    std::uint32_t value;
  };
  static constexpr Number kFree = ~Number{0};
  static constexpr std::size_t kSmall = 128;
  void grow();

  Slot small_[kSmall];
  std::vector<Slot> large_;
  Slot* slots_;
  std::size_t mask_, size_ = 0;
};

/// A node whose edges a traversal looked at, and which of them.
struct Expanded {
  Number number;
  Direction direction;
};

struct ReachQuery {
  Number start = 0;
  std::uint32_t hops_min = 0, hops_max = 0;
  Direction direction = Direction::out;
  TypeFilter filter{};
  std::size_t limit = 0;
  std::vector<Expanded>* expanded = nullptr;  ///< who wants to know
};
/// Nearest first, then by id; each node once.
std::vector<Reached> reach(const Reader& reader, const ReachQuery& query);

struct PathQuery {
  Number source = 0, target = 0;
  std::uint32_t hops_max = 0;
  Direction direction = Direction::out;
  TypeFilter filter{};
  std::vector<Expanded>* expanded = nullptr;  ///< who wants to know
};
/// Source   breadth first from both ends, always the smaller frontier a level further
Path shortest_path(const Reader& reader, const PathQuery& query);

}  // namespace strata::store::graph
