// One Parquet file: id, vector, payload as JSON. DuckDB writes it; it appears when it is whole.
#include "interchange/point_sink.h"
#include "store/analytics/parquet_file.h"

namespace strata::interchange {
namespace {

using store::analytics::ParquetPointWriter;

class ParquetSink final : public PointSink {
 public:
  ParquetSink(io::FileSystem& files, std::string name, ParquetPointWriter writer)
      : files_(files), name_(std::move(name)), writer_(std::move(writer)) {}
  ~ParquetSink() override {
    if (!finished_)
      static_cast<void>(files_.remove(name_ + ".part").has_value());  // it is there after a failed copy alone
  }
  ParquetSink(const ParquetSink&) = delete;
  ParquetSink& operator=(const ParquetSink&) = delete;

  Result<void> add(const StoredPoint& point, Remarks&) override {
    return writer_.append(point.id, point.vector, to_json(point.payload));
  }

  Result<std::vector<std::string>> finish() override {
    STRATA_TRY(writer_.finish());
    auto file = STRATA_TRY(files_.open(name_ + ".part", io::OpenMode::read_write));
    STRATA_TRY(file->sync());
    STRATA_TRY(files_.rename(name_ + ".part", name_));
    finished_ = true;
    STRATA_TRY(files_.sync_directory(""));
    return std::vector<std::string>{name_};
  }

 private:
  io::FileSystem& files_;
  const std::string name_;
  ParquetPointWriter writer_;
  bool finished_ = false;
};

}  // namespace

Result<std::unique_ptr<PointSink>> open_parquet_sink(io::FileSystem& files, const SinkOptions& options) {
  const std::string name = options.name + ".part";
  if (STRATA_TRY(files.exists(name))) STRATA_TRY(files.remove(name));
  STRATA_TRY(files.open(name, io::OpenMode::create));  // its owner's alone, as the others; DuckDB writes into it
  const std::string part = STRATA_TRY(files.path(options.name + ".part"));
  ParquetPointWriter writer = STRATA_TRY(ParquetPointWriter::open(part, part + ".tmp", options.collection.dimension));
  return std::unique_ptr<PointSink>(std::make_unique<ParquetSink>(files, options.name, std::move(writer)));
}

}  // namespace strata::interchange
