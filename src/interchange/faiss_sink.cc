// An IndexIDMap2 over an IndexFlat, written front to back: what counts the vectors is known before the first one comes.
#include <cmath>

#include "core/assert.h"
#include "interchange/point_sink.h"

namespace strata::interchange {
namespace {

/// Lengths that differ from 1 by less were meant to be 1.
constexpr double kLengthSlack = 1e-5;

class FaissSink final : public PointSink {
 public:
  FaissSink(OutputFile index, NamesFile names, SinkOptions options)
      : index_(std::move(index)), names_(std::move(names)), options_(std::move(options)) {}

  Result<void> begin() {
    const bool l2 = options_.collection.metric == Metric::l2;
    STRATA_TRY(header("IxM2", l2));
    STRATA_TRY(header(l2 ? "IxF2" : "IxFI", l2));
    return index_.field<std::uint64_t>(options_.points * options_.collection.dimension);
  }

  Result<void> add(const StoredPoint& point, Remarks& remarks) override {
    std::vector<float> vector = point.vector;
    if (options_.collection.metric == Metric::cosine) {
      double square = 0;
      for (const float x : vector) square += static_cast<double>(x) * static_cast<double>(x);
      const double length = std::sqrt(square);
      if (std::fabs(length - 1) > kLengthSlack) {
        for (float& x : vector) x = static_cast<float>(static_cast<double>(x) / length);
        remarks.add("scaled to length 1, since faiss has no cosine: its inner product is then the same", point.id);
      }
    }
    STRATA_TRY(index_.append(std::as_bytes(std::span(vector))));
    const auto row = static_cast<std::int64_t>(labels_.size());
    labels_.push_back(options_.integer_ids ? *integer_of(point.id) : row);
    return names_.add(point, options_.integer_ids ? std::optional(labels_.back()) : std::nullopt);
  }

  Result<std::vector<std::string>> finish() override {
    STRATA_ASSERT(labels_.size() == options_.points);
    STRATA_TRY(index_.field<std::uint64_t>(labels_.size()));
    STRATA_TRY(index_.append(std::as_bytes(std::span(labels_))));
    STRATA_TRY(index_.finish());
    STRATA_TRY(names_.finish());
    return std::vector<std::string>{options_.name, names_.name()};
  }

 private:
  Result<void> header(std::string_view letters, bool l2) {
    STRATA_TRY(index_.append(letters));
    STRATA_TRY(index_.field<std::int32_t>(static_cast<std::int32_t>(options_.collection.dimension)));
    STRATA_TRY(index_.field<std::int64_t>(static_cast<std::int64_t>(options_.points)));
    STRATA_TRY(index_.field<std::int64_t>(1 << 20));  // faiss writes these two, and reads past them
    STRATA_TRY(index_.field<std::int64_t>(1 << 20));
    STRATA_TRY(index_.field<std::uint8_t>(1));  // trained
    return index_.field<std::int32_t>(l2 ? 1 : 0);
  }

  OutputFile index_;
  NamesFile names_;
  const SinkOptions options_;
  std::vector<std::int64_t> labels_;
};

}  // namespace

Result<std::unique_ptr<PointSink>> open_faiss_sink(io::FileSystem& files, const SinkOptions& options) {
  OutputFile index = STRATA_TRY(OutputFile::open(files, options.name));
  NamesFile names = STRATA_TRY(NamesFile::open(files, options.name + ".points.jsonl"));
  auto sink = std::make_unique<FaissSink>(std::move(index), std::move(names), options);
  STRATA_TRY(sink->begin());
  return std::unique_ptr<PointSink>(std::move(sink));
}

}  // namespace strata::interchange
