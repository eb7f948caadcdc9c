// Nearest neighbours in two passes.
//
//   walk    of a part with a graph, when an approximate answer is wanted: the rows its graph leads to; what a delta got since its
//           graph was made is scanned. Of a part with lists: what the nearest lists hold
//   scan    every code gives an upper bound U of the score; U − slack is a lower bound. The k-th best lower bound so far is
//           the floor: a row whose U is below it has k better ones and is forgotten
//           Rows of a walk have bounds, too, so that one floor serves all parts
//   refine  what is left is scored in full, best bound first, until the next bound is below the k-th best score
//
// Under a filter, the indexes of a part tell which rows match: few are picked and bounded, many are walked among or scanned for.
// Where there is no index, rows are asked, and one that matches is scored in full at once: the floor is then the k-th best score
// and not what it is at least, and far fewer rows are asked, which is what such a search costs most.
//
// When the filter names the few points that may match, they are scored in full and nothing is scanned.
//
// Of several queries each walks or picks for itself; what must be scanned is gone over in blocks, each of them for all of the
// queries while it is in the cache.
//
// On 384 dimensions the bounds are about 0.014 apart in cosine, so that some tens of rows of 60,000 are scored in full.
#include <algorithm>
#include <deque>
#include <limits>

#include "store/vector/elements.h"
#include "store/vector/graph/graph_search.h"
#include "store/vector/lists/lists_search.h"
#include "store/vector/quantization/quantizer.h"
#include "store/vector/reading.h"

namespace strata::store::vector {
namespace {

// A walk costs about as much for each place in its beam as bounding so many rows.
constexpr std::size_t kRowsAPlace = 64;
// One among rows that match looks at more, and at the links of those that do not.
constexpr std::size_t kMatchingRowsAPlace = 192;
// To pick a row out of many costs as much as passing over so many.
constexpr Row kRowsAPick = 4;
// Of the beam so many hundredths must count (visible, matching); else a larger one is tried.
constexpr std::size_t kCountingPercent = 75;

// What walks need, kept by each thread that searches: a bit for each row of the largest graph, and the beam.
WalkMemory& walk_memory() {
  thread_local WalkMemory memory;
  return memory;
}

// Rows whose bounds are known before any of them is looked at, best first. When the filter must be asked, many: asking is dearer
// than putting bounds in order, and a floor that only matching rows raise rises late. Else, what stays in the first cache.
constexpr Row kBlockRows = 1024;
constexpr std::size_t kPickedRows = 128;  // few: the floor of the first spares the others
constexpr Row kAskedBlockRows = 16 * 1024;
// Of a block's bounds, only about so many are put in order at first, and four times as many when the floor is still below
// them: the best k are usually among the first, and splitting those off is cheaper than ordering all.
constexpr std::uint32_t kOrderedFirst = 512;
constexpr std::uint32_t kSampled = 256;  // of the bounds, to tell where to split
constexpr float kLowest = -std::numeric_limits<float>::infinity();

struct Bounded {
  float bound;
  const Part* part;
  Row row;
  const BufferedPoint* buffered;
  std::string_view id;  // of a buffered point
};

// The k-th best of what certainly is at least so good, and never below the least score that is wanted.
class Floor {
 public:
  explicit Floor(const Wanted& wanted) : k_(wanted.k), least_(wanted.min_score) { lower_.reserve(k_); }
  float value() const { return lower_.size() == k_ ? lower_.front() : least_; }
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
  float least_;
  std::vector<float> lower_;
};

class NearestSearch {
 public:
  NearestSearch(const Reading& reading, std::span<const float> query, const Wanted& wanted, const Effort& effort)
      : reading_(reading),
        query_(reading.options->metric, query),
        wanted_(wanted),
        effort_(effort.exact || !query_.bounded()
                    ? 0
                    : std::max(effort.ef == 0 ? kDefaultEf : effort.ef, wanted.k + wanted.k / 2)),
        probes_(effort.probes),
        floor_(wanted) {}

  // The best of `found`, instead of all that follows.
  Result<std::vector<Found>> compare_each(std::span<const Found> found) {
    TopK best(wanted_);
    for (Found each : found) {
      each.score = score(STRATA_TRY(each.elements(room_)));
      best.push(each);
    }
    return best.take();
  }

