// Exact nearest neighbours in two passes.
//
//   scan    every code gives an upper bound U of the score; U − slack is a lower bound. The k-th best lower bound so far is
//           the floor: a row whose U is below it has k better ones and is forgotten
//   refine  what is left is scored in full, best bound first, until the next bound is below the k-th best score
//
// When the filter names the few points that may match, they are scored in full and nothing is scanned.
//
// On 384 dimensions the bounds are about 0.014 apart in cosine, so that some tens of rows of 60,000 are scored in full.
#include <algorithm>
#include <limits>

#include "store/vector/reading.h"

namespace strata::store::vector {
namespace {

// Rows whose bounds are known before any of them is looked at, best first. With a filter, many: asking it is dearer than
// putting bounds in order, and a floor that only matching rows raise rises late. Without one, what stays in the first cache.
constexpr Row kBlockRows = 1024;
constexpr Row kFilteredBlockRows = 16 * 1024;
constexpr float kLowest = -std::numeric_limits<float>::infinity();

struct Candidate {
  float bound;
  const Part* part;
  Row row;
  const BufferedPoint* buffered;
  std::string_view id;  // of a buffered point
};

// The k-th best of what certainly is at least so good.
class Floor {
 public:
  explicit Floor(std::size_t k) : k_(k) { lower_.reserve(k); }
  float value() const { return lower_.size() == k_ ? lower_.front() : kLowest; }
  void add(float lower) {
    if (!(lower > value())) return;
    if (lower_.size() == k_) {
      std::pop_heap(lower_.begin(), lower_.end(), std::greater<>());
      lower_.pop_back();
    }
    lower_.push_back(lower);
    std::push_heap(lower_.begin(), lower_.end(), std::greater<>());
  }

 private:
  std::size_t k_;
  std::vector<float> lower_;
};

class NearestSearch {
 public:
  NearestSearch(const Reading& reading, std::span<const float> query, std::size_t k)
      : reading_(reading), query_(reading.options->metric, query), k_(k), floor_(k) {
    const bool filtered = reading.filter != nullptr && !reading.filter->empty();
    Row most = 0;
    for (const Part* part : reading.parts->all) most = std::max(most, part->rows());
    block_rows_ = std::min(filtered ? kFilteredBlockRows : kBlockRows, most);
    rows_.resize(block_rows_);
    bounds_.resize(block_rows_);
    reached_.resize(block_rows_);
  }

  Result<std::vector<Found>> run() {
    if (const auto ids = ids_to_look_up(reading_)) return compare_each(STRATA_TRY(look_up(reading_, *ids)));
    add_buffered();
    for (const Part* part : reading_.parts->all) {
      const Row rows = part->rows();
      for (Row row = 0; row < rows;) {
        if (const auto run = part->codes(row)) {
          const Row end = std::min(run->end, rows);
          STRATA_TRY(scan(*part, *run, end));
          row = end;
        } else {
          STRATA_TRY(compare_exactly(*part, rows));
          row = rows;
        }
      }
    }
    return refine();
  }

 private:
  Result<std::vector<Found>> compare_each(std::vector<Found> found) {
    TopK best(k_);
    for (Found& each : found) {
      each.score = query_.score(STRATA_TRY(each.vector()));
      best.push(each);
    }
    return best.take();
  }

  void add_buffered() {
    if (reading_.overlay == nullptr) return;
    for (const auto& [id, point] : *reading_.overlay) {
      if (reading_.admits(id, point)) add({query_.score(point.vector), nullptr, 0, &point, id}, 0);
    }
  }

  Result<void> scan(const Part& part, const Part::Run& run, Row end) {
    const distance::Kernels& kernels = distance::kernels();
    for (Row begin = run.first; begin < end; begin += block_rows_) {
      const Row count = std::min(block_rows_, end - begin);
      const std::uint32_t reached =
          kernels.scan(query_.scan(), run.columns, begin - run.first, begin - run.first + count, floor_.value(),
                       rows_.data(), bounds_.data());
      // Best bound first: the floor rises at once, and most of a first block is never asked whether it matches.
      for (std::uint32_t i = 0; i < reached; ++i) {
        // A bound that is no number says nothing: it stays until it is scored.
        const bool known = bounds_[i] == bounds_[i];
        reached_[i] = {known ? bounds_[i] : std::numeric_limits<float>::infinity(), rows_[i]};
      }
      const auto lower = [](const Reached& a, const Reached& b) { return a.bound < b.bound; };
      const auto first = reached_.begin();
      std::make_heap(first, first + reached, lower);
      for (std::uint32_t left = reached; left > 0 && !(reached_[0].bound < floor_.value());) {
        std::pop_heap(first, first + left, lower);
        const Reached& next = reached_[--left];
        const Row row = run.first + next.row;
        if (!STRATA_TRY(reading_.admits(part, row))) continue;
        add({next.bound, &part, row, nullptr, {}}, query_.slack(run.columns, next.row));
      }
    }
    return {};
  }

  Result<void> compare_exactly(const Part& part, Row rows) {
    for (Row row = 0; row < rows; ++row) {
      if (!part.visible(row, reading_.view)) continue;
      const float score = query_.score(STRATA_TRY(part.vector(row)));
      if (score < floor_.value() || !STRATA_TRY(reading_.admits(part, row))) continue;
      add({score, &part, row, nullptr, {}}, 0);
    }
    return {};
  }

  void add(const Candidate& candidate, float slack) {
    const float lower = candidate.bound - slack;
    if (lower == lower && lower < std::numeric_limits<float>::infinity()) floor_.add(lower);
    candidates_.push_back(candidate);
    if (candidates_.size() >= forget_at_) forget();
  }

  void forget() {
    std::erase_if(candidates_, [floor = floor_.value()](const Candidate& c) { return c.bound < floor; });
    forget_at_ = std::max<std::size_t>(4096, candidates_.size() * 2);
  }

  Result<std::vector<Found>> refine() {
    forget();
    std::sort(candidates_.begin(), candidates_.end(),
              [](const Candidate& a, const Candidate& b) { return a.bound > b.bound; });
    TopK best(k_);
    for (const Candidate& candidate : candidates_) {
      if (!best.reaches(candidate.bound)) break;
      if (candidate.buffered != nullptr) {
        best.push({candidate.bound, candidate.id, nullptr, 0, candidate.buffered});
        continue;
      }
      const float score = query_.score(STRATA_TRY(candidate.part->vector(candidate.row)));
      if (!best.reaches(score)) continue;
      best.push({score, STRATA_TRY(candidate.part->id(candidate.row)), candidate.part, candidate.row, nullptr});
    }
    return best.take();
  }

  const Reading& reading_;
  const QueryCode query_;
  const std::size_t k_;
  Floor floor_;
  std::vector<Candidate> candidates_;
  std::size_t forget_at_ = 4096;
  struct Reached {
    float bound;
    std::uint32_t row;  // in its run
  };
  Row block_rows_;
  std::vector<std::uint32_t> rows_;
  std::vector<float> bounds_;
  std::vector<Reached> reached_;
};

}  // namespace

Result<std::vector<Found>> search_nearest(const Reading& reading, std::span<const float> query, std::size_t k) {
  return NearestSearch(reading, query, k).run();
}

}  // namespace strata::store::vector
