#include "store/vector/lists/lists_search.h"

#include <algorithm>
#include <limits>

namespace strata::store::vector {
namespace {

constexpr std::uint32_t kPlacesAtOnce = Scorer::kRowsAtOnce;

}  // namespace

Probing::Probing(const ListsView& lists, const QueryCode& query, WalkMemory& memory)
    : lists_(lists),
      scorer_(half_codes(lists.dimension)
                  ->scorer({lists.halves, {nullptr, lists.scale, nullptr, nullptr, lists.square}, &query, nullptr})),
      memory_(memory) {
  // A centroid is coded as a row is; what its code left out does not matter here.
  const std::vector<float> nothing(lists.count);
  const distance::CodeColumns columns{lists.centroids, lists.centroid_scale, nothing.data(), nothing.data(),
                                      lists.centroid_square};
  std::vector<std::uint32_t> numbers(lists.count);
  std::vector<float> similarities(lists.count);
  constexpr float kLowest = -std::numeric_limits<float>::infinity();
  distance::kernels().scan(query.scan(), columns, 0, lists.count, kLowest, numbers.data(), similarities.data());
  ranked_.reserve(lists.count);
  for (std::uint32_t list = 0; list < lists.count; ++list) {
    const float similarity = similarities[list];
    ranked_.push_back({similarity == similarity ? similarity : kLowest, list});
  }
  if (memory.fresh.size() < kPlacesAtOnce) memory.fresh.resize(kPlacesAtOnce);
  if (memory.similarities.size() < kPlacesAtOnce) memory.similarities.resize(kPlacesAtOnce);
}

const Beam& Probing::look(std::size_t probes, std::size_t places, const RowSet* matching) {
  probes = std::min<std::size_t>(probes, lists_.count);
  const auto nearer = [](const Ranked& a, const Ranked& b) {
    return a.similarity != b.similarity ? a.similarity > b.similarity : a.list < b.list;
  };
  const auto end = ranked_.begin() + static_cast<std::ptrdiff_t>(probes);
  if (end != ranked_.end()) std::nth_element(ranked_.begin(), end, ranked_.end(), nearer);
  // The nearest first: what they hold keeps most of the others' rows out of the beam.
  std::sort(ranked_.begin(), end, nearer);
  memory_.beam.begin(places);
  for (auto each = ranked_.begin(); each != end; ++each) look_into(each->list, matching);
  return memory_.beam;
}

void Probing::look_into(std::uint32_t list, const RowSet* matching) {
  std::uint32_t* const some = memory_.fresh.data();
  std::uint32_t count = 0;
  for (std::uint32_t place = lists_.begins[list]; place < lists_.begins[list + 1]; ++place) {
    some[count] = place;
    count += matching == nullptr || matching->contains(lists_.members[place]) ? 1 : 0;
    if (count < kPlacesAtOnce) continue;
    take(count);
    count = 0;
  }
  take(count);
}

void Probing::take(std::uint32_t count) {
  (*scorer_)(memory_.fresh.data(), count, memory_.similarities.data());
  for (std::uint32_t i = 0; i < count; ++i) {
    memory_.beam.add(memory_.similarities[i], lists_.members[memory_.fresh[i]]);
  }
}

}  // namespace strata::store::vector