  void add_buffered() {
    if (reading_.overlay == nullptr) return;
    for (const auto& [id, point] : *reading_.overlay) {
      if (reading_.admits(id, point)) add({score(point.elements), nullptr, 0, &point, id}, 0);
    }
  }

  // Finds what a walk leads to, or the filter's indexes, among the first `rows`. Returns the row from which on the part must be
  // scanned. The admission is that of the part and stays until the next one.
  Result<Row> seek(const Part& part, const Admission& admission, Row rows) {
    admission_ = &admission;
    matching_ = admission.matching();
    asks_ = admission.asks();
    const Row among = matching_ != nullptr ? matching_->count() : rows;
    if (among == 0) return rows;
    if (effort_ > 0 && STRATA_TRY(probe(part, among))) return rows;
    const Row walked = effort_ > 0 ? STRATA_TRY(walk(part, among)) : 0;
    if (walked == 0 && matching_ != nullptr && STRATA_TRY(pick(part, among))) return rows;
    return std::min(walked, rows);
  }

  // Rows of a run of that part.
  Result<void> scan(const Part& part, const Part::Run& run, Row begin, Row count) {
    make_room(count);
    const std::uint32_t reached =
        distance::kernels().scan(query_.scan(), run.columns, begin - run.first, begin - run.first + count,
                                 floor_.value(), rows_.data(), bounds_.data());
    return take_reached(part, run, reached);
  }

  Result<void> compare_exactly(const Part& part, Row from, Row rows) {
    for (Row row = from; row < rows; ++row) {
      if (!part.visible(row, reading_.view)) continue;
      const float exact = score(STRATA_TRY(part.elements(row, room_)));
      if (exact < floor_.value() || !STRATA_TRY(admission_->admits(row))) continue;
      add({exact, &part, row, nullptr, {}}, 0);
    }
    return {};
  }

  Result<std::vector<Found>> refine() {
    forget();
    std::sort(candidates_.begin(), candidates_.end(),
              [](const Bounded& a, const Bounded& b) { return a.bound > b.bound; });
    TopK best(wanted_);
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      const Bounded& candidate = candidates_[i];
      if (!best.reaches(candidate.bound)) break;
      if (i + 1 < candidates_.size()) ask_for_vector(candidates_[i + 1]);
      if (candidate.buffered != nullptr) {
        best.push({candidate.bound, candidate.id, nullptr, 0, candidate.buffered});
        continue;
      }
      const float exact = score(STRATA_TRY(candidate.part->elements(candidate.row, room_)));
      if (!best.reaches(exact)) continue;
      best.push({exact, STRATA_TRY(candidate.part->id(candidate.row)), candidate.part, candidate.row, nullptr});
    }
    return best.take();
  }

 private:
  // Bounds the rows that match, `among` many, and no others: all of them, or with a graph's codes the best of them; or those
  // that may match, and asks the best. False: a scan of all costs less, or the part's codes are damaged.
  Result<bool> pick(const Part& part, Row among) {
    const PartGraph graph = effort_ > 0 && !asks_ ? part.graph() : PartGraph();
    if (graph.view == nullptr && among > part.rows() / kRowsAPick) return false;
    const auto run = part.codes(0);
    if (!run || run->end < matching_->rows()) return false;
    std::unique_ptr<Scorer> scorer;
    std::optional<RowRanking> ranking;
    if (graph.view != nullptr) {
      scorer = scorer_of(part, graph);
      ranking.emplace(*scorer, effort_, walk_memory());
    }
    const auto take = [&]() -> Result<void> {
      if (asks_) return ask_picked(part, *run);
      if (ranking) {
        ranking->add(picked_);
        picked_.clear();
      } else {
        take_picked(part, *run);
      }
      return {};
    };
    const std::size_t at_once = asks_ ? kAskedBlockRows : kPickedRows;
    picked_.clear();
    for (Row row = matching_->next(0); row < matching_->rows(); row = matching_->next(row + 1)) {
      if (asks_ || STRATA_TRY(admission_->admits(row))) picked_.push_back(row);
      if (picked_.size() == at_once) STRATA_TRY(take());
    }
    STRATA_TRY(take());
    if (ranking) {
      for (std::size_t i = 0; i < ranking->best().count(); ++i) picked_.push_back(ranking->best().node(i));
      take_picked(part, *run);
    }
    return true;
  }

