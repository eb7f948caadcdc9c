#pragma once
/// What a collection was created with: names, limits, and the bytes that journal, manifest and segments share.
///
///     options   varint dimension, u8 metric, u8 words, u8 element type, then indexing
///   indexing  u8 index kind, varint m, varint ef_construction, varint memory_bytes, varint lists, u8 quantization kind, varint bits, u8 range, varint parts,
///             f32 recall_min: what alter_collection changes
///
/// Options of form 2 (section version 2, state version 4) ended behind ef_construction, those of form 1 (section version 1, state version
/// 3) behind `words`; what is not there is as the defaults say.
#include "core/codec.h"
#include "strata/vector.h"

namespace strata::store::vector {

enum class OptionsForm : std::uint8_t { without_element = 1, without_quantization = 2, whole = 3 };

void encode_options(const CollectionOptions& options, core::Encoder& out);
/// What is out of range fails the decoder.
CollectionOptions decode_options(core::Decoder& in, OptionsForm form);
/// Of the options, what alter_collection changes.
void encode_indexing(const CollectionOptions& options, core::Encoder& out);
/// Puts them into `options`. What is out of range fails the decoder.
void decode_indexing(core::Decoder& in, CollectionOptions& options);
/// The same of form, of quantization alone.
void encode_quantization(const QuantizationOptions& quantization, core::Encoder& out);
QuantizationOptions decode_quantization(core::Decoder& in);

/// Errors  invalid_argument naming what is out of range
Result<void> check_collection_options(const CollectionOptions& options);
/// The same of quantization alone.
Result<void> check_quantization(const QuantizationOptions& quantization, std::uint32_t dimension);
/// "384 dimensions, cosine, no words, f32, hnsw (m 32, ef_construction 128), scalar (4 bits, range point)"
std::string describe(const CollectionOptions& options);
/// What 0 stands for is said: scalar codes have 4 bits, product codes 8.
QuantizationOptions resolved(QuantizationOptions quantization);
/// "scalar (4 bits, range point)"
std::string describe(const QuantizationOptions& quantization);

}  // namespace strata::store::vector
