// Which format a path has, and its reader.
#include "interchange/open_source.h"

#include <array>

#include "interchange/chroma_source.h"
#include "interchange/faiss_layout.h"
#include "interchange/faiss_source.h"
#include "interchange/hnswlib_source.h"
#include "interchange/npy_header.h"
#include "interchange/npy_source.h"
#include "interchange/parquet_source.h"
#include "interchange/qdrant_source.h"

namespace strata {
namespace {
constexpr std::array<std::string_view, 6> kFormatNames{"npy", "faiss", "hnswlib", "qdrant", "parquet", "chroma"};
}  // namespace

std::string_view name(VectorFormat format) noexcept {
  const auto at = static_cast<std::size_t>(format);
  return at < kFormatNames.size() ? kFormatNames[at] : "unknown";
}

Result<VectorFormat> parse_vector_format(std::string_view text) {
  for (std::size_t i = 0; i < kFormatNames.size(); ++i) {
    if (kFormatNames[i] == text) return static_cast<VectorFormat>(i);
  }
  return Error(ErrorCode::invalid_argument, "not a format: \"" + std::string(text.substr(0, 64)) +
                                                "\"; the formats are npy, faiss, hnswlib, qdrant, parquet and chroma");
}

}  // namespace strata

namespace strata::interchange {
namespace {

constexpr std::string_view kFolderVectors = "vectors.npy";
constexpr std::string_view kFolderPoints = "points.jsonl";
constexpr std::string_view kPointsBeside = ".points.jsonl";

Result<VectorFormat> guess(io::FileSystem& files, const std::string& name, const std::string& path) {
  const InputFile file = STRATA_TRY(InputFile::open(files, name));
  Bytes front(std::min<std::uint64_t>(file.size(), 4096));
  STRATA_TRY(file.read(0, front));
  const std::string_view text = as_text(front);
  if (text.starts_with(kNpyMagic)) return VectorFormat::npy;
  if (text.starts_with("PAR1")) return VectorFormat::parquet;
  if (text.starts_with("SQLite format 3")) return VectorFormat::chroma;
  if (is_faiss(front)) return VectorFormat::faiss;
  if (is_hnswlib(front, file.size())) return VectorFormat::hnswlib;
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin != std::string_view::npos && (text[begin] == '{' || text[begin] == '[')) return VectorFormat::qdrant;
  return Error(
      ErrorCode::invalid_argument,
      "\"" + path +
          "\" begins as none of the formats that are read: npy, faiss, hnswlib, qdrant (JSON), parquet, chroma");
}

/// A source with what it borrows.
class OwningSource final : public PointSource {
 public:
  OwningSource(Place place, std::optional<Place> names_place, std::unique_ptr<PointNames> names,
               std::unique_ptr<PointSource> source)
      : place_(std::move(place)),
        names_place_(std::move(names_place)),
        names_(std::move(names)),
        source_(std::move(source)) {}
  const SourceInfo& info() const override { return source_->info(); }
  Result<bool> next(IncomingPoint& point, Remarks& remarks) override { return source_->next(point, remarks); }

 private:
  Place place_;
  std::optional<Place> names_place_;
  std::unique_ptr<PointNames> names_;
  std::unique_ptr<PointSource> source_;
};

Error not_taken(std::string_view option, VectorFormat format) {
  return Error(ErrorCode::invalid_argument,
               std::string(option) + " says nothing about a file of the format " + std::string(name(format)));
}

}  // namespace

Result<std::unique_ptr<PointSource>> open_source(const VectorImportOptions& options) {
  Place place = STRATA_TRY(find_place(options.path));
  std::string file = place.name;
  std::string beside = file + std::string(kPointsBeside);
  const bool is_folder = file.empty();
  const bool of_chroma = is_folder && STRATA_TRY(place.files->exists(kChromaFile));
  if (is_folder) {
    file = of_chroma ? kChromaFile : kFolderVectors;
    beside = kFolderPoints;
    if (!of_chroma && !STRATA_TRY(place.files->exists(file))) {
      return Error(ErrorCode::invalid_argument,
                   "the folder \"" + options.path + "\" holds neither " + file + " nor " + kChromaFile);
    }
  }
  const VectorFormat format = options.format ? *options.format : STRATA_TRY(guess(*place.files, file, options.path));
  const bool labelled = format == VectorFormat::npy || format == VectorFormat::faiss || format == VectorFormat::hnswlib;
  const bool has_fields = format == VectorFormat::qdrant || format == VectorFormat::parquet;
  if (!labelled && !options.points.empty()) return not_taken("a file with ids", format);
  if (!has_fields && !options.id_field.empty()) return not_taken("a field for the id", format);
  if (!has_fields && !options.vector_field.empty()) return not_taken("a field for the vector", format);
  if (format != VectorFormat::chroma && !options.source_collection.empty()) return not_taken("a collection", format);
  std::optional<Place> names_place;
  std::unique_ptr<PointNames> names;
  if (!options.points.empty()) {
    names_place = STRATA_TRY(find_place(options.points));
    if (names_place->name.empty())
      return Error(ErrorCode::invalid_argument, "\"" + options.points + "\" is a folder; the ids are in a file");
    names = STRATA_TRY(PointNames::open(*names_place->files, names_place->name));
  } else if (labelled && STRATA_TRY(place.files->exists(beside))) {
    names = STRATA_TRY(PointNames::open(*place.files, beside));
  }
  std::unique_ptr<PointSource> source;
  switch (format) {
    case VectorFormat::npy: source = STRATA_TRY(open_npy(*place.files, file, names.get())); break;
    case VectorFormat::faiss: source = STRATA_TRY(open_faiss(*place.files, file, names.get())); break;
    case VectorFormat::hnswlib: source = STRATA_TRY(open_hnswlib(*place.files, file, names.get())); break;
    case VectorFormat::qdrant:
      source = STRATA_TRY(open_qdrant(*place.files, file, {options.id_field, options.vector_field}));
      break;
    case VectorFormat::parquet:
      source = STRATA_TRY(open_parquet(*place.files, file, {options.id_field, options.vector_field}));
      break;
    case VectorFormat::chroma: source = STRATA_TRY(open_chroma(*place.files, options.source_collection)); break;
  }
  return std::unique_ptr<PointSource>(
      std::make_unique<OwningSource>(std::move(place), std::move(names_place), std::move(names), std::move(source)));
}

}  // namespace strata::interchange