  // Returns how many rows it covered, from the first on. None: the part has no graph, or to bound `among` rows costs less than to walk
  // among so few that count.
  Result<Row> walk(const Part& part, Row among) {
    const PartGraph graph = part.graph();
    if (graph.view == nullptr) return Row{0};
    among = std::min(among, graph.view->rows);
    std::unique_ptr<Scorer> scorer;
    for (std::size_t places = effort_;;) {
      if (places * (matching_ != nullptr ? kMatchingRowsAPlace : kRowsAPlace) > among) return Row{0};
      if (!scorer) scorer = scorer_of(part, graph);
      const Beam& beam = walk_graph(*graph.view, *scorer, places, matching_, walk_memory());
      near_.clear();
      for (std::size_t i = 0; i < beam.count(); ++i) {
        if (STRATA_TRY(admission_->admits(beam.node(i)))) near_.push_back({beam.similarity(i), beam.node(i)});
      }
      if (enough_count()) break;
      if (beam.count() < places) return Row{0};  // it went to all that links lead to
      places = more_places(places);
    }
    leave_out_hopeless(*scorer, wanted_.k, near_);
    take_walked(part);
    return graph.view->rows;
  }

  // Looks into the lists of a part that are nearest. False: it has none, or to bound `among` rows costs less.
  Result<bool> probe(const Part& part, Row among) {
    const ListsView* const lists = part.lists();
    if (lists == nullptr) return false;
    const std::size_t usual = probes_ == 0 ? probes_for(lists->count) : std::min<std::size_t>(probes_, lists->count);
    // Of rows that match as many are looked at as of all when there is no filter.
    std::size_t probes = std::min<std::size_t>(lists->count, usual * lists->rows / among);
    if (matching_ != nullptr && probes == lists->count) return false;
    std::optional<Probing> probing;
    for (std::size_t places = effort_;;) {
      if (places * kRowsAPlace > among) return false;
      if (!probing) probing.emplace(*lists, query_, walk_memory());
      const Beam& beam = probing->look(probes, places, matching_);
      near_.clear();
      for (std::size_t i = 0; i < beam.count(); ++i) {
        if (STRATA_TRY(admission_->admits(beam.node(i)))) near_.push_back({beam.similarity(i), beam.node(i)});
      }
      if (enough_count()) break;
      if (beam.count() < places) {  // these lists hold no more
        if (near_.size() >= wanted_.k || probes == lists->count) break;
        probes = std::min<std::size_t>(lists->count, probes * 4);
        continue;
      }
      const std::size_t before = places;
      places = more_places(places);
      probes = std::min<std::size_t>(lists->count, probes * places / before);
    }
    take_walked(part);
    return true;
  }

  // Of the places that were wanted.
  bool enough_count() const { return near_.size() * 100 >= effort_ * kCountingPercent; }

  // So many that about as many count as were wanted, a quarter more to be sure; near_ is what counted of `places`.
  std::size_t more_places(std::size_t places) const {
    return near_.empty() ? places * 16 : places * effort_ * 5 / (near_.size() * 4);
  }

  std::unique_ptr<Scorer> scorer_of(const Part& part, const PartGraph& graph) const {
    return graph.view->quantizer->scorer({graph.view->codes, graph.columns, &query_, &part});
  }

  // near_, rows that count, run by run.
  void take_walked(const Part& part) {
    for (const Candidate& each : near_) walked_.push_back(each.row);
    if (part.codes(0)->end < part.rows()) std::sort(walked_.begin(), walked_.end());
    for (std::size_t i = 0; i < walked_.size();) {
      const Part::Run run = *part.codes(walked_[i]);
      for (picked_.clear(); i < walked_.size() && walked_[i] < run.end; ++i) picked_.push_back(walked_[i] - run.first);
      take_picked(part, run);
    }
    walked_.clear();
  }

  // picked_, rows of one run that count, is empty afterwards.
  void take_picked(const Part& part, const Part::Run& run) {
    const std::uint32_t reached = bound_picked(run.columns);
    numbers_only(reached);
    for (std::uint32_t i = 0; i < reached; ++i) {
      add({bounds_[i], &part, run.first + rows_[i], nullptr, {}}, query_.slack(run.columns, rows_[i]));
    }
  }

  // The same of rows that may count; the run is the part's first.
  Result<void> ask_picked(const Part& part, const Part::Run& run) {
    return take_reached(part, run, bound_picked(run.columns));
  }

