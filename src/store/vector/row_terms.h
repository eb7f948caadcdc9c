#pragma once
/// The words of one row, whichever way its part keeps them:
///
///     list       as the journal brings it (words.h): count, then hash and count of each       deltas, segments of format 1
///     numbered   count, then of each 2 · (number − number before) + (1: more than once), and then how often;
///                a number is a place in the segment's hashes, which ascend             segments since format 2
///
/// Four fifths of a list are hashes; a number after its neighbour takes one byte.
#include <cstdint>
#include <span>

#include "store/vector/words.h"

namespace strata::store::vector {

/// Reads one term after the other, ascending by hash. Borrows the bytes.
class RowTerms {
 public:
  explicit RowTerms(ByteView list) : list_(list), numbered_(ByteView()) {}
  RowTerms(ByteView numbered, std::span<const std::uint32_t> hashes)
      : list_(ByteView()), numbered_(numbered), hashes_(hashes), left_(numbered.empty() ? 0 : numbered_.count(1)) {}

  bool next(Term& out) { return hashes_.empty() ? list_.next(out) : next_numbered(out); }

 private:
  bool next_numbered(Term& out);

  TermReader list_;
  core::Decoder numbered_;
  std::span<const std::uint32_t> hashes_;
  std::size_t left_ = 0;
  std::uint64_t number_ = 0;
};

/// The same terms as a list; no bytes when there are none.
Bytes to_term_list(RowTerms terms);

/// Appends the terms as numbered. `number_of` tells the place of a hash.
template <typename NumberOf>
void encode_numbered(RowTerms terms, const NumberOf& number_of, Bytes& out) {
  std::size_t count = 0;
  RowTerms counted = terms;
  for (Term term; counted.next(term);) ++count;
  if (count == 0) return;
  core::Encoder encoder(out);
  encoder.varint(count);
  std::uint64_t before = 0;
  for (Term term; terms.next(term);) {
    const std::uint64_t number = number_of(term.hash);
    encoder.varint((number - before) << 1 | (term.count > 1 ? 1 : 0));
    if (term.count > 1) encoder.varint(term.count);
    before = number;
  }
}

}  // namespace strata::store::vector
