#include "journal/journal.h"

#include <atomic>
#include <latch>
#include <thread>

#include "journal/journal_fixture.h"
#include "testing/faulty_file_system.h"

namespace strata::journal {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(Journal, GivesBackWhatItWasGivenInOrder) {
  auto files = io::make_memory_file_system();
  const std::vector<std::size_t> sizes{0, 1, 63, 64, 100, 4096, 5000, 60'000};
  {
    auto opened = open_journal(*files).value();
    EXPECT_TRUE(opened.records.empty());
    for (const std::size_t size : sizes) ASSERT_TRUE(commit(*opened.journal, size));
    EXPECT_EQ(opened.journal->durable_lsn(), sizes.size());
    ASSERT_TRUE(opened.journal->close());
  }
  auto opened = open_journal(*files).value();
  ASSERT_EQ(opened.records.size(), sizes.size());
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const Lsn lsn = i + 1;
    EXPECT_EQ(opened.records[i], (Seen{lsn, static_cast<Timestamp>(lsn * 10), lsn * 3, payload_of(lsn, sizes[i])}));
  }
  EXPECT_TRUE(opened.report.clean_shutdown);
  EXPECT_FALSE(opened.report.torn_tail);
  EXPECT_EQ(opened.report.last_lsn, sizes.size());
  EXPECT_EQ(opened.journal->last_lsn(), sizes.size());
  EXPECT_EQ(opened.journal->stats().epoch, 2U);
}

TEST(Journal, ReplaysOnlyWhatTheCheckpointDoesNotHave) {
  auto files = io::make_memory_file_system();
  for (int round = 0; round < 3; ++round) {
    auto opened = open_journal(*files).value();
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(commit(*opened.journal, 100));
  }
  for (Lsn after = 0; after <= 15; ++after) {
    const auto opened = open_journal(*files, quiet_options(), after).value();
    EXPECT_EQ(opened.records.size(), 15 - after);
    EXPECT_EQ(opened.report.last_lsn, 15U);
    if (after < 15) {
      EXPECT_EQ(opened.records.front().lsn, after + 1);
    }
  }
}

TEST(Journal, ARecordLargerThanABatchIsWrittenInPartsAndComesBackWhole) {
  auto files = io::make_memory_file_system();
  const auto options = quiet_options();
  {
    auto opened = open_journal(*files, options).value();
    ASSERT_TRUE(commit(*opened.journal, 10));
    ASSERT_TRUE(commit(*opened.journal, options.batch_bytes_max - 128));
    ASSERT_TRUE(commit(*opened.journal, options.batch_bytes_max - 127));
    ASSERT_TRUE(commit(*opened.journal, 3 << 20));  // also larger than a segment
    ASSERT_TRUE(commit(*opened.journal, 10));
  }
  const auto opened = open_journal(*files, options).value();
  ASSERT_EQ(opened.records.size(), 5U);
  EXPECT_EQ(opened.records[3].payload, payload_of(4, 3 << 20));
  EXPECT_EQ(opened.records[3].commit_time, 40);
  EXPECT_EQ(opened.records[3].idempotency, 12U);
}

TEST(Journal, ARecordBeyondTheLimitIsRefusedBeforeAnythingIsWritten) {
  auto files = io::make_memory_file_system();
  auto options = quiet_options();
  options.record_bytes_max = 1000;
  auto opened = open_journal(*files, options).value();
  EXPECT_EQ(opened.journal->append(Bytes(1001), 0, 0).error().code(), ErrorCode::resource_exhausted);
  EXPECT_EQ(opened.journal->last_lsn(), 0U);
  EXPECT_TRUE(commit(*opened.journal, 1000));
}

TEST(Journal, BeginsANewSegmentWhenOneIsFullAndDropsThoseThatAreNotNeeded) {
  auto files = io::make_memory_file_system();
  {
    auto opened = open_journal(*files).value();
    Journal& journal = *opened.journal;
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(commit(journal, 50'000));
    const auto segments = journal.segments().value();
    ASSERT_GE(segments.size(), 5U);
    for (const auto& segment : segments) {
      EXPECT_LE(segment.bytes, 1U << 20);
      const std::uint64_t size = files->file_size(segment.name).value();
      // The one that is written has blocks reserved; those that are full gave the rest back.
      if (segment.name == segments.back().name)
        EXPECT_GT(size, segment.bytes);
      else
        EXPECT_EQ(size, segment.bytes);
    }
    const Lsn cut = segments[2].first_lsn;
    ASSERT_TRUE(journal.truncate_below(cut - 2));
    EXPECT_EQ(journal.segments().value().front().first_lsn, segments[1].first_lsn)
        << "the last of its records is needed";
    ASSERT_TRUE(journal.truncate_below(cut - 1));
    EXPECT_EQ(journal.segments().value().front().first_lsn, cut);
    EXPECT_FALSE(files->exists(segments[0].name).value());
    EXPECT_EQ(journal.stats().first_lsn, cut);
    ASSERT_TRUE(journal.truncate_below(1'000));
    EXPECT_EQ(journal.segments().value().size(), 1U) << "the newest stays";
  }
  EXPECT_EQ(open_journal(*files).error().code(), ErrorCode::corruption) << "record 1 is gone";
  const auto segment_first =
      io::read_file(*files, "journal/" + files->list("journal").value().front(), 1 << 21).value();
  const Lsn first = decode_segment(segment_first)->first_lsn;
  EXPECT_EQ(open_journal(*files, quiet_options(), first - 1).value().records.size(), 101 - first);
}

TEST(Journal, ASegmentThatIsBegunLetsTheOneBeforeGo) {
  auto files = io::make_memory_file_system();
  {
    auto opened = open_journal(*files).value();
    Journal& journal = *opened.journal;
    ASSERT_TRUE(journal.begin_segment());
    EXPECT_EQ(journal.segments().value().size(), 1U) << "it holds nothing yet";
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(commit(journal, 1'000));
    ASSERT_TRUE(journal.append(payload_of(4, 1'000), 0, 0));
    ASSERT_TRUE(journal.begin_segment());
    EXPECT_EQ(journal.durable_lsn(), 4U) << "its header pins what came before";
    ASSERT_EQ(journal.segments().value().size(), 2U);
    EXPECT_EQ(journal.segments().value().back().first_lsn, 5U);
    ASSERT_TRUE(commit(journal, 1'000));
    ASSERT_TRUE(journal.truncate_below(4));
    ASSERT_EQ(journal.segments().value().size(), 1U);
    EXPECT_EQ(journal.stats().first_lsn, 5U);
  }
  EXPECT_EQ(open_journal(*files, quiet_options(), 4).value().records.size(), 1U);
}

TEST(Journal, ReadsAnyRangeFromDisk) {
  auto files = io::make_memory_file_system();
  std::vector<Lsn> seen;
  const auto visit = [&](const Record& record) -> Result<void> {
    EXPECT_EQ(Bytes(record.payload.begin(), record.payload.end()), payload_of(record.lsn, 30'000));
    seen.push_back(record.lsn);
    return {};
  };
  {
    auto opened = open_journal(*files).value();
    for (int i = 0; i < 60; ++i) ASSERT_TRUE(commit(*opened.journal, 30'000));
  }
  auto opened = open_journal(*files).value();
  Journal& journal = *opened.journal;
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(journal.append(payload_of(61 + i, 30'000), 0, 0));
  for (const auto& [after, up_to, count] :
       {std::tuple{0, 70, 70}, {0, 1, 1}, {35, 36, 1}, {34, 62, 28}, {69, 1000, 1}, {70, 80, 0}, {5, 5, 0}}) {
    seen.clear();
    ASSERT_TRUE(journal.read(static_cast<Lsn>(after), static_cast<Lsn>(up_to), visit));
    ASSERT_EQ(seen.size(), static_cast<std::size_t>(count));
    if (count > 0) {
      EXPECT_EQ(seen.front(), static_cast<Lsn>(after) + 1);
    }
  }
  EXPECT_EQ(journal.durable_lsn(), 70U);
  ASSERT_TRUE(journal.truncate_below(40));
  EXPECT_EQ(journal.read(0, 10, visit).error().code(), ErrorCode::not_found);
  EXPECT_EQ(journal.read(50, 52, [](const Record&) -> Result<void> { return Error(ErrorCode::cancelled, "enough"); })
                .error()
                .code(),
            ErrorCode::cancelled);
}

TEST(Journal, WaitersShareOneSyncAndEachHasItsOwn) {
  auto files = io::make_memory_file_system();
  auto opened = open_journal(*files).value();
  Journal& journal = *opened.journal;
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(journal.append(Bytes(100), 0, 0));
  ASSERT_TRUE(journal.wait(1, Durability::batch));
  EXPECT_EQ(journal.durable_lsn(), 10U);
  EXPECT_EQ(journal.stats().syncs, 1U);
  EXPECT_EQ(journal.stats().batches, 1U);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(journal.append(Bytes(100), 0, 0));
  ASSERT_TRUE(journal.wait(12, Durability::each));
  EXPECT_EQ(journal.stats().batches, 3U) << "11 before it; 12 alone";
  EXPECT_EQ(journal.durable_lsn(), 12U);
  ASSERT_TRUE(journal.sync());
  EXPECT_EQ(journal.durable_lsn(), 13U);
  EXPECT_EQ(journal.wait(14, Durability::batch).error().code(), ErrorCode::invalid_argument);
}

TEST(Journal, OffReturnsBeforeTheSyncAndAPowerCutMayTakeItButNeverAMiddlePart) {
  auto files = io::make_memory_file_system();
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    auto disk = io::make_memory_file_system();
    core::Random random(seed);
    {
      auto opened = open_journal(*disk).value();
      ASSERT_TRUE(commit(*opened.journal, 1000));
      for (int i = 0; i < 8; ++i) ASSERT_TRUE(commit(*opened.journal, 3000, Durability::off));
      EXPECT_EQ(opened.journal->durable_lsn(), 1U);
      disk->power_cut(random, {io::PowerCut::Unsynced::torn, io::PowerCut::Unsynced::torn});
    }
    const auto opened = open_journal(*disk);
    ASSERT_TRUE(opened) << opened.error().to_string();
    ASSERT_GE(opened->records.size(), 1U);
    for (std::size_t i = 0; i < opened->records.size(); ++i)
      EXPECT_EQ(opened->records[i].payload, payload_of(i + 1, i == 0 ? 1000 : 3000));
  }
}

TEST(Journal, OffOverTheEndOfASegmentLosesTheEndAlone) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    auto disk = io::make_memory_file_system();
    core::Random random(seed);
    JournalOptions options = quiet_options();
    options.segment_bytes = 1 << 20;
    {
      auto opened = open_journal(*disk, options).value();
      for (int i = 0; i < 40; ++i) ASSERT_TRUE(commit(*opened.journal, 30'000, Durability::off));
      ASSERT_EQ(opened.journal->stats().segments, 2U);
      disk->power_cut(random, {io::PowerCut::Unsynced::torn, io::PowerCut::Unsynced::torn});
    }
    const auto opened = open_journal(*disk, options);
    ASSERT_TRUE(opened) << opened.error().to_string();
    for (std::size_t i = 0; i < opened->records.size(); ++i) {
      ASSERT_EQ(opened->records[i].payload, payload_of(i + 1, 30'000));
    }
  }
}

TEST(Journal, WhatOffAcknowledgesTheOperatingSystemHas) {
  auto files = io::make_memory_file_system();
  auto opened = open_journal(*files, quiet_options()).value();
  for (std::size_t i = 1; i <= 5; ++i) {
    ASSERT_TRUE(commit(*opened.journal, 1'000, Durability::off));
    // What another process would find if this one were killed now.
    const std::string name = segment_name("journal", 1);
    auto after = io::make_memory_file_system();
    ASSERT_TRUE(after->create_directory("journal"));
    ASSERT_TRUE(io::write_file_atomically(*after, name, content(*files, name)));
    EXPECT_EQ(open_journal(*after).value().records.size(), i);
  }
}

TEST(Journal, UnsyncedRecordsAreSyncedAndAnIdleJournalMarkedByItself) {
  auto base = io::make_memory_file_system();
  testing::FaultyFileSystem files(*base);
  std::latch marked(1);
  std::atomic<int> writes_after{0};
  std::atomic<bool> armed{false};
  std::atomic<int> syncs{0};
  files.set_hook([&](testing::Call call, std::string_view) {
    if (!armed) return;
    if (call == testing::Call::write) ++writes_after;
    if (call == testing::Call::sync && ++syncs == 2) marked.count_down();
  });
  auto options = quiet_options();
  options.flush_us_max = 2'000;
  {
    auto opened = open_journal(files, options).value();
    armed = true;
    ASSERT_TRUE(commit(*opened.journal, 100, Durability::off));
    marked.wait();  // the sync of the record, then the sync of the mark
    armed = false;
  }
  EXPECT_EQ(writes_after, 2);
  // The mark proves that record 1 was durable: damage in it is no torn write any more.
  const std::string name = segment_name("journal", 1);
  ASSERT_TRUE(base->damage(name, [](Bytes& bytes) { bytes[kSegmentHeaderBytes + 130] ^= std::byte{1}; }));
  EXPECT_EQ(open_journal(*base).error().code(), ErrorCode::corruption);
}

TEST(Journal, WithZerosAheadTheSameRecordsComeBack) {
  auto files = io::make_memory_file_system();
  JournalOptions options;
  options.segment_bytes = 1 << 20;
  options.zero_ahead_bytes = 256 << 10;
  options.flush_us_max = 1'000;
  {
    auto opened = open_journal(*files, options).value();
    for (int i = 0; i < 300; ++i) ASSERT_TRUE(commit(*opened.journal, 9'000));
    // No close: the zeros stay behind the last record.
  }
  {
    auto opened = open_journal(*files, options).value();
    ASSERT_EQ(opened.records.size(), 300U);
    EXPECT_FALSE(opened.report.torn_tail) << "zeros are not the rest of a write";
    for (int i = 0; i < 300; ++i) ASSERT_TRUE(commit(*opened.journal, 9'000));
    ASSERT_TRUE(opened.journal->close());
    const auto last = opened.journal->segments().value().back();
    EXPECT_EQ(files->file_size(last.name).value(), last.bytes) << "close gives unused zeros back";
  }
  EXPECT_EQ(open_journal(*files, options).value().records.size(), 600U);
}

TEST(Journal, ManyThreadsCommitAndNothingIsLostOrReordered) {
  auto files = io::make_memory_file_system();
  constexpr int kThreads = 8;
  constexpr int kEach = 300;
  JournalOptions options;
  options.segment_bytes = 1 << 20;
  options.zero_ahead_bytes = 128 << 10;
  options.batch_bytes_max = 32 << 10;
  options.queue_bytes_max = 64 << 10;
  options.queue_wait_us_max = 60'000'000;
  options.flush_us_max = 500;
  {
    auto opened = open_journal(*files, options).value();
    Journal& journal = *opened.journal;
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) {
          Bytes payload(static_cast<std::size_t>(16 + (t * 997 + i * 131) % 3000));
          payload[0] = static_cast<std::byte>(t);
          payload[1] = static_cast<std::byte>(i);
          payload[2] = static_cast<std::byte>(i >> 8);
          const Lsn lsn = journal.append(std::move(payload), 0, 0).value();
          ASSERT_TRUE(journal.wait(lsn, static_cast<Durability>(i % 3)));
          if (i % 3 != 0) {
            ASSERT_GE(journal.durable_lsn(), lsn);
          }
        }
      });
    for (auto& thread : threads) thread.join();
    EXPECT_LT(journal.stats().syncs, static_cast<std::uint64_t>(kThreads) * kEach);
    ASSERT_TRUE(journal.close());
  }
  const auto opened = open_journal(*files, options).value();
  ASSERT_EQ(opened.records.size(), static_cast<std::size_t>(kThreads) * kEach);
  std::array<int, kThreads> next{};
  for (const Seen& record : opened.records) {
    const auto t = static_cast<std::size_t>(record.payload[0]);
    EXPECT_EQ(static_cast<int>(record.payload[1]) | static_cast<int>(record.payload[2]) << 8, next[t]++);
  }
}

TEST(Journal, TellsWhoObservesBeforeThoseWhoWaitReturnAndNeverOfAFailedSync) {
  auto base = io::make_memory_file_system();
  testing::FaultyFileSystem files(*base);
  auto opened = open_journal(files).value();
  Journal& journal = *opened.journal;
  Lsn told = 0;
  journal.set_durable_observer([&](Lsn durable) {
    EXPECT_GE(journal.durable_lsn(), durable);  // I2
    told = durable;
  });
  for (Lsn lsn = 1; lsn <= 3; ++lsn) {
    ASSERT_TRUE(commit(journal, 100));
    EXPECT_EQ(told, lsn);
  }
  ASSERT_TRUE(journal.append(Bytes(1), 0, 0));
  ASSERT_TRUE(journal.sync());
  EXPECT_EQ(told, 3U) << "whoever calls sync may hold a lock that the observer needs";
  journal.set_durable_observer({});
  ASSERT_TRUE(commit(journal, 100));
  EXPECT_EQ(told, 3U) << "nobody observes any more";
  journal.set_durable_observer([&](Lsn durable) { told = durable; });
  files.fail({.call = testing::Call::sync, .nth = 1, .error = ErrorCode::io});
  EXPECT_FALSE(commit(journal, 100));
  EXPECT_EQ(told, 3U);
  journal.set_durable_observer({});
}

TEST(Journal, AFailedSyncPoisonsAndNothingIsAcknowledgedAnyMore) {
  for (const auto call : {testing::Call::sync, testing::Call::write}) {
    for (const auto error : {ErrorCode::io, ErrorCode::resource_exhausted}) {
      auto base = io::make_memory_file_system();
      testing::FaultyFileSystem files(*base);
      auto opened = open_journal(files).value();
      Journal& journal = *opened.journal;
      ASSERT_TRUE(commit(journal, 100));
      files.fail({.call = call, .nth = 1, .error = error});
      EXPECT_EQ(commit(journal, 100).error().code(), ErrorCode::commit_unknown);
      EXPECT_TRUE(journal.poisoned());
      EXPECT_EQ(journal.durable_lsn(), 1U);
      EXPECT_TRUE(journal.wait(1, Durability::batch)) << "what was durable before stays so";
      const std::uint64_t calls = files.calls(testing::Call::change);
      EXPECT_EQ(journal.append(Bytes(1), 0, 0).error().code(), ErrorCode::commit_unknown);
      EXPECT_EQ(journal.wait(2, Durability::off).error().code(), ErrorCode::commit_unknown);
      EXPECT_EQ(journal.sync().error().code(), ErrorCode::commit_unknown);
      EXPECT_EQ(journal.close().error().code(), ErrorCode::commit_unknown);
      EXPECT_EQ(files.calls(testing::Call::change), calls) << "no write and no sync after the failure";
      opened.journal.reset();
      core::Random random(1);
      base->power_cut(random, {});
      const auto again = open_journal(*base).value();
      EXPECT_EQ(again.records.size(), 1U);
    }
  }
}

TEST(Journal, EveryFailedCallIsAnErrorAndNeverALostAcknowledgement) {
  const auto scenario = [](io::FileSystem& files, Lsn& acknowledged) {
    const auto options = tiny_options();
    for (int round = 0; round < 2; ++round) {
      auto opened = open_journal(files, options);
      if (!opened) return;
      for (int i = 0; i < 3; ++i) {
        const auto lsn = commit(*opened->journal, 25'000);  // parts, and a new segment with each third
        if (lsn) acknowledged = *lsn;
      }
      (void)opened->journal->truncate_below(0);
      (void)opened->journal->close();
    }
  };
  std::uint64_t calls = 0;
  {
    auto base = io::make_memory_file_system();
    testing::FaultyFileSystem files(*base);
    Lsn acknowledged = 0;
    scenario(files, acknowledged);
    ASSERT_EQ(acknowledged, 6U);
    calls = files.calls(testing::Call::any);
  }
  for (std::uint64_t k = 1; k <= calls; ++k)
    for (const bool forever : {false, true})
      for (const auto effect :
           {testing::Fault::Effect::none, testing::Fault::Effect::half, testing::Fault::Effect::all}) {
        auto base = io::make_memory_file_system();
        testing::FaultyFileSystem files(*base);
        files.fail({.call = testing::Call::any, .nth = k, .forever = forever, .effect = effect});
        Lsn acknowledged = 0;
        scenario(files, acknowledged);
        core::Random random(k);
        base->power_cut(random, {io::PowerCut::Unsynced::torn, io::PowerCut::Unsynced::torn});
        const auto opened = open_journal(*base, tiny_options(), 0, acknowledged);
        ASSERT_TRUE(opened) << "call " << k << ": " << opened.error().to_string();
        ASSERT_GE(opened->records.size(), acknowledged) << k;
        for (std::size_t i = 0; i < opened->records.size(); ++i)
          ASSERT_EQ(opened->records[i].payload, payload_of(i + 1, 25'000));
      }
}

TEST(Journal, AFullQueueIsDrainedByTheAppenderAndWaitsForASlowDisk) {
  auto base = io::make_memory_file_system();
  testing::FaultyFileSystem files(*base);
  auto options = quiet_options();
  options.queue_bytes_max = 10'000;
  options.queue_wait_us_max = 1'000;
  auto opened = open_journal(files, options).value();
  Journal& journal = *opened.journal;
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(journal.append(Bytes(4'000), 0, 0)) << "nobody waits, so it writes itself";
  ASSERT_TRUE(journal.sync());

  std::latch at_the_disk(1);
  std::latch go_on(1);
  std::atomic<bool> armed{true};
  files.set_hook([&](testing::Call call, std::string_view) {
    if (call != testing::Call::sync || !armed.exchange(false)) return;
    at_the_disk.count_down();
    go_on.wait();
  });
  std::thread slow([&] { EXPECT_TRUE(commit(journal, 100)); });
  at_the_disk.wait();
  ASSERT_TRUE(journal.append(Bytes(9'000), 0, 0));
  const auto refused = journal.append(Bytes(9'000), 0, 0);
  EXPECT_EQ(refused.error().code(), ErrorCode::resource_exhausted);
  EXPECT_THAT(refused.error().message(), HasSubstr("9000 bytes are waiting"));
  go_on.count_down();
  slow.join();
  ASSERT_TRUE(journal.append(Bytes(9'000), 0, 0));
  ASSERT_TRUE(journal.sync());
}

TEST(Journal, OpeningAndClosingWithoutWritingLeavesNoTrace) {
  auto files = io::make_memory_file_system();
  {
    auto opened = open_journal(*files).value();
    ASSERT_TRUE(commit(*opened.journal, 10));
    ASSERT_TRUE(opened.journal->close());
    EXPECT_TRUE(opened.journal->close());
    EXPECT_EQ(opened.journal->append(Bytes(1), 0, 0).error().code(), ErrorCode::failed_precondition);
  }
  for (int i = 0; i < 5; ++i) {
    auto opened = open_journal(*files).value();
    EXPECT_EQ(opened.records.size(), 1U);
    EXPECT_EQ(opened.journal->stats().epoch, static_cast<std::uint64_t>(i) + 2) << "I8";
    ASSERT_TRUE(opened.journal->close());
    EXPECT_EQ(files->list("journal").value().size(), 2U);
  }
}

TEST(Journal, ZerosAreNeverWrittenOverTheSegmentBeforeWhileANewOneBegins) {
  // The old segment is given its unused zeros back while the new one is not yet known: the background thread gets all
  // the time it wants at that point.
  const auto disk = io::make_memory_file_system();
  testing::FaultyFileSystem files(*disk);
  const core::SystemClock clock;
  JournalOptions options;
  options.segment_bytes = 512 << 10;
  options.zero_ahead_bytes = 256 << 10;
  options.batch_bytes_max = 8 << 10;
  options.flush_us_max = 2'000;
  std::atomic<int> truncations{0};
  files.set_hook([&](testing::Call call, std::string_view) {
    if (call != testing::Call::truncate) return;
    // tidy: allow sleep: what must not happen has no event; in this time the background thread looks several times
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    ++truncations;
  });
  constexpr Lsn kRecords = 200;
  {
    auto journal = Journal::open(files, clock, "journal", test_identity(), options, 0, 0,
                                 [](const Record&) { return Result<void>(); });
    ASSERT_TRUE(journal) << journal.error().to_string();
    for (Lsn lsn = 1; lsn <= kRecords; ++lsn) {
      ASSERT_TRUE((*journal)->append(payload_of(lsn, 5'000), 0, 0));
      ASSERT_TRUE((*journal)->wait(lsn, Durability::batch));
    }
  }
  EXPECT_GT(truncations, 4) << "too few segments were finished: the test has lost its point";
  Lsn last = 0;
  auto again = Journal::open(*disk, clock, "journal", test_identity(), options, 0, kRecords, [&](const Record& record) {
    const Bytes& expected = payload_of(record.lsn, 5'000);
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), record.payload.begin(), record.payload.end()));
    last = record.lsn;
    return Result<void>();
  });
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(last, kRecords);
}

TEST(Journal, ABatchWaitsForTheZerosUnderWayWhereItGoes) {
  // The background thread is held up before each step of its zeros, as long as the writer gets on meanwhile.
  const auto disk = io::make_memory_file_system();
  testing::FaultyFileSystem files(*disk);
  const auto writer = std::this_thread::get_id();
  std::atomic<int> batches{0};
  std::atomic<int> steps{0};
  files.set_hook([&](testing::Call call, std::string_view) {
    if (call != testing::Call::write) return;
    if (std::this_thread::get_id() == writer) {
      ++batches;
      return;
    }
    ++steps;
    for (int idle = 0, seen = -1; idle < 2'000; ++idle) {
      if (const int now = batches; now != seen) idle = 0, seen = now;
      std::this_thread::yield();
    }
  });
  auto options = quiet_options();
  options.zero_ahead_bytes = 64 << 10;
  Lsn records = 0;
  {
    auto opened = open_journal(files, options).value();
    // On a busy machine the background thread may come late.
    for (; records < 60 || (steps == 0 && records < 5'000); ++records) {
      ASSERT_TRUE(commit(*opened.journal, 9'000));
      std::this_thread::yield();
    }
  }
  EXPECT_GT(steps, 0) << "no zeros were written: the test has lost its point";
  const auto opened = open_journal(*disk, options, 0, records);
  ASSERT_TRUE(opened) << opened.error().to_string();
  EXPECT_EQ(opened->records.size(), records);
}

TEST(Journal, OptionsOutOfRangeAreRefused) {
  auto files = io::make_memory_file_system();
  auto options = quiet_options();
  options.segment_bytes = 1000;
  EXPECT_EQ(open_journal(*files, options).error().code(), ErrorCode::invalid_argument);
  options = quiet_options();
  options.batch_bytes_max = 1;
  EXPECT_EQ(open_journal(*files, options).error().code(), ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace strata::journal
