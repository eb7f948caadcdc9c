#include "store/vector/words.h"

#include <gtest/gtest.h>

#include <map>

#include "store/vector/store_vector_fixture.h"

namespace strata::store::vector {
namespace {

TEST(Words, AreFoldedRunsOfLettersAndDigits) {
  EXPECT_EQ(terms_of("Build, the BUILD!"), terms_of("the build build"));
  EXPECT_EQ(terms_of("STRASSE"), terms_of("Straße"));
  EXPECT_EQ(terms_of("ÜBER"), terms_of("über"));
  EXPECT_EQ(terms_of("a1-b2").size(), 2U);
  EXPECT_EQ(terms_of("κόσμος мир 世界").size(), 3U);
  EXPECT_TRUE(terms_of(" .,;—…  \n").empty());
  EXPECT_EQ(terms_of("x\xff\xfey").size(), 2U);  // not UTF-8: a separator
  EXPECT_EQ(terms_of(std::string(1'000, 'a')), terms_of(std::string(64, 'a')));
  const auto terms = terms_of("b a b c b");
  EXPECT_EQ(terms.size(), 3U);
  EXPECT_TRUE(std::is_sorted(terms.begin(), terms.end(), [](auto& a, auto& b) { return a.hash < b.hash; }));
}

// Below 16 words, up to 32,768 and above they are sorted in different ways.
TEST(Words, OfATextOfAnySizeAreCountedAndInOrder) {
  core::Random random(5);
  for (const std::size_t size : {1U, 15U, 16U, 17U, 255U, 256U, 257U, 4'096U, 4'097U, 32'768U, 32'769U, 100'000U}) {
    std::map<std::uint32_t, std::uint32_t> counts;
    std::string text;
    for (std::size_t i = 0; i < size; ++i) {
      const std::string word = "w" + std::to_string(random.below(random.below(2 * size) + 1));
      ++counts[terms_of(word).front().hash];
      text += word + ' ';
    }
    const auto terms = terms_of(text);
    ASSERT_EQ(terms.size(), counts.size()) << size;
    auto expected = counts.begin();
    for (const Term& term : terms) {
      EXPECT_EQ(term, (Term{expected->first, expected->second})) << size;
      ++expected;
    }
  }
}

TEST(Words, TermListsReadBackAndEveryTruncationIsSeen) {
  const auto terms = terms_of("one two two three three three");
  Bytes bytes;
  encode_terms(terms, bytes);
  EXPECT_EQ(words_in(bytes), 6U);
  TermReader reader(bytes);
  for (const Term& term : terms) {
    Term read;
    ASSERT_TRUE(reader.next(read));
    EXPECT_EQ(read, term);
  }
  EXPECT_EQ(words_in({}), 0U);
  for (std::size_t size = 1; size < bytes.size(); ++size) EXPECT_FALSE(words_in(ByteView(bytes).first(size)));
}

TEST(Words, TermListsThatNobodyWroteAreRefused) {
  const auto list = [](std::vector<std::pair<std::uint32_t, std::uint64_t>> terms, std::uint64_t count) {
    Bytes bytes;
    core::Encoder out(bytes);
    out.varint(count);
    for (const auto& [hash, times] : terms) {
      out.u32(hash);
      out.varint(times);
    }
    return bytes;
  };
  EXPECT_EQ(words_in(list({{0, 1}, {7, 127}, {8, 128}, {UINT32_MAX, UINT32_MAX}}, 4)), 256ULL + UINT32_MAX);
  EXPECT_FALSE(words_in(list({}, 0)));                  // an empty list is no bytes
  EXPECT_FALSE(words_in(list({{7, 1}, {7, 1}}, 2)));    // twice
  EXPECT_FALSE(words_in(list({{8, 1}, {7, 1}}, 2)));    // descending
  EXPECT_FALSE(words_in(list({{7, 0}}, 1)));            // never
  EXPECT_FALSE(words_in(list({{7, 1ULL << 32}}, 1)));   // too often
  EXPECT_FALSE(words_in(list({{7, 1}, {8, 1}}, 1)));    // more than said
  EXPECT_FALSE(words_in(list({{7, 1}, {8, 300}}, 3)));  // fewer
}

// The blocks of 64 bytes have no say in what a word is: words of every length at every place, among what is not ASCII, against
// the same words split one by one.
TEST(Words, AreTheSameWhereverTheyLie) {
  core::Random random(17);
  const std::vector<std::string> others = {" ", ".", "é", "ß", "\xff", "—", "мир", "\xc3",
                                           "_", "@", "[", "`", "{",    "/", ":"};
  for (int round = 0; round < 3'000; ++round) {
    std::string text;
    std::vector<std::uint32_t> expected;
    std::string word;
    const auto end_word = [&] {
      if (word.empty()) return;
      const auto alone = terms_of(word);
      ASSERT_EQ(alone.size(), 1U) << word;
      expected.push_back(alone.front().hash);
      word.clear();
    };
    const std::uint64_t pieces = random.below(40);
    for (std::uint64_t i = 0; i < pieces; ++i) {
      if (random.chance(0.5)) {
        const std::uint64_t length = random.chance(0.1) ? random.below(150) : random.below(18);
        for (std::uint64_t c = 0; c < length; ++c) {
          word += "abcxyzABCXYZ0189"[random.below(16)];
          text += word.back();
        }
      } else {
        const std::string& other = others[random.below(others.size())];
        text += other;
        if (other == "é" || other == "ß" || other == "мир") {
          word += other;
        } else {
          end_word();
        }
      }
    }
    end_word();
    std::sort(expected.begin(), expected.end());
    std::vector<std::uint32_t> found;
    for (const Term& term : terms_of(text)) found.insert(found.end(), term.count, term.hash);
    ASSERT_EQ(found, expected) << text;
    Bytes apart, together;
    encode_terms(terms_of(text), apart);
    encode_terms_of(text, together);
    ASSERT_EQ(apart, together) << text;
  }
}

// The same points in a delta, in segments, half overwritten by a transaction: the same scores, to the bit.
TEST(Words, ScoresDependOnWhatIsVisibleAndNotOnWhereItLies) {
  const auto files = io::make_memory_file_system();
  TestDatabase db(*files);
  core::Random random(11);
  ASSERT_TRUE(db.store().create_collection("c", {.dimension = 1, .words = true}));
  const float x[] = {1};
  const auto put = [&](int i, const std::string& text) {
    const std::string id = "p" + std::to_string(i);
    const Point point{id, x, {{"even", i % 2 == 0}}, text};
    return db.store().upsert("c", {&point, 1}).has_value();
  };
  const auto text = [&] {
    std::string made;
    for (std::uint64_t i = random.below(30); i > 0; --i)
      made += "w" + std::to_string(random.below(random.below(50) + 1)) + " ";
    return made;
  };
  std::vector<std::string> texts;
  for (int i = 0; i < 300; ++i) texts.push_back(text());
  const auto answer = [&](const Filter& filter) {
    const auto hits = db.store().search_words("c", "W1 w20 w33, w1", {.k = 50, .filter = filter});
    EXPECT_TRUE(hits);
    std::vector<std::pair<std::string, float>> found;
    for (const Hit& hit : *hits) found.emplace_back(hit.id, hit.score);
    return found;
  };
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(put(i, texts[i]));
  const auto in_delta = answer({});
  ASSERT_EQ(in_delta.size(), 50U);
  ASSERT_TRUE(db.checkpoint(db.lsn()));
  EXPECT_EQ(answer({}), in_delta);
  for (int i = 0; i < 300; i += 3) ASSERT_TRUE(put(i, "something else w1"));
  ASSERT_TRUE(db.checkpoint(1));
  const Lsn other = db.lsn();
  const auto otherwise = answer({});
  EXPECT_NE(otherwise, in_delta);
  for (int i = 0; i < 300; i += 3) ASSERT_TRUE(put(i, texts[i]));  // back again: segments, deletes and a delta
  EXPECT_EQ(answer({}), in_delta);
  for (const auto& [id, score] : answer({{"even", true}})) EXPECT_EQ((id.back() - '0') % 2, 0);
  db.session().view_at(other);
  EXPECT_EQ(answer({}), otherwise);
  db.session().view_latest();
  db.session().begin();
  for (int i = 0; i < 300; i += 3) ASSERT_TRUE(put(i, "something else w1"));
  EXPECT_EQ(answer({}), otherwise);  // own writes count as if committed
  db.session().roll_back();
  EXPECT_EQ(answer({}), in_delta);
}

}  // namespace
}  // namespace strata::store::vector
