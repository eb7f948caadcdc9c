#include "store/vector/graph/graph_builder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "core/assert.h"
#include "core/random.h"
#include "store/vector/graph/walk.h"

namespace strata::store::vector {
namespace {

constexpr std::uint32_t kLevelsMax = 12;  // 4^12 rows at the least degree
constexpr std::uint64_t kLevelSeed = 0x4c6576656c73;
// Of the links of a row that is gone, so many of the first may take its place.
constexpr std::size_t kHeirs = 8;

// How near rows are to one of them, by full codes. The sum of a row's code less 128 takes the offset of the others out again.
class RowSimilarities {
 public:
  RowSimilarities(const distance::CodeColumns& columns, Row rows, std::uint32_t dimension, Metric metric)
      : columns_(columns),
        stride_(distance::code_stride(dimension)),
        l2_(metric == Metric::l2),
        kernels_(distance::kernels()),
        sums_(rows) {
    for (Row row = 0; row < rows; ++row) {
      const std::uint8_t* code = columns.codes + row * stride_;
      std::int32_t sum = 0;
      for (std::size_t i = 0; i < stride_; ++i) sum += code[i];
      sums_[row] = sum - 128 * static_cast<std::int32_t>(stride_);
    }
  }
  void operator()(Row row, const std::uint32_t* others, std::uint32_t count, float* out) const {
    const std::uint8_t* code = columns_.codes + row * stride_;
    const std::int32_t bias = 128 * sums_[row];
    const float weight = columns_.scale[row] * (l2_ ? 2.0F : 1.0F);
    std::array<std::int32_t, 2 * kGraphDegreeMax> dots;
    while (count > 0) {
      const std::uint32_t now = std::min<std::uint32_t>(count, dots.size());
      kernels_.pick(code, columns_.codes, stride_, others, now, dots.data());
      for (std::uint32_t i = 0; i < now; ++i) {
        out[i] = weight * columns_.scale[others[i]] * static_cast<float>(dots[i] - bias);
        if (l2_) out[i] -= columns_.square[row] + columns_.square[others[i]];
      }
      others += now;
      out += now;
      count -= now;
    }
  }

 private:
  const distance::CodeColumns& columns_;
  const std::size_t stride_;
  const bool l2_;
  const distance::Kernels& kernels_;
  std::vector<std::int32_t> sums_;
};

class Builder {
 public:
  Builder(const distance::CodeColumns& columns, Row rows, std::uint32_t dimension, Metric metric,
          const GraphOptions& options, const Origin* origin)
      : rows_(rows),
        degree_(options.degree),
        effort_(options.effort),
        stretch_(metric == Metric::inner_product ? 1.0F : options.stretch),
        nearest_possible_(metric == Metric::cosine ? 1.0F : 0.0F),
        similarities_(columns, rows, dimension, metric),
        ground_(std::size_t{rows} * (2 * degree_ + 1)),
        places_(rows, kNoPlace),
        linked_rows_(rows) {
    draw_levels(origin);
  }

  // False when it was told to stop.
  bool adopt(const Origin& origin, const std::function<bool()>& stop) {
    const GraphView& graph = *origin.graph;
    for (Row from = 0; from < graph.rows; ++from) {
      const Row row = origin.rows[from];
      if (row == kNoRow) continue;
      if (stop()) return false;
      inherit(origin, graph.ground_links(from), row, 0);
      linked_rows_[row] = true;
      if (added_++ == 0) entry_ = row;
    }
    for (std::uint32_t place = 0; place < graph.upper.size(); ++place) {
      const Row row = origin.rows[graph.upper[place]];
      if (row == kNoRow) continue;
      const std::uint32_t height = height_of(row);
      for (std::uint32_t level = 1; level <= height; ++level) {
        inherit(origin, graph.links_above(place, level), row, level);
      }
      if (height > entry_height_) {
        entry_ = row;
        entry_height_ = height;
      }
    }
    return true;
  }

