#pragma once
/// What every format is to the export: points in, files out.
#include "interchange/output_file.h"
#include "interchange/point_source.h"

namespace strata::interchange {

/// One thread at a time. Given up without finish, it leaves nothing behind.
class PointSink {
 public:
  virtual ~PointSink() = default;
  virtual Result<void> add(const StoredPoint& point, Remarks& remarks) = 0;
  /// Exactly the points that were announced have come. Returns the names of the files, in their folder.
  virtual Result<std::vector<std::string>> finish() = 0;
};

struct SinkOptions {
  std::string name;  ///< of the file in its folder
  CollectionOptions collection;
  std::uint64_t points = 0;
  bool integer_ids = false;  ///< every id is integer_of something, and becomes its label; else rows are the labels
};

/// The id as the integer, 0 or more, that it writes in decimal digits as no other text does.
std::optional<std::int64_t> integer_of(std::string_view id);

/// vectors.npy and points.jsonl in the folder.
Result<std::unique_ptr<PointSink>> open_npy_sink(io::FileSystem& files, const SinkOptions& options);
/// An index file, and points.jsonl beside it.
Result<std::unique_ptr<PointSink>> open_faiss_sink(io::FileSystem& files, const SinkOptions& options);
Result<std::unique_ptr<PointSink>> open_qdrant_sink(io::FileSystem& files, const SinkOptions& options);
/// On a real disk alone.
Result<std::unique_ptr<PointSink>> open_parquet_sink(io::FileSystem& files, const SinkOptions& options);

/// The file of ids and payloads that PointNames reads.
class NamesFile {
 public:
  static Result<NamesFile> open(io::FileSystem& files, std::string name);
  Result<void> add(const StoredPoint& point, std::optional<std::int64_t> label);
  Result<void> finish() { return file_.finish(); }
  const std::string& name() const { return name_; }

 private:
  NamesFile(OutputFile file, std::string name) : file_(std::move(file)), name_(std::move(name)) {}
  OutputFile file_;
  std::string name_;
};

}  // namespace strata::interchange
