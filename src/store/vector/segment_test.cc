// What a damaged file may do: be refused, be worked around, never answer wrongly and never crash.
#include "store/vector/segment.h"

#include <gtest/gtest.h>

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

std::unique_ptr<io::MemoryFileSystem> make(TestDatabase*& out, std::unique_ptr<TestDatabase>& owner, int points) {
  auto files = io::make_memory_file_system();
  owner = std::make_unique<TestDatabase>(*files);
  out = owner.get();
  core::Random random(2);
  EXPECT_TRUE(out->store().create_collection("c", {.dimension = kDimension, .words = true}));
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
  TestDatabase* db = nullptr;
  std::unique_ptr<TestDatabase> owner;
  const auto files = make(db, owner, 60);
  const auto expected = ask(*db);
  ASSERT_TRUE(expected);
  const std::string name = db->last().files[0].name;
  const auto segment = Segment::open(*files, name, 1);
  ASSERT_TRUE(segment);
  for (const Block block : {Block::codes, Block::id_table, Block::dictionary, Block::postings}) {
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