  void add(Row row) {
    if (linked_rows_[row]) return;
    linked_rows_[row] = true;
    const std::uint32_t height = height_of(row);
    if (added_ == 0) {
      entry_ = row;
      entry_height_ = height;
      ++added_;
      return;
    }
    const auto to_row = [&](const std::uint32_t* others, std::uint32_t count, float* out) {
      similarities_(row, others, count, out);
    };
    Near at{0, entry_};
    to_row(&at.node, 1, &at.similarity);
    for (std::uint32_t level = entry_height_; level > height; --level) {
      at = descend(Links{*this, level}, to_row, at, memory_);
    }
    entries_.assign(1, at.node);
    for (std::uint32_t level = std::min(height, entry_height_) + 1; level-- > 0;) {
      walk(Links{*this, level}, to_row, entries_, rows_, effort_, 2 * degree_, memory_);
      const Beam& beam = memory_.beam;
      candidates_.clear();
      entries_.clear();
      for (std::size_t i = 0; i < beam.count(); ++i) {
        candidates_.push_back({beam.similarity(i), beam.node(i)});
        entries_.push_back(beam.node(i));
      }
      choose(degree_, chosen_);
      set_links(row, level, chosen_);
      // choose() works on candidates_, which linking back needs for the others' lists.
      linked_ = chosen_;
      for (const Near& link : linked_) link_back(link.node, {link.similarity, row}, level);
    }
    if (height > entry_height_) {
      entry_ = row;
      entry_height_ = height;
    }
    ++added_;
  }

  // Choosing links may leave a row that none leads to: one of a crowd of copies, mostly. It is linked from the nearest that can be
  // reached and has room. False when it was told to stop.
  bool reach_all(const std::function<bool()>& stop) {
    std::vector<bool> reached(rows_);
    std::vector<Row> open;
    const auto reach = [&](Row row) {
      reached[row] = true;
      open.push_back(row);
    };
    const auto follow = [&] {
      while (!open.empty()) {
        const Row row = open.back();
        open.pop_back();
        for (const Row link : Links{*this, 0}(row)) {
          if (!reached[link]) reach(link);
        }
      }
    };
    reach(entry_);
    follow();
    for (Row row = 0; row < rows_; ++row) {
      if (reached[row]) continue;
      if (stop()) return false;
      const auto to_row = [&](const std::uint32_t* others, std::uint32_t count, float* out) {
        similarities_(row, others, count, out);
      };
      walk(Links{*this, 0}, to_row, {&entry_, 1}, rows_, effort_, 2 * degree_, memory_);
      std::uint32_t* links = list(nearest_with_room(), 0);
      *links = std::min(*links + 1, 2 * degree_);
      links[*links] = row;
      reach(row);
      follow();
    }
    return true;
  }

  GraphData finish() {
    GraphData graph;
    graph.rows = rows_;
    graph.degree = degree_;
    graph.levels = entry_height_;
    graph.entry = entry_height_ == 0 ? entry_ : places_[entry_];
    graph.ground = std::move(ground_);
    graph.upper = std::move(upper_);
    graph.upper_begins = std::move(begins_);
    graph.upper_links = std::move(upper_links_);
    for (std::size_t list = 0; list < graph.upper_links.size(); list += degree_ + 1) {
      for (std::uint32_t i = 0; i < graph.upper_links[list]; ++i) {
        std::uint32_t& link = graph.upper_links[list + 1 + i];
        link = places_[link];
      }
    }
    return graph;
  }

 private:
  static constexpr std::uint32_t kNoPlace = UINT32_MAX;

  // While a graph is built, links above the ground are rows, too.
  struct Links {
    const Builder& builder;
    std::uint32_t level;
    std::span<const std::uint32_t> operator()(Row row) const {
      const std::uint32_t* list = builder.list(row, level);
      return {list + 1, *list};
    }
    const std::uint32_t* place(Row row) const { return builder.list(row, level); }
  };

  std::uint32_t height_of(Row row) const { return places_[row] == kNoPlace ? 0 : heights_[places_[row]]; }

  // A row is above level l with probability degree^-l; one of the origin stays as high as it was. The highest level in use is that
  // of the highest row.
  void draw_levels(const Origin* origin) {
    constexpr std::uint32_t kDrawn = UINT32_MAX;
    std::vector<std::uint32_t> heights(rows_, kDrawn);
    if (origin != nullptr) {
      const GraphView& graph = *origin->graph;
      for (const Row row : origin->rows) {
        if (row != kNoRow) heights[row] = 0;
      }
      for (std::uint32_t place = 0; place < graph.upper.size(); ++place) {
        const Row row = origin->rows[graph.upper[place]];
        if (row != kNoRow) heights[row] = graph.upper_begins[place + 1] - graph.upper_begins[place];
      }
    }
    core::Random random(kLevelSeed);
    const double factor = 1 / std::log(static_cast<double>(degree_));
    begins_.push_back(0);
    for (Row row = 0; row < rows_; ++row) {
      std::uint32_t height = heights[row];
      if (height == kDrawn) {
        const double drawn = std::max(random.real(), 1e-18);
        height = std::min(kLevelsMax, static_cast<std::uint32_t>(-std::log(drawn) * factor));
      }
      if (height == 0) continue;
      places_[row] = static_cast<std::uint32_t>(upper_.size());
      upper_.push_back(row);
      heights_.push_back(height);
      begins_.push_back(begins_.back() + height);
    }
    upper_links_.resize(std::size_t{begins_.back()} * (degree_ + 1));
  }

