#pragma once
/// How every immutable file of this store comes to be and is opened again.
///
///     ┌────────┬──────────────┬────────┬─────────┐
///     │ header │ content      │ footer │ trailer │       header   magic, version, CRC
///     └────────┴──────────────┴────────┴─────────┘       trailer  footer size and CRC, magic again
///
/// The content is streamed; what describes it is known last, so it stands in the footer. A file is whole when its
/// trailer is: it is written as .tmp, synced, renamed and its folder synced before anything names it.
#include "core/checksum.h"
#include "core/codec.h"
#include "io/file_system.h"
#include "transaction/participant.h"

namespace strata::store::object {

inline constexpr std::size_t kHeaderBytes = 16;
inline constexpr std::size_t kTrailerBytes = 16;

/// Writes one sealed file. Unless `finish` succeeded, the destructor removes what was written. One thread at a time.
class SealedFileWriter {
 public:
  /// temporary_name   ends in .tmp; in the folder that the finished file will be in, or one beside it
  static Result<std::unique_ptr<SealedFileWriter>> create(io::FileSystem& files, std::string temporary_name,
                                                          std::string_view magic);
  ~SealedFileWriter();
  SealedFileWriter(const SealedFileWriter&) = delete;
  SealedFileWriter& operator=(const SealedFileWriter&) = delete;

  Result<void> append(ByteView bytes);
  Result<void> pad_to(std::uint64_t alignment);
  std::uint64_t position() const { return position_; }
  /// Footer, trailer, sync, rename to `name`, sync of its folder. Errors  io, resource_exhausted
  Result<transaction::CheckpointFile> finish(const std::string& name, ByteView footer);

 private:
  SealedFileWriter(io::FileSystem& files, std::string temporary_name, std::string_view magic)
      : files_(files), temporary_name_(std::move(temporary_name)), magic_(magic) {}
  Result<void> flush();

  io::FileSystem& files_;
  const std::string temporary_name_;
  const std::string magic_;
  std::unique_ptr<io::File> file_;
  core::Hasher128 hasher_;
  Bytes buffer_;
  std::uint64_t position_ = 0;
  bool finished_ = false;
};

/// Checks header and trailer of a whole file, given as bytes; returns the footer. `name` is for the message only.
/// Errors  corruption, unsupported (a newer version)
Result<ByteView> open_sealed(ByteView file, std::string_view magic, const std::string& name);

/// The same on a file that is not mapped.
Result<Bytes> read_sealed_footer(const io::File& file, std::string_view magic, const std::string& name);

/// Makes a folder durable: created with its parents, each of their folders synced. Cheap when it is there.
Result<void> ensure_directory(io::FileSystem& files, const std::string& name);

}  // namespace strata::store::object
