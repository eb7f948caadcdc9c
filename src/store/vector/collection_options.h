#pragma once
/// What a collection was created with: names, limits, and the bytes that journal, manifest and segments share.
///
///     options   varint dimension, u8 metric, u8 words, u8 element type, u8 index kind, varint m, varint ef_construction
///
/// Before the element type came (section version 1, state version 3, segment version 2) they ended behind `words`; what is not there is
/// as the defaults say.
#include "core/codec.h"
#include "strata/vector.h"

namespace strata::store::vector {

void encode_options(const CollectionOptions& options, core::Encoder& out);
/// `whole`: false when they end behind `words`. What is out of range fails the decoder.
CollectionOptions decode_options(core::Decoder& in, bool whole);

/// Errors  invalid_argument naming what is out of range
Result<void> check_collection_options(const CollectionOptions& options);
/// "384 dimensions, cosine, no words, f32, hnsw (m 32, ef_construction 128)"
std::string describe(const CollectionOptions& options);

}  // namespace strata::store::vector
