// Import: a source's points, checked one by one and upserted in batches, each a commit. What the store would refuse is left out
// here, by kind; so a batch is taken whole or the import ends.
#include <algorithm>
#include <cmath>
#include <set>

#include "core/codec.h"
#include "core/nesting.h"
#include "core/utf8.h"
#include "interchange/open_source.h"
#include "interchange/transferred_vector.h"

namespace strata::interchange {
namespace {

constexpr std::size_t kBatchMax = 100'000;
constexpr std::size_t kBatchBytesMax = 32 << 20;
constexpr std::size_t kPayloadBytesMax = 1 << 20;  // the store's limit

std::string quoted(std::string_view name) { return "\"" + std::string(name.substr(0, 64)) + "\""; }

/// Why the store would refuse the point; empty: it would not.
std::string_view objection(const IncomingPoint& point, const CollectionOptions& options, std::size_t payload_bytes) {
  if (point.id.empty()) return "an empty id: left out";
  if (point.id.size() > kIdBytesMax) return "an id of over 1,024 bytes: left out";
  if (!core::is_utf8(point.id)) return "an id that is not UTF-8: left out";
  if (point.vector.size() != options.dimension) return "a vector of another number of dimensions: left out";
  if (!std::all_of(point.vector.begin(), point.vector.end(), [](float x) { return std::isfinite(x); })) {
    return "the vector holds NaN or infinity: left out";
  }
  const bool zero = std::all_of(point.vector.begin(), point.vector.end(), [](float x) { return x == 0; });
  if (zero && options.metric == Metric::cosine) return "a zero vector, which has no angle: left out";
  if (!core::nests_within(point.payload)) return "a payload that nests too deep: left out";
  if (payload_bytes > kPayloadBytesMax) return "a payload of over 1 MiB: left out";
  return {};
}

class Import {
 public:
  Import(Engine& engine, std::string_view collection, const VectorImportOptions& options, PointSource& source)
      : engine_(engine),
        vectors_(static_cast<Stores&>(engine).vector()),
        name_(collection),
        options_(options),
        source_(source) {}

  /// The collection is there, or made, and suits the file.
  Result<void> prepare() {
    const SourceInfo& info = source_.info();
    report_.format = info.format;
    auto found = vectors_.collection(name_);
    if (!found && found.error().code() != ErrorCode::not_found) return std::move(found).error();
    if (found) {
      report_.collection = STRATA_TRY(by_vector(name_, found->options, ""));
      const CollectionOptions& kept = report_.collection;
      if (info.dimension != 0 && info.dimension != kept.dimension) {
        return Error(ErrorCode::failed_precondition, "collection " + quoted(name_) + " holds vectors of " +
                                                         std::to_string(kept.dimension) + " dimensions; the file has " +
                                                         std::to_string(info.dimension));
      }
      const std::optional<Metric> metric = options_.metric ? options_.metric : info.metric;
      if (metric && *metric != kept.metric) {
        return Error(
            ErrorCode::failed_precondition,
            "collection " + quoted(name_) + " compares by " + std::string(strata::name(kept.metric)) + ", " +
                (options_.metric ? "asked for was " : "the file was made for ") + std::string(strata::name(*metric)) +
                (options_.metric
                     ? ""
                     : "; to take its vectors all the same, say metric " + std::string(strata::name(kept.metric))));
      }
      return {};
    }
    if (info.dimension == 0)
      return Error(ErrorCode::invalid_argument,
                   "the file holds no vector, so collection " + quoted(name_) + " cannot be made from it");
    if (info.dimension > kDimensionMax)
      return Error(ErrorCode::invalid_argument,
                   "vectors have 1 to " + std::to_string(kDimensionMax) + " dimensions; the file has more");
    if (!options_.metric && !info.metric)
      return Error(ErrorCode::failed_precondition, info.metric_text + "; say it: metric cosine, l2 or inner_product");
    report_.collection.dimension = info.dimension;
    report_.collection.metric = options_.metric ? *options_.metric : *info.metric;
    report_.collection.words = !options_.text_field.empty();
    report_.created = true;
    return options_.dry_run ? Result<void>() : vectors_.create_collection(name_, report_.collection);
  }

