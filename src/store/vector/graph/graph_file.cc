#include "store/vector/graph/graph_file.h"

#include <array>
#include <bit>

#include "core/endian.h"
#include "store/vector/segment.h"

namespace strata::store::vector {
namespace {

constexpr std::string_view kMagic = "STRVGRF1";
constexpr std::string_view kTrailer = "STRVGRFT";
constexpr std::uint32_t kVersion = 1;

struct Place {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};
constexpr std::size_t kBlocks = 5;                          // ground, upper, upper_begins, upper_links, halves
constexpr std::size_t kDirectoryBytes = 52 + kBlocks * 16;  // before the page hashes

}  // namespace

std::string graph_name(std::string_view directory, std::uint64_t number) {
  std::string name = segment_name(directory, number);
  return name.replace(name.size() - 4, 4, ".graph");
}

Result<transaction::CheckpointFile> write_graph(io::FileSystem& files, const std::string& name,
                                                const GraphSubject& subject, const GraphOptions& options,
                                                const GraphData& graph) {
  return write_paged_file(files, name, [&](PagedFile& out) -> Result<void> {
    STRATA_TRY(out.begin(kMagic));
    std::array<Place, kBlocks> places;
    std::size_t next = 0;
    const auto block = [&](const auto& values) -> Result<void> {
      STRATA_TRY(out.pad_to(64));
      const ByteView bytes = std::as_bytes(std::span(values));
      places[next++] = {out.size(), bytes.size()};
      return out.append(bytes);
    };
    STRATA_TRY(block(graph.ground));
    STRATA_TRY(block(graph.upper));
    STRATA_TRY(block(graph.upper_begins));
    STRATA_TRY(block(graph.upper_links));
    STRATA_TRY(block(graph.halves));

    Bytes directory;
    directory.reserve(kDirectoryBytes);
    core::Encoder encoder(directory);
    encoder.u32(kVersion);
    encoder.u64(subject.root);
    encoder.u32(subject.rows);
    encoder.u32(subject.dimension);
    encoder.u32(options.degree);
    encoder.u32(options.effort);
    encoder.f32(options.stretch);
    encoder.u32(graph.levels);
    encoder.u32(graph.entry);
    encoder.u32(static_cast<std::uint32_t>(graph.upper.size()));
    encoder.u64(out.size());
    for (const Place& place : places) {
      encoder.u64(place.offset);
      encoder.u64(place.bytes);
    }
    return out.finish(kTrailer, std::move(directory));
  });
}

Result<std::shared_ptr<GraphFile>> GraphFile::open(io::FileSystem& files, std::uint64_t number,
                                                   const transaction::CheckpointFile& file,
                                                   const GraphSubject& subject) {
  auto mapping = files.map(file.name);
  if (!mapping) return std::move(mapping.error()).with_context("vector graph " + file.name);
  (*mapping)->advise(io::Mapping::Advice::huge_pages);  // a walk touches all of it, a page of 4 KiB each time
  std::shared_ptr<GraphFile> graph(new GraphFile(number, file, std::move(*mapping)));
  STRATA_TRY(graph->read_directory(subject));
  return graph;
}

Result<void> GraphFile::read_directory(const GraphSubject& subject) {
  const ByteView bytes = mapping_->bytes();
  const auto [data_end, directory, root] =
      STRATA_TRY(read_paged_directory(bytes, kTrailer, "vector graph", file_.name));
  root_ = root;
  const auto corrupt = [&](std::string_view what) {
    return Error(ErrorCode::corruption, "vector graph: " + std::string(what) + ": " + file_.name);
  };
  core::Decoder in(directory);
  if (in.u32() > kVersion) return Error(ErrorCode::unsupported, "vector graph of a newer format: " + file_.name);
  GraphSubject said;
  said.root = in.u64();
  said.rows = in.u32();
  said.dimension = in.u32();
  view_.rows = said.rows;
  view_.degree = in.u32();
  in.u32();  // effort and stretch say how it was made
  in.f32();
  view_.levels = in.u32();
  view_.entry = in.u32();
  const std::uint64_t upper = in.u32();
  const std::uint64_t end = in.u64();
  std::array<Place, kBlocks> places;
  for (Place& place : places) place = {in.u64(), in.u64()};
  if (!in.ok() || end != data_end) return corrupt("a directory that contradicts itself");
  if (said.root != subject.root || said.rows != subject.rows || said.dimension != subject.dimension) {
    return corrupt("of another segment");
  }
  view_.half_stride = static_cast<std::uint32_t>(distance::half_stride(said.dimension));
  for (const Place& place : places) {
    if (place.offset % 64 != 0 || place.offset < kHeadBytes || place.offset > data_end ||
        place.bytes > data_end - place.offset) {
      return corrupt("a block that lies outside of it");
    }
  }
  const std::uint64_t degree = view_.degree;
  const std::uint64_t rows = said.rows;
  if (degree == 0 || degree > kGraphDegreeMax || upper > rows || places[0].bytes != rows * (2 * degree + 1) * 4 ||
      places[1].bytes != upper * 4 || places[2].bytes != (upper + 1) * 4 || places[3].bytes % ((degree + 1) * 4) != 0 ||
      places[4].bytes != rows * view_.half_stride) {
    return corrupt("blocks of other sizes than its rows need");
  }
  const auto at = [&](std::size_t block) { return bytes.data() + places[block].offset; };
  view_.ground = reinterpret_cast<const std::uint32_t*>(at(0));
  view_.upper = {reinterpret_cast<const std::uint32_t*>(at(1)), upper};
  view_.upper_begins = reinterpret_cast<const std::uint32_t*>(at(2));
  view_.upper_links = reinterpret_cast<const std::uint32_t*>(at(3));
  view_.upper_lists = places[3].bytes / ((degree + 1) * 4);
  view_.halves = reinterpret_cast<const std::uint8_t*>(at(4));

  const auto pages = Pages::of(bytes, data_end, directory.subspan(in.position()));
  if (!pages) return corrupt("not one hash for each page");
  pages_ = *pages;
  return {};
}

const GraphView* GraphFile::graph() const {
  State state = state_.load(std::memory_order_acquire);
  if (state == State::unknown) {
    const core::MutexLock lock(check_mutex_);
    state = state_.load(std::memory_order_relaxed);
    if (state == State::unknown) {
      state = State::good;
      for (std::uint64_t page = 0; page < pages_.count(); ++page) {
        if (!pages_.intact(page)) state = State::damaged;
      }
      if (state == State::good && !view_.holds_together()) state = State::damaged;
      state_.store(state, std::memory_order_release);
    }
  }
  return state == State::good ? &view_ : nullptr;
}

std::vector<transaction::Damage> GraphFile::verify() const {
  std::vector<transaction::Damage> found;
  for (std::uint64_t page = 0; page < pages_.count(); ++page) {
    if (pages_.intact(page)) continue;
    found.push_back({file_.name, page * kPageBytes, "damaged page of a graph", true});
    state_.store(State::damaged, std::memory_order_release);
  }
  return found;
}

}  // namespace strata::store::vector
