#include "store/vector/lists/lists_file.h"

#include <array>

#include "store/vector/segment.h"

namespace strata::store::vector {
namespace {

constexpr std::string_view kMagic = "STRVLST1";
constexpr std::string_view kTrailer = "STRVLSTT";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kBlocks = 8;  // in the order of lists_file.h

}  // namespace

std::string lists_name(std::string_view directory, std::uint64_t number) {
  std::string name = segment_name(directory, number);
  return name.replace(name.size() - 4, 4, ".lists");
}

Result<transaction::CheckpointFile> write_lists(io::FileSystem& files, const std::string& name,
                                                const IndexSubject& subject, const ListsData& lists) {
  return write_paged_file(files, name, [&](PagedFile& out) -> Result<void> {
    STRATA_TRY(out.begin(kMagic));
    Bytes places;
    core::Encoder places_encoder(places);
    const auto block = [&](const auto& values) -> Result<void> {
      STRATA_TRY(out.pad_to(64));
      const ByteView bytes = std::as_bytes(std::span(values));
      places_encoder.u64(out.size());
      places_encoder.u64(bytes.size());
      return out.append(bytes);
    };
    STRATA_TRY(block(lists.centroids));
    STRATA_TRY(block(lists.centroid_scale));
    STRATA_TRY(block(lists.centroid_square));
    STRATA_TRY(block(lists.begins));
    STRATA_TRY(block(lists.members));
    STRATA_TRY(block(lists.scale));
    STRATA_TRY(block(lists.square));
    STRATA_TRY(block(lists.halves));

    Bytes directory;
    core::Encoder encoder(directory);
    encoder.u32(kVersion);
    encoder.u64(subject.root);
    encoder.u32(subject.rows);
    encoder.u32(subject.shape.dimension);
    encoder.u32(lists.count());
    encoder.u32(lists.wanted);
    encoder.u32(lists.trained);
    encoder.u64(out.size());
    encoder.raw(places.data(), places.size());
    return out.finish(kTrailer, std::move(directory));
  });
}

Result<std::shared_ptr<ListsFile>> ListsFile::open(io::FileSystem& files, std::uint64_t number,
                                                   const transaction::CheckpointFile& file,
                                                   const IndexSubject& subject) {
  auto mapping = files.map(file.name);
  if (!mapping) return std::move(mapping.error()).with_context("vector lists " + file.name);
  std::shared_ptr<ListsFile> lists(new ListsFile("vector lists", number, file, std::move(*mapping)));
  STRATA_TRY(lists->read_directory(subject));
  return lists;
}

Result<void> ListsFile::read_directory(const IndexSubject& subject) {
  const PagedDirectory directory = STRATA_TRY(open_directory(kTrailer));
  core::Decoder in(directory.bytes);
  if (in.u32() > kVersion) return Error(ErrorCode::unsupported, "vector lists of a newer format: " + file().name);
  IndexSubject said;
  said.root = in.u64();
  said.rows = in.u32();
  said.shape.dimension = in.u32();
  view_.rows = said.rows;
  view_.dimension = said.shape.dimension;
  view_.count = in.u32();
  view_.wanted = in.u32();
  view_.trained = in.u32();
  const std::uint64_t end = in.u64();
  std::array<Place, kBlocks> places;
  for (Place& place : places) place = {in.u64(), in.u64()};
  if (!in.ok() || end != directory.data_end) return corrupt("a directory that contradicts itself");
  STRATA_TRY(check_subject(said, subject));
  STRATA_TRY(check_places(places, end));
  const std::uint64_t count = view_.count;
  const std::uint64_t rows = said.rows;
  if (count == 0 || count > kListsMax || places[0].bytes != count * distance::code_stride(said.shape.dimension) ||
      places[1].bytes != count * 4 || places[2].bytes != count * 4 || places[3].bytes != (count + 1) * 4 ||
      places[4].bytes != rows * 4 || places[5].bytes != rows * 4 || places[6].bytes != rows * 4 ||
      places[7].bytes != rows * distance::half_stride(said.shape.dimension)) {
    return corrupt("blocks of other sizes than its rows need");
  }
  view_.centroids = reinterpret_cast<const std::uint8_t*>(at(places[0]));
  view_.centroid_scale = reinterpret_cast<const float*>(at(places[1]));
  view_.centroid_square = reinterpret_cast<const float*>(at(places[2]));
  view_.begins = reinterpret_cast<const std::uint32_t*>(at(places[3]));
  view_.members = reinterpret_cast<const Row*>(at(places[4]));
  view_.scale = reinterpret_cast<const float*>(at(places[5]));
  view_.square = reinterpret_cast<const float*>(at(places[6]));
  view_.halves = reinterpret_cast<const std::uint8_t*>(at(places[7]));
  return take_pages(directory, in.position());
}

}  // namespace strata::store::vector
