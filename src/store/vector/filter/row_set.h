#pragma once
/// Rows of one part, a bit each. Cost of each call for all rows  a pass over the bits: 2 µs for 60,000
#include <bit>
#include <cstdint>
#include <vector>

#include "store/vector/part.h"

namespace strata::store::vector {

class RowSet {
 public:
  /// Of a part of so many rows; none of them.
  explicit RowSet(Row rows) : rows_(rows), words_((std::size_t{rows} + 63) / 64) {}

  Row rows() const { return rows_; }
  std::uint64_t bytes() const { return words_.size() * sizeof(std::uint64_t); }
  /// False for a row that came later.
  bool contains(Row row) const { return row < rows_ && (words_[row / 64] >> (row % 64) & 1) != 0; }
  void add(Row row) { words_[row / 64] |= std::uint64_t{1} << (row % 64); }
  Row count() const;

  void keep(const RowSet& other) {  ///< those that are in both
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] &= other.words_[i];
  }
  void add(const RowSet& other) {
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
  }
  void remove(const RowSet& other) {
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] &= ~other.words_[i];
  }
  void invert() {
    for (std::uint64_t& word : words_) word = ~word;
    if (rows_ % 64 != 0) words_.back() &= (std::uint64_t{1} << (rows_ % 64)) - 1;
  }

  /// The first row at or after `row`; rows() when there is none.
  Row next(Row row) const {
    if (row >= rows_) return rows_;
    std::size_t at = row / 64;
    std::uint64_t word = words_[at] & (~std::uint64_t{0} << (row % 64));
    while (word == 0) {
      if (++at == words_.size()) return rows_;
      word = words_[at];
    }
    return static_cast<Row>(at * 64) + static_cast<Row>(std::countr_zero(word));
  }

 private:
  Row rows_;
  std::vector<std::uint64_t> words_;
};

}  // namespace strata::store::vector
