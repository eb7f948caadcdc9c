#pragma once
/// A best-first walk over links: HNSW's algorithm 2 with one sorted array in place of two heaps, as NSG and DiskANN keep it.
///
///     beam   [ ■ nearest … ■ … □ … □ farthest ]   ■ its links were followed   □ still to do
///
/// The next row to follow is the first □; the walk ends when there is none: nothing that is left could lead to a nearer row than
/// the farthest of the beam, as far as links tell.
#include <algorithm>
#include <cstring>
#include <functional>
#include <span>
#include <vector>

#include "store/vector/part.h"

namespace strata::store::vector {

struct Near {
  float similarity = 0;  ///< larger is nearer
  std::uint32_t node = 0;
};

/// The nearest nodes seen so far, best first, at most `size` of them. Nodes are below 2^31.
class Beam {
 public:
  void begin(std::size_t size) {
    if (similarities_.size() < size + 1) {
      similarities_.resize(size + 1);
      nodes_.resize(size + 1);
    }
    size_ = size;
    count_ = 0;
    first_open_ = 0;
  }
  std::size_t count() const { return count_; }
  float similarity(std::size_t i) const { return similarities_[i]; }
  std::uint32_t node(std::size_t i) const { return nodes_[i] & ~kFollowed; }

  void add(float similarity, std::uint32_t node) {
    if (count_ == size_ && !(similarity > similarities_[count_ - 1])) return;
    const std::size_t at = place_of(similarity);
    const std::size_t behind = std::min(count_, size_ - 1) - at;
    std::memmove(similarities_.data() + at + 1, similarities_.data() + at, behind * sizeof(float));
    std::memmove(nodes_.data() + at + 1, nodes_.data() + at, behind * sizeof(std::uint32_t));
    similarities_[at] = similarity;
    nodes_[at] = node;
    count_ += count_ < size_ ? 1 : 0;
    first_open_ = std::min(first_open_, at);
  }
  /// The nearest node that was not given before; false when there is none.
  bool take(std::uint32_t& node) {
    while (first_open_ < count_ && (nodes_[first_open_] & kFollowed) != 0) ++first_open_;
    if (first_open_ == count_) return false;
    node = nodes_[first_open_];
    nodes_[first_open_++] |= kFollowed;
    return true;
  }
  /// The node that take() would give now, or nothing: to ask for its memory in time.
  const std::uint32_t* next() const {
    for (std::size_t i = first_open_; i < count_; ++i) {
      if ((nodes_[i] & kFollowed) == 0) return &nodes_[i];
    }
    return nullptr;
  }

 private:
  static constexpr std::uint32_t kFollowed = 1U << 31;
  static constexpr std::size_t kCounted = 256;

  // Behind all that are as near. Counting has no branch to guess wrong; halving has one a step, but fewer steps.
  std::size_t place_of(float similarity) const {
    const float* const begin = similarities_.data();
    if (count_ > kCounted) {
      return static_cast<std::size_t>(std::upper_bound(begin, begin + count_, similarity, std::greater<>()) - begin);
    }
    std::uint32_t nearer = 0;
    for (std::size_t i = 0; i < count_; ++i) nearer += begin[i] >= similarity ? 1 : 0;
    return nearer;
  }

  std::vector<float> similarities_;
  std::vector<std::uint32_t> nodes_;
  std::size_t size_ = 0;
  std::size_t count_ = 0;
  std::size_t first_open_ = 0;
};

/// A bit per node. Emptying it costs a pass over the bits, which is little beside a walk among so many nodes.
class Visited {
 public:
  void begin(std::size_t nodes) { bits_.assign((nodes + 63) / 64, 0); }
  /// False when it was set already.
  bool set(std::uint32_t node) {
    std::uint64_t& word = bits_[node / 64];
    const std::uint64_t bit = std::uint64_t{1} << (node % 64);
    const bool fresh = (word & bit) == 0;
    word |= bit;
    return fresh;
  }

 private:
  std::vector<std::uint64_t> bits_;
};

/// What a walk needs beside the graph; kept by whoever walks often.
struct WalkMemory {
  Beam beam;
  Visited visited;
  std::vector<std::uint32_t> fresh;
  std::vector<float> similarities;
};

/// Which of some nodes are looked at: those that were not seen before.
struct Unseen {
  std::uint32_t operator()(std::span<const std::uint32_t> some, Visited& visited, std::uint32_t* fresh,
                           std::size_t) const {
    std::uint32_t count = 0;
    for (const std::uint32_t node : some) {
      fresh[count] = node;
      count += visited.set(node) ? 1 : 0;
    }
    return count;
  }
};

/// Fills memory.beam from `entries` on. `links_of(node)` gives a span of nodes, `similarities(nodes, count, out)` how near they are;
/// `choose(nodes, visited, fresh, most)` writes those to look at, at most `most`, which is 2 · degree or all entries.
template <typename Links, typename Similarities, typename Choose = Unseen>
void walk(const Links& links_of, const Similarities& similarities, std::span<const std::uint32_t> entries,
          std::size_t nodes, std::size_t beam_size, std::size_t degree, WalkMemory& memory, const Choose& choose = {}) {
  Beam& beam = memory.beam;
  beam.begin(beam_size);
  memory.visited.begin(nodes);
  const std::size_t most = std::max(degree, entries.size());
  if (memory.fresh.size() < most) {
    memory.fresh.resize(most);
    memory.similarities.resize(most);
  }
  std::uint32_t* const fresh = memory.fresh.data();
  float* const similarity = memory.similarities.data();
  const auto look_at = [&](std::span<const std::uint32_t> some) {
    const std::uint32_t count = choose(some, memory.visited, fresh, most);
    similarities(fresh, count, similarity);
    for (std::uint32_t i = 0; i < count; ++i) beam.add(similarity[i], fresh[i]);
  };
  look_at(entries);
  for (std::uint32_t node = 0; beam.take(node);) {
    const std::span<const std::uint32_t> links = links_of(node);
    if (const std::uint32_t* next = beam.next()) {
      const auto* const list = reinterpret_cast<const char*>(links_of.place(*next));
      for (int line = 0; line < 4; ++line) __builtin_prefetch(list + line * 64);
    }
    look_at(links);
  }
}

/// From `node` to a neighbour as long as one is nearer. Returns where that ends.
template <typename Links, typename Similarities>
Near descend(const Links& links_of, const Similarities& similarities, Near at, WalkMemory& memory) {
  for (bool moved = true; moved;) {
    moved = false;
    const std::span<const std::uint32_t> links = links_of(at.node);
    if (memory.similarities.size() < links.size()) memory.similarities.resize(links.size());
    similarities(links.data(), static_cast<std::uint32_t>(links.size()), memory.similarities.data());
    for (std::size_t i = 0; i < links.size(); ++i) {
      if (!(memory.similarities[i] > at.similarity)) continue;
      at = {memory.similarities[i], links[i]};
      moved = true;
    }
  }
  return at;
}

}  // namespace strata::store::vector
