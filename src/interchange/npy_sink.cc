// vectors.npy and points.jsonl: the rows of one are the lines of the other.
#include "core/assert.h"
#include "interchange/npy_header.h"
#include "interchange/point_sink.h"

namespace strata::interchange {
namespace {

class NpySink final : public PointSink {
 public:
  NpySink(OutputFile vectors, NamesFile names, std::uint64_t points)
      : vectors_(std::move(vectors)), names_(std::move(names)), left_(points) {}

  Result<void> add(const StoredPoint& point, Remarks&) override {
    STRATA_ASSERT(left_ > 0);
    --left_;
    STRATA_TRY(vectors_.append(std::as_bytes(std::span(point.vector))));
    return names_.add(point, {});
  }

  Result<std::vector<std::string>> finish() override {
    STRATA_ASSERT(left_ == 0);
    STRATA_TRY(vectors_.finish());
    STRATA_TRY(names_.finish());
    return std::vector<std::string>{"vectors.npy", names_.name()};
  }

 private:
  OutputFile vectors_;
  NamesFile names_;
  std::uint64_t left_;
};

}  // namespace

Result<NamesFile> NamesFile::open(io::FileSystem& files, std::string name) {
  OutputFile file = STRATA_TRY(OutputFile::open(files, name));
  return NamesFile(std::move(file), std::move(name));
}

Result<void> NamesFile::add(const StoredPoint& point, std::optional<std::int64_t> label) {
  Map line{{"id", point.id}, {"payload", point.payload}};
  if (label) line.set("label", *label);
  return file_.append(to_json(line) + "\n");
}

Result<std::unique_ptr<PointSink>> open_npy_sink(io::FileSystem& files, const SinkOptions& options) {
  OutputFile vectors = STRATA_TRY(OutputFile::open(files, "vectors.npy"));
  NamesFile names = STRATA_TRY(NamesFile::open(files, "points.jsonl"));
  STRATA_TRY(vectors.append(npy_header_text(DataType::float32, {options.points, options.collection.dimension})));
  return std::unique_ptr<PointSink>(std::make_unique<NpySink>(std::move(vectors), std::move(names), options.points));
}

}  // namespace strata::interchange