  // Leaves those of picked_ that reach the floor in rows_ and bounds_; returns how many.
  std::uint32_t bound_picked(const distance::CodeColumns& columns) {
    const auto count = static_cast<std::uint32_t>(picked_.size());
    make_room(count);
    const std::uint32_t reached = distance::kernels().scan_picked(query_.scan(), columns, picked_.data(), count,
                                                                  floor_.value(), rows_.data(), bounds_.data());
    picked_.clear();
    return reached;
  }

  void make_room(Row rows) {
    if (rows <= rows_.size()) return;
    rows_.resize(rows);
    bounds_.resize(rows);
    reached_.resize(rows);
  }

  // A bound that is no number says nothing: the row stays until it is scored.
  void numbers_only(std::uint32_t count) {
    std::replace_if(
        bounds_.begin(), bounds_.begin() + count, [](float bound) { return bound != bound; },
        std::numeric_limits<float>::infinity());
  }

  // The first `left` of rows_ and bounds_. Best bound first: the floor rises at once, and most of a first block is never asked
  // whether it matches.
  Result<void> take_reached(const Part& part, const Part::Run& run, std::uint32_t left) {
    numbers_only(left);
    for (std::uint32_t wanted = kOrderedFirst; left > 0; wanted *= 4) {
      const float split = left <= 2 * wanted ? kLowest : reached_by_about(wanted, left);
      const std::uint32_t best = split_off(split, left);
      left -= best;
      STRATA_TRY(add_in_order(part, run, best));
      if (split <= floor_.value()) break;  // what is left is below
    }
    return {};
  }

  // A bound that about `wanted` of the first `count` reach, at least one; judged by a sample of them.
  float reached_by_about(std::uint32_t wanted, std::uint32_t count) {
    const std::uint32_t step = (count + kSampled - 1) / kSampled;
    sample_.clear();
    for (std::uint32_t i = 0; i < count; i += step) sample_.push_back(bounds_[i]);
    const auto place = sample_.begin() + wanted / step;
    std::nth_element(sample_.begin(), place, sample_.end(), std::greater<>());
    return *place;
  }

  // Moves those of the first `count` rows whose bounds reach `split` to reached_, and closes the gaps; returns how many.
  std::uint32_t split_off(float split, std::uint32_t count) {
    std::uint32_t best = 0, rest = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      const float bound = bounds_[i];
      const std::uint32_t row = rows_[i];
      reached_[best] = {bound, row};
      bounds_[rest] = bound;
      rows_[rest] = row;
      const bool reaches = bound >= split;
      best += reaches ? 1 : 0;
      rest += reaches ? 0 : 1;
    }
    return best;
  }

  Result<void> add_in_order(const Part& part, const Part::Run& run, std::uint32_t count) {
    const auto lower = [](const Reached& a, const Reached& b) { return a.bound < b.bound; };
    const auto first = reached_.begin();
    std::make_heap(first, first + count, lower);
    for (std::uint32_t left = count; left > 0 && !(reached_[0].bound < floor_.value());) {
      std::pop_heap(first, first + left, lower);
      const Reached& next = reached_[--left];
      const Row row = run.first + next.row;
      if (!STRATA_TRY(admission_->admits(row))) continue;
      if (!asks_) {
        add({next.bound, &part, row, nullptr, {}}, query_.slack(run.columns, next.row));
      } else if (const float exact = score(STRATA_TRY(part.elements(row, room_))); !(exact < floor_.value())) {
        add({exact, &part, row, nullptr, {}}, 0);
      }
    }
    return {};
  }

  void add(const Bounded& candidate, float slack) {
    const float lower = candidate.bound - slack;
    if (lower == lower && lower < std::numeric_limits<float>::infinity()) floor_.add(lower);
    candidates_.push_back(candidate);
    if (candidates_.size() >= forget_at_) forget();
  }

  void forget() {
    std::erase_if(candidates_, [floor = floor_.value()](const Bounded& c) { return c.bound < floor; });
    forget_at_ = std::max<std::size_t>(4096, candidates_.size() * 2);
  }

  // Vectors lie far apart: the next one comes while this one is scored.
  static void ask_for_vector(const Bounded& candidate) {
    if (candidate.part != nullptr) candidate.part->ask_for_elements(candidate.row);
  }

  // What users see.
  float score(ByteView elements) {
    return query_.score(as_floats(reading_.options->element, reading_.options->dimension, elements, room_));
  }

