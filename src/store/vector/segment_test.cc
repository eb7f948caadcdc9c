// What a damaged file may do: be refused, be worked around, never answer wrongly and never crash.
#include "store/vector/segment.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/checksum.h"
#include "core/hex.h"
#include "store/vector/store_vector_fixture.h"

namespace strata::store::vector {
namespace {

struct Answers {
  std::vector<std::string> nearest, words, scrolled;
  std::vector<float> got;
  bool operator==(const Answers&) const = default;
};

constexpr std::size_t kDimension = 16;

// Every kind of read; nothing when one of them answered `corruption`.
Result<Answers> ask(TestDatabase& db) {
  Answers answers;
  const std::vector<float> q(kDimension, 0.25F);
  for (const Hit& hit : STRATA_TRY(db.store().search("c", q, {.k = 8, .filter = {{"odd", true}}})))
    answers.nearest.push_back(hit.id);
  for (const Hit& hit : STRATA_TRY(db.store().search("c", q, {.k = 30}))) answers.nearest.push_back(hit.id);
  for (const Hit& hit : STRATA_TRY(db.store().search_words("c", "three w17", {.k = 30})))
    answers.words.push_back(hit.id);
  for (const StoredPoint& p : STRATA_TRY(db.store().scroll("c", "", 1000, {}, true))) {
    answers.scrolled.push_back(p.id + to_json(p.payload));
    answers.got.insert(answers.got.end(), p.vector.begin(), p.vector.end());
  }
  for (int i = 0; i < 60; ++i) {
    const auto point = STRATA_TRY(db.store().get("c", "p" + std::to_string(i)));
    answers.got.push_back(point ? point->vector[0] : 0.0F);
  }
  return answers;
}

std::unique_ptr<io::MemoryFileSystem> make(TestDatabase*& out, std::unique_ptr<TestDatabase>& owner, int points,
                                           ElementType element = ElementType::f32) {
  auto files = io::make_memory_file_system();
  owner = std::make_unique<TestDatabase>(*files);
  out = owner.get();
  core::Random random(2);
  EXPECT_TRUE(out->store().create_collection("c", {.dimension = kDimension, .words = true, .element = element}));
  for (int i = 0; i < points; ++i) {
    const std::string id = "p" + std::to_string(i);
    const auto x = random_vector(random, kDimension);
    const std::string text = "one two " + std::string(i % 5 == 0 ? "three" : "w" + std::to_string(i));
    const Point point{id, x, {{"odd", i % 2 == 1}, {"i", i}}, text};
    EXPECT_TRUE(out->store().upsert("c", {&point, 1}));
  }
  EXPECT_TRUE(out->checkpoint(out->lsn()));
  const std::string_view removed[] = {"p3", "p4"};
  EXPECT_TRUE(out->store().remove("c", removed));
  EXPECT_TRUE(out->checkpoint(1));
  return files;
}

TEST(Segment, AnyFlippedByteOfAnyFileGivesAnErrorOrTheSameAnswers) {
  TestDatabase* db = nullptr;
  std::unique_ptr<TestDatabase> owner;
  const auto files = make(db, owner, 60);
  const auto expected = ask(*db);
  ASSERT_TRUE(expected) << expected.error().to_string();
  core::Random random(8);
  int refused = 0, same = 0;
  for (const transaction::CheckpointFile& file : db->last().files) {
    // All of the head and of the end, where structure is; the middle by chance.
    for (std::uint64_t at = 0; at < file.bytes; at += at < 128 || at + 600 > file.bytes ? 1 : 1 + random.below(300)) {
      const auto flip = [&](Bytes& bytes) { bytes[at] ^= static_cast<std::byte>(1 << random.below(8)); };
      const auto copy = files->clone();
      ASSERT_TRUE(copy->damage(file.name, flip));
      TestDatabase damaged(*copy);
      VectorParticipant& store = damaged.participant();
      if (const auto opened = store.open(&db->last()); !opened) {
        EXPECT_EQ(opened.error().code(), ErrorCode::corruption);
        EXPECT_NE(opened.error().message().find(file.name), std::string::npos);
        ++refused;
        continue;
      }
      damaged.session().view_at(db->lsn());
      const auto answers = ask(damaged);
      if (answers) {
        EXPECT_EQ(*answers, *expected) << file.name << " byte " << at;
        ++same;
      } else {
        EXPECT_EQ(answers.error().code(), ErrorCode::corruption);
        EXPECT_NE(answers.error().message().find(file.name), std::string::npos);
        ++refused;
      }
      // Bytes that nothing is read from (padding) may answer the same; verify sees them too, but for the trailer's.
      if (at + kTrailerBytes < file.bytes) {
        EXPECT_EQ(store.verify()->size(), 1U) << file.name << " byte " << at;
      }
    }
  }
  EXPECT_GT(refused, 0);
  EXPECT_GT(same, 0);
}

TEST(Segment, DamagedDerivedDataIsWorkedAroundAndWrittenAnewAtTheNextCheckpoint) {
  for (const ElementType element : {ElementType::f32, ElementType::f16}) {
    TestDatabase* db = nullptr;
    std::unique_ptr<TestDatabase> owner;
    const auto files = make(db, owner, 60, element);
    const auto expected = ask(*db);
    ASSERT_TRUE(expected);
    const std::string name = db->last().files[0].name;
    const auto segment = Segment::open(*files, name, 1);
    ASSERT_TRUE(segment);
    for (const Block block : {Block::codes, Block::scale, Block::id_table, Block::dictionary, Block::postings}) {
      if (!(*segment)->directory().derived(block)) continue;
      ASSERT_TRUE(
          files->damage(name, [&](Bytes& bytes) { bytes[(*segment)->directory()[block].offset] ^= std::byte{0x55}; }));
    }
    ASSERT_TRUE(db->restart());
    EXPECT_EQ(*ask(*db), *expected);
    const auto damage = db->participant().verify();
    ASSERT_EQ(damage->size(), 1U);
    EXPECT_TRUE((*damage)[0].rebuilt_by_itself);
    ASSERT_TRUE(db->checkpoint(1));
    EXPECT_TRUE(db->participant().verify()->empty());
    EXPECT_EQ(*ask(*db), *expected);
  }
}

// Of float32 vectors, codes are a part of what was given: they are in no other place.
TEST(Segment, DamagedCodesOfASplitSegmentAreAnErrorThatNamesTheFile) {
  TestDatabase* db = nullptr;
  std::unique_ptr<TestDatabase> owner;
  const auto files = make(db, owner, 60);
  const std::string name = db->last().files[0].name;
  const auto segment = Segment::open(*files, name, 1);
  ASSERT_TRUE(segment && (*segment)->directory().splits());
  for (const Block block : {Block::codes, Block::rests, Block::steps, Block::exception_offsets}) {
    const std::uint64_t at = (*segment)->directory()[block].offset;
    EXPECT_LT(at, (*segment)->directory().derived_begin);
    const auto flip = [at](Bytes& bytes) { bytes[at] ^= std::byte{0x55}; };
    ASSERT_TRUE(files->damage(name, flip));
    ASSERT_TRUE(db->restart());
    const auto answers = ask(*db);
    ASSERT_FALSE(answers);
    EXPECT_EQ(answers.error().code(), ErrorCode::corruption);
    EXPECT_NE(answers.error().message().find(name), std::string::npos);
    EXPECT_FALSE((*db->participant().verify())[0].rebuilt_by_itself);
    const auto damaged = Segment::open(*files, name, 1);
    EXPECT_EQ((*damaged)->codes(0).has_value(), block != Block::codes && (*damaged)->prepare().has_value());
    EXPECT_FALSE((*damaged)->wants_rewrite()) << "it could not be read for that";
    ASSERT_TRUE(files->damage(name, flip));  // as it was
  }
}

TEST(Segment, ColumnsThatSayTheSameOfEveryRowTakeNoSpace) {
  auto files = io::make_memory_file_system();
  TestDatabase db(*files);
  ASSERT_TRUE(db.store().create_collection("c", {.dimension = kDimension}));
  core::Random random(3);
  for (int i = 0; i < 20; ++i) {
    const std::string id = "p" + std::to_string(i);
    const auto x = random_vector(random, kDimension);
    const Point point{id, x};
    ASSERT_TRUE(db.store().upsert("c", {&point, 1}));
  }
  ASSERT_TRUE(db.checkpoint(1));
  const auto segment = Segment::open(*files, db.last().files[0].name, 1);
  for (const Block block : {Block::deleted, Block::lengths, Block::term_offsets, Block::square, Block::vectors}) {
    EXPECT_EQ((*segment)->directory()[block].bytes, 0U);
  }
  ASSERT_TRUE(db.restart());
  EXPECT_EQ(*db.store().count("c"), 20U);
  EXPECT_EQ(db.store().search("c", std::vector<float>(kDimension, 1), {.k = 30})->size(), 20U);
  const std::string_view removed[] = {"p3"};
  const Lsn before = db.lsn();
  ASSERT_TRUE(db.store().remove("c", removed));
  EXPECT_EQ(*db.store().count("c"), 19U);
  db.session().view_at(before);
  EXPECT_EQ(*db.store().count("c"), 20U);
}

// A file that format 1 wrote: the points "a" (twice) and "b" under l2 with words. Runs that are not zero, by offset.
struct SpecimenRun {
  std::size_t offset;
  std::string_view hex;
};
constexpr SpecimenRun kFormat1[] = {
    {0, "5354525653454731"},
    {64, "0200000000000000040000000000000003"},
    {128, "0400000000000000ffffffffffffffffffffffffffffffff"},
    {192, "030000000300000002"},
    {264, "0100000000000000020000000000000003"},
    {328, "05000000000000000a0000000000000014"},
    {392, "0b00000000000000160000000000000021"},
    {448, "616162"},
    {512, "01016e020201016e020202016e02040174040178"},
    {576, "02a0e11f32018b9929cb0202a0e11f32018b9929cb020285e3a3b3018b9929cb01"},
    {642, "803f0000000000000040000080bf0000803f0000000000000040000080bf0000003f00004040"},
    {65536,
     "c080ff418080808080808080808080808080808080808080808080808080808080808080808080808080808080808080"
     "80808080808080808080808080808080c080ff4180808080808080808080808080808080808080808080808080808080"
     "808080808080808080808080808080808080808080808080808080808080808095ff8080808080808080808080808080"
     "808080808080808080808080808080808080808080808080808080808080808080808080808080808080808080808080"
     "0402813c0402813c0683c13c"},
    {65792, "0772363c0772363c2a02813b"},
    {65856, "05c51c4005c51c40a19b4240"},
    {65922, "c0400000c04000001441"},
    {65984, "030000001c0b5a57"},
    {66040, "01000000b632c6e6000101010201000201020101"},
    {66112, "a0e11f3202"},
    {66128,
     "85e3a3b30100000004000000000000008b9929cb03000000060000000000000001000000010000000000000004000000"
     "01010300000004"},
    {66192,
     "01000000000070020100000000004000000000000000180000000000000080000000000000001800000000000000c000"
     "0000000000000c"},
    {66255,
     "0100000000000020000000000000004001000000000000200000000000000080010000000000002000000000000000c0"
     "0100000000000003"},
    {66319, "02000000000000140000000000000040020000000000002100000000000000800200000000000030"},
    {66368, "010000000000c000000000000000c0000100000000000c"},
    {66399,
     "010100000000000c0000000000000040010100000000000c0000000000000080010100000000000c00000000000000c0"
     "010100000000004000000000000000400201000000000030"},
    {66479,
     "020100000000000c00000000000000adc4644c71741e5027670059d668d803535452565345475470020100000000005e"
     "010000000000007c24f34cea371ef1499558bd"},
};
constexpr std::size_t kFormat1Bytes = 66'574;
constexpr std::string_view kFormat1State =
    "010400000000000000020000000000000002000000000000000000000000000000010101630401010100000000"
    "000000ffffffffffffffff020205010100000000000000";

// A file that format 2 wrote, and the state (version 3) that names it: the same points, "b" at (0.5, 3, 6).
constexpr SpecimenRun kFormat2[] = {
    {0, "5354525653454731"},
    {64, "0200000000000000040000000000000003"},
    {128, "0400000000000000ffffffffffffffffffffffffffffffff"},
    {192, "020000000200000002"},
    {264, "0100000000000000020000000000000003"},
    {328, "05000000000000000a000000000000000f"},
    {384, "616162"},
    {448, "01016e020201016e020601016e0204"},
    {512, "5567be7b4b3c43ca"},
    {576, "020002020002010102"},
    {648, "0300000000000000060000000000000009"},
    {706, "803f00000040000080bf0000803f00000040000080bf0000003f000040400000c040"},
    {65536,
     "c0ff41808080808080808080808080808080808080808080808080808080808080808080808080808080808080808080"
     "80808080808080808080808080808080c0ff418080808080808080808080808080808080808080808080808080808080"
     "80808080808080808080808080808080808080808080808080808080808080808bc0ff80808080808080808080808080"
     "808080808080808080808080808080808080808080808080808080808080808080808080808080808080808080808080"
     "0402813c0402813c0683413d"},
    {65792, "0772363c0772363c99e5fb3c"},
    {65856, "05c51c4005c51c400ba5d740"},
    {65922, "c0400000c04000003542"},
    {65984, "030000001c0b5a57"},
    {66040, "01000000b632c6e6000203020002"},
    {66120,
     "040000000000000002000000010000000000000003000000010103000000040000000000000000000100000000005002"
     "0100000000004000000000000000180000000000000080000000000000001800000000000000c0000000000000000c00"
     "000000000000000100000000000020000000000000004001000000000000200000000000000080020000000000002000"
     "00000000000080010000000000000300000000000000c0010000000000000f0000000000000040020000000000000900"
     "000000000000c00200000000000024000000000000000000010000000000c000000000000000c0000100000000000c00"
     "00000000000000010100000000000c0000000000000040010100000000000c0000000000000080010100000000000c00"
     "000000000000c00101000000000040000000000000004002010000000000100000000000000000020100000000000600"
     "000000000000000200000000000008000000000000002352ecc566abc209e6a5d4885b5b5f2453545256534547545002"
     "0100000000006e01000000000000e178d3d95718b6230c3e7718"},
};
constexpr std::size_t kFormat2Bytes = 66'558;
constexpr std::string_view kFormat2State =
    "030400000000000000020000000000000002000000000000000000000000000000010101630301010100000000000000"
    "ffffffffffffffff020204010100000000000000e178d3d95718b62300000000000000000000000000000000";

/// The same state as version 4 wrote it: options with element type and index, none of quantization.
constexpr std::string_view kState4 =
    "040400000000000000020000000000000002000000000000000000000000000000010101630301010000208001010000"
    "0000000000ffffffffffffffff020204010100000000000000e178d3d95718b62300000000000000000000000000000000";

/// And as versions 5 and 6 did: with all of the indexing, and with a count of named vectors; no layouts.
constexpr std::string_view kState5 =
    "0504000000000000000200000000000000020000000000000000000000000000000101016303010100002080010000000000003333733f0100"
    "0000"
    "00000000ffffffffffffffff020204010100000000000000e178d3d95718b62300000000000000000000000000000000";
constexpr std::string_view kState6 =
    "0604000000000000000200000000000000020000000000000000000000000000000101016303010100002080010000000000003333733f0001"
    "0000"
    "0000000000ffffffffffffffff020204010100000000000000e178d3d95718b62300000000000000000000000000000000";

// A file that format 3 wrote, with vectors in one piece and every column written out: the points "a" (twice) and "b" as in format 2.
constexpr SpecimenRun kFormat3[] = {
    {0, "5354525653454731"},
    {64, "0200000000000000040000000000000003"},
    {128, "0400000000000000ffffffffffffffffffffffffffffffff"},
    {192, "020000000200000002"},
    {264, "0100000000000000020000000000000003"},
    {328, "05000000000000000a000000000000000f"},
    {384, "616162"},
    {448, "01016e020201016e020601016e0204"},
    {512, "5567be7b40bfc88c4b3c43ca132536ccbe1feae9"},
    {576, "020004020602020202"},
    {648, "0300000000000000060000000000000009"},
    {706, "803f00000000000000000000803f00000040000080bf0000003f000040400000c040"},
    {65536,
     "ff8080808080808080808080808080808080808080808080808080808080808080808080808080808080808080808080"
     "80808080808080808080808080808080c0ff418080808080808080808080808080808080808080808080808080808080"
     "80808080808080808080808080808080808080808080808080808080808080808bc0ff80808080808080808080808080"
     "808080808080808080808080808080808080808080808080808080808080808080808080808080808080808080808080"
     "0402013c0402813c0683413d"},
    {65792, "220080310772363c99e5fb3c"},
    {65856, "2200803f05c51c400ba5d740"},
    {65922, "803f0000c04000003542"},
    {65984, "030000001c0b5a57"},
    {66040, "01000000b632c6e6000400040202"},
    {66120,
     "010000000000000002000000000000000400000000000000050000000000000003000000010000000000000003000000"
     "010100030000000400000000000000000001000000000068020100000000004000000000000000180000000000000080"
     "000000000000001800000000000000c0000000000000000c000000000000000001000000000000200000000000000040"
     "0100000000000020000000000000008002000000000000200000000000000080010000000000000300000000000000c0"
     "010000000000000f0000000000000040020000000000000900000000000000c002000000000000240000000000000000"
     "00010000000000c000000000000000c0000100000000000c0000000000000000010100000000000c0000000000000040"
     "010100000000000c0000000000000080010100000000000c00000000000000c001010000000000400000000000000040"
     "0201000000000028000000000000000002010000000000060000000000000000020000000000001400000000000000b1"
     "57ee8be2363f28035766d9a1d1d044535452565345475468020100000000006f010000000000009997e37db26646689b"
     "23b6ea"},
};
constexpr std::size_t kFormat3Bytes = 66'583;
constexpr std::string_view kFormat3State =
    "040400000000000000020000000000000002000000000000000000000000000000010101630301010000208001010000"
    "0000000000ffffffffffffffff0202040101000000000000009997e37db266466800000000000000000000000000000000";

/// A database whose last checkpoint is the specimen.
struct Specimen {
  Specimen(std::span<const SpecimenRun> runs, std::size_t size, std::string_view state) {
    Bytes file(size);
    for (const SpecimenRun& run : runs) {
      std::ranges::copy(*core::from_hex(run.hex), file.begin() + static_cast<std::ptrdiff_t>(run.offset));
    }
    EXPECT_TRUE(files->create_directory("vector"));
    EXPECT_TRUE(io::write_file_atomically(*files, name, file));
    transaction::Checkpoint last;
    last.lsn = 4;
    last.state = *core::from_hex(state);
    last.files.push_back({name, size, core::xxh3_128(file)});
    db.adopt(last);
    EXPECT_TRUE(db.restart()) << "from the specimen";
  }
  const std::string name = segment_name("vector", 1);
  std::unique_ptr<io::MemoryFileSystem> files = io::make_memory_file_system();
  TestDatabase db{*files};
};

TEST(Segment, StatesOfEarlierVersionsAreReadAndWrittenAnew) {
  for (const std::string_view state : {kState4, kState5, kState6}) {
    SCOPED_TRACE(state.substr(0, 2));
    Specimen specimen(kFormat2, kFormat2Bytes, state);
    const auto expect_content = [&] {
      EXPECT_EQ(specimen.db.store().collection("c")->options,
                (CollectionOptions{.dimension = 3, .metric = Metric::l2, .words = true}));
      EXPECT_EQ(specimen.db.store().collection("c")->points, 2U);
    };
    expect_content();
    ASSERT_TRUE(specimen.db.checkpoint(1));
    ASSERT_TRUE(specimen.db.restart());
    expect_content();
  }
}

TEST(Segment, ReadsAFileOfFormat1AndWritesItAnewInThePresentOne) {
  Specimen specimen(kFormat1, kFormat1Bytes, kFormat1State);
  TestDatabase& db = specimen.db;
  const auto scores = [&](std::string_view query) {
    std::vector<std::pair<std::string, float>> found;
    const auto hits = db.store().search_words("c", query, {.k = 10});
    for (const Hit& hit : *hits) found.emplace_back(hit.id, hit.score);
    return found;
  };
  const auto expect_content = [&] {
    const auto a = db.store().get("c", "a").value();
    ASSERT_TRUE(a);
    EXPECT_EQ(a->vector, (std::vector<float>{1, 0, 2, -1}));
    EXPECT_EQ(to_json(a->payload), R"({"n":1})");
    EXPECT_EQ(to_json(db.store().get("c", "b").value()->payload), R"({"n":2,"t":"x"})");
    EXPECT_EQ(*db.store().count("c"), 2U);
    EXPECT_EQ(scores("one").size(), 1U);
    EXPECT_EQ(scores("three").front().first, "b");
    EXPECT_EQ(scores("two").front().first, "a") << "twice there, once in b";
    EXPECT_TRUE(db.participant().verify()->empty());
  };
  expect_content();
  const auto before = scores("one two three");
  const auto summary = *db.participant().summarize(4);
  // Two new points make the next checkpoint merge the file of three rows into one of the present format.
  const float x[] = {0, 0, 0, 1};
  const Point points[] = {{"c", x, {}, "four"}, {"d", x, {}, "five"}};
  ASSERT_TRUE(db.store().upsert("c", points));
  const std::string_view ids[] = {"c", "d"};
  ASSERT_TRUE(db.store().remove("c", ids));
  ASSERT_TRUE(db.checkpoint(1));
  ASSERT_EQ(db.last().files.size(), 1U);
  ASSERT_NE(db.last().files[0].name, specimen.name);
  EXPECT_EQ((*Segment::open(*specimen.files, db.last().files[0].name, 9))->directory().version, kSegmentVersion);
  expect_content();
  EXPECT_EQ(scores("one two three"), before);
  EXPECT_EQ(*db.participant().summarize(4), summary);
}

TEST(Segment, ReadsAFileOfFormat2AndTheStateThatNamesIt) {
  Specimen specimen(kFormat2, kFormat2Bytes, kFormat2State);
  TestDatabase& db = specimen.db;
  const auto expect_content = [&] {
    EXPECT_EQ(db.store().collection("c")->options, (CollectionOptions{3, Metric::l2, true}));
    EXPECT_EQ(db.store().get("c", "a")->value().vector, (std::vector<float>{1, 2, -1}));
    EXPECT_EQ(to_json(db.store().get("c", "a")->value().payload), R"({"n":3})");
    EXPECT_EQ(db.store().get("c", "b")->value().vector, (std::vector<float>{0.5F, 3, 6}));
    EXPECT_EQ(db.store().search_words("c", "wine", {.k = 10})->size(), 1U);
    const std::vector<float> query{0, 3, 6};
    EXPECT_EQ(db.store().search("c", query, {.k = 1})->front().id, "b");
    EXPECT_TRUE(db.participant().verify()->empty());
  };
  expect_content();
  const float x[] = {0, 0, 1};
  const Point points[] = {{"c", x}, {"d", x}};
  ASSERT_TRUE(db.store().upsert("c", points));
  ASSERT_TRUE(db.checkpoint(db.lsn()));
  ASSERT_EQ(db.last().files.size(), 1U);
  EXPECT_EQ((*Segment::open(*specimen.files, db.last().files[0].name, 9))->directory().version, kSegmentVersion);
  ASSERT_TRUE(db.restart());
  expect_content();
}

TEST(Segment, ReadsAFileOfFormat3AndSplitsItsVectorsInTheNextMerge) {
  Specimen specimen(kFormat3, kFormat3Bytes, kFormat3State);
  TestDatabase& db = specimen.db;
  const std::vector<float> query{0, 3, 6};
  const auto found = [&] {
    std::vector<std::pair<std::string, float>> all;
    const auto hits = db.store().search("c", query, {.k = 10});
    for (const Hit& hit : *hits) all.emplace_back(hit.id, hit.score);
    return all;
  };
  const auto before = found();
  ASSERT_EQ(before.size(), 2U);
  EXPECT_EQ(before.front().first, "b");
  const auto summary = *db.participant().summarize(4);
  const auto expect_content = [&] {
    EXPECT_EQ(db.store().get("c", "a")->value().vector, (std::vector<float>{1, 2, -1}));
    EXPECT_EQ(db.store().get("c", "b")->value().vector, (std::vector<float>{0.5F, 3, 6}));
    EXPECT_EQ(db.store().search_words("c", "wine", {.k = 10})->size(), 1U);
    EXPECT_EQ(found(), before);
    EXPECT_TRUE(db.participant().verify()->empty());
  };
  expect_content();
  const float x[] = {0, 0, 1};
  const Point points[] = {{"c", x}, {"d", x}};
  ASSERT_TRUE(db.store().upsert("c", points));
  const std::string_view ids[] = {"c", "d"};
  ASSERT_TRUE(db.store().remove("c", ids));
  ASSERT_TRUE(db.checkpoint(1));
  ASSERT_EQ(db.last().files.size(), 1U);
  EXPECT_TRUE((*Segment::open(*specimen.files, db.last().files[0].name, 9))->directory().splits());
  ASSERT_TRUE(db.restart());
  expect_content();
  EXPECT_EQ(*db.participant().summarize(4), summary);
}

TEST(Segment, EveryTruncationIsRefusedAtOpening) {
  TestDatabase* db = nullptr;
  std::unique_ptr<TestDatabase> owner;
  const auto files = make(db, owner, 20);
  const auto& file = db->last().files[0];
  for (std::uint64_t size = 0; size < file.bytes; size += size < 200 ? 1 : 997) {
    const auto copy = files->clone();
    ASSERT_TRUE(copy->damage(file.name, [&](Bytes& bytes) { bytes.resize(size); }));
    const auto opened = Segment::open(*copy, file.name, 1);
    ASSERT_FALSE(opened) << size;
    EXPECT_EQ(opened.error().code(), ErrorCode::corruption);
  }
}

TEST(Segment, LeftoversOfAnUnfinishedCheckpointAreRemovedAndTheirNumbersNotReused) {
  TestDatabase* db = nullptr;
  std::unique_ptr<TestDatabase> owner;
  const auto files = make(db, owner, 20);
  const float x[kDimension] = {1};
  const Point point{"late", x, {}};
  ASSERT_TRUE(db->store().upsert("c", {&point, 1}));
  ASSERT_TRUE(db->participant().freeze(db->lsn()));
  ASSERT_TRUE(db->participant().write_checkpoint(1));  // and the process dies before the manifest
  ASSERT_TRUE(files->open("vector/00000000000000ff.seg.tmp", io::OpenMode::create));
  const auto before = *files->list("vector");
  ASSERT_TRUE(db->restart());
  const auto after = *files->list("vector");
  EXPECT_EQ(after.size(), db->last().files.size());
  EXPECT_LT(after.size(), before.size());
  EXPECT_TRUE(db->store().get("c", "late")->has_value());
  ASSERT_TRUE(db->checkpoint(1));
  ASSERT_TRUE(db->restart());
  EXPECT_TRUE(db->store().get("c", "late")->has_value());
}

}  // namespace
}  // namespace strata::store::vector
