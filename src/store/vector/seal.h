#pragma once
/// For fuzz targets: makes the hashes of a file in the frame of paged_file.h right, so that hostile fields get past them.
#include <algorithm>
#include <cstring>
#include <string_view>

#include "core/endian.h"
#include "store/vector/paged_file.h"

namespace strata::store::vector {

/// What the trailer says of the directory is believed where it can be; then every hash is computed anew.
/// `fields` gives how many bytes of a directory of a version come before the page hashes.
template <typename Fields>
void seal(Bytes& file, std::string_view trailer_magic, const Fields& fields) {
  if (file.size() < kHeadBytes + 4 + kTrailerBytes) return;
  std::byte* trailer = file.data() + file.size() - kTrailerBytes;
  const std::uint64_t available = file.size() - kTrailerBytes;
  const std::uint64_t offset = core::load<std::uint64_t>(trailer + 8);
  if (offset > available || available - offset < 4) return;
  const std::size_t before = fields(core::load<std::uint32_t>(file.data() + offset));
  const std::uint64_t pages = (offset + kPageBytes - 1) / kPageBytes;
  if (available - offset != before + pages * 8) return;
  for (std::uint64_t page = 0; page < pages; ++page) {
    const std::uint64_t begin = page * kPageBytes;
    core::store(file.data() + offset + before + page * 8,
                core::xxh3_64(ByteView(file).subspan(begin, std::min<std::uint64_t>(kPageBytes, offset - begin))));
  }
  std::memcpy(trailer, trailer_magic.data(), trailer_magic.size());
  core::store(trailer + 16, available - offset);
  core::store(trailer + 24, core::xxh3_64(ByteView(file).subspan(offset, available - offset)));
  core::store(trailer + 32, core::crc32c(ByteView(trailer, 32)));
}

}  // namespace strata::store::vector