  std::uint32_t most(std::uint32_t level) const { return level == 0 ? 2 * degree_ : degree_; }
  const std::uint32_t* list(Row row, std::uint32_t level) const {
    if (level == 0) return ground_.data() + std::size_t{row} * (2 * degree_ + 1);
    return upper_links_.data() + std::size_t{begins_[places_[row]] + level - 1} * (degree_ + 1);
  }
  std::uint32_t* list(Row row, std::uint32_t level) {
    return const_cast<std::uint32_t*>(std::as_const(*this).list(row, level));
  }

  void set_links(Row row, std::uint32_t level, const std::vector<Near>& links) {
    std::uint32_t* to = list(row, level);
    *to = static_cast<std::uint32_t>(links.size());
    for (std::size_t i = 0; i < links.size(); ++i) to[1 + i] = links[i].node;
  }

  // The links of a row of the origin, `links` as the origin numbers them (above the ground: places in its `upper`).
  void inherit(const Origin& origin, std::span<const std::uint32_t> links, Row row, std::uint32_t level) {
    const GraphView& graph = *origin.graph;
    const auto now = [&](std::uint32_t link) { return origin.rows[level == 0 ? link : graph.upper[link]]; };
    std::uint32_t* const to = list(row, level);
    const std::size_t wanted = std::min<std::size_t>(links.size(), most(level));
    nodes_.clear();
    for (const std::uint32_t link : links) {
      if (nodes_.size() < wanted && now(link) != kNoRow) nodes_.push_back(now(link));
    }
    if (nodes_.size() < wanted) {
      heirs_.clear();
      for (const std::uint32_t link : links) {
        if (now(link) != kNoRow) continue;
        const auto behind = level == 0 ? graph.ground_links(link) : graph.links_above(link, level);
        std::size_t taken = 0;
        for (std::size_t i = 0; i < behind.size() && taken < kHeirs; ++i) {
          const Row heir = now(behind[i]);
          if (heir == kNoRow || heir == row) continue;
          heirs_.push_back(heir);
          ++taken;
        }
      }
      heal(row, wanted);
    }
    *to = static_cast<std::uint32_t>(nodes_.size());
    std::copy(nodes_.begin(), nodes_.end(), to + 1);
  }

  // Fills nodes_, which are links of `row`, up to `wanted` with the nearest of heirs_ that none of them is clearly nearer to.
  void heal(Row row, std::size_t wanted) {
    std::sort(heirs_.begin(), heirs_.end());
    heirs_.erase(std::unique(heirs_.begin(), heirs_.end()), heirs_.end());
    std::erase_if(heirs_, [&](Row heir) { return std::find(nodes_.begin(), nodes_.end(), heir) != nodes_.end(); });
    scores_.resize(heirs_.size());
    similarities_(row, heirs_.data(), static_cast<std::uint32_t>(heirs_.size()), scores_.data());
    candidates_.clear();
    for (std::size_t i = 0; i < heirs_.size(); ++i) candidates_.push_back({scores_[i], heirs_[i]});
    std::sort(candidates_.begin(), candidates_.end(), nearer);
    for (const Near& candidate : candidates_) {
      if (nodes_.size() == wanted) break;
      if (!shadowed(candidate)) nodes_.push_back(candidate.node);
    }
  }

  static bool nearer(const Near& a, const Near& b) {
    return a.similarity != b.similarity ? a.similarity > b.similarity : a.node < b.node;
  }

