#include "store/vector/graph/graph_codes.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "store/vector/collection_options.h"
#include "store/vector/elements.h"
#include "store/vector/reading.h"

namespace strata::store::vector {
namespace {

constexpr Row kSampleRows = 16'384;  // what is trained on
constexpr Row kTriedRows = 100;      // searched for
constexpr std::size_t kTriedNearest = 10;

// What automatic tries, the fewest bytes first.
constexpr std::array kChoices{
    QuantizationOptions{.kind = QuantizationKind::rabitq},
    QuantizationOptions{.kind = QuantizationKind::scalar, .bits = 4},
    QuantizationOptions{.kind = QuantizationKind::scalar, .bits = 8},
    QuantizationOptions{.kind = QuantizationKind::scalar, .bits = 16},
};

/// The vectors of a segment as quantizers see them.
class Vectors {
 public:
  explicit Vectors(const Segment& segment) : segment_(segment), options_(segment.directory().options) {}
  /// Valid until the next call. Errors  corruption
  Result<std::span<const float>> of(Row row) {
    const ByteView elements = STRATA_TRY(segment_.elements(row, room_));
    const auto x = as_floats(options_.element, options_.dimension, elements, room_);
    if (options_.metric != Metric::cosine) return x;
    const double norm = std::sqrt(distance::kernels().dot(x.data(), x.data(), x.size()));
    unit_.resize(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) unit_[i] = static_cast<float>(static_cast<double>(x[i]) / norm);
    return std::span<const float>(unit_);
  }

 private:
  const Segment& segment_;
  const CollectionOptions& options_;
  std::vector<float> room_, unit_;
};

/// A segment with a graph that it does not have yet.
class Rehearsal final : public Part {
 public:
  Rehearsal(const Segment& segment, const GraphView& graph) : segment_(segment), graph_(graph) {}
  std::uint32_t dimension() const override { return segment_.dimension(); }
  Row rows() const override { return segment_.rows(); }
  Lsn created(Row row) const override { return segment_.created(row); }
  Lsn deleted(Row row) const override { return segment_.deleted(row); }
  bool all_visible(Lsn view) const override { return segment_.all_visible(view); }
  std::uint32_t length(Row row) const override { return segment_.length(row); }
  Result<std::string_view> id(Row row) const override { return segment_.id(row); }
  Result<ByteView> elements(Row row, std::vector<float>& room) const override { return segment_.elements(row, room); }
  void ask_for_elements(Row row) const override { segment_.ask_for_elements(row); }
  Result<ByteView> payload(Row row) const override { return segment_.payload(row); }
  Result<RowTerms> terms(Row row) const override { return segment_.terms(row); }
  Result<std::optional<Row>> find(std::string_view id, std::uint64_t hash, Lsn view) const override {
    return segment_.find(id, hash, view);
  }
  std::optional<Run> codes(Row row) const override { return segment_.codes(row); }
  PartGraph graph() const override { return {&graph_, segment_.codes(0)->columns}; }
  Result<void> postings(std::uint32_t term, std::vector<Posting>& out) const override {
    return segment_.postings(term, out);
  }
  void mark_deleted(Row, Lsn) override {}  // the segment's own

 private:
  const Segment& segment_;
  const GraphView& graph_;
};

/// Points of a segment and the nearest of them, found exactly: what codes are held against.
class Trial {
 public:
  /// False when it was told to stop. Errors  corruption
  Result<bool> prepare(const Segment& segment, const std::function<bool()>& stop) {
    options_ = segment.directory().options;
    std::vector<float> room;
    const Row step = std::max<Row>(1, segment.rows() / kTriedRows);
    for (Row row = 0; row < segment.rows(); row += step) {
      if (!segment.visible(row, kView)) continue;
      const auto x = as_floats(options_.element, options_.dimension, STRATA_TRY(segment.elements(row, room)), room);
      queries_.emplace_back(x.begin(), x.end());
    }
    Rehearsal part(segment, GraphView());
    for (const auto& query : queries_) {
      if (stop()) return false;
      nearest_.push_back(STRATA_TRY(search(part, query, {.exact = true})));
    }
    return true;
  }

