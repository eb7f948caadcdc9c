#pragma once
/// LZ4 and Zstandard, the only place that includes their headers.
///
/// On the commit path LZ4 from 8 KiB on; in packs and large files Zstandard, in packs with a dictionary trained on
/// what is stored. Content that does not shrink by a sixteenth is kept as it is: a sample tells.
#include <memory>

#include "strata/object.h"

namespace strata::store::object {

inline constexpr int kZstdLevel = 3;

/// A dictionary for many small, similar contents. Threads: any.
class Dictionary {
 public:
  /// Takes the bytes of `train` or of a pack. Errors  corruption (not a dictionary)
  static Result<std::shared_ptr<const Dictionary>> load(Bytes bytes);
  /// Trains one of at most `bytes_max` on samples. Null when the samples have nothing in common.
  static std::shared_ptr<const Dictionary> train(const std::vector<Bytes>& samples, std::size_t bytes_max);
  ~Dictionary();
  Dictionary(const Dictionary&) = delete;
  Dictionary& operator=(const Dictionary&) = delete;

  ByteView bytes() const { return bytes_; }
  const void* compressor() const { return compressor_; }
  const void* decompressor() const { return decompressor_; }

 private:
  Dictionary() = default;
  Bytes bytes_;
  void* compressor_ = nullptr;
  void* decompressor_ = nullptr;
};

/// What stored bytes are: `compression` is never automatic here.
struct Compressed {
  Compression compression = Compression::none;
  Bytes bytes;
};

/// Compresses as asked; automatic means `preferred` if up to 4 KiB from the middle shrink with it. What does not shrink
/// comes back as `none`.
Compressed compress(ByteView content, Compression asked, Compression preferred, const Dictionary* dictionary = nullptr);
/// Fills `out`, whose size is the content's. Errors  corruption (malformed, or another size)
Result<void> decompress(Compression compression, ByteView stored, const Dictionary* dictionary,
                        std::span<std::byte> out);

}  // namespace strata::store::object