  // Of the rows in the beam, then of those that they lead to, and so on, the first whose list is not full; the nearest when all
  // are, which then loses its last link.
  Row nearest_with_room() {
    memory_.visited.begin(rows_);
    nodes_.clear();
    for (std::size_t i = 0; i < memory_.beam.count(); ++i) {
      nodes_.push_back(memory_.beam.node(i));
      memory_.visited.set(nodes_.back());
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const std::span<const std::uint32_t> links = Links{*this, 0}(nodes_[i]);
      if (links.size() < 2 * degree_) return nodes_[i];
      for (const Row link : links) {
        if (memory_.visited.set(link)) nodes_.push_back(link);
      }
    }
    return nodes_.front();
  }

  void link_back(Row row, Near to, std::uint32_t level) {
    std::uint32_t* links = list(row, level);
    if (*links < most(level)) {
      links[1 + *links] = to.node;
      ++*links;
      return;
    }
    candidates_.clear();
    scores_.resize(*links);
    similarities_(row, links + 1, *links, scores_.data());
    for (std::uint32_t i = 0; i < *links; ++i) candidates_.push_back({scores_[i], links[1 + i]});
    candidates_.push_back(to);
    std::sort(candidates_.begin(), candidates_.end(), nearer);
    choose(most(level), chosen_);
    set_links(row, level, chosen_);
  }

  // Of candidates_ (best first) those that no chosen one is clearly nearer to. When that leaves few, the nearest others fill up
  // to half of the room: a row in a crowd of copies would have one link otherwise.
  void choose(std::uint32_t most, std::vector<Near>& out) {
    out.clear();
    left_out_.clear();
    nodes_.clear();
    for (const Near& candidate : candidates_) {
      if (out.size() == most) break;
      if (shadowed(candidate)) {
        left_out_.push_back(candidate);
      } else {
        out.push_back(candidate);
        nodes_.push_back(candidate.node);
      }
    }
    for (const Near& candidate : left_out_) {
      if (out.size() * 2 >= most) break;
      out.push_back(candidate);
    }
  }
  bool shadowed(const Near& candidate) {
    constexpr std::uint32_t kAtOnce = 8;  // most that are shadowed are so by one of the first
    std::array<float, kAtOnce> similarity;
    const float away = nearest_possible_ - candidate.similarity;
    for (std::size_t begin = 0; begin < nodes_.size(); begin += kAtOnce) {
      const auto count = static_cast<std::uint32_t>(std::min<std::size_t>(kAtOnce, nodes_.size() - begin));
      similarities_(candidate.node, nodes_.data() + begin, count, similarity.data());
      for (std::uint32_t i = 0; i < count; ++i) {
        if (stretch_ * (nearest_possible_ - similarity[i]) < away) return true;
      }
    }
    return false;
  }

  const Row rows_;
  const std::uint32_t degree_;
  const std::uint32_t effort_;
  const float stretch_;
  const float nearest_possible_;
  RowSimilarities similarities_;

  std::vector<std::uint32_t> ground_;
  std::vector<std::uint32_t> places_;  // of each row in upper_
  std::vector<std::uint32_t> upper_, heights_, begins_, upper_links_;
  std::vector<bool> linked_rows_;
  Row entry_ = 0;
  std::uint32_t entry_height_ = 0;
  Row added_ = 0;

  WalkMemory memory_;
  std::vector<Near> candidates_, chosen_, linked_, left_out_;
  std::vector<std::uint32_t> entries_, nodes_, heirs_;
  std::vector<float> scores_;
};

}  // namespace

bool can_be_linked(const distance::CodeColumns& columns, Row rows) {
  for (Row row = 0; row < rows; ++row) {
    if (!(columns.residual[row] < std::numeric_limits<float>::infinity())) return false;
  }
  return true;
}

std::optional<GraphData> build_graph(const distance::CodeColumns& columns, Row rows, std::uint32_t dimension,
                                     Metric metric, const GraphOptions& options, const std::function<bool()>& stop,
                                     const Origin* origin) {
  STRATA_ASSERT(rows > 0 && rows < (1U << 31));
  STRATA_ASSERT(options.degree >= 4 && options.degree <= kGraphDegreeMax && options.effort >= options.degree);
  Builder builder(columns, rows, dimension, metric, options, origin);
  if (origin != nullptr && !builder.adopt(*origin, stop)) return std::nullopt;
  for (Row row = 0; row < rows; ++row) {
    if (stop()) return std::nullopt;
    builder.add(row);
  }
  if (!builder.reach_all(stop)) return std::nullopt;
  return builder.finish();
}

}  // namespace strata::store::vector
