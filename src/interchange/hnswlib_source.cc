#include "interchange/hnswlib_source.h"

namespace strata::interchange {

HnswlibHeader parse_hnswlib_header(const std::byte* at) {
  const auto field = [&](std::size_t offset) { return core::load<std::uint64_t>(at + offset); };
  return {field(0), field(8), field(16), field(24), field(32), field(40), field(56), field(64)};
}

std::string objection(const HnswlibHeader& header) {
  constexpr std::uint64_t kDegreeMax = 1 << 16;
  const auto number = [](std::uint64_t value) { return std::to_string(value); };
  if (header.offset_level0 != 0)
    return "level 0 begins at " + number(header.offset_level0) + " of an element, not at its beginning";
  if (header.ground_degree == 0 || header.ground_degree > kDegreeMax)
    return "an element has " + number(header.ground_degree) + " links";
  if (header.vector_offset != 4 * header.ground_degree + 4) {
    return "the vector of an element with " + number(header.ground_degree) + " links begins at " +
           number(header.vector_offset);
  }
  if (header.label_offset <= header.vector_offset || (header.label_offset - header.vector_offset) % 4 != 0 ||
      (header.label_offset - header.vector_offset) / 4 > kDimensionMax) {
    return "a vector lies between " + number(header.vector_offset) + " and " + number(header.label_offset) +
           ": not 1 to " + number(kDimensionMax) + " floats";
  }
  if (header.element_bytes != header.label_offset + 8) {
    return "an element has " + number(header.element_bytes) + " bytes, its label begins at " +
           number(header.label_offset);
  }
  if (header.elements > header.capacity)
    return number(header.elements) + " elements where there is room for " + number(header.capacity);
  return {};
}

namespace {

class HnswlibSource final : public PointSource {
 public:
  HnswlibSource(InputFile file, const HnswlibHeader& header, SourceInfo info, PointNames* names)
      : file_(std::move(file)),
        reader_(file_, kHnswlibHeaderBytes),
        header_(header),
        info_(std::move(info)),
        names_(names),
        element_(header.element_bytes) {}

  const SourceInfo& info() const override { return info_; }

  Result<bool> next(IncomingPoint& point, Remarks& remarks) override {
    while (row_ < info_.points) {
      ++row_;
      STRATA_TRY(reader_.bytes(element_));
      const auto label = core::load<std::uint64_t>(element_.data() + header_.label_offset);
      point.place = "label " + std::to_string(label);
      if ((element_[2] & std::byte{1}) != std::byte{}) {
        remarks.add("deleted in the index: left out", point.place);
        continue;
      }
      if (!STRATA_TRY(name_point(names_, label, point, remarks))) continue;
      point.vector.resize(info_.dimension);
      std::memcpy(point.vector.data(), element_.data() + header_.vector_offset, point.vector.size() * sizeof(float));
      return true;
    }
    return false;
  }

 private:
  InputFile file_;
  FieldReader reader_;
  const HnswlibHeader header_;
  const SourceInfo info_;
  PointNames* names_;
  Bytes element_;
  std::uint64_t row_ = 0;
};

}  // namespace

bool is_hnswlib(ByteView front, std::uint64_t size) {
  return front.size() >= kHnswlibHeaderBytes && size >= kHnswlibHeaderBytes &&
         objection(parse_hnswlib_header(front.data())).empty();
}

Result<std::unique_ptr<PointSource>> open_hnswlib(io::FileSystem& files, const std::string& name, PointNames* names) {
  InputFile file = STRATA_TRY(InputFile::open(files, name));
  std::byte front[kHnswlibHeaderBytes];
  STRATA_TRY(file.read(0, front));
  const HnswlibHeader header = parse_hnswlib_header(front);
  if (const std::string why = objection(header); !why.empty())
    return file.wrong(0, "not the header of an hnswlib index: " + why);
  if (header.elements > (file.size() - kHnswlibHeaderBytes) / header.element_bytes) {
    return file.wrong(kHnswlibHeaderBytes,
                      std::to_string(header.elements) + " elements of " + std::to_string(header.element_bytes) +
                          " bytes should follow; the file ends at " + std::to_string(file.size()),
                      ErrorCode::corruption);
  }
  SourceInfo info{"hnswlib",
                  static_cast<std::uint32_t>((header.label_offset - header.vector_offset) / 4),
                  {},
                  "an hnswlib file does not say for which metric it was made",
                  header.elements};
  return std::unique_ptr<PointSource>(std::make_unique<HnswlibSource>(std::move(file), header, std::move(info), names));
}

}  // namespace strata::interchange
