#include "store/vector/graph/graph_file.h"

#include <array>
#include <utility>

#include "store/vector/collection_options.h"
#include "store/vector/segment.h"

namespace strata::store::vector {
namespace {

constexpr std::string_view kMagic = "STRVGRF1";
constexpr std::string_view kTrailer = "STRVGRFT";
/// 1 is still read: half codes, and nothing of quantization; 2: links of the ground in fixed places
constexpr std::uint32_t kVersion = 3;

constexpr std::size_t kBlocks = 7;  // ground, upper, upper_begins, upper_links, codes, trained, ground_begins
constexpr std::size_t kBlocksOfVersion1 = 5;
constexpr std::size_t kBlocksOfVersion2 = 6;

constexpr std::size_t blocks_of(std::uint32_t version) {
  return version == 1 ? kBlocksOfVersion1 : version == 2 ? kBlocksOfVersion2 : kBlocks;
}

void encode_fixed(const QuantizationOptions& quantization, core::Encoder& out) {
  out.u8(static_cast<std::uint8_t>(quantization.kind));
  out.u8(static_cast<std::uint8_t>(quantization.bits));
  out.u8(static_cast<std::uint8_t>(quantization.range));
  out.u32(quantization.parts);
  out.f32(quantization.recall_min);
}

QuantizationOptions decode_fixed(core::Decoder& in) {
  QuantizationOptions quantization;
  quantization.kind = static_cast<QuantizationKind>(in.u8());
  quantization.bits = in.u8();
  quantization.range = static_cast<QuantizationRange>(in.u8());
  quantization.parts = in.u32();
  quantization.recall_min = in.f32();
  return quantization;
}

}  // namespace

std::string graph_name(std::string_view directory, std::uint64_t number) {
  std::string name = segment_name(directory, number);
  return name.replace(name.size() - 4, 4, ".graph");
}

Result<transaction::CheckpointFile> write_graph(io::FileSystem& files, const std::string& name,
                                                const IndexSubject& subject, const GraphMaking& making,
                                                const GraphView& graph) {
  return write_paged_file(files, name, [&](PagedFile& out) -> Result<void> {
    STRATA_TRY(out.begin(kMagic));
    std::array<std::pair<std::uint64_t, std::uint64_t>, kBlocks> places;
    std::size_t next = 0;
    const auto block = [&](ByteView bytes) -> Result<void> {
      STRATA_TRY(out.pad_to(64));
      places[next++] = {out.size(), bytes.size()};
      return out.append(bytes);
    };
    const auto numbers = [](const std::uint32_t* values, std::size_t count) {
      return std::as_bytes(std::span(values, count));
    };
    const std::size_t degree = graph.degree;
    std::vector<std::uint64_t> begins{0};
    begins.reserve(std::size_t{graph.rows} + 1);
    std::vector<std::uint32_t> ground;
    for (Row row = 0; row < graph.rows; ++row) {
      const auto links = graph.ground_links(row);
      ground.insert(ground.end(), links.begin(), links.end());
      begins.push_back(ground.size());
    }
    STRATA_TRY(block(numbers(ground.data(), ground.size())));
    STRATA_TRY(block(numbers(graph.upper.data(), graph.upper.size())));
    STRATA_TRY(block(numbers(graph.upper_begins, graph.upper.size() + 1)));
    STRATA_TRY(block(numbers(graph.upper_links, graph.upper_lists * (degree + 1))));
    STRATA_TRY(block(std::as_bytes(std::span(graph.codes, std::size_t{graph.rows} * graph.quantizer->code_bytes()))));
    STRATA_TRY(block(graph.quantizer->trained()));
    STRATA_TRY(block(std::as_bytes(std::span(begins))));

    Bytes directory;
    core::Encoder encoder(directory);
    encoder.u32(kVersion);
    encoder.u64(subject.root);
    encoder.u32(subject.rows);
    encoder.u32(subject.shape.dimension);
    encoder.u32(making.options.degree);
    encoder.u32(making.options.effort);
    encoder.f32(making.options.stretch);
    encoder.u32(graph.levels);
    encoder.u32(graph.entry);
    encoder.u32(static_cast<std::uint32_t>(graph.upper.size()));
    encode_fixed(making.wanted, encoder);
    encode_fixed(making.chosen, encoder);
    encoder.u32(graph.quantizer->code_bytes());
    encoder.f32(making.recall);
    encoder.u64(out.size());
    for (const auto& [offset, size] : places) {
      encoder.u64(offset);
      encoder.u64(size);
    }
    return out.finish(kTrailer, std::move(directory));
  });
}

Result<std::shared_ptr<GraphFile>> GraphFile::open(io::FileSystem& files, std::uint64_t number,
                                                   const transaction::CheckpointFile& file,
                                                   const IndexSubject& subject) {
  auto mapping = files.map(file.name);
  if (!mapping) return std::move(mapping.error()).with_context("vector graph " + file.name);
  (*mapping)->advise(io::Mapping::Advice::huge_pages);  // a walk touches all of it, a page of 4 KiB each time
  std::shared_ptr<GraphFile> graph(new GraphFile("vector graph", number, file, std::move(*mapping)));
  STRATA_TRY(graph->read_directory(subject));
  return graph;
}

Result<void> GraphFile::read_directory(const IndexSubject& subject) {
  const PagedDirectory directory = STRATA_TRY(open_directory(kTrailer));
  core::Decoder in(directory.bytes);
  const std::uint32_t version = in.u32();
  if (version > kVersion) return Error(ErrorCode::unsupported, "vector graph of a newer format: " + file().name);
  IndexSubject said;
  said.root = in.u64();
  said.rows = in.u32();
  said.shape.dimension = in.u32();
  view_.rows = said.rows;
  making_.options.degree = view_.degree = in.u32();
  making_.options.effort = in.u32();
  making_.options.stretch = in.f32();
  view_.levels = in.u32();
  view_.entry = in.u32();
  const std::uint64_t upper = in.u32();
  making_.code_bytes = static_cast<std::uint32_t>(distance::half_stride(said.shape.dimension));
  making_.chosen = resolved(making_.wanted);
  if (version >= 2) {
    making_.wanted = decode_fixed(in);
    making_.chosen = decode_fixed(in);
    making_.code_bytes = in.u32();
    making_.recall = in.f32();
  }
  const std::uint64_t end = in.u64();
  std::array<Place, kBlocks> places;
  places.fill({kHeadBytes, 0});
  for (std::size_t i = 0; i < blocks_of(version); ++i) places[i] = {in.u64(), in.u64()};
  if (!in.ok() || version == 0 || end != directory.data_end) return corrupt("a directory that contradicts itself");
  STRATA_TRY(check_subject(said, subject));
  STRATA_TRY(check_places(places, end));
  shape_ = subject.shape;
  const std::uint64_t degree = view_.degree;
  const std::uint64_t rows = said.rows;
  const bool ground_fits = version < 3 ? places[0].bytes == rows * (2 * degree + 1) * 4
                                       : places[0].bytes % 4 == 0 && places[6].bytes == (rows + 1) * 8;
  if (degree == 0 || degree > kGraphDegreeMax || upper > rows || !ground_fits || places[1].bytes != upper * 4 ||
      places[2].bytes != (upper + 1) * 4 || places[3].bytes % ((degree + 1) * 4) != 0 ||
      places[4].bytes != rows * making_.code_bytes) {
    return corrupt("blocks of other sizes than its rows need");
  }
  view_.ground = reinterpret_cast<const std::uint32_t*>(at(places[0]));
  if (version >= 3) {
    view_.ground_begins = reinterpret_cast<const std::uint64_t*>(at(places[6]));
    view_.ground_total = places[0].bytes / 4;
  }
  view_.upper = {reinterpret_cast<const std::uint32_t*>(at(places[1])), upper};
  view_.upper_begins = reinterpret_cast<const std::uint32_t*>(at(places[2]));
  view_.upper_links = reinterpret_cast<const std::uint32_t*>(at(places[3]));
  view_.upper_lists = places[3].bytes / ((degree + 1) * 4);
  view_.codes = reinterpret_cast<const std::uint8_t*>(at(places[4]));
  trained_ = bytes().subspan(places[5].offset, places[5].bytes);

  return take_pages(directory, in.position());
}

bool GraphFile::holds_together() const {
  quantizer_ = load_quantizer(making_.chosen, shape_, trained_);
  if (!quantizer_ || quantizer_->code_bytes() != making_.code_bytes) return false;
  view_.quantizer = quantizer_.get();
  return view_.holds_together();
}

}  // namespace strata::store::vector
