#pragma once
/// This store's section of a journal record: the effects of one transaction, fully resolved.
///
///     section      varint 5 (version), varint count of collection changes, then each, names ascending
///     collection   text name, u8 flags (1 dropped, 2 created, 4 altered, in that order of effect; not both of the last two)
///                  created: the options, altered: the reshape (reshape.h)
///                  varint count of point changes, then each
///     point        u8 kind, text id, then by kind
///                    0 upsert       the elements, raw, bytes payload (a map of core/codec), bytes terms (words.h)
///                    1 set_payload  bytes payload
///                    2 remove       nothing
///                    3 set_vectors  nothing
///                  with 4 added to the kind: varint count of named vectors that change, then each
///     vector       varint place among the options' vectors, ascending; u8 1 given, 0 taken away (not in an upsert: what is not given
///                  is not there); given: bytes, the elements, or the entries of a sparse one (sparse.h)
///
/// The elements carry no length: the decoder learns dimension and type from `created` here or from the collection that exists, which
/// the caller looks up. Versions 1 to 4 had options of the forms 1 to 4, and `altered` was the indexing alone. docs/formats/vector.md says the same for strangers.
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "core/codec.h"
#include "store/vector/reshape.h"
#include "strata/error.h"
#include "strata/vector.h"

namespace strata::store::vector {

/// How a named vector of a point changes. Borrows as PointChange.
struct VectorChange {
  std::uint32_t place = 0;  ///< among the options' vectors
  bool given = false;       ///< else taken away
  ByteView bytes;           ///< given: the elements, or the entries of a sparse one
};

/// How a point changes. Borrows from the section or from the write buffer.
struct PointChange {
  enum class Kind : std::uint8_t { upsert = 0, set_payload = 1, remove = 2, set_vectors = 3 };
  Kind kind = Kind::upsert;
  std::string_view id;
  ByteView elements;                       ///< upsert: the vector, as elements.h says, at any address
  ByteView payload;                        ///< upsert and set_payload: one encoded map
  ByteView terms;                          ///< upsert: a term list, empty without words
  std::uint32_t words = 0;                 ///< upsert: how many its text had; known after decoding
  std::vector<VectorChange> vectors = {};  ///< places ascending
};

struct CollectionChange {
  std::string_view name;
  bool dropped = false;                      ///< what exists goes first …
  std::optional<CollectionOptions> created;  ///< … then it is created anew …
  std::vector<PointChange> points;           ///< … and then the points, each id once
  std::optional<Reshape> altered =
      std::nullopt;  ///< in the place of `created`: what exists gets, and loses, vectors and indexes
};

using Mutation = std::vector<CollectionChange>;

void encode_mutation(const Mutation& mutation, core::Encoder& out);
/// `options_of` gives the options of a collection that exists, or nothing.
/// Errors  corruption naming what is wrong: an effect that was validated before it was journaled cannot be
Result<Mutation> decode_mutation(ByteView section,
                                 const std::function<std::optional<CollectionOptions>(std::string_view)>& options_of);

/// `x` as it may be compared with a collection's vectors: dimension, finite, not zero under cosine. `what` opens the message's value part; `collection` may be one that keeps a named vector ("notes/title").
/// Errors  invalid_argument: collection "notes" holds vectors of 384 dimensions; "n1" has 383
Result<void> check_vector(std::string_view collection, const CollectionOptions& options, std::string_view what,
                          std::span<const float> x);
/// That there is a dense vector to search by. Errors  invalid_argument: collection "notes" has no unnamed vector; its vectors are …
Result<void> check_searched(std::string_view collection, const CollectionOptions& options);

}  // namespace strata::store::vector
