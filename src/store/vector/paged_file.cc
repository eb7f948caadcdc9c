#include "store/vector/paged_file.h"

#include <algorithm>

#include "core/endian.h"

namespace strata::store::vector {

Result<void> PagedFile::begin(std::string_view magic) {
  Bytes head(kHeadBytes);
  std::copy_n(as_bytes(magic).begin(), magic.size(), head.begin());
  return append(head);
}

Result<void> PagedFile::append(ByteView bytes) {
  while (!bytes.empty()) {
    const std::size_t now = std::min(bytes.size(), kPageBytes - page_.size());
    page_.insert(page_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(now));
    bytes = bytes.subspan(now);
    size_ += now;
    if (page_.size() == kPageBytes) STRATA_TRY(flush());
  }
  return {};
}

Result<void> PagedFile::pad_to(std::size_t multiple) {
  static constexpr std::byte kZeros[64] = {};
  while (size_ % multiple != 0) {
    STRATA_TRY(append({kZeros, std::min<std::size_t>(64, multiple - size_ % multiple)}));
  }
  return {};
}

Result<void> PagedFile::flush() {
  if (page_.empty()) return {};
  pages_.push_back(core::xxh3_64(ByteView(page_)));
  STRATA_TRY(append_unpaged(page_));
  page_.clear();
  return {};
}

Result<void> PagedFile::append_unpaged(ByteView bytes) {
  whole_.update(bytes);
  written_ += bytes.size();
  return file_.append(bytes);
}

Result<void> PagedFile::finish(std::string_view magic, Bytes directory) {
  STRATA_TRY(flush());
  core::Encoder encoder(directory);
  for (const std::uint64_t page : pages_) encoder.u64(page);
  Bytes trailer;
  core::Encoder end(trailer);
  end.raw(magic.data(), magic.size());
  end.u64(size_);
  end.u64(directory.size());
  end.u64(core::xxh3_64(ByteView(directory)));
  end.u32(core::crc32c(trailer));
  trailer.resize(kTrailerBytes);
  STRATA_TRY(append_unpaged(directory));
  return append_unpaged(trailer);
}

Result<transaction::CheckpointFile> write_paged_file(io::FileSystem& files, const std::string& name,
                                                     const std::function<Result<void>(PagedFile&)>& write) {
  const std::string unfinished = name + ".tmp";
  if (STRATA_TRY(files.exists(unfinished))) STRATA_TRY(files.remove(unfinished));
  core::Hash128 hash;
  std::uint64_t size = 0;
  {
    const std::unique_ptr<io::File> file = STRATA_TRY(files.open(unfinished, io::OpenMode::create));
    PagedFile out(*file);
    STRATA_TRY(write(out));
    STRATA_TRY(file->sync());
    hash = out.hash();
    size = out.written();
  }
  STRATA_TRY(files.rename(unfinished, name));
  STRATA_TRY(files.sync_directory(io::parent_of(name)));
  return transaction::CheckpointFile{name, size, hash};
}

Result<PagedDirectory> read_paged_directory(ByteView file, std::string_view magic, std::string_view what,
                                            std::string_view name) {
  const auto corrupt = [&](std::string_view why) {
    return Error(ErrorCode::corruption, std::string(what) + ": " + std::string(why) + ": " + std::string(name));
  };
  if (file.size() < kHeadBytes + kTrailerBytes) return corrupt("shorter than its head and trailer");
  if (reinterpret_cast<std::uintptr_t>(file.data()) % 8 != 0) return corrupt("mapped at an odd address");
  const ByteView trailer = file.last(kTrailerBytes);
  if (as_text(trailer.first(8)) != magic) return corrupt("no trailer at the end: cut short, or of another kind");
  if (core::crc32c(trailer.first(32)) != core::load<std::uint32_t>(trailer.data() + 32))
    return corrupt("damaged trailer");
  const auto offset = core::load<std::uint64_t>(trailer.data() + 8);
  const auto size = core::load<std::uint64_t>(trailer.data() + 16);
  const std::uint64_t available = file.size() - kTrailerBytes;
  if (offset > available || size != available - offset) return corrupt("its directory lies outside of it");
  const ByteView directory = file.subspan(offset, size);
  const auto root = core::load<std::uint64_t>(trailer.data() + 24);
  if (core::xxh3_64(directory) != root) return corrupt("damaged directory");
  return PagedDirectory{offset, directory, root};
}

std::optional<Pages> Pages::of(ByteView file, std::uint64_t data_end, ByteView hashes) {
  Pages pages;
  pages.data_ = file.first(data_end);
  pages.hashes_ = hashes.data();
  if (hashes.size() != pages.count() * 8) return std::nullopt;
  return pages;
}

bool Pages::intact(std::uint64_t page) const {
  const std::uint64_t begin = page * kPageBytes;
  const ByteView bytes = data_.subspan(begin, std::min<std::uint64_t>(kPageBytes, data_.size() - begin));
  return core::xxh3_64(bytes) == core::load<std::uint64_t>(hashes_ + page * 8);
}

}  // namespace strata::store::vector
