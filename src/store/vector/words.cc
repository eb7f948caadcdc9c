#include "store/vector/words.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

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
  std::uint32_t hash() const { return hash_of(bytes_.data(), size_); }

  static std::uint32_t hash_of(const std::uint8_t* folded, std::size_t size) {
    return static_cast<std::uint32_t>(core::xxh3_64(std::string_view(reinterpret_cast<const char*>(folded), size)));
  }

 private:
  std::array<std::uint8_t, kWordBytesMax + 1> bytes_;  // one more: where the cut bytes go
  std::size_t size_ = 0;
};

constexpr std::size_t kBlock = 64;

/// Of 64 bytes, a bit each: which are ASCII letters and digits, which are not ASCII at all.
struct BlockBits {
  std::uint64_t in_word = 0;
  std::uint64_t beyond_ascii = 0;
};

BlockBits classify(const std::uint8_t* bytes) {
  BlockBits bits;
#if defined(__SSE2__)
  for (std::size_t i = 0; i < kBlock; i += 16) {
    const __m128i each = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + i));
    // Unsigned comparisons, moved to where signed ones mean the same: −128 is the first of the range.
    const __m128i letter = _mm_cmplt_epi8(_mm_add_epi8(_mm_or_si128(each, _mm_set1_epi8(0x20)),  // upper as lower case
                                                       _mm_set1_epi8(static_cast<char>(-128 - 'a'))),
                                          _mm_set1_epi8(-128 + 26));
    const __m128i digit =
        _mm_cmplt_epi8(_mm_add_epi8(each, _mm_set1_epi8(static_cast<char>(-128 - '0'))), _mm_set1_epi8(-128 + 10));
    const auto in_word = static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_or_si128(letter, digit)));
    bits.in_word |= std::uint64_t{in_word} << i;
    bits.beyond_ascii |= std::uint64_t{static_cast<std::uint32_t>(_mm_movemask_epi8(each))} << i;
  }
#else
  for (std::size_t i = 0; i < kBlock; ++i) {
    const std::uint8_t folded = kFolded[bytes[i]];
    bits.in_word |= std::uint64_t{folded != kSeparator && folded != kBeyondAscii} << i;
    bits.beyond_ascii |= std::uint64_t{folded == kBeyondAscii} << i;
  }
#endif
  return bits;
}

/// A text's words as hashes. ASCII goes 64 bytes at a time: where its words begin and end are the edges of a bit mask. What is
/// not ASCII, and the word it is part of, goes code point by code point.
class Splitter {
 public:
  Splitter(std::string_view text, std::vector<std::uint32_t>& hashes)
      : bytes_(reinterpret_cast<const std::uint8_t*>(text.data())), size_(text.size()), hashes_(hashes) {}

  void split() {
    std::size_t at = 0;
    while (at < size_) at = split_ascii(at);
  }

 private:
  /// From a place between words to the end, or to the separator behind the next word that is not all ASCII.
  std::size_t split_ascii(std::size_t at) {
    bool inside = false;
    std::size_t begin = at;  // of the word, while inside
    for (; at < size_; at += kBlock) {
      std::array<std::uint8_t, kBlock> last;
      const std::uint8_t* block = bytes_ + at;
      if (size_ - at < kBlock) {  // separators fill the last block
        last.fill(' ');
        std::memcpy(last.data(), block, size_ - at);
        block = last.data();
      }
      const BlockBits bits = classify(block);
      std::uint64_t edges = bits.in_word ^ (bits.in_word << 1 | (inside ? 1 : 0));
      const std::size_t ascii = static_cast<std::size_t>(std::countr_zero(bits.beyond_ascii));
      if (ascii < kBlock) edges &= (std::uint64_t{1} << ascii) - 1;
      for (; edges != 0; edges &= edges - 1) {
        const std::size_t edge = at + static_cast<std::size_t>(std::countr_zero(edges));
        if (inside) {
          add(begin, edge);
        } else {
          begin = edge;
        }
        inside = !inside;
      }
      if (ascii < kBlock) return split_unicode(inside ? begin : at + ascii);
    }
    if (inside) add(begin, size_);
    return size_;
  }

