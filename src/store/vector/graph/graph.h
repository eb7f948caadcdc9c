#pragma once
/// A navigable graph over the rows of one segment: from any row, links lead to rows that are nearer to a query.
///
///     level 2          ●───────────────●               few rows, long links
///     level 1      ●───●───────●───────●───●           one of `degree` rows each level up, drawn by the row's number
///     ground    ●─●─●─●─●─●─●─●─●─●─●─●─●─●─●─●        every row, at most 2 · degree links
///
/// A search walks down greedily and then, on the ground, best first with a beam (walk.h). It reads codes (quantization/quantizer.h);
/// whoever asks scores the rows it names in full. So the graph says where to look, not what is true.
///
/// Sources: Malkov and Yashunin 2016 (HNSW: levels, insertion, choice of links); Subramanya et al. 2019 (DiskANN: links that are
/// not shortened by the stretch α stay, section 2.3).
#include <cstdint>
#include <span>
#include <vector>

#include "store/vector/part.h"
#include "store/vector/quantization/quantizer.h"
#include "strata/vector.h"

namespace strata::store::vector {

inline constexpr std::uint32_t kGraphDegreeMax = 128;  // what a walk has room for at once; the file's limit, too

/// How a graph is made. The defaults were measured on 62,666 sentence embeddings (docs/guides/vector.md).
struct GraphOptions {
  std::uint32_t degree =
      32;  ///< links a row chooses itself; on the ground others may add as many again; 4 … kGraphDegreeMax
  std::uint32_t effort = 128;  ///< beam of an insertion; at least `degree`, at most 1,024
  /// A link is left out when another link is nearer to its end by this factor: above 1 more of the long ones stay. Not for the
  /// inner product, which is no distance: 1 there.
  float stretch = 1.15F;
};
inline GraphOptions graph_options(const IndexOptions& index) { return {index.m, index.ef_construction}; }

/// The arrays of a graph, wherever they lie. Borrowed.
struct GraphView {
  Row rows = 0;
  std::uint32_t degree = 0;
  std::uint32_t levels = 0;  ///< above the ground
  std::uint32_t entry = 0;   ///< a row, or with levels a place in `upper`
  /// [rows × (2 · degree + 1)]: how many, the links (rows); with ground_begins the links alone, one list after the other
  const std::uint32_t* ground = nullptr;
  const std::uint64_t* ground_begins =
      nullptr;                     ///< [rows + 1]: where each row's links begin; nullptr: each has its fixed place
  std::uint64_t ground_total = 0;  ///< with ground_begins: links of all rows
  std::span<const std::uint32_t> upper;         ///< the rows that are above the ground, ascending
  const std::uint32_t* upper_begins = nullptr;  ///< [upper + 1]: where each one's lists begin, in lists
  const std::uint32_t* upper_links =
      nullptr;  ///< [lists × (degree + 1)]: how many, the links (places in `upper`); level 1 first
  std::size_t upper_lists = 0;
  const Quantizer* quantizer = nullptr;  ///< of the codes
  const std::uint8_t* codes = nullptr;   ///< [rows × quantizer->code_bytes()]

  std::span<const std::uint32_t> ground_links(Row row) const {
    if (ground_begins != nullptr) {
      return {ground + ground_begins[row], static_cast<std::size_t>(ground_begins[row + 1] - ground_begins[row])};
    }
    const std::uint32_t* list = ground + std::size_t{row} * (2 * degree + 1);
    return {list + 1, *list};
  }
  std::span<const std::uint32_t> links_above(std::uint32_t place, std::uint32_t level) const {
    const std::uint32_t* list = upper_links + std::size_t{upper_begins[place] + level - 1} * (degree + 1);
    return {list + 1, *list};
  }
  /// Whether every link leads somewhere and every list fits: what a walk relies on. Cost  a pass over the links
  bool holds_together() const;
};

/// The same without codes, owned: what the builder makes.
struct GraphData {
  Row rows = 0;
  std::uint32_t degree = 0;
  std::uint32_t levels = 0;
  std::uint32_t entry = 0;
  std::vector<std::uint32_t> ground, upper, upper_begins, upper_links;
  /// Its links, and codes that are kept elsewhere.
  GraphView view(const Quantizer* quantizer = nullptr, const std::uint8_t* codes = nullptr) const {
    return {rows,
            degree,
            levels,
            entry,
            ground.data(),
            nullptr,
            0,
            upper,
            upper_begins.data(),
            upper_links.data(),
            upper_links.size() / (degree + 1),
            quantizer,
            codes};
  }
};

}  // namespace strata::store::vector
