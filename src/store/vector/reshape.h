#pragma once
/// How a collection's vectors, and the ways to search by them, change: what alter_collection, add_vector, drop_vector, name_vector
/// and set_default_vector come to, and what the journal says of them.
///
///     reshape   the options from then on (collection_options.h), varint count of dropped vectors, text the name of each, ascending,
///               text the name that the unnamed vector gets, or nothing
#include <string>
#include <vector>

#include "core/codec.h"
#include "store/vector/collection_options.h"
#include "strata/error.h"

namespace strata::store::vector {

struct Reshape {
  CollectionOptions options;         ///< from then on
  std::vector<std::string> dropped;  ///< vectors that go, ascending; one of `options` that has the same name is another
  std::string named;                 ///< the unnamed vector gets this name; empty: no
};

void encode_reshape(const Reshape& reshape, core::Encoder& out);
/// What is out of range fails the decoder.
Reshape decode_reshape(core::Decoder& in);
/// That it follows from what there was: a vector that stays is what it was. Errors  corruption, without the collection
Result<void> check_reshape(const CollectionOptions& before, const Reshape& reshape);
/// Whether it changes which vectors there are, or what is meant by none; else how they are searched.
bool reshapes(const CollectionOptions& before, const Reshape& reshape);
/// Whether this vector of `reshape.options` is not there before.
bool is_added(const CollectionOptions& before, const Reshape& reshape, std::string_view vector);

}  // namespace strata::store::vector
