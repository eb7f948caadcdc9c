#pragma once
/// What a collection was created with: names, limits, and the bytes that journal, manifest and segments share.
///
///     options   varint dimension, u8 metric, u8 words, u8 element type, then indexing, varint count of named vectors, then each, names ascending,
///               text the name of the default vector
///     named     text name, u8 kind, varint dimension, u8 metric, u8 element type, then indexing
///   indexing  u8 index kind, varint m, varint ef_construction, varint memory_bytes, varint lists, u8 quantization kind, varint bits, u8 range, varint parts,
///             f32 recall_min: what alter_collection changes
///
/// Options of form 4 (section version 4, state version 6) ended behind the named vectors, those of form 3 (section version 3, state version 5) behind the indexing, those of form 2 (section version 2, state version 4) ended behind ef_construction, those of form 1 (section version 1, state version
/// 3) behind `words`; what is not there is as the defaults say.
///
/// A named vector is kept as a collection of its own, the points' ids and payloads again with that vector: its name is the outer one's,
/// a slash and the vector's, which nobody can give a collection. A sparse one has no dimension; its entries are terms (sparse.h).
#include <optional>
#include <string>
#include <string_view>

#include "core/codec.h"
#include "strata/vector.h"

namespace strata::store::vector {

enum class OptionsForm : std::uint8_t {
  without_element = 1,
  without_quantization = 2,
  without_vectors = 3,
  without_default = 4,
  whole = 5
};

void encode_options(const CollectionOptions& options, core::Encoder& out);
/// What is out of range fails the decoder.
CollectionOptions decode_options(core::Decoder& in, OptionsForm form);
/// Of the options, what alter_collection changes.
void encode_indexing(const CollectionOptions& options, core::Encoder& out);
/// Puts them into `options`. What is out of range fails the decoder.
void decode_indexing(core::Decoder& in, CollectionOptions& options);
/// The indexing of the unnamed vector and of each dense named one, as section version 4 said that a collection is altered. Puts it into the options that the collection has. What is out of range fails the decoder.
void decode_altered(core::Decoder& in, CollectionOptions& options);
/// What of the options a collection's content depends on: not how it is searched.
CollectionOptions content_of(CollectionOptions options);
/// The same of form, of quantization alone.
void encode_quantization(const QuantizationOptions& quantization, core::Encoder& out);
QuantizationOptions decode_quantization(core::Decoder& in);

/// [a-z0-9][a-z0-9_-]{0,63}, of a collection or of a vector. `what` opens the message. Errors  invalid_argument naming the text
Result<void> check_name(std::string_view what, std::string_view name);
/// What files may say. Errors  invalid_argument naming what is out of range
Result<void> check_collection_options(const CollectionOptions& options);
/// What a user may ask for: also, that there is a vector. Errors  as check_collection_options
Result<void> check_new_collection(const CollectionOptions& options);
/// The same of quantization alone.
Result<void> check_quantization(const QuantizationOptions& quantization, std::uint32_t dimension);
/// "384 dimensions, cosine, no words, f32, hnsw (m 32, ef_construction 128), scalar (4 bits, range point)", and the same of named vectors
std::string describe(const CollectionOptions& options);
/// What 0 stands for is said: scalar codes have 4 bits, product codes 8.
QuantizationOptions resolved(QuantizationOptions quantization);
/// "scalar (4 bits, range point)"
std::string describe(const QuantizationOptions& quantization);

/// The vector that is meant by a name; empty: by none. Empty again: the unnamed one.
std::string_view meant(const CollectionOptions& options, std::string_view vector);
/// What lies in the rows of the collection itself: the options without the named vectors.
CollectionOptions of_rows(CollectionOptions options);
/// The unnamed vector, as a named one.
NamedVector with_name(const CollectionOptions& options, std::string_view name);
/// The place of `name` among options.vectors, which ascend by name.
std::optional<std::size_t> place_of_vector(const CollectionOptions& options, std::string_view name);
/// "\"body\", \"title\"", or "none"
std::string names_of_vectors(const CollectionOptions& options);
/// The collection that keeps a named vector.
CollectionOptions options_of_vector(const NamedVector& vector);
std::string name_of_vector(std::string_view collection, std::string_view vector);  ///< "notes/title"
bool keeps_vector(std::string_view collection);                                    ///< "notes/title" does
/// How messages call it: collection "notes"; of "notes/title": vector "title" of collection "notes".
std::string subject_of(std::string_view collection);

}  // namespace strata::store::vector
