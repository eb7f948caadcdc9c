// Export: the points of a collection, in the order of their ids, a page at a time, into a sink.
#include <algorithm>
#include <charconv>
#include <filesystem>

#include "interchange/input_file.h"
#include "interchange/point_sink.h"
#include "interchange/transferred_vector.h"

namespace strata::interchange {

std::optional<std::int64_t> integer_of(std::string_view id) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (error != std::errc() || end != id.data() + id.size() || number < 0 || std::to_string(number) != id) return {};
  return number;
}

namespace {

constexpr std::size_t kPagePoints = 1'000;
constexpr std::uint64_t kProgressPoints = 100;
constexpr std::size_t kPageBytes = 16 << 20;

/// Calls `visit` for each point, in order.
template <typename Visit>
Result<void> each_point(VectorStore& vectors, std::string_view collection, const VectorExportOptions& options,
                        std::uint32_t dimension, bool with_vector, Visit visit) {
  const std::size_t page_points =
      with_vector ? std::clamp<std::size_t>(kPageBytes / (sizeof(float) * dimension), 1, kPagePoints) : kPagePoints;
  std::string after;
  for (;;) {
    const auto page = STRATA_TRY(vectors.scroll(collection, after, page_points, options.filter, with_vector));
    for (const StoredPoint& point : page) STRATA_TRY(visit(point));
    if (page.size() < page_points) return {};
    after = page.back().id;
  }
}

/// The folder that vectors.npy goes into: made, or empty.
Result<Place> folder_to_write(const std::string& path) {
  std::error_code failed;
  if (std::filesystem::is_directory(path, failed)) {
    Place place = STRATA_TRY(find_place(path));
    if (!STRATA_TRY(place.files->list("")).empty()) {
      return Error(ErrorCode::already_exists,
                   "the folder \"" + path + "\" holds something; name one that is empty, or not there yet");
    }
    return place;
  }
  if (std::filesystem::exists(path, failed))
    return Error(ErrorCode::already_exists, "\"" + path + "\" is a file; an array and its ids go into a folder");
  std::filesystem::path given(path);
  if (!given.has_filename()) given = given.parent_path();
  const Place parent = STRATA_TRY(place_to_write(given.string()));
  STRATA_TRY(parent.files->create_directory(parent.name));
  return find_place(path);
}

Result<VectorExportReport> write(View& view, std::string_view collection, const VectorExportOptions& options,
                                 const Progress& progress) {
  VectorStore& vectors = static_cast<Stores&>(view).vector();
  const CollectionInfo info = STRATA_TRY(vectors.collection(collection));
  if (options.format == VectorFormat::hnswlib) {
    return Error(ErrorCode::invalid_argument,
                 "hnswlib's files are not written: export npy, then hnswlib's add_items and save_index make one");
  }
  if (options.format == VectorFormat::chroma) {
    return Error(ErrorCode::invalid_argument,
                 "Chroma's directories are not written: export npy, then its add makes a collection");
  }
  SinkOptions to{{}, STRATA_TRY(by_vector(collection, info.options, options.vector)), 0};
  to.integer_ids = options.format == VectorFormat::faiss;
  const bool is_folder = options.format == VectorFormat::npy;
  const Place place = is_folder ? STRATA_TRY(folder_to_write(options.path)) : STRATA_TRY(place_to_write(options.path));
  to.name = is_folder ? "" : place.name;
  // How many there are, and under which numbers, stands in front of what they are. Where all have the vector, counting is enough.
  const bool all_have_it = info.options.dimension > 0 && options.vector.empty();
  if (all_have_it) to.points = STRATA_TRY(vectors.count(collection, options.filter));
  if (!all_have_it || to.integer_ids) {
    std::uint64_t points = 0;
    STRATA_TRY(each_point(vectors, collection, options, to.collection.dimension, !all_have_it,
                          [&](const StoredPoint& point) -> Result<void> {
                            if (!all_have_it && !transferred(point, info.options, options.vector)) return {};
                            ++points;
                            to.integer_ids = to.integer_ids && integer_of(point.id).has_value();
                            return {};
                          }));
    to.points = points;
  }
  std::unique_ptr<PointSink> sink;
  switch (options.format) {
    case VectorFormat::faiss: sink = STRATA_TRY(open_faiss_sink(*place.files, to)); break;
    case VectorFormat::qdrant: sink = STRATA_TRY(open_qdrant_sink(*place.files, to)); break;
    case VectorFormat::parquet: sink = STRATA_TRY(open_parquet_sink(*place.files, to)); break;
    default: sink = STRATA_TRY(open_npy_sink(*place.files, to)); break;
  }
  VectorExportReport report;
  Remarks remarks;
  STRATA_TRY(each_point(vectors, collection, options, to.collection.dimension, true,
                        [&](const StoredPoint& stored) -> Result<void> {
                          const auto* vector = transferred(stored, info.options, options.vector);
                          if (vector == nullptr) {
                            remarks.add("lack the vector: left out", stored.id);
                            return {};
                          }
                          const StoredPoint point{stored.id, *vector, stored.payload, {}};
                          STRATA_TRY(sink->add(point, remarks));
                          if (stored.vectors.size() + (stored.vector.empty() ? 0 : 1) > 1) {
                            remarks.add("other vectors left out", stored.id);
                          }
                          ++report.points;
                          if (progress && report.points % kProgressPoints == 0 && !progress(report.points, to.points))
                            return Error(ErrorCode::cancelled, "the export was cancelled; nothing was written");
                          return {};
                        }));
  const std::string folder = STRATA_TRY(place.files->path(""));
  for (const std::string& name : STRATA_TRY(sink->finish())) report.files.push_back(folder + "/" + name);
  report.remarks = remarks.list();
  return report;
}

}  // namespace
}  // namespace strata::interchange

namespace strata {

Result<VectorExportReport> export_vectors(View& view, std::string_view collection, const VectorExportOptions& options,
                                          const Progress& progress) noexcept {
  return interchange::write(view, collection, options, progress);
}

}  // namespace strata
