#pragma once
/// The rows of one segment in lists, each around a centroid (an inverted file, IVF): a search looks into the lists whose centroids are
/// nearest to the query and into no others.
///
///     centroids   ●    ●    ●    ●          coded as rows are
///     begins      0    3    7    8   11
///     rows        ■■■  ■■■■ ■    ■■■        by list, ascending in each; half codes and scales lie in this order, so that a
///                                           list is read from its beginning to its end
///
/// Like a graph, lists say where to look and never what is true: whoever asks scores the rows in full. They cost a fraction of a graph's
/// time to make and no links to keep; a search of the same recall looks at more rows.
///
/// Source: Jégou, Douze and Schmid 2011, "Product quantization for nearest neighbor search", section IV (without its codes).
#include <cstdint>
#include <vector>

#include "store/vector/part.h"

namespace strata::store::vector {

inline constexpr std::uint32_t kListsMax = 65'536;

/// How many lists so many rows get unless somebody chose: about 4 · √rows.
std::uint32_t lists_for(Row rows);
/// How many lists a search looks into unless somebody chose: 3 · √lists. Of 62,666 sentence embeddings in 1,000 lists that is 95 lists with a
/// tenth of the rows, in which 96 % of the ten nearest lie.
std::uint32_t probes_for(std::uint32_t lists);

/// The arrays, wherever they lie. Borrowed.
struct ListsView {
  Row rows = 0;
  std::uint32_t count = 0;   ///< of lists
  std::uint32_t wanted = 0;  ///< what was asked for; 0: as many as lists_for says
  Row trained = 0;           ///< how many rows there were when the centroids were made
  std::uint32_t dimension = 0;
  const std::uint8_t* centroids = nullptr;  ///< [count × code_stride(dimension)]
  const float* centroid_scale = nullptr;    ///< [count]
  const float* centroid_square = nullptr;   ///< [count]; ‖c‖² under l2, else 0
  const std::uint32_t* begins = nullptr;    ///< [count + 1]
  const Row* members = nullptr;             ///< [rows]: the row at each place
  const float* scale = nullptr;             ///< [rows], of the row at each place
  const float* square = nullptr;            ///< [rows], the same
  const std::uint8_t* halves = nullptr;     ///< [rows × half_stride(dimension)], the same

  /// Whether every row is in one list and every list fits: what a search relies on. Cost  a pass over the members
  bool holds_together() const;
};

/// The same, owned: what the builder makes and the writer writes.
struct ListsData {
  Row rows = 0;
  std::uint32_t wanted = 0;
  Row trained = 0;
  std::uint32_t dimension = 0;
  std::vector<std::uint8_t> centroids, halves;
  std::vector<float> centroid_scale, centroid_square, scale, square;
  std::vector<std::uint32_t> begins;
  std::vector<Row> members;
  std::uint32_t count() const { return static_cast<std::uint32_t>(centroid_scale.size()); }
  ListsView view() const {
    return {rows,
            count(),
            wanted,
            trained,
            dimension,
            centroids.data(),
            centroid_scale.data(),
            centroid_square.data(),
            begins.data(),
            members.data(),
            scale.data(),
            square.data(),
            halves.data()};
  }
};

}  // namespace strata::store::vector
