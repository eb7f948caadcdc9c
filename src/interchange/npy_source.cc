#include "interchange/npy_source.h"

#include "interchange/npy_header.h"

namespace strata::interchange {
namespace {

bool may_round(DataType type) {
  return type == DataType::float64 || type == DataType::int32 || type == DataType::int64 || type == DataType::uint32 ||
         type == DataType::uint64;
}

class NpySource final : public PointSource {
 public:
  NpySource(InputFile file, std::uint64_t begin, DataType type, SourceInfo info, PointNames* names)
      : file_(std::move(file)), at_(begin), type_(type), info_(std::move(info)), names_(names) {
    row_bytes_.resize(std::size_t{info_.dimension} * bytes_of(type));
  }

  const SourceInfo& info() const override { return info_; }

  Result<bool> next(IncomingPoint& point, Remarks& remarks) override {
    while (row_ < info_.points) {
      const std::uint64_t row = row_++;
      STRATA_TRY(file_.read(at_, row_bytes_));
      at_ += row_bytes_.size();
      if (!STRATA_TRY(name_point(names_, row, point, remarks))) continue;
      point.place = "row " + std::to_string(row);
      point.vector.resize(info_.dimension);
      bool rounded = false;
      for (std::size_t i = 0; i < point.vector.size(); ++i) {
        const double number = npy_number(type_, row_bytes_.data() + i * bytes_of(type_));
        point.vector[i] = static_cast<float>(number);
        rounded = rounded || static_cast<double>(point.vector[i]) != number;
      }
      if (rounded && may_round(type_))
        remarks.add("a number of " + std::string(name(type_)) + " was rounded to float32", point.place);
      return true;
    }
    return false;
  }

 private:
  InputFile file_;
  std::uint64_t at_;
  const DataType type_;
  const SourceInfo info_;
  PointNames* names_;
  Bytes row_bytes_;
  std::uint64_t row_ = 0;
};

}  // namespace

Result<std::unique_ptr<PointSource>> open_npy(io::FileSystem& files, const std::string& name, PointNames* names) {
  InputFile file = STRATA_TRY(InputFile::open(files, name));
  Bytes front(std::min<std::uint64_t>(file.size(), kNpyHeaderBytesMax + 12));
  STRATA_TRY(file.read(0, front));
  const NpyHeader header = STRATA_TRY(parse_npy_header(front));
  const DataType type = STRATA_TRY(npy_number_type(header.type));
  if (header.shape.size() != 2) {
    return no_npy("vectors are the rows of an array with two axes; this one has " +
                  std::to_string(header.shape.size()));
  }
  if (header.fortran) return no_npy("it is in Fortran order; save numpy.ascontiguousarray(…) of it");
  const auto [rows, columns] = std::pair(header.shape[0], header.shape[1]);
  if (columns == 0 || columns > kDimensionMax) {
    return no_npy("vectors have 1 to " + std::to_string(kDimensionMax) + " dimensions, these have " +
                  std::to_string(columns));
  }
  const std::uint64_t row_bytes = columns * bytes_of(type);
  const std::uint64_t rest = file.size() - header.begin;
  if (rows > rest / row_bytes || rows * row_bytes != rest) {
    return file.wrong(header.begin,
                      std::to_string(rows) + " rows of " + std::to_string(row_bytes) +
                          " bytes should follow; there are " + std::to_string(rest) + " bytes",
                      ErrorCode::corruption);
  }
  if (names != nullptr && names->count() != rows) {
    return Error(ErrorCode::invalid_argument, "as many ids as vectors are needed: " + std::to_string(names->count()) +
                                                  " ids, " + std::to_string(rows) + " vectors");
  }
  SourceInfo info{"npy " + std::string(strata::name(type)),
                  static_cast<std::uint32_t>(columns),
                  {},
                  "an array does not say by which metric its rows are compared",
                  rows};
  return std::unique_ptr<PointSource>(
      std::make_unique<NpySource>(std::move(file), header.begin, type, std::move(info), names));
}

}  // namespace strata::interchange
