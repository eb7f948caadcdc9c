// One seed, one history: the same calls at the same moments leave the same records, byte for byte. And one history, one
// state: a database that is made from its records alone, from the first on, is the live one, store by store, however the
// live one came there (checkpoints, files rewritten, opened again and again).
#include <gtest/gtest.h>

#include <filesystem>

#include "core/random.h"
#include "engine/local_engine.h"
#include "io/posix_file_system.h"

namespace strata::engine {
namespace {

namespace fs = std::filesystem;

/// Calls by a seed. What is there before a step is known to it, so that most steps find something to change.
class Workload {
 public:
  explicit Workload(std::uint64_t seed) : random_(seed) {}

  static Result<void> begin(Stores& stores) {
    STRATA_TRY(stores.vector().create_collection("notes", {.dimension = 3, .words = true}));
    STRATA_TRY(stores.metadata().execute("create table note(id text primary key, title text, n integer, lsn integer)"));
    STRATA_TRY(
        stores.metadata().execute("create table tag(note text references note(id) on delete cascade, "
                                  "word text, unique(note, word), primary key(note, word))"));
    const ColumnDefinition columns[] = {{"id", ColumnType::text}, {"value", ColumnType::real}};
    STRATA_TRY(stores.analytics().create_table("events", columns));
    return stores.array().create_dataset("rows", {.row_shape = {2}});
  }

  /// One transaction: a few steps, sometimes taken back in part, sometimes as a whole.
  Result<void> step(Engine& engine) {
    auto tx = STRATA_TRY(engine.begin({.durability = Durability::off}));
    for (std::uint64_t steps = 1 + random_.below(4); steps > 0; --steps) {
      const bool taken_back = random_.chance(0.1);
      if (taken_back) STRATA_TRY(tx->savepoint("s"));
      STRATA_TRY(change(*tx));
      if (taken_back) STRATA_TRY(tx->rollback_to("s"));
    }
    if (random_.chance(0.05)) return {};
    STRATA_TRY(tx->commit());
    if (random_.chance(0.03)) STRATA_TRY(engine.set_tag("tag " + std::to_string(random_.below(5))));
    return {};
  }

  bool chance(double probability) { return random_.chance(probability); }

 private:
  std::string id() { return "n" + std::to_string(random_.below(30)); }

