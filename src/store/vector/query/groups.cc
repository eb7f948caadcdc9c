#include "store/vector/query/groups.h"

#include <algorithm>
#include <unordered_map>

#include "store/vector/query/facets.h"

namespace strata::store::vector {
namespace {

constexpr std::size_t kDepthMin = 64;
// A ranking is so many times as deep as what is wanted of it, and each of the next so many times as deep as the last.
constexpr std::size_t kDeeper = 4;

class Groups {
 public:
  Groups(const Ranking& ranking, const Grouping& grouping)
      : ranking_(ranking), grouping_(grouping), has_value_{{grouping.field, Map{{"is_null", false}}}} {}

  Result<std::vector<RankedGroup>> run() {
    const std::size_t wanted = grouping_.groups * grouping_.size;
    if (!ranking_.same_under_every_filter()) {
      STRATA_TRY(ask(ranking_.sides() * ranking_.candidates(wanted), has_value_));  // all that any side ranks
      return take();
    }
    std::size_t depth = std::max(kDepthMin, wanted * kDeeper);
    bool all_seen = STRATA_TRY(ask(depth, has_value_));
    if (!all_seen && groups_.size() < grouping_.groups) all_seen = STRATA_TRY(find_more(depth));
    if (!all_seen) STRATA_TRY(fill());
    number_within_groups();
    return take();
  }

 private:
  // Returns whether all that matches was seen.
  Result<bool> ask(std::size_t depth, const Filter& filter) {
    const auto hits = STRATA_TRY(ranking_.best(depth, filter));
    for (const Ranked& hit : hits) STRATA_TRY(add(hit));
    return hits.size() < depth;
  }

  Result<void> add(const Ranked& hit) {
    const auto field = EncodedMap::of_payload(STRATA_TRY(hit.found.payload())).find(grouping_.field);
    for (FieldValue& each : values_of_field(field)) {
      const auto known = places_.find(each.key);
      if (known == places_.end()) {
        if (groups_.size() == grouping_.groups) continue;
        places_.emplace(each.key, groups_.size());
        groups_.push_back({std::move(each.value), {hit}});
      } else if (auto& hits = groups_[known->second].hits; hits.size() < grouping_.size) {
        hits.push_back(hit);
      }
    }
    return {};
  }

  // There are fewer groups than wanted, and not all points were seen.
  Result<bool> find_more(std::size_t depth) {
    const CompiledFilter filter = STRATA_TRY(ranking_.filter(has_value_));
    Reading reading = ranking_.ranked();
    reading.filter = &filter;
    const ValueCounts counts = STRATA_TRY(count_values(reading, grouping_.field));
    const std::size_t enough = std::min(grouping_.groups, counts.facets.size());
    for (bool more = !counts.several; more && groups_.size() < enough;) {
      const std::size_t before = groups_.size();
      Value::List known;
      for (const RankedGroup& group : groups_) known.push_back(group.value);
      const Filter others{{"must", Value::List{has_value_}},
                          {"must_not", Value::List{Filter{{grouping_.field, Map{{"any", std::move(known)}}}}}}};
      STRATA_TRY(ask(depth, others));
      more = groups_.size() > before;
    }
    while (groups_.size() < enough) {
      depth *= kDeeper;
      groups_.clear();
      places_.clear();
      if (STRATA_TRY(ask(depth, has_value_))) return true;
    }
    return false;
  }

  // Groups that the rankings so far did not fill get the best that hold their value.
  Result<void> fill() {
    for (RankedGroup& group : groups_) {
      if (group.hits.size() == grouping_.size) continue;
      auto hits = STRATA_TRY(ranking_.best(grouping_.size, {{grouping_.field, group.value}}));
      keep_best(hits, group.hits);
      group.hits = std::move(hits);
    }
    return {};
  }

  // A walk among the points of one value may miss what the ranking of all of them found.
  void keep_best(std::vector<Ranked>& hits, const std::vector<Ranked>& known) const {
    for (const Ranked& hit : known) {
      const bool there =
          std::any_of(hits.begin(), hits.end(), [&hit](const Ranked& each) { return each.found.id == hit.found.id; });
      if (!there) hits.push_back(hit);
    }
    std::sort(hits.begin(), hits.end(), comes_first);
    if (hits.size() > grouping_.size) hits.resize(grouping_.size);
  }

  // They come from rankings under several filters, so that a place in one of them says nothing.
  void number_within_groups() {
    for (RankedGroup& group : groups_) {
      for (std::size_t i = 0; i < group.hits.size(); ++i) {
        Ranked& hit = group.hits[i];
        const auto number = [i](Standing& side) {
          if (side.rank > 0) side.rank = static_cast<std::uint32_t>(i + 1);
        };
        number(hit.by_vector);
        number(hit.by_words);
        std::for_each(hit.by_also.begin(), hit.by_also.end(), number);
      }
    }
  }

  std::vector<RankedGroup> take() { return std::move(groups_); }

  const Ranking& ranking_;
  const Grouping& grouping_;
  const Filter has_value_;
  std::vector<RankedGroup> groups_;
  std::unordered_map<std::string, std::size_t> places_;  // of groups, by the key of their value
};

}  // namespace

Result<std::vector<RankedGroup>> best_groups(const Ranking& ranking, const Grouping& grouping) {
  return Groups(ranking, grouping).run();
}

}  // namespace strata::store::vector
