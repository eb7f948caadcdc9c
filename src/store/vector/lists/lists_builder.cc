#include "store/vector/lists/lists_builder.h"

#include <algorithm>
#include <numeric>

#include "core/assert.h"
#include "core/random.h"
#include "store/vector/coding.h"
#include "store/vector/quantization/clustering.h"

namespace strata::store::vector {
namespace {

constexpr std::uint64_t kSampleSeed = 0x4c69737473;
constexpr std::size_t kSampledAList = 32;
constexpr std::size_t kSampledMost = 65'536;
constexpr std::uint32_t kRounds = 8;
constexpr Row kRowsAtOnce = 2'048;  // as numbers, between two questions whether to stop

class Builder {
 public:
  Builder(const distance::CodeColumns& columns, Row rows, std::uint32_t dimension, Metric metric, std::uint32_t wanted)
      : columns_(columns), rows_(rows), dimension_(dimension), metric_(metric) {
    data_.rows = rows;
    data_.wanted = wanted;
    data_.dimension = dimension;
  }

  // False when it was told to stop; so below.
  bool train(std::uint32_t count, const std::function<bool()>& stop) {
    const std::size_t most = std::min<std::size_t>(std::max<std::size_t>(kSampledAList * count, count), kSampledMost);
    const auto sampled = static_cast<Row>(std::min<std::size_t>(rows_, std::max<std::size_t>(most, count)));
    core::Random random(kSampleSeed);
    std::vector<float> sample(std::size_t{sampled} * dimension_);
    // Each row with the probability that the places that are left give it (Knuth 3.4.2, algorithm S).
    Row taken = 0;
    for (Row row = 0; row < rows_ && taken < sampled; ++row) {
      if (random.below(rows_ - row) >= sampled - taken) continue;
      decode(row, sample.data() + std::size_t{taken++} * dimension_);
    }
    ClusteringOptions options;
    options.rounds = kRounds;
    options.sample = sampled;
    auto clusters = cluster(sample, dimension_, count, options, stop);
    if (!clusters) return false;
    const std::size_t stride = distance::code_stride(dimension_);
    data_.trained = rows_;
    data_.centroids.resize(count * stride);
    data_.centroid_scale.resize(count);
    data_.centroid_square.resize(count);
    for (std::uint32_t list = 0; list < count; ++list) {
      // Under cosine this brings it to length 1, as it does rows: more of the nearest lie in the first lists so.
      const std::span<const float> centroid =
          std::span(clusters->centroids).subspan(std::size_t{list} * dimension_, dimension_);
      const RowCode code = encode_row(metric_, centroid, data_.centroids.data() + list * stride);
      data_.centroid_scale[list] = code.scale;
      data_.centroid_square[list] = code.square;
    }
    lists_.assign(rows_, kNoList);
    return true;
  }

  void adopt(const ListsOrigin& origin) {
    const ListsView& lists = *origin.lists;
    const std::size_t stride = distance::code_stride(dimension_);
    data_.trained = lists.trained;
    data_.centroids.assign(lists.centroids, lists.centroids + lists.count * stride);
    data_.centroid_scale.assign(lists.centroid_scale, lists.centroid_scale + lists.count);
    data_.centroid_square.assign(lists.centroid_square, lists.centroid_square + lists.count);
    lists_.assign(rows_, kNoList);
    for (std::uint32_t list = 0; list < lists.count; ++list) {
      for (std::uint32_t place = lists.begins[list]; place < lists.begins[list + 1]; ++place) {
        const Row row = origin.rows[lists.members[place]];
        if (row != kNoRow) lists_[row] = list;
      }
    }
  }

  bool assign(const std::function<bool()>& stop) {
    const std::uint32_t count = data_.count();
    const std::size_t stride = distance::code_stride(dimension_);
    // What the codes say, so that rows of a merge are compared with just what those before them were.
    std::vector<float> centroids(std::size_t{count} * dimension_);
    for (std::uint32_t list = 0; list < count; ++list) {
      numbers(data_.centroids.data() + list * stride, data_.centroid_scale[list],
              centroids.data() + std::size_t{list} * dimension_);
    }
    const NearestCentroids nearest(centroids, dimension_);
    std::vector<float> points(std::size_t{kRowsAtOnce} * dimension_);
    std::vector<Row> some;
    std::vector<std::uint32_t> found(kRowsAtOnce);
    for (Row row = 0; row < rows_;) {
      if (stop()) return false;
      some.clear();
      for (; row < rows_ && some.size() < kRowsAtOnce; ++row) {
        if (lists_[row] != kNoList) continue;
        decode(row, points.data() + some.size() * dimension_);
        some.push_back(row);
      }
      nearest(std::span(points).first(some.size() * dimension_), std::span(found).first(some.size()));
      for (std::size_t i = 0; i < some.size(); ++i) lists_[some[i]] = found[i];
    }
    return true;
  }

  ListsData finish() {
    const std::uint32_t count = data_.count();
    data_.begins.assign(count + 1, 0);
    for (const std::uint32_t list : lists_) ++data_.begins[list + 1];
    std::partial_sum(data_.begins.begin(), data_.begins.end(), data_.begins.begin());
    std::vector<std::uint32_t> next(data_.begins.begin(), data_.begins.end() - 1);
    data_.members.resize(rows_);
    data_.scale.resize(rows_);
    data_.square.resize(rows_);
    const std::size_t half_stride = distance::half_stride(dimension_);
    const std::size_t stride = distance::code_stride(dimension_);
    data_.halves.resize(rows_ * half_stride);
    for (Row row = 0; row < rows_; ++row) {
      const std::uint32_t place = next[lists_[row]]++;
      data_.members[place] = row;
      data_.scale[place] = columns_.scale[row];
      data_.square[place] = columns_.square[row];
      distance::halve(columns_.codes + row * stride, dimension_, data_.halves.data() + place * half_stride);
    }
    return std::move(data_);
  }

 private:
  static constexpr std::uint32_t kNoList = UINT32_MAX;

  void decode(Row row, float* out) const {
    numbers(columns_.codes + row * distance::code_stride(dimension_), columns_.scale[row], out);
  }
  void numbers(const std::uint8_t* codes, float scale, float* out) const {
    for (std::size_t i = 0; i < dimension_; ++i) out[i] = scale * static_cast<float>(codes[i] - 128);
  }

  const distance::CodeColumns& columns_;
  const Row rows_;
  const std::uint32_t dimension_;
  const Metric metric_;
  std::vector<std::uint32_t> lists_;  // of each row
  ListsData data_;
};

std::uint32_t count_for(Row rows, std::uint32_t wanted) {
  return wanted == 0 ? lists_for(rows) : std::min(wanted, rows);
}

}  // namespace

bool serves(const ListsView& lists, Row rows, std::uint32_t wanted) {
  return lists.wanted == wanted && rows / 2 <= lists.trained && lists.trained / 2 <= rows;
}

std::optional<ListsData> build_lists(const distance::CodeColumns& columns, Row rows, std::uint32_t dimension,
                                     Metric metric, std::uint32_t wanted, const std::function<bool()>& stop,
                                     const ListsOrigin* origin) {
  STRATA_ASSERT(rows > 0 && rows < (1U << 31) && wanted <= kListsMax);
  Builder builder(columns, rows, dimension, metric, wanted);
  if (origin != nullptr) {
    builder.adopt(*origin);
  } else if (!builder.train(count_for(rows, wanted), stop)) {
    return std::nullopt;
  }
  if (!builder.assign(stop)) return std::nullopt;
  return builder.finish();
}

}  // namespace strata::store::vector
