#include "store/vector/words.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "core/checksum.h"

namespace strata::store::vector {
namespace {

constexpr double kSaturation = 1.2;    // k1
constexpr double kLengthShare = 0.75;  // b

enum : std::uint8_t { kSeparator = 0, kBeyondAscii = 0x80 };

// Per byte: its lower-case form if it is part of a word, 0 if it separates, kBeyondAscii if more must be read.
constexpr std::array<std::uint8_t, 256> kFolded = [] {
  std::array<std::uint8_t, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[c] = static_cast<std::uint8_t>(c);
  for (int c = 'a'; c <= 'z'; ++c) table[c] = static_cast<std::uint8_t>(c);
  for (int c = 'A'; c <= 'Z'; ++c) table[c] = static_cast<std::uint8_t>(c + 32);
  for (int c = 128; c < 256; ++c) table[c] = kBeyondAscii;
  return table;
}();

bool continues_word(utf8proc_int32_t code_point) {
  switch (utf8proc_category(code_point)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return true;
    default: return false;
  }
}

/// One word in its case-folded form. What does not fit is cut.
class Word {
 public:
  void add(std::uint8_t byte) {
    bytes_[size_] = byte;
    size_ += size_ < kWordBytesMax ? 1 : 0;
  }
  void add_code_point(utf8proc_int32_t code_point) {
    std::array<utf8proc_int32_t, 4> folded{};
    int boundary = 0;
    const utf8proc_ssize_t count =
        utf8proc_decompose_char(code_point, folded.data(), folded.size(), UTF8PROC_CASEFOLD, &boundary);
    for (utf8proc_ssize_t i = 0; i < std::min<utf8proc_ssize_t>(count, 4); ++i) {
      std::array<utf8proc_uint8_t, 4> utf8{};
      const utf8proc_ssize_t size = utf8proc_encode_char(folded[static_cast<std::size_t>(i)], utf8.data());
      if (size_ + static_cast<std::size_t>(size) > kWordBytesMax) return;
      for (utf8proc_ssize_t j = 0; j < size; ++j) bytes_[size_++] = utf8[static_cast<std::size_t>(j)];
    }
  }
  bool empty() const { return size_ == 0; }
  void clear() { size_ = 0; }
  std::uint32_t hash() const {
    return static_cast<std::uint32_t>(
        core::xxh3_64(std::string_view(reinterpret_cast<const char*>(bytes_.data()), size_)));
  }

 private:
  std::array<std::uint8_t, kWordBytesMax + 1> bytes_;  // one more: where the cut bytes go
  std::size_t size_ = 0;
};

/// The hashes of a text's words, in its order.
void split(std::string_view text, std::vector<std::uint32_t>& hashes) {
  Word word;
  const auto end_word = [&] {
    if (word.empty()) return;
    hashes.push_back(word.hash());
    word.clear();
  };
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  for (std::size_t i = 0; i < text.size();) {
    const std::uint8_t folded = kFolded[bytes[i]];
    if (folded != kSeparator && folded != kBeyondAscii) {
      word.add(folded);
      ++i;
    } else if (folded == kSeparator) {
      end_word();
      ++i;
    } else {
      utf8proc_int32_t code_point = -1;
      const utf8proc_ssize_t size =
          utf8proc_iterate(bytes + i, static_cast<utf8proc_ssize_t>(text.size() - i), &code_point);
      if (size > 0 && continues_word(code_point)) {
        word.add_code_point(code_point);
      } else {
        end_word();
      }
      i += size > 0 ? static_cast<std::size_t>(size) : 1;
    }
  }
  end_word();
}

/// Ascending. Hashes are as good as random: their first bits put each next to its place, and one pass of insertion into it.
/// A fifth of what comparing costs.
void sort_hashes(std::vector<std::uint32_t>& hashes) {
  constexpr std::size_t kBucketsMax = 4096;
  if (hashes.size() < 16 || hashes.size() > 8 * kBucketsMax) {
    std::sort(hashes.begin(), hashes.end());
    return;
  }
  const std::size_t buckets = std::min(kBucketsMax, std::bit_ceil(hashes.size()));
  const int shift = 32 - std::countr_zero(buckets);
  std::array<std::uint32_t, kBucketsMax + 1> place;
  std::fill_n(place.begin(), buckets + 1, 0);
  for (const std::uint32_t hash : hashes) ++place[(hash >> shift) + 1];
  for (std::size_t i = 1; i < buckets; ++i) place[i] += place[i - 1];
  std::vector<std::uint32_t> sorted(hashes.size());
  for (const std::uint32_t hash : hashes) sorted[place[hash >> shift]++] = hash;
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    const std::uint32_t hash = sorted[i];
    std::size_t at = i;
    for (; at > 0 && sorted[at - 1] > hash; --at) sorted[at] = sorted[at - 1];
    sorted[at] = hash;
  }
  hashes.swap(sorted);
}

}  // namespace

std::vector<Term> terms_of(std::string_view text) {
  std::vector<std::uint32_t> hashes;
  hashes.reserve(text.size() / 5 + 4);
  split(text, hashes);
  sort_hashes(hashes);
  std::vector<Term> terms;
  terms.reserve(hashes.size());
  for (const std::uint32_t hash : hashes) {
    if (!terms.empty() && terms.back().hash == hash) {
      ++terms.back().count;
    } else {
      terms.push_back({hash, 1});
    }
  }
  return terms;
}

void encode_terms(const std::vector<Term>& terms, Bytes& out) {
  if (terms.empty()) return;
  out.reserve(out.size() + 5 + terms.size() * 5);
  core::Encoder encoder(out);
  encoder.varint(terms.size());
  for (const Term& term : terms) {
    encoder.u32(term.hash);
    encoder.varint(term.count);
  }
}

bool is_term_list(ByteView terms) {
  if (terms.empty()) return true;
  core::Decoder in(terms);
  const std::size_t count = in.count(5);
  std::int64_t last = -1;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t hash = in.u32();
    const std::uint64_t times = in.varint();
    if (hash <= last || times == 0 || times > UINT32_MAX) return false;
    last = hash;
  }
  return count > 0 && in.ok() && in.remaining() == 0;
}

std::uint64_t length_of(ByteView terms) {
  TermReader reader(terms);
  std::uint64_t length = 0;
  for (Term term; reader.next(term);) length += term.count;
  return length;
}

double Bm25::idf(std::uint64_t points_with_term) const {
  const auto with = static_cast<double>(points_with_term);
  return std::log(1 + (static_cast<double>(points_) - with + 0.5) / (with + 0.5));
}

double Bm25::term(double idf, std::uint32_t count, std::uint64_t length) const {
  const double times = count;
  const double norm = kSaturation * (1 - kLengthShare + kLengthShare * static_cast<double>(length) / average_);
  return idf * times * (kSaturation + 1) / (times + norm);
}

}  // namespace strata::store::vector
