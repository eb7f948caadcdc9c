#include "store/vector/mutation.h"

#include <gtest/gtest.h>

#include "core/digest.h"
#include "core/hex.h"
#include "store/vector/collection_options.h"
#include "store/vector/store_vector_fixture.h"
#include "store/vector/words.h"

namespace strata::store::vector {
namespace {

const CollectionOptions kOptions{3, Metric::l2, true};

Bytes sample() {
  static const float x[] = {1, 2, 3};
  Bytes payload;
  core::Encoder(payload).map({{"lang", "en"}, {"n", 7}});
  Bytes terms;
  encode_terms(terms_of("one two two"), terms);
  CollectionChange fresh{
      "fresh", true, kOptions, {{PointChange::Kind::upsert, "a", std::as_bytes(std::span(x)), payload, terms}}};
  CollectionChange old{
      "old",
      false,
      {},
      {{PointChange::Kind::set_payload, "b", {}, payload, {}}, {PointChange::Kind::remove, "c", {}, {}, {}}}};
  Bytes bytes;
  core::Encoder out(bytes);
  encode_mutation({fresh, old}, out);
  return bytes;
}

Result<Mutation> decode(ByteView section) {
  return decode_mutation(section,
                         [](std::string_view name) { return name == "old" ? std::optional(kOptions) : std::nullopt; });
}

TEST(Mutation, ReadsBackWhatItWrote) {
  const Bytes section = sample();
  const auto mutation = decode(section);
  ASSERT_TRUE(mutation) << mutation.error().to_string();
  ASSERT_EQ(mutation->size(), 2U);
  EXPECT_TRUE((*mutation)[0].dropped);
  EXPECT_EQ((*mutation)[0].created->metric, Metric::l2);
  EXPECT_EQ((*mutation)[0].points[0].elements.size(), 12U);
  EXPECT_EQ((*mutation)[1].points[1].kind, PointChange::Kind::remove);
  Bytes again;
  core::Encoder out(again);
  encode_mutation(*mutation, out);
  EXPECT_EQ(again, section);
}

// The example of docs/formats/vector.md: bytes that are in journals stay readable.
TEST(Mutation, WritesTheBytesOfTheFormatsExample) {
  const float x[] = {1, 0};
  Bytes payload;
  core::Encoder(payload).map({});
  Bytes bytes;
  core::Encoder out(bytes);
  encode_mutation({{"c",
                    false,
                    CollectionOptions{2, Metric::l2, false},
                    {{PointChange::Kind::upsert, "a", std::as_bytes(std::span(x)), payload, {}}}}},
                  out);
  EXPECT_EQ(core::to_hex(bytes),
            "05010163020201000000208001000000000000"
            "3333733f00000100016100"
            "00803f00000000"
            "010000");
}

// The second example: a point with one of two named vectors, another whose sparse one is taken away.
TEST(Mutation, WritesTheBytesOfTheFormatsExampleOfNamedVectors) {
  const CollectionOptions options{
      .dimension = 0,
      .metric = Metric::l2,
      .vectors = {{.name = "s", .kind = VectorKind::sparse}, {.name = "t", .dimension = 1, .metric = Metric::l2}}};
  const float x[] = {1};
  Bytes payload, entries;
  core::Encoder(payload).map({});
  encode_terms({{7, 0x3f00'0000}}, entries);
  Bytes bytes;
  core::Encoder out(bytes);
  PointChange a{PointChange::Kind::upsert, "a", {}, payload, {}};
  a.vectors = {{0, true, entries}, {1, true, std::as_bytes(std::span(x))}};
  PointChange b{PointChange::Kind::set_vectors, "b", {}, {}, {}};
  b.vectors = {{0, false, {}}};
  encode_mutation({{"c", false, options, {a, b}}}, out);
  EXPECT_EQ(core::to_hex(bytes),
            "050101630200010000002080010000000000003333733f"
            "02017301000000002080010000000000003333733f"
            "017400010100002080010000000000003333733f00"
            "020401610100000200010a0107000000808080f8030101040000803f070162010000");
  const auto mutation = decode(bytes);
  ASSERT_TRUE(mutation) << mutation.error().to_string();
  EXPECT_EQ((*mutation)[0].created, options);
  ASSERT_EQ((*mutation)[0].points[0].vectors.size(), 2U);
  EXPECT_FALSE((*mutation)[0].points[1].vectors[0].given);
}

// Of "c", which has a sparse vector "s" and "t" of one dimension.
TEST(Mutation, NamedVectorsThatCannotBeAreCorruption) {
  const std::vector<NamedVector> named{{.name = "s", .kind = VectorKind::sparse}, {.name = "t", .dimension = 1}};
  const auto read = [&](const std::string& vectors) {
    return decode_mutation(*core::from_hex("040101630001040161010000" + vectors), [&](std::string_view) {
      return std::optional(CollectionOptions{.dimension = 0, .vectors = named});
    });
  };
  ASSERT_TRUE(read("010101040000803f"));
  const std::pair<const char*, const char*> bad[] = {
      {"no vector follows", "00"},
      {"one that is not of the collection", "010201040000803f"},
      {"one twice", "020101040000803f0101040000803f"},
      {"out of order", "020101040000803f00010a0107000000808080f803"},
      {"taken away in an upsert", "010100"},
      {"neither given nor taken away", "010102040000803f"},
      {"of another dimension", "010101080000803f0000803f"},
      {"infinity", "010101040000807f"},
      {"zero under cosine", "0101010400000000"},
      {"no entries", "01000100"},
      {"an entry of NaN", "0100010a010700000080808cfe07"},
      {"entries out of order", "010001130208000000808080f80307000000808080f803"},
  };
  for (const auto& [what, hex] : bad) {
    const auto mutation = read(hex);
    ASSERT_FALSE(mutation) << what;
    EXPECT_EQ(mutation.error().code(), ErrorCode::corruption) << what;
  }
  const auto gone = decode_mutation(*core::from_hex("04010163000106016101010001"), [&](std::string_view) {
    return std::optional(CollectionOptions{.dimension = 0, .vectors = named});
  });
  EXPECT_FALSE(gone) << "vectors of a point that goes";
}

TEST(Mutation, ReadsSectionsOfEarlierVersions) {
  for (const std::string_view hex :
       {"0101016302020100010001610000803f00000000010000", "02010163020201000000208001010001610000803f00000000010000",
        "030101630202010000002080010000000000003333733f010001610000803f00000000010000",
        "040101630202010000002080010000000000003333733f00010001610000803f00000000010000"}) {
    std::string plain(hex);
    std::erase(plain, ' ');
    const Bytes section = *core::from_hex(plain);
    const auto mutation = decode(section);
    ASSERT_TRUE(mutation) << mutation.error().to_string();
    EXPECT_EQ(*(*mutation)[0].created, (CollectionOptions{2, Metric::l2, false}));
    EXPECT_EQ((*mutation)[0].points[0].elements.size(), 8U);
  }
}

TEST(Mutation, AnotherIndexIsOfACollectionThatExists) {
  CollectionOptions options = kOptions;
  options.index = {.kind = IndexKind::hnsw, .m = 8, .ef_construction = 40};
  options.quantization = {.kind = QuantizationKind::product, .bits = 6, .parts = 3};
  CollectionChange change;
  change.name = "old";
  change.altered = Reshape{options, {}, {}};
  Bytes section;
  core::Encoder out(section);
  encode_mutation({change}, out);
  const auto mutation = decode(section);
  ASSERT_TRUE(mutation) << mutation.error().to_string();
  EXPECT_EQ((*mutation)[0].altered->options, options);
  EXPECT_FALSE((*mutation)[0].created);
  // Up to version 4 it was the indexing alone.
  const auto before =
      decode(*core::from_hex("0401036f6c640400082800000106000333"
                             "33733f00"));
  ASSERT_TRUE(before) << before.error().to_string();
  EXPECT_EQ((*before)[0].altered->options, options);
  EXPECT_TRUE((*before)[0].altered->dropped.empty());
  const auto nowhere = decode_mutation(section, [](std::string_view) { return std::optional<CollectionOptions>(); });
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code(), ErrorCode::corruption);
}

// The third example: the unnamed vector of "old" is called "a" from now on, a vector "t" goes and another of the same name comes.
TEST(Mutation, WritesTheBytesOfTheFormatsExampleOfAReshape) {
  const CollectionOptions before{.dimension = 3, .vectors = {{.name = "t", .dimension = 1}}};
  const CollectionOptions after{
      .dimension = 0, .vectors = {{.name = "a", .dimension = 3}, {.name = "t", .dimension = 2}}, .default_vector = "a"};
  CollectionChange change;
  change.name = "old";
  change.altered = Reshape{after, {"t"}, "a"};
  Bytes bytes;
  core::Encoder out(bytes);
  encode_mutation({change}, out);
  const std::string index = "002080010000000000003333733f";
  EXPECT_EQ(core::to_hex(bytes),
            "0501036f6c6404"
            "00000000" +
                index +
                "02"
                "016100030000" +
                index + "017400020000" + index +
                "0161"
                "010174"
                "0161"
                "00");
  const auto mutation = decode_mutation(bytes, [&](std::string_view) { return std::optional(before); });
  ASSERT_TRUE(mutation) << mutation.error().to_string();
  EXPECT_EQ((*mutation)[0].altered->options, after);
  EXPECT_EQ((*mutation)[0].altered->dropped, std::vector<std::string>{"t"});
  EXPECT_EQ((*mutation)[0].altered->named, "a");
}

TEST(Mutation, AReshapeThatDoesNotFollowIsCorruption) {
  const NamedVector t{.name = "t", .dimension = 1}, wide{.name = "t", .dimension = 2};
  const NamedVector was{.name = "a", .dimension = 3}, s{.name = "s", .kind = VectorKind::sparse};
  const CollectionOptions before{.dimension = 3, .words = true, .vectors = {t}};
  const auto read = [&](const Reshape& reshape) {
    CollectionChange change;
    change.name = "old";
    change.altered = reshape;
    Bytes bytes;
    core::Encoder out(bytes);
    encode_mutation({change}, out);
    return decode_mutation(bytes, [&](std::string_view) { return std::optional(before); });
  };
  const auto options = [](std::uint32_t dimension, std::vector<NamedVector> vectors, std::string by = {}) {
    return CollectionOptions{
        .dimension = dimension, .words = true, .vectors = std::move(vectors), .default_vector = by};
  };
  const Reshape good[] = {{options(3, {s, t}), {}, {}},
                          {options(3, {}), {"t"}, {}},
                          {options(3, {wide}), {"t"}, {}},
                          {options(0, {was, t}, "a"), {}, "a"},
                          {options(0, {was, t}, "t"), {}, "a"}};
  for (const Reshape& each : good) EXPECT_TRUE(read(each)) << describe(each.options);
  CollectionOptions wordless = options(3, {t});
  wordless.words = false;
  NamedVector narrow = was;
  narrow.dimension = 2;
  const std::pair<const char*, Reshape> bad[] = {
      {"a vector that changes", {options(3, {wide}), {}, {}}},
      {"one that goes unsaid", {options(3, {}), {}, {}}},
      {"one goes that is not there", {options(3, {t}), {"u"}, {}}},
      {"one goes twice", {options(3, {}), {"t", "t"}, {}}},
      {"the unnamed one changes", {options(2, {t}), {}, {}}},
      {"it goes without a name", {options(0, {was, t}, "a"), {}, {}}},
      {"its name is another's", {options(0, {t}, "t"), {}, "t"}},
      {"its name leads nowhere", {options(0, {t}, "t"), {}, "a"}},
      {"it is another by its name", {options(0, {narrow, t}, "a"), {}, "a"}},
      {"it has a name and stays", {options(3, {was, t}), {}, "a"}},
      {"words go", {wordless, {}, {}}},
      {"a default beside the unnamed one", {options(3, {t}, "t"), {}, {}}},
      {"a default that is not there", {options(0, {was, t}, "u"), {}, "a"}},
      {"a sparse default", {options(0, {was, s, t}, "s"), {}, "a"}},
  };
  for (const auto& [what, reshape] : bad) {
    const auto mutation = read(reshape);
    ASSERT_FALSE(mutation) << what;
    EXPECT_EQ(mutation.error().code(), ErrorCode::corruption) << what;
  }
}

TEST(Mutation, OptionsOutOfRangeAreCorruption) {
  for (const std::string_view hex :
       {"0201016302020300000020800100", "0201016302020100050020800100", "0201016302020100000320800100",
        "0201016302020100000003800100", "02010163020201000000201f00", "0201016302020100000020810800",
        "03010163020201000000208001000005000000"  // a kind of quantization that there is not
        "3333733f00",
        "03010163020201000000208001000001090000"  // product codes of nine bits
        "3333733f00"}) {
    const Bytes section = *core::from_hex(hex);
    const auto mutation = decode(section);
    ASSERT_FALSE(mutation) << hex;
    EXPECT_EQ(mutation.error().code(), ErrorCode::corruption) << hex;
  }
}

TEST(Mutation, OptionsOfNamedVectorsOutOfRangeAreCorruption) {
  const std::string index = "002080010000000000003333733f";
  const auto read = [&](const std::string& named) {
    return decode(*core::from_hex("040101630202010000" + index + named + "00"));
  };
  const std::string t = "017400010100" + index;
  ASSERT_TRUE(read("01" + t));
  const std::pair<const char*, std::string> bad[] = {
      {"a kind that is not there", "01017402010100" + index},
      {"no dimension", "01017400000100" + index},
      {"not a name", "01014100010100" + index},
      {"sparse, with a dimension", "01017401010000" + index},
      {"a metric that is not there", "01017400010300" + index},
      {"two of a name", "02" + t + t},
      {"out of order", "02" + t + "017300010100" + index},
      {"fewer than it says", "02" + t},
  };
  for (const auto& [what, named] : bad) {
    const auto mutation = read(named);
    ASSERT_FALSE(mutation) << what;
    EXPECT_EQ(mutation.error().code(), ErrorCode::corruption) << what;
  }
}

TEST(Mutation, EveryTruncationIsCorruption) {
  const Bytes section = sample();
  for (std::size_t size = 0; size < section.size(); ++size) {
    const auto mutation = decode(ByteView(section).first(size));
    ASSERT_FALSE(mutation) << size;
    EXPECT_EQ(mutation.error().code(), ErrorCode::corruption);
  }
}

TEST(Mutation, AStoreSurvivesEveryFlippedBitOfASection) {
  const auto files = io::make_memory_file_system();
  const Bytes section = sample();
  Bytes setup;
  core::Encoder out(setup);
  const float x[] = {1, 2, 3};
  Bytes payload;
  core::Encoder(payload).map({});
  encode_mutation(
      {{"old", false, kOptions, {{PointChange::Kind::upsert, "b", std::as_bytes(std::span(x)), payload, {}}}}}, out);
  for (std::size_t i = 0; i < section.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes flipped = section;
      flipped[i] ^= static_cast<std::byte>(1 << bit);
      VectorParticipant store(*files, "vector");
      ASSERT_TRUE(store.open(nullptr));
      ASSERT_TRUE(store.apply({1, 0}, setup));
      if (const auto applied = store.apply({2, 0}, flipped); !applied) {
        EXPECT_TRUE(applied.error().code() == ErrorCode::corruption ||
                    applied.error().code() == ErrorCode::unsupported);
      }
      EXPECT_TRUE(store.summarize(2));
    }
  }
}

}  // namespace
}  // namespace strata::store::vector
