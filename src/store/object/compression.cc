#include "store/object/compression.h"

#include <lz4.h>
#include <zdict.h>
#include <zstd.h>

#include <algorithm>

#include "core/assert.h"

namespace strata::store::object {
namespace {

constexpr std::size_t kSampleBytes = 4096;

struct FreeCompressor {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
struct FreeDecompressor {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

/// A context is 1 MiB of tables: one per thread, not one per call.
ZSTD_CCtx* compressor_of_thread() {
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeCompressor> context = [] {
    std::unique_ptr<ZSTD_CCtx, FreeCompressor> made(ZSTD_createCCtx());
    STRATA_ASSERT(made != nullptr);
    // Frames carry only what nobody else knows: size and dictionary stand in the index, SHA-256 is the checksum.
    ZSTD_CCtx_setParameter(made.get(), ZSTD_c_compressionLevel, kZstdLevel);
    ZSTD_CCtx_setParameter(made.get(), ZSTD_c_contentSizeFlag, 0);
    ZSTD_CCtx_setParameter(made.get(), ZSTD_c_dictIDFlag, 0);
    return made;
  }();
  return context.get();
}

ZSTD_DCtx* decompressor_of_thread() {
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeDecompressor> context(ZSTD_createDCtx());
  STRATA_ASSERT(context != nullptr);
  return context.get();
}

/// At most this many bytes count as "shrinks".
std::size_t worthwhile(std::size_t size) { return size - size / 16; }

Bytes lz4(ByteView content) {
  const int bound = LZ4_compressBound(static_cast<int>(content.size()));
  Bytes out(static_cast<std::size_t>(bound));
  const int size = LZ4_compress_default(reinterpret_cast<const char*>(content.data()),
                                        reinterpret_cast<char*>(out.data()), static_cast<int>(content.size()), bound);
  STRATA_ASSERT(size > 0);
  out.resize(static_cast<std::size_t>(size));
  return out;
}

Bytes zstd(ByteView content, const Dictionary* dictionary) {
  Bytes out(ZSTD_compressBound(content.size()));
  ZSTD_CCtx* context = compressor_of_thread();
  ZSTD_CCtx_refCDict(context, dictionary ? static_cast<const ZSTD_CDict*>(dictionary->compressor()) : nullptr);
  const std::size_t size = ZSTD_compress2(context, out.data(), out.size(), content.data(), content.size());
  ZSTD_CCtx_refCDict(context, nullptr);
  STRATA_ASSERT(ZSTD_isError(size) == 0);
  out.resize(size);
  return out;
}

Error malformed(const char* codec) {
  return Error(ErrorCode::corruption, std::string("bytes that ") + codec + " cannot decompress to the recorded size");
}

}  // namespace

Result<std::shared_ptr<const Dictionary>> Dictionary::load(Bytes bytes) {
  std::shared_ptr<Dictionary> dictionary(new Dictionary());
  dictionary->bytes_ = std::move(bytes);
  const Bytes& raw = dictionary->bytes_;
  dictionary->compressor_ = ZSTD_createCDict(raw.data(), raw.size(), kZstdLevel);
  dictionary->decompressor_ = ZSTD_createDDict(raw.data(), raw.size());
  if (dictionary->compressor_ == nullptr || dictionary->decompressor_ == nullptr) {
    return Error(ErrorCode::corruption, "not a Zstandard dictionary");
  }
  return std::shared_ptr<const Dictionary>(std::move(dictionary));
}

Dictionary::~Dictionary() {
  ZSTD_freeCDict(static_cast<ZSTD_CDict*>(compressor_));
  ZSTD_freeDDict(static_cast<ZSTD_DDict*>(decompressor_));
}

std::shared_ptr<const Dictionary> Dictionary::train(const std::vector<Bytes>& samples, std::size_t bytes_max) {
  Bytes joined;
  std::vector<std::size_t> sizes;
  for (const Bytes& sample : samples) {
    joined.insert(joined.end(), sample.begin(), sample.end());
    sizes.push_back(sample.size());
  }
  Bytes dictionary(bytes_max);
  const std::size_t size = ZDICT_trainFromBuffer(dictionary.data(), dictionary.size(), joined.data(), sizes.data(),
                                                 static_cast<unsigned>(sizes.size()));
  if (ZDICT_isError(size) != 0) return nullptr;
  dictionary.resize(size);
  auto loaded = load(std::move(dictionary));
  return loaded ? *loaded : nullptr;
}

namespace {

/// Judged with the codec that would be used: text in base64 is nothing to LZ4 and a quarter less to Zstandard.
bool sample_shrinks(ByteView content, Compression with) {
  const ByteView sample = content.subspan((content.size() - kSampleBytes) / 2, kSampleBytes);
  const Bytes compressed = with == Compression::lz4 ? lz4(sample) : zstd(sample, nullptr);
  return compressed.size() <= worthwhile(kSampleBytes);
}

}  // namespace

Compressed compress(ByteView content, Compression asked, Compression preferred, const Dictionary* dictionary) {
  Compression with = asked;
  if (asked == Compression::automatic) {
    // A small content is its own sample.
    const bool sample_first = content.size() > 2 * kSampleBytes;
    with = sample_first && !sample_shrinks(content, preferred) ? Compression::none : preferred;
  }
  Compressed out;
  if (with == Compression::lz4) out = {with, lz4(content)};
  if (with == Compression::zstd) out = {with, zstd(content, dictionary)};
  if (with == Compression::none || out.bytes.size() > worthwhile(content.size())) {
    out = {Compression::none, Bytes(content.begin(), content.end())};
  }
  return out;
}

Result<void> decompress(Compression compression, ByteView stored, const Dictionary* dictionary,
                        std::span<std::byte> out) {
  switch (compression) {
    case Compression::none:
      if (stored.size() != out.size()) return malformed("no codec");
      std::copy(stored.begin(), stored.end(), out.begin());
      return {};
    case Compression::lz4: {
      const int size =
          LZ4_decompress_safe(reinterpret_cast<const char*>(stored.data()), reinterpret_cast<char*>(out.data()),
                              static_cast<int>(stored.size()), static_cast<int>(out.size()));
      if (size < 0 || static_cast<std::size_t>(size) != out.size()) return malformed("LZ4");
      return {};
    }
    case Compression::zstd: {
      ZSTD_DCtx* context = decompressor_of_thread();
      const std::size_t size =
          dictionary ? ZSTD_decompress_usingDDict(context, out.data(), out.size(), stored.data(), stored.size(),
                                                  static_cast<const ZSTD_DDict*>(dictionary->decompressor()))
                     : ZSTD_decompressDCtx(context, out.data(), out.size(), stored.data(), stored.size());
      if (ZSTD_isError(size) != 0 || size != out.size()) return malformed("Zstandard");
      return {};
    }
    case Compression::automatic: break;
  }
  return Error(ErrorCode::corruption, "an unknown compression");
}

}  // namespace strata::store::object
