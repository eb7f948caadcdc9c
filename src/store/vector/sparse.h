#pragma once
/// Sparse vectors: few numbers, each at an index of its own.
///
///     {7: 0.5, 90: -2}   →   entries  2, (7, bits of 0.5), (90, bits of -2)     as words.h keeps terms
///
/// An entry has the shape of a term: the index in the place of the word's hash, the bits of the value, a float32 other than 0, in the
/// place of how often. So deltas, segments and their postings keep sparse vectors as they keep words, and what finds the rows that hold
/// a word finds those that hold an index.
#include <bit>
#include <span>
#include <string_view>
#include <vector>

#include "store/vector/row_terms.h"
#include "strata/vector.h"

namespace strata::store::vector {

inline float value_of(const Term& entry) { return std::bit_cast<float>(entry.count); }

/// By index, those that are 0 left out. `collection` keeps the vector ("notes/splade"); `what` opens the message's value part.
/// Errors  invalid_argument: as many indices as values, finite, each index once, kSparseEntriesMax
Result<std::vector<Term>> to_entries(std::string_view collection, std::string_view what, const SparseVector& vector);
/// Whether bytes are what encode_terms makes of such entries, at least one.
bool are_entries(ByteView bytes);
/// Into `values` and `indices`.
void from_entries(RowTerms entries, std::vector<float>& values, std::vector<std::uint32_t>& indices);

}  // namespace strata::store::vector
