#pragma once
/// Zstandard, wrapped: the only place of this folder that includes zstd.h.
#include "strata/error.h"
#include "strata/value.h"

namespace strata::store::analytics {

/// Errors  internal (the library's words)
Result<Bytes> compress(ByteView raw);
/// Errors  corruption: not a frame of exactly raw_bytes
Result<Bytes> decompress(ByteView stored, std::size_t raw_bytes);

}  // namespace strata::store::analytics