  /// The share that is found through `graph`; negative: there is nothing to find. Errors  corruption
  Result<float> recall(const Segment& segment, const GraphView& graph) const {
    Rehearsal part(segment, graph);
    std::size_t found = 0, there = 0;
    for (std::size_t i = 0; i < queries_.size(); ++i) {
      const auto now = STRATA_TRY(search(part, queries_[i], {}));
      there += nearest_[i].size();
      for (const float score : now) found += score >= nearest_[i].back() ? 1 : 0;
    }
    return there == 0 ? -1.0F : static_cast<float>(found) / static_cast<float>(there);
  }

 private:
  static constexpr Lsn kView = kLive - 1;

  // Scores, best first: what scores as the last one is as good as it.
  Result<std::vector<float>> search(Rehearsal& part, std::span<const float> query, const Effort& effort) const {
    auto parts = std::make_shared<PartList>();
    parts->all.push_back(&part);
    const Reading reading{std::move(parts), kView, &options_, nullptr, nullptr};
    std::vector<float> scores;
    for (const Found& found : STRATA_TRY(search_nearest(reading, query, {.k = kTriedNearest}, effort))) {
      scores.push_back(found.score);
    }
    return scores;
  }

  CollectionOptions options_;
  std::vector<std::vector<float>> queries_;
  std::vector<std::vector<float>> nearest_;
};

Result<std::vector<float>> sample_of(const Segment& segment) {
  std::vector<float> sample;
  Vectors vectors(segment);
  const Row step = std::max<Row>(1, segment.rows() / kSampleRows);
  for (Row row = 0; row < segment.rows(); row += step) {
    const auto x = STRATA_TRY(vectors.of(row));
    sample.insert(sample.end(), x.begin(), x.end());
  }
  return sample;
}

Result<std::optional<GraphCodes>> encode(const Segment& segment, const QuantizationOptions& quantization,
                                         const std::function<bool()>& stop) {
  const CollectionOptions& options = segment.directory().options;
  GraphCodes made{.quantization = resolved(quantization)};
  std::vector<float> sample;
  if (learns(quantization)) sample = STRATA_TRY(sample_of(segment));
  made.quantizer =
      train_quantizer(made.quantization, {options.metric, options.element, options.dimension}, sample, stop);
  if (!made.quantizer) return std::optional<GraphCodes>();
  const distance::CodeColumns columns = segment.codes(0)->columns;
  if (!made.quantizer->reads_vectors()) {
    made.codes = codes_of(*made.quantizer, columns, segment.rows(), options.dimension);
    return std::optional(std::move(made));
  }
  constexpr Row kAskEvery = 1'024;
  const std::size_t bytes = made.quantizer->code_bytes();
  made.codes.resize(segment.rows() * bytes);
  Vectors vectors(segment);
  for (Row row = 0; row < segment.rows(); ++row) {
    if (row % kAskEvery == 0 && stop()) return std::optional<GraphCodes>();
    made.quantizer->encode({STRATA_TRY(vectors.of(row))}, made.codes.data() + row * bytes);
  }
  return std::optional(std::move(made));
}

}  // namespace

std::vector<std::uint8_t> codes_of(const Quantizer& quantizer, const distance::CodeColumns& columns, Row rows,
                                   std::uint32_t dimension) {
  const std::size_t bytes = quantizer.code_bytes();
  const std::size_t stride = distance::code_stride(dimension);
  std::vector<std::uint8_t> codes(rows * bytes);
  if (bytes == 0) return codes;
  for (Row row = 0; row < rows; ++row) quantizer.encode({{}, columns.codes + row * stride}, codes.data() + row * bytes);
  return codes;
}

Result<std::optional<GraphCodes>> make_codes(const Segment& segment, const GraphView& links,
                                             const QuantizationOptions& wanted, const std::function<bool()>& stop) {
  Trial trial;
  if (!STRATA_TRY(trial.prepare(segment, stop))) return std::optional<GraphCodes>();
  const bool chooses = wanted.kind == QuantizationKind::automatic;
  std::optional<GraphCodes> best;
  for (const QuantizationOptions& choice : chooses ? std::span(kChoices) : std::span(&wanted, 1)) {
    auto made = STRATA_TRY(encode(segment, choice, stop));
    if (!made) return std::optional<GraphCodes>();
    GraphView graph = links;
    graph.quantizer = made->quantizer.get();
    graph.codes = made->codes.data();
    made->recall = STRATA_TRY(trial.recall(segment, graph));
    if (!best || made->recall > best->recall) best = std::move(made);
    if (best->recall >= wanted.recall_min) break;
  }
  return best;
}

}  // namespace strata::store::vector