  /// One ASCII word. All its bytes have bit 0x20 but the upper-case letters, whose lower case has it.
  void add(std::size_t begin, std::size_t end) {
    const std::size_t size = std::min(end - begin, kWordBytesMax);
    std::array<std::uint8_t, kWordBytesMax> folded;
    if (size <= 16 && size_ - begin >= 16) {  // most are: whole registers, the rest is not looked at
      std::array<std::uint64_t, 2> two;
      std::memcpy(two.data(), bytes_ + begin, 16);
      for (std::uint64_t& each : two) each |= 0x2020202020202020;
      std::memcpy(folded.data(), two.data(), 16);
    } else {
      for (std::size_t i = 0; i < size; ++i) folded[i] = bytes_[begin + i] | 0x20;
    }
    hashes_.push_back(Word::hash_of(folded.data(), size));
  }

  /// From the beginning of a word, or what may be one, to the ASCII separator behind it.
  std::size_t split_unicode(std::size_t at) {
    Word word;
    const auto end_word = [&] {
      if (word.empty()) return;
      hashes_.push_back(word.hash());
      word.clear();
    };
    while (at < size_) {
      const std::uint8_t folded = kFolded[bytes_[at]];
      if (folded == kSeparator) break;
      if (folded != kBeyondAscii) {
        word.add(folded);
        ++at;
        continue;
      }
      utf8proc_int32_t code_point = -1;
      const utf8proc_ssize_t size =
          utf8proc_iterate(bytes_ + at, static_cast<utf8proc_ssize_t>(size_ - at), &code_point);
      if (size > 0 && continues_word(code_point)) {
        word.add_code_point(code_point);
      } else {
        end_word();
      }
      at += size > 0 ? static_cast<std::size_t>(size) : 1;
    }
    end_word();
    return at;
  }

  const std::uint8_t* const bytes_;
  const std::size_t size_;
  std::vector<std::uint32_t>& hashes_;
};

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

namespace {

/// The hashes of a text's words, ascending.
std::vector<std::uint32_t> sorted_hashes(std::string_view text) {
  std::vector<std::uint32_t> hashes;
  hashes.reserve(text.size() / 5 + 4);
  Splitter(text, hashes).split();
  sort_hashes(hashes);
  return hashes;
}

}  // namespace

std::vector<Term> terms_of(std::string_view text) {
  std::vector<Term> terms;
  for (const std::uint32_t hash : sorted_hashes(text)) {
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

void encode_terms_of(std::string_view text, Bytes& out) {
  const std::vector<std::uint32_t> hashes = sorted_hashes(text);
  if (hashes.empty()) return;
  std::size_t terms = 1;
  for (std::size_t i = 1; i < hashes.size(); ++i) terms += hashes[i] != hashes[i - 1] ? 1 : 0;
  core::Encoder(out).varint(terms);
  const std::size_t before = out.size();
  constexpr std::size_t kTermBytesMax = 4 + 5;  // a text has fewer than 2³² words
  out.resize(before + terms * kTermBytesMax);
  std::byte* at = out.data() + before;
  for (std::size_t i = 0; i < hashes.size();) {
    std::size_t end = i + 1;
    while (end < hashes.size() && hashes[end] == hashes[i]) ++end;
    core::store(at, hashes[i]);
    at = core::store_varint(at + sizeof(std::uint32_t), end - i);
    i = end;
  }
  out.resize(static_cast<std::size_t>(at - out.data()));
}

std::optional<std::uint64_t> words_in(ByteView terms) {
  if (terms.empty()) return 0;
  core::Decoder in(terms);
  const std::size_t count = in.count(5);
  const std::byte* at = terms.data() + in.position();
  const std::byte* const end = terms.data() + terms.size();
  std::int64_t last = -1;
  std::uint64_t words = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (end - at < 5) return {};
    const auto hash = core::load<std::uint32_t>(at);
    at += sizeof hash;
    auto times = std::to_integer<std::uint64_t>(*at++);
    if (times >= 0x80) {  // a word that came 128 times or more
      core::Decoder more(terms.last(static_cast<std::size_t>(end - at) + 1));
      times = more.varint();
      if (!more.ok()) return {};
      at = end - more.remaining();
    }
    if (hash <= last || times == 0 || times > UINT32_MAX) return {};
    last = hash;
    words += times;
  }
  if (count == 0 || at != end) return {};
  return words;
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
