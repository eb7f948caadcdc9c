#include "store/vector/row_terms.h"

namespace strata::store::vector {

bool RowTerms::next_numbered(Term& out) {
  if (left_ == 0) return false;
  --left_;
  const std::uint64_t step = numbered_.varint();
  const std::uint64_t count = (step & 1) != 0 ? numbered_.varint() : 1;
  number_ += step >> 1;
  if (!numbered_.ok() || number_ >= hashes_.size()) return false;
  out = {hashes_[number_], static_cast<std::uint32_t>(count)};
  return true;
}

Bytes to_term_list(RowTerms terms) {
  std::vector<Term> list;
  for (Term term; terms.next(term);) list.push_back(term);
  Bytes bytes;
  encode_terms(list, bytes);
  return bytes;
}

}  // namespace strata::store::vector
