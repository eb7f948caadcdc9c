// A disk that fills, at every size and at every call: a record is refused whole, before it has an LSN, or it is stored.
// The journal never stops for it, and writing goes on as soon as there is space.
#include <atomic>
#include <set>
#include <thread>

#include "journal/journal_fixture.h"
#include "testing/faulty_file_system.h"

namespace strata::journal {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::uint64_t kPlenty = std::uint64_t{1} << 40;

std::uint64_t used(io::FileSystem& files) {
  std::uint64_t total = 0;
  const std::vector<std::string> names = files.list("journal").value();
  for (const std::string& name : names) total += files.file_size("journal/" + name).value();
  return total;
}

/// Records of all sizes: alone in a block, over several, in parts, larger than a segment.
std::size_t size_of(Lsn lsn) {
  static constexpr std::array<std::size_t, 8> kSizes{100, 25'000, 3'968, 0, 8'000, 100'000, 4'096, 7'000};
  return kSizes[lsn % kSizes.size()];
}

/// Every record was acknowledged, so all of them are there, as they were given.
void expect_records(io::FileSystem& files, const JournalOptions& options, Lsn last) {
  const auto opened = open_journal(files, options, 0, last);
  ASSERT_TRUE(opened) << opened.error().to_string();
  ASSERT_EQ(opened->records.size(), last);
  for (Lsn lsn = 1; lsn <= last; ++lsn) ASSERT_EQ(opened->records[lsn - 1].payload, payload_of(lsn, size_of(lsn)));
}

TEST(JournalSpace, ADiskFullAtAnySizeRefusesBeforeTheLsnAndTheSameCallSucceedsWithSpace) {
  for (const std::uint64_t reserve : {std::uint64_t{0}, std::uint64_t{24} << 10})
    for (const auto durability : {Durability::off, Durability::batch, Durability::each}) {
      std::uint64_t refused = 0;
      for (std::uint64_t capacity = 0; capacity <= 512 << 10; capacity += kBlockBytes) {
        SCOPED_TRACE("capacity " + std::to_string(capacity) + ", reserve " + std::to_string(reserve));
        const auto files = io::make_memory_file_system();
        auto options = tiny_options();
        options.reserve_bytes = reserve;
        files->set_capacity(capacity);
        auto opened = open_journal(*files, options);
        if (!opened) {
          ASSERT_EQ(opened.error().code(), ErrorCode::resource_exhausted);
          EXPECT_THAT(files->list("journal").value(), ::testing::IsEmpty()) << "what did not become a segment is gone";
          files->set_capacity(kPlenty);
          opened = open_journal(*files, options);
          ASSERT_TRUE(opened) << opened.error().to_string();
          files->set_capacity(std::max<std::uint64_t>(capacity, used(*files)));
        }
        Journal& journal = *opened->journal;
        constexpr Lsn kRecords = 20;
        for (Lsn lsn = 1; lsn <= kRecords; ++lsn) {
          auto appended = journal.append(payload_of(lsn, size_of(lsn)), 0, 0);
          if (!appended) {
            ++refused;
            ASSERT_EQ(appended.error().code(), ErrorCode::resource_exhausted) << appended.error().to_string();
            EXPECT_THAT(appended.error().message(), AllOf(HasSubstr("bytes are needed"), HasSubstr("are free")));
            EXPECT_EQ(journal.last_lsn(), lsn - 1);
            EXPECT_FALSE(journal.poisoned());
            EXPECT_EQ(journal.append(payload_of(lsn, size_of(lsn)), 0, 0).error().code(),
                      ErrorCode::resource_exhausted);
            ASSERT_TRUE(journal.sync()) << "what was accepted before has its blocks";
            files->set_capacity(kPlenty);
            appended = journal.append(payload_of(lsn, size_of(lsn)), 0, 0);
            ASSERT_TRUE(appended) << appended.error().to_string();
            files->set_capacity(std::max<std::uint64_t>(capacity, used(*files)));
          }
          ASSERT_EQ(*appended, lsn);
          // Some wait at once, some later together: alone or joined, what was promised is enough.
          if (lsn % 3 != 0) {
            const auto done = journal.wait(lsn, durability);
            ASSERT_TRUE(done) << done.error().to_string();
          }
        }
        const auto closed = journal.close();
        ASSERT_TRUE(closed) << "its mark has a block: " << closed.error().to_string();
        opened->journal.reset();
        files->set_capacity(kPlenty);
        ASSERT_NO_FATAL_FAILURE(expect_records(*files, options, kRecords));
      }
      EXPECT_GT(refused, 100U) << "the disk was never full: the test has lost its point";
    }
}

TEST(JournalSpace, WithoutSpaceAtTheKthCallTheAnswerIsDefiniteAndOnlyAFailedWriteOrSyncStopsTheJournal) {
  constexpr Lsn kRecords = 10;
  struct Outcome {
    Lsn acknowledged = 0;
    std::set<Lsn> maybe;  // given an LSN and not acknowledged
    bool poisoned = false;
  };
  const auto options = tiny_options();
  // Tries each record until it is in, three times at most.
  const auto scenario = [&](io::FileSystem& files, Outcome& outcome) {
    Result<Opened> opened = open_journal(files, options);
    for (int attempt = 0; !opened && attempt < 2; ++attempt) opened = open_journal(files, options);
    if (!opened) return;
    Journal& journal = *opened->journal;
    for (Lsn next = journal.last_lsn() + 1; next <= kRecords; next = journal.last_lsn() + 1) {
      Result<Lsn> appended = Error(ErrorCode::internal, "not tried");
      for (int attempt = 0; !appended && attempt < 3; ++attempt) {
        appended = journal.append(payload_of(next, size_of(next)), 0, 0);
        if (!appended) {
          ASSERT_EQ(appended.error().code(),
                    journal.poisoned() ? ErrorCode::commit_unknown : ErrorCode::resource_exhausted);
          ASSERT_EQ(journal.last_lsn(), next - 1);
        }
      }
      if (!appended) break;
      outcome.maybe.insert(next);
      if (!journal.wait(next, Durability::batch)) break;
      outcome.acknowledged = next;
    }
    outcome.poisoned = journal.poisoned();
    (void)journal.close();
  };
  using testing::Call;
  std::uint64_t tried = 0;
  for (const Call call : {Call::reserve, Call::open, Call::truncate, Call::rename, Call::write, Call::sync,
                          Call::sync_directory, Call::remove}) {
    for (const auto effect : {testing::Fault::Effect::none, testing::Fault::Effect::half, testing::Fault::Effect::all})
      for (const bool forever : {false, true})
        for (std::uint64_t k = 1;; ++k) {
          SCOPED_TRACE(std::string(testing::name(call)) + " " + std::to_string(k));
          auto base = io::make_memory_file_system();
          testing::FaultyFileSystem files(*base);
          files.fail(
              {.call = call, .nth = k, .forever = forever, .error = ErrorCode::resource_exhausted, .effect = effect});
          Outcome outcome;
          ASSERT_NO_FATAL_FAILURE(scenario(files, outcome));
          if (files.failures() == 0) break;
          ++tried;
          if (call == Call::reserve || (call == Call::rename && effect != testing::Fault::Effect::all)) {
            EXPECT_FALSE(outcome.poisoned) << "no space is no reason to stop";
          }
          if (call == Call::reserve && !forever) {
            EXPECT_EQ(outcome.acknowledged, kRecords);
          }
          core::Random random(k);
          base->power_cut(random, {io::PowerCut::Unsynced::torn, io::PowerCut::Unsynced::torn});
          const auto opened = open_journal(*base, options, 0, outcome.acknowledged);
          ASSERT_TRUE(opened) << opened.error().to_string();
          ASSERT_GE(opened->records.size(), outcome.acknowledged);
          for (const Seen& record : opened->records) {
            ASSERT_TRUE(outcome.maybe.contains(record.lsn)) << "refused, and yet there: " << record.lsn;
            ASSERT_EQ(record.payload, payload_of(record.lsn, size_of(record.lsn)));
          }
        }
  }
  EXPECT_GT(tried, 300U);
}

TEST(JournalSpace, ASyncThatLacksSpaceWhereASegmentEndsStopsTheJournal) {
  // Nothing was written that had no space reserved; and yet whether the unsynced records are there is not known any more.
  const auto base = io::make_memory_file_system();
  testing::FaultyFileSystem files(*base);
  auto opened = open_journal(files, tiny_options()).value();
  Journal& journal = *opened.journal;
  ASSERT_TRUE(commit(journal, 25'000, Durability::off));
  ASSERT_TRUE(commit(journal, 25'000, Durability::off));
  files.fail({.call = testing::Call::sync, .nth = 1, .error = ErrorCode::resource_exhausted});
  const auto refused = journal.append(Bytes(25'000), 0, 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::commit_unknown) << refused.error().to_string();
  EXPECT_EQ(files.failures(), 1U);
  EXPECT_TRUE(journal.poisoned());
}

TEST(JournalSpace, EachRecordThatWaitsHasSpaceOfItsOwn) {
  // Nobody waits for the disk until many records are queued: what one was promised is not promised to the next.
  for (std::uint64_t capacity = 128 << 10; capacity <= 384 << 10; capacity += 3 * kBlockBytes) {
    SCOPED_TRACE("capacity " + std::to_string(capacity));
    const auto files = io::make_memory_file_system();
    files->set_capacity(capacity);
    auto opened = open_journal(*files, tiny_options()).value();
    Journal& journal = *opened.journal;
    Lsn last = 0;
    for (Lsn lsn = 1; lsn <= 40; ++lsn) {
      const auto appended = journal.append(payload_of(lsn, size_of(lsn)), 0, 0);
      if (!appended) {
        ASSERT_EQ(appended.error().code(), ErrorCode::resource_exhausted) << appended.error().to_string();
        break;
      }
      last = *appended;
    }
    ASSERT_GT(last, 1U);
    const auto synced = journal.sync();
    ASSERT_TRUE(synced) << "what was accepted has its blocks: " << synced.error().to_string();
    opened.journal.reset();
    files->set_capacity(kPlenty);
    ASSERT_NO_FATAL_FAILURE(expect_records(*files, tiny_options(), last));
  }
}

TEST(JournalSpace, AJournalOfAProcessThatDiedOpensOnAFullDisk) {
  const auto files = io::make_memory_file_system();
  auto options = quiet_options();
  options.reserve_bytes = JournalOptions{}.reserve_bytes;
  {
    auto opened = open_journal(*files, options).value();
    for (Lsn lsn = 1; lsn <= 5; ++lsn) ASSERT_TRUE(commit(*opened.journal, size_of(lsn)));
    // No close: what it had reserved is still taken.
  }
  files->set_capacity(used(*files));
  EXPECT_EQ(files->free_bytes().value(), 0U);
  auto opened = open_journal(*files, options);
  ASSERT_TRUE(opened) << opened.error().to_string();
  ASSERT_EQ(opened->records.size(), 5U);
  EXPECT_FALSE(opened->report.torn_tail);
  ASSERT_TRUE(commit(*opened->journal, size_of(6))) << "there is room for a few more";
  ASSERT_TRUE(opened->journal->close());
  files->set_capacity(kPlenty);
  ASSERT_NO_FATAL_FAILURE(expect_records(*files, options, 6));
}

TEST(JournalSpace, AHardlyUsedJournalTakesLittleOfTheDisk) {
  const auto files = io::make_memory_file_system();
  auto opened = open_journal(*files, JournalOptions{}).value();
  ASSERT_TRUE(commit(*opened.journal, 100));
  EXPECT_LE(used(*files), 512U << 10);
  ASSERT_TRUE(opened.journal->close());
  EXPECT_LE(used(*files), 16U << 10) << "closing gives back what was not used";
}

TEST(JournalSpace, ADiskThatFillsAgainAndAgainUnderManyThreadsStopsNobody) {
  // With zeros ahead, marks and syncs by the background thread: whoever takes the last blocks, what was accepted is stored.
  const auto files = io::make_memory_file_system();
  JournalOptions options;
  options.segment_bytes = 256 << 10;
  options.reserve_bytes = 16 << 10;
  options.zero_ahead_bytes = 64 << 10;
  options.batch_bytes_max = 32 << 10;
  options.queue_wait_us_max = 60'000'000;
  options.flush_us_max = 500;
  std::atomic<Lsn> last{0};
  std::atomic<int> refusals{0};
  std::uint64_t capacity = 1 << 20;
  files->set_capacity(capacity);
  {
    auto opened = open_journal(*files, options).value();
    Journal& journal = *opened.journal;
    core::Mutex order;  // as the transaction manager's: the payload says its LSN
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < 250;) {
          Result<Lsn> lsn = Error(ErrorCode::internal, "not tried");
          {
            const core::MutexLock lock(order);
            const Lsn next = journal.last_lsn() + 1;
            lsn = journal.append(payload_of(next, size_of(next)), 0, 0);
            if (!lsn) {
              ASSERT_EQ(lsn.error().code(), ErrorCode::resource_exhausted) << lsn.error().to_string();
              ++refusals;
              capacity += 64 << 10;  // a little space again, soon full
              files->set_capacity(capacity);
            }
          }
          if (!lsn) continue;
          const auto done = journal.wait(*lsn, static_cast<Durability>((t + i) % 3));
          ASSERT_TRUE(done) << done.error().to_string();
          ++i;
        }
      });
    for (auto& thread : threads) thread.join();
    last = journal.last_lsn();
    files->set_capacity(used(*files));
    ASSERT_TRUE(journal.close());
    EXPECT_EQ(journal.stats().refused, static_cast<std::uint64_t>(refusals));
  }
  EXPECT_EQ(last, 1000U);
  EXPECT_GT(refusals, 50) << "the disk was hardly ever full: the test has lost its point";
  files->set_capacity(kPlenty);
  ASSERT_NO_FATAL_FAILURE(expect_records(*files, options, last));
}

}  // namespace
}  // namespace strata::journal