  Result<void> change(Stores& stores) {
    const std::string id = this->id(), other = this->id();
    const auto x = static_cast<float>(random_.below(100));
    switch (random_.below(16)) {
      case 0:
      case 1: {
        const float vector[] = {x, 1.0F, 0.5F};
        const std::string words = "words of " + id + " and " + other;
        const Point point{id, vector, {{"n", static_cast<std::int64_t>(x)}}, words};
        return stores.vector().upsert("notes", {&point, 1});
      }
      case 2: {
        const std::string_view ids[] = {id};
        STRATA_TRY(stores.vector().remove("notes", ids));
        return {};
      }
      case 3: {
        // Inline, and in a file of its own; given up now and then, where it lies within a pack.
        const bool large = random_.chance(0.1);
        const std::string content = large ? std::string(100'000, static_cast<char>('a' + random_.below(26)))
                                          : "content of " + id + std::string(random_.below(2'000), 'x');
        STRATA_TRY(stores.object().put(as_bytes(content), {.owner = large ? "for good" : id}));
        return {};
      }
      case 4: STRATA_TRY(stores.object().release(id)); return {};
      case 5:
        if (random_.chance(0.3)) STRATA_TRY(stores.object().collect());
        return {};
      case 6: return stores.metadata().put_row("note", {{"id", id}, {"title", other}, {"n", x}, {"lsn", kCommitLsn}});
      case 7:
        STRATA_TRY(stores.metadata().execute("insert or ignore into tag(note, word) select id, ? from note where n > ?",
                                             {other, static_cast<std::int64_t>(x)}));
        return {};
      case 8: STRATA_TRY(stores.metadata().execute("update note set n = n + 1 where id < ?", {id})); return {};
      case 9: STRATA_TRY(stores.metadata().execute("delete from note where id = ?", {id})); return {};
      case 10:
      case 11:
        STRATA_TRY(stores.graph().put_node({id, {"Note", other}, {{"x", x}}}));
        STRATA_TRY(stores.graph().put_node({other, {"Note"}, {}}));
        STRATA_TRY(stores.graph().add_edge(id, "LINKS", other, {{"w", x}}));
        STRATA_TRY(stores.graph().merge_edge(other, "IS", id));
        return {};
      case 12: STRATA_TRY(stores.graph().remove_node(id)); return {};
      case 13: return stores.analytics().append("events", Map{{"id", id}, {"value", static_cast<double>(x)}});
      case 14:
        if (random_.chance(0.5)) STRATA_TRY(stores.analytics().erase("events", "id", id));
        return stores.array().set_attribute("rows", id, static_cast<std::int64_t>(x));
      default: {
        const std::vector<float> rows(2 * (1 + random_.below(20)), x);
        const std::uint64_t shape[] = {rows.size() / 2, 2};
        const std::uint64_t first =
            STRATA_TRY(stores.array().append("rows", DataType::float32, shape, std::as_bytes(std::span(rows)), id));
        if (random_.chance(0.3)) STRATA_TRY(stores.array().clear_rows("rows", first / 2, first / 2 + 1));
        return {};
      }
    }
  }

  core::Random random_;
};

class DeterminismTest : public ::testing::Test {
 protected:
  void SetUp() override {
    base = fs::temp_directory_path() / ("strata-determinism-" + std::to_string(core::random_seed()));
    fs::create_directories(base);
  }
  void TearDown() override { fs::remove_all(base); }

  static std::unique_ptr<LocalEngine> open(const fs::path& directory, const core::Clock& clock) {
    fs::create_directories(directory);
    auto files = io::open_posix_file_system(directory.string());
    EXPECT_TRUE(files) << files.error().to_string();
    auto opened = LocalEngine::open(directory.string(), {}, {*std::move(files), &clock});
    EXPECT_TRUE(opened) << opened.error().to_string();
    return *std::move(opened);
  }
  static std::vector<StoreSummary> summaries(Engine& engine) {
    auto all = engine.summarize();
    EXPECT_TRUE(all) << all.error().to_string();
    return *std::move(all);
  }
  static void expect_equal(const std::vector<StoreSummary>& one, const std::vector<StoreSummary>& two) {
    ASSERT_EQ(one.size(), two.size());
    for (std::size_t i = 0; i < one.size(); ++i) {
      EXPECT_EQ(one[i].hash, two[i].hash) << name(one[i].store);
      EXPECT_EQ(one[i].items, two[i].items) << name(one[i].store);
    }
  }

  static fs::path zero_of(const fs::path& directory) { return directory.string() + ".zero"; }

  /// Checkpoints give journal segments back; all there ever were are kept beside the database as it was before the first.
  static void keep_journal(const fs::path& directory) {
    fs::copy(directory / "journal", zero_of(directory) / "journal",
             fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  }

  /// Lives by a seed in `directory`. In `zero_of(directory)` is then what it was before the first commit, with the journal of
  /// all of them.
  std::vector<StoreSummary> live(const fs::path& directory, std::uint64_t seed) {
    core::ManualClock clock;
    auto db = open(directory, clock);
    EXPECT_TRUE(db->close());
    fs::copy(directory, zero_of(directory), fs::copy_options::recursive);
    db = open(directory, clock);
    Workload workload(seed);
    const auto begun = Workload::begin(*db);
    EXPECT_TRUE(begun) << begun.error().to_string();
    for (int i = 0; i < 300; ++i) {
      clock.advance(1'000);
      const auto stepped = workload.step(*db);
      EXPECT_TRUE(stepped) << "seed " << seed << ", step " << i << ": " << stepped.error().to_string();
      if (workload.chance(0.02)) {
        keep_journal(directory);
        EXPECT_TRUE(db->checkpoint());
      }
      if (workload.chance(0.01)) {
        keep_journal(directory);
        EXPECT_TRUE(db->close());
        keep_journal(directory);
        db = open(directory, clock);
      }
    }
    keep_journal(directory);
    EXPECT_TRUE(db->checkpoint());
    std::vector<StoreSummary> all = summaries(*db);
    EXPECT_TRUE(db->close());
    keep_journal(directory);
    return all;
  }

  /// Of all its records: what was committed, and at which moment.
  static std::string event_hash(const fs::path& directory) {
    const fs::path copy = directory.string() + ".read";  // opening a journal begins an epoch in it
    fs::copy(zero_of(directory), copy, fs::copy_options::recursive);
    std::string text;
    {
      auto files = *io::open_posix_file_system(copy.string());
      const Manifest manifest = *read_manifest(*files, 1);
      const core::SystemClock clock;
      core::Hasher128 hasher;
      Lsn last = 0;
      auto journal = journal::Journal::open(*files, clock, "journal", {manifest.database, manifest.timeline}, {}, 0, 0,
                                            [&](const journal::Record& record) -> Result<void> {
                                              EXPECT_EQ(record.lsn, ++last);
                                              const std::uint64_t head[] = {
                                                  record.lsn, static_cast<std::uint64_t>(record.commit_time),
                                                  record.idempotency, record.payload.size()};
                                              hasher.update(std::as_bytes(std::span(head)));
                                              hasher.update(record.payload);
                                              return {};
                                            });
      EXPECT_TRUE(journal) << journal.error().to_string();
      EXPECT_GT(last, 200U);
      const core::Hash128 hash = hasher.digest();
      text = std::to_string(hash.high) + ":" + std::to_string(hash.low);
    }
    fs::remove_all(copy);
    return text;
  }

  fs::path base;
};

TEST_F(DeterminismTest, OneSeedLeavesTheSameRecordsAndTheSameStateTwice) {
  const std::uint64_t seed = 20'261'127;
  const auto one = live(base / "one", seed), two = live(base / "two", seed);
  EXPECT_EQ(event_hash(base / "one"), event_hash(base / "two"));
  expect_equal(one, two);
  const auto other = live(base / "other", seed + 1);
  EXPECT_NE(event_hash(base / "one"), event_hash(base / "other"));
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_NE(one[i].hash, other[i].hash) << name(one[i].store);
}

TEST_F(DeterminismTest, ReplayFromZeroGivesTheLiveStateOfEveryStore) {
  for (const std::uint64_t seed : {std::uint64_t{1}, core::random_seed()}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const fs::path directory = base / std::to_string(seed), zero = zero_of(directory);
    const auto lived = live(directory, seed);
    for (const StoreSummary& each : lived) EXPECT_GT(each.items, 0U) << name(each.store);
    // What commits wrote into files of their own belongs to the records.
    fs::copy(directory / "object", zero / "object", fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    const core::ManualClock clock;
    auto replayed = open(zero, clock);
    expect_equal(lived, summaries(*replayed));
    EXPECT_TRUE(replayed->checkpoint());
    expect_equal(lived, summaries(*replayed));
    EXPECT_TRUE(replayed->close());
  }
}

}  // namespace
}  // namespace strata::engine
