#pragma once
/// One file per content over 64 KiB: `object/large/<2 hex>/<sha256>-<sequence>`.
///
///     header │ block │ block │ … │ footer: SHA-256, size, per block its stored size, compression and CRC-32C
///
/// A block is 1 MiB of content, compressed by itself, so reading streams and never holds more than one of them. The file
/// is finished and durable before the commit that names it; the sequence keeps two writers of equal content apart.
#include <functional>
#include <memory>

#include "core/digest.h"
#include "store/object/compression.h"
#include "store/object/sealed_file.h"

namespace strata::store::object {

inline constexpr std::size_t kLargeBlockBytes = 1 << 20;
inline constexpr std::string_view kLargeDirectory = "object/large";

struct LargeFile {
  Compression compression = Compression::none;
  std::uint64_t bytes = 0;         ///< of the content
  std::uint64_t stored_bytes = 0;  ///< of the file
  std::uint64_t sequence = 0;
  core::Hash128 hash;  ///< XXH3-128 of the file
};

std::string large_file_name(const Address& address, std::uint64_t sequence);

/// Writes one content of unknown length. Unless `finish` succeeded, nothing is left. One thread at a time; holds about
/// 2 MiB.
class LargeObjectWriter {
 public:
  static Result<std::unique_ptr<LargeObjectWriter>> create(io::FileSystem& files, std::uint64_t sequence,
                                                           Compression asked);
  Result<void> append(ByteView content);
  struct Finished {
    Address address;
    LargeFile file;
  };
  /// Durable when it returns. Errors  io, resource_exhausted
  Result<Finished> finish();

 private:
  LargeObjectWriter(std::uint64_t sequence, Compression asked) : sequence_(sequence), asked_(asked) {}
  Result<void> write_block(ByteView content);

  const std::uint64_t sequence_;
  Compression asked_;  // settled by the first block when automatic
  std::unique_ptr<SealedFileWriter> out_;
  core::Sha256 digest_;
  Bytes block_;  // of content, not yet full
  Bytes table_;  // the footer's block table so far
  std::uint64_t blocks_ = 0;
  std::uint64_t bytes_ = 0;
  bool compressed_ = false;
};

/// Hands the content to `sink` block by block; every block's checksum is verified before, SHA-256 at the end.
/// Errors  corruption naming address, file and offset; what the sink returned
Result<void> read_large_object(io::FileSystem& files, const Address& address, const LargeFile& file,
                               const std::function<Result<void>(ByteView)>& sink);

}  // namespace strata::store::object