  const Reading& reading_;
  const QueryCode query_;
  const Wanted wanted_;
  const std::size_t effort_;  // places of a walk's beam; 0: exact
  const std::size_t probes_;  // lists to look into; 0: probes_for
  Floor floor_;
  std::vector<Bounded> candidates_;
  std::size_t forget_at_ = 4096;
  struct Reached {
    float bound;
    std::uint32_t row;  // in its run
  };
  // Of the part in hand:
  const Admission* admission_ = nullptr;
  const RowSet* matching_ = nullptr;
  bool asks_ = false;            // indexes do not tell of every row whether it matches
  std::vector<float> room_;      // for a vector that is not kept as floats, or not in one piece
  std::vector<Candidate> near_;  // what a walk found
  std::vector<Row> picked_, walked_;
  std::vector<std::uint32_t> rows_;
  std::vector<float> bounds_;
  std::vector<float> sample_;
  std::vector<Reached> reached_;
};

// So many queries share a pass: their bounds and rows lie in memory beside the block.
constexpr std::size_t kQueriesAPass = 32;

struct Scan {
  NearestSearch* search;
  Row from;  // what is before was walked to
};

Result<void> scan_for_each(const Part& part, Row rows, Row block, std::span<const Scan> scans) {
  const auto first = [](const Scan& a, const Scan& b) { return a.from < b.from; };
  for (Row row = std::min_element(scans.begin(), scans.end(), first)->from; row < rows;) {
    const auto run = part.codes(row);
    if (!run) {
      for (const Scan& scan : scans) STRATA_TRY(scan.search->compare_exactly(part, std::max(row, scan.from), rows));
      return {};
    }
    const Row end = std::min(run->end, rows);
    for (Row begin = row; begin < end; begin += std::min(block, end - begin)) {
      const Row last = begin + std::min(block, end - begin);
      for (const Scan& scan : scans) {
        const Row from = std::max(begin, scan.from);
        if (from < last) STRATA_TRY(scan.search->scan(part, *run, from, last - from));
      }
    }
    row = end;
  }
  return {};
}

Result<std::vector<std::vector<Found>>> run(const Reading& reading, std::span<NearestSearch* const> searches) {
  std::vector<std::vector<Found>> found(searches.size());
  if (const auto ids = ids_to_look_up(reading)) {
    const auto looked_up = STRATA_TRY(look_up(reading, *ids));
    for (std::size_t i = 0; i < searches.size(); ++i) found[i] = STRATA_TRY(searches[i]->compare_each(looked_up));
    return found;
  }
  for (NearestSearch* search : searches) search->add_buffered();
  std::vector<Scan> scanning;
  for (const Part* part : reading.parts->all) {
    const Admission admission = STRATA_TRY(Admission::of(reading, *part));
    const Row rows = part->rows();
    scanning.clear();
    for (NearestSearch* search : searches) {
      const Row from = STRATA_TRY(search->seek(*part, admission, rows));
      if (from < rows) scanning.push_back({search, from});
    }
    if (scanning.empty()) continue;
    STRATA_TRY(scan_for_each(*part, rows, admission.asks() ? kAskedBlockRows : kBlockRows, scanning));
  }
  for (std::size_t i = 0; i < searches.size(); ++i) found[i] = STRATA_TRY(searches[i]->refine());
  return found;
}

}  // namespace

Result<std::vector<Found>> search_nearest(const Reading& reading, std::span<const float> query, const Wanted& wanted,
                                          const Effort& effort) {
  NearestSearch search(reading, query, wanted, effort);
  NearestSearch* const alone[] = {&search};
  return std::move(STRATA_TRY(run(reading, alone)).front());
}

Result<std::vector<std::vector<Found>>> search_nearest_each(const Reading& reading,
                                                            std::span<const std::span<const float>> queries,
                                                            const Wanted& wanted, const Effort& effort) {
  std::vector<std::vector<Found>> found;
  found.reserve(queries.size());
  while (found.size() < queries.size()) {
    std::deque<NearestSearch> searches;
    std::vector<NearestSearch*> together;
    for (const auto query : queries.subspan(found.size(), std::min(kQueriesAPass, queries.size() - found.size()))) {
      together.push_back(&searches.emplace_back(reading, query, wanted, effort));
    }
    auto of_these = STRATA_TRY(run(reading, together));
    std::move(of_these.begin(), of_these.end(), std::back_inserter(found));
  }
  return found;
}

}  // namespace strata::store::vector
