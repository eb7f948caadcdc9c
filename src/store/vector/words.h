#pragma once
/// Words: from text to term lists, and what a term list scores.
///
///     "Über the wall, over THE wall" → {über 1, the 2, wall 2, over 1} → [(hash, count), …] by hash
///
/// A word is a maximal run of letters and digits (Unicode L* and N*; marks continue a word), case-folded, at most 64 bytes
/// of it. It is kept as 32 bits of XXH3: among 100,000 distinct words a query word meets a stranger's hash once in forty
/// thousand. The text itself is not kept.
///
/// Scores are BM25 (Robertson and Zaragoza 2009, k1 = 1.2, b = 0.75) with idf = ln(1 + (N − df + ½) / (df + ½)). N, df and
/// the average length are those of the points visible at the view that have any word: exact, so equal states score equally.
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/codec.h"
#include "strata/value.h"

namespace strata::store::vector {

struct Term {
  std::uint32_t hash = 0;
  std::uint32_t count = 0;
  bool operator==(const Term&) const = default;
};

inline constexpr std::size_t kWordBytesMax = 64;

/// The terms of a text, by hash. Bytes that are not UTF-8 separate words. Threads: any.
/// Cost  about 1.5 ns a byte for ASCII, half of it for hashing and sorting the words
std::vector<Term> terms_of(std::string_view text);

/// varint count, then per term its hash (u32) and count (varint), ascending by hash. An empty list is no bytes.
void encode_terms(const std::vector<Term>& terms, Bytes& out);
/// encode_terms(terms_of(text), out), in less time.
void encode_terms_of(std::string_view text, Bytes& out);
/// How many words the text had, the sum of the counts; nothing when the bytes are not such a list.
std::optional<std::uint64_t> words_in(ByteView terms);
/// Reads one term after the other.
class TermReader {
 public:
  explicit TermReader(ByteView terms) : in_(terms), left_(terms.empty() ? 0 : in_.count(5)) {}
  bool next(Term& out) {
    if (left_ == 0) return false;
    --left_;
    out.hash = in_.u32();
    out.count = static_cast<std::uint32_t>(in_.varint());
    return in_.ok();
  }

 private:
  core::Decoder in_;
  std::size_t left_;
};

/// Adds up one point's score, term by term in ascending hash: the order is part of the result.
class Bm25 {
 public:
  Bm25(std::uint64_t points, std::uint64_t words)
      : points_(points), average_(points > 0 ? double(words) / double(points) : 1) {}
  double idf(std::uint64_t points_with_term) const;
  double term(double idf, std::uint32_t count, std::uint64_t length) const;

 private:
  std::uint64_t points_;
  double average_;
};

}  // namespace strata::store::vector