  Result<void> run(const Progress& progress) {
    IncomingPoint point;
    bool more = true;
    while (more) {
      more = STRATA_TRY(source_.next(point, remarks_));
      if (more) STRATA_TRY(take(point));
      const bool full = batch_.size() >= options_.batch || batch_bytes_ >= kBatchBytesMax;
      if (more && !full) continue;
      STRATA_TRY(commit());
      if (progress && !progress(read_, std::max(source_.info().points, read_))) {
        return Error(ErrorCode::cancelled, "the import was cancelled: " + std::to_string(report_.upserted) +
                                               " points are in; resume goes on");
      }
    }
    return {};
  }

  VectorImportReport report() {
    report_.read = read_;
    report_.remarks = remarks_.list();
    report_.lsn = engine_.visible_lsn();
    return std::move(report_);
  }

  std::string progress_text() const {
    return report_.upserted == 0 ? "" : " (" + std::to_string(report_.upserted) + " points before it are in)";
  }

 private:
  struct Taken {
    IncomingPoint point;
    std::string text;
  };

  Result<void> take(IncomingPoint& point) {
    ++read_;
    payload_.clear();
    core::Encoder(payload_).map(point.payload);
    if (const auto why = objection(point, report_.collection, payload_.size()); !why.empty()) {
      remarks_.add(why, point.place);
      return {};
    }
    Taken taken;
    if (!options_.text_field.empty()) {
      const Value* text = point.payload.find(options_.text_field);
      if (text != nullptr && text->text() != nullptr) taken.text = *text->text();
    }
    if (STRATA_TRY(is_there(point.id))) {
      if (options_.resume) {
        ++report_.skipped;
        return {};
      }
      remarks_.add("a point of this id was there, or came twice: replaced", point.id);
    }
    batch_bytes_ += point.id.size() + point.vector.size() * sizeof(float) + payload_.size();
    ids_.insert(point.id);
    taken.point = std::move(point);
    batch_.push_back(std::move(taken));
    return {};
  }

  Result<bool> is_there(const std::string& id) {
    if (ids_.contains(id)) return true;
    if (report_.created && options_.dry_run) return false;
    return STRATA_TRY(vectors_.get(name_, id, false)).has_value();
  }

  Result<void> commit() {
    if (!options_.dry_run && !batch_.empty()) {
      std::vector<Point> points;
      points.reserve(batch_.size());
      for (const Taken& taken : batch_)
        points.push_back({taken.point.id, taken.point.vector, taken.point.payload, taken.text});
      auto written = vectors_.upsert(name_, points);
      if (!written && written.error().code() == ErrorCode::resource_exhausted) {
        // Files are too far behind the journal, most likely: an import outruns the checkpoint that is under way.
        STRATA_TRY(engine_.checkpoint());
        written = vectors_.upsert(name_, points);
      }
      if (!written) return written;
    }
    report_.upserted += batch_.size();
    batch_.clear();
    ids_.clear();
    batch_bytes_ = 0;
    return {};
  }

  Engine& engine_;
  VectorStore& vectors_;
  const std::string name_;
  const VectorImportOptions& options_;
  PointSource& source_;
  VectorImportReport report_;
  Remarks remarks_;
  std::vector<Taken> batch_;
  std::set<std::string> ids_;  // of the batch
  std::size_t batch_bytes_ = 0;
  std::uint64_t read_ = 0;
  Bytes payload_;  // encoded, to be measured
};

}  // namespace
}  // namespace strata::interchange

namespace strata {

Result<VectorImportReport> import_vectors(Engine& engine, std::string_view collection,
                                          const VectorImportOptions& options, const Progress& progress) noexcept {
  using namespace interchange;
  if (options.batch < 1 || options.batch > kBatchMax) {
    return Error(ErrorCode::invalid_argument,
                 "a batch has 1 to " + std::to_string(kBatchMax) + " points, not " + std::to_string(options.batch));
  }
  const auto source = STRATA_TRY(open_source(options));
  Import work(engine, collection, options, *source);
  STRATA_TRY(work.prepare());
  if (auto done = work.run(progress); !done) {
    if (done.error().code() == ErrorCode::cancelled) return std::move(done).error();
    return std::move(done).error().with_context("importing" + work.progress_text());
  }
  return work.report();
}

}  // namespace strata
