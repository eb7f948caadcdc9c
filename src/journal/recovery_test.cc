// Torn tail or corruption? Every bit, every length, every sector, every lost segment: what was acknowledged comes back or
// open refuses and says where; what never was acknowledged may go, and leaves a copy.
#include "journal/recovery.h"

#include <set>
#include <utility>

#include "core/digest.h"
#include "journal/journal_fixture.h"
#include "testing/faulty_file_system.h"

namespace strata::journal {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using enum io::PowerCut::Unsynced;

/// What must hold of any opened journal that was fed by `commit`: a prefix, unaltered.
void expect_prefix(const std::vector<Seen>& records, const std::vector<std::size_t>& sizes) {
  ASSERT_LE(records.size(), sizes.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    const Lsn lsn = i + 1;
    ASSERT_EQ(records[i], (Seen{lsn, static_cast<Timestamp>(lsn * 10), lsn * 3, payload_of(lsn, sizes[i])}));
  }
}

std::unique_ptr<io::MemoryFileSystem> written(const std::vector<std::size_t>& sizes, bool close) {
  auto files = io::make_memory_file_system();
  auto opened = open_journal(*files).value();
  for (const std::size_t size : sizes) (void)commit(*opened.journal, size).value();
  if (close) (void)opened.journal->close();
  return files;
}

TEST(Recovery, EveryFlippedBitOfARecordThatWasDurableIsRefusedWithFileOffsetAndLsn) {
  const std::vector<std::size_t> sizes{40, 300, 5};
  const auto files = written(sizes, true);
  const std::string name = segment_name("journal", 1);
  const std::size_t size = content(*files, name).size();
  ASSERT_EQ(size, kSegmentHeaderBytes + 4 * kBlockBytes);
  std::set<std::size_t> significant;  // the batches; behind each, zeros up to the block's end
  for (std::size_t i = 0; i < sizes.size(); ++i)
    for (std::size_t at = 0; at < 2 * kHeaderBytes + sizes[i]; ++at)
      significant.insert(kSegmentHeaderBytes + i * kBlockBytes + at);
  const std::size_t mark = kSegmentHeaderBytes + sizes.size() * kBlockBytes;

  for (std::size_t at = 0; at < size; ++at) {
    const bool header_copy = at < kSegmentHeaderBytes;
    if (!significant.contains(at) && !(at >= mark && at < mark + kHeaderBytes) && at % 97 != 0)
      continue;  // dead space: samples
    for (int bit = 0; bit < 8; ++bit) {
      if (header_copy && bit != 3) continue;
      auto copy = files->clone();
      ASSERT_TRUE(copy->damage(name, [&](Bytes& bytes) { bytes[at] ^= static_cast<std::byte>(1 << bit); }));
      const auto opened = open_journal(*copy);
      if (significant.contains(at)) {
        ASSERT_FALSE(opened) << "byte " << at << " bit " << bit;
        ASSERT_EQ(opened.error().code(), ErrorCode::corruption);
        const Lsn lsn = (at - kSegmentHeaderBytes) / kBlockBytes + 1;
        ASSERT_THAT(opened.error().message(),
                    AllOf(HasSubstr(name + " at offset "), HasSubstr(", lsn " + std::to_string(lsn) + ":")));
      } else {
        ASSERT_TRUE(opened) << "byte " << at << ": "
                            << opened.error().to_string();  // the other header copy, padding, the mark
        ASSERT_EQ(opened->records.size(), sizes.size());
        expect_prefix(opened->records, sizes);
      }
    }
  }
}

TEST(Recovery, ABitInTheLastUnprovenBatchIsATornTailUnlessSomeoneKnowsBetter) {
  const std::vector<std::size_t> sizes{40, 300, 5};
  const auto files = written(sizes, false);
  const std::string name = segment_name("journal", 1);
  const std::size_t last = kSegmentHeaderBytes + 2 * kBlockBytes;
  for (std::size_t at = last; at < last + 2 * kHeaderBytes + sizes.back(); ++at) {
    auto copy = files->clone();
    ASSERT_TRUE(copy->damage(name, [&](Bytes& bytes) { bytes[at] ^= std::byte{4}; }));
    auto again = copy->clone();
    const auto opened = open_journal(*copy).value();
    EXPECT_EQ(opened.records.size(), 2U);
    EXPECT_TRUE(opened.report.torn_tail);
    const auto refused = open_journal(*again, quiet_options(), 0, 3);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message(),
                AllOf(HasSubstr(name), HasSubstr("lsn 3"), HasSubstr("the database holds lsn 3")));
  }
}

TEST(Recovery, EveryTruncationGivesAPrefixOrARefusal) {
  const std::vector<std::size_t> sizes{40, 300, 5'000, 5};
  const auto files = written(sizes, false);
  const std::string name = segment_name("journal", 1);
  const std::size_t size = content(*files, name).size();
  std::size_t most = 0;
  for (std::size_t length = 0; length <= size; length += length < kSegmentHeaderBytes ? 61 : 1) {
    auto copy = files->clone();
    ASSERT_TRUE(copy->damage(name, [&](Bytes& bytes) { bytes.resize(length); }));
    const auto opened = open_journal(*copy);
    if (length < kBlockBytes) {
      ASSERT_FALSE(opened);
      ASSERT_EQ(opened.error().code(), ErrorCode::corruption);
      continue;
    }
    ASSERT_TRUE(opened) << length << ": " << opened.error().to_string();
    expect_prefix(opened->records, sizes);
    ASSERT_GE(opened->records.size(), most);
    most = opened->records.size();
  }
  EXPECT_EQ(most, sizes.size());
}

TEST(Recovery, EverySectorZeroedDoubledOrSwappedIsNoticed) {
  const std::vector<std::size_t> sizes{40, 3'000, 5'000, 5, 2'000};
  const auto files = written(sizes, true);
  const std::string name = segment_name("journal", 1);
  const Bytes whole = content(*files, name);
  const auto check = [&](const std::function<void(Bytes&)>& change) {
    auto copy = files->clone();
    ASSERT_TRUE(copy->damage(name, change));
    const auto opened = open_journal(*copy, quiet_options(), 0, sizes.size());
    if (!opened) {
      EXPECT_EQ(opened.error().code(), ErrorCode::corruption);
      return;
    }
    EXPECT_EQ(opened->records.size(), sizes.size());
    expect_prefix(opened->records, sizes);
  };
  for (std::size_t sector = 0; sector + 512 <= whole.size(); sector += 512) {
    const auto begin = static_cast<std::ptrdiff_t>(sector);
    check([&](Bytes& bytes) { std::fill(bytes.begin() + begin, bytes.begin() + begin + 512, std::byte{0}); });
    if (sector + 1024 <= whole.size()) {
      check([&](Bytes& bytes) {
        std::swap_ranges(bytes.begin() + begin, bytes.begin() + begin + 512, bytes.begin() + begin + 512);
      });
      check([&](Bytes& bytes) {
        std::copy(whole.begin() + begin, whole.begin() + begin + 512, bytes.begin() + begin + 512);
      });
    }
    check([&](Bytes& bytes) { bytes.insert(bytes.end(), whole.begin() + begin, whole.end()); });
    check([&](Bytes& bytes) { bytes.erase(bytes.begin() + begin, bytes.begin() + begin + 512); });
  }
}

TEST(Recovery, ATornTailIsCopiedAsideAndItsBytesAreNeverUsedAgain) {
  const std::vector<std::size_t> sizes{40, 300, 9'000};
  const auto files = written(sizes, false);
  const std::string name = segment_name("journal", 1);
  const Bytes before = content(*files, name);
  ASSERT_TRUE(files->damage(name, [&](Bytes& bytes) { bytes[kSegmentHeaderBytes + 3 * kBlockBytes] ^= std::byte{1}; }));
  {
    auto opened = open_journal(*files).value();
    EXPECT_EQ(opened.records.size(), 2U);
    EXPECT_TRUE(opened.report.torn_tail);
    EXPECT_EQ(opened.report.torn_copy, "journal/000000000001.torn");
    const Bytes torn = content(*files, opened.report.torn_copy);
    const std::size_t end = kSegmentHeaderBytes + 2 * kBlockBytes;  // of the block that record 2 ends in
    EXPECT_EQ(content(*files, name), Bytes(before.begin(), before.begin() + static_cast<std::ptrdiff_t>(end)));
    EXPECT_EQ(torn.size(), 2 * kBlockBytes - (2 * kHeaderBytes + 300) + 2 * kHeaderBytes + 9'000 - kBlockBytes);
    ASSERT_TRUE(commit(*opened.journal, 50));
    EXPECT_EQ(opened.journal->segments().value().size(), 2U);
  }
  const auto opened = open_journal(*files).value();
  ASSERT_EQ(opened.records.size(), 3U);
  EXPECT_EQ(opened.records[2].payload, payload_of(3, 50)) << "the second record 3, of the next epoch";
  EXPECT_FALSE(opened.report.torn_tail);
}

// A file cut in the middle of a sector has that sector written anew, and a power cut meanwhile may leave it as anything.
TEST(Recovery, CuttingWhatIsReservedTouchesNoSectorThatHoldsARecord) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    core::Random random(seed);
    const auto disk = io::make_memory_file_system();
    JournalOptions options = quiet_options();
    options.reserve_bytes = 64 << 10;
    {
      auto opened = open_journal(*disk, options).value();
      ASSERT_TRUE(commit(*opened.journal, 300));
      // No close: what is reserved stays behind the record.
    }
    {
      testing::FaultyFileSystem files(*disk);
      // The power goes while the next one opens: the cut of the file is made, and not yet synced.
      files.fail({.call = testing::Call::sync, .nth = 2, .forever = true, .error = ErrorCode::io});
      EXPECT_FALSE(open_journal(files, options));
    }
    disk->power_cut(random, {io::PowerCut::Unsynced::garbled, io::PowerCut::Unsynced::kept});
    auto again = open_journal(*disk, options);
    ASSERT_TRUE(again) << "seed " << seed << ": " << again.error().to_string();
    EXPECT_EQ(again->records.size(), 1U) << "seed " << seed;
  }
}

TEST(Recovery, ASegmentThatIsGoneOrForeignOrNewerIsNamed) {
  auto files = io::make_memory_file_system();
  for (int round = 0; round < 4; ++round) {
    auto opened = open_journal(*files).value();
    ASSERT_TRUE(commit(*opened.journal, 100));
    ASSERT_TRUE(commit(*opened.journal, 100));
  }
  const auto segment = [](std::uint64_t number) { return segment_name("journal", number); };
  {
    auto copy = files->clone();
    ASSERT_TRUE(copy->remove(segment(2)));
    EXPECT_THAT(open_journal(*copy).error().message(),
                AllOf(HasSubstr(segment(1)), HasSubstr("lsn 3"), HasSubstr("the next segment begins with lsn 5")));
  }
  {
    auto copy = files->clone();
    ASSERT_TRUE(copy->remove(segment(1)));
    EXPECT_THAT(open_journal(*copy).error().message(), AllOf(HasSubstr(segment(2)), HasSubstr("lsn 1 is needed")));
    EXPECT_TRUE(open_journal(*copy, quiet_options(), 2)) << "a checkpoint covers it";
  }
  {
    auto copy = files->clone();
    ASSERT_TRUE(copy->remove(segment(4)));
    EXPECT_TRUE(open_journal(*copy->clone()));
    EXPECT_EQ(open_journal(*copy, quiet_options(), 0, 8).error().code(), ErrorCode::corruption);
  }
  {
    auto copy = files->clone();
    ASSERT_TRUE(copy->remove_directory("journal"));
    EXPECT_THAT(open_journal(*copy, quiet_options(), 8, 8).error().message(), HasSubstr("the journal is missing"));
  }
  {
    auto identity = test_identity();
    identity.database[3] = std::byte{1};
    EXPECT_THAT(open_journal(*files, quiet_options(), 0, 0, identity).error().message(),
                AllOf(HasSubstr("another database"), HasSubstr(segment(1))));
  }
  {
    auto copy = files->clone();
    ASSERT_TRUE(copy->rename(segment(2), segment(9)));
    EXPECT_THAT(open_journal(*copy).error().message(), AllOf(HasSubstr("wrong name"), HasSubstr(segment(9))));
  }
  {
    auto copy = files->clone();
    auto header = *decode_segment(content(*copy, segment(3)));
    header.format_version = header.reader_version_min = kFormatVersion + 1;
    const Bytes newer = encode(header);
    ASSERT_TRUE(copy->damage(segment(3), [&](Bytes& bytes) {
      std::copy(newer.begin(), newer.end(), bytes.begin());
      std::copy(newer.begin(), newer.end(), bytes.begin() + kBlockBytes);
    }));
    const auto refused = open_journal(*copy);
    EXPECT_EQ(refused.error().code(), ErrorCode::unsupported);
    EXPECT_THAT(refused.error().message(), HasSubstr(segment(3)));
  }
  {
    auto identity = test_identity();
    identity.timeline = 2;
    EXPECT_TRUE(open_journal(*files->clone(), quiet_options(), 0, 0, identity))
        << "a restored database goes on from its ancestor's records";
    auto copy = files->clone();
    {
      ASSERT_TRUE(commit(*open_journal(*copy, quiet_options(), 0, 0, identity).value().journal, 10));
    }
    EXPECT_THAT(open_journal(*copy).error().message(), HasSubstr("later timeline"));
  }
}

TEST(Recovery, ASegmentOfAnotherHistoryDoesNotContinueTheChain) {
  const auto make = [](std::size_t size) {
    auto files = io::make_memory_file_system();
    for (int round = 0; round < 2; ++round) {
      auto opened = open_journal(*files).value();
      EXPECT_TRUE(commit(*opened.journal, size));
    }
    return files;
  };
  const auto ours = make(10);
  const auto theirs = make(11);
  const std::string second = segment_name("journal", 2);
  const Bytes foreign = content(*theirs, second);
  ASSERT_TRUE(ours->damage(second, [&](Bytes& bytes) { bytes = foreign; }));
  EXPECT_THAT(open_journal(*ours).error().message(),
              AllOf(HasSubstr("do not continue one another"), HasSubstr(second)));
}

TEST(Recovery, ABatchOfAnotherHistoryDoesNotContinueTheChain) {
  // Both have a valid record 2 at the same place; only what came before differs.
  const auto ours = written({10, 20}, false);
  const auto theirs = written({11, 20}, false);
  const std::string name = segment_name("journal", 1);
  const Bytes foreign = content(*theirs, name);
  ASSERT_TRUE(ours->damage(name, [&](Bytes& bytes) {
    const auto begin = static_cast<std::ptrdiff_t>(kSegmentHeaderBytes + kBlockBytes);
    std::copy(foreign.begin() + begin, foreign.begin() + begin + kBlockBytes, bytes.begin() + begin);
  }));
  const auto refused = open_journal(*ours->clone(), quiet_options(), 0, 2);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("does not continue the chain"));
  const auto opened = open_journal(*ours);
  ASSERT_TRUE(opened) << opened.error().to_string();
  EXPECT_EQ(opened->records.size(), 1U);
}

TEST(Recovery, SegmentsThatAreGivenBackLeaveNoHoleAfterAPowerCut) {
  const auto files = io::make_memory_file_system();
  auto opened = open_journal(*files, tiny_options()).value();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(commit(*opened.journal, 25'000));
  ASSERT_GT(opened.journal->segments().value().size(), 8U);
  ASSERT_TRUE(opened.journal->truncate_below(20));
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto cut = files->clone();
    core::Random random(seed);
    cut->power_cut(random, {kept, torn});
    const std::vector<std::string> names = cut->list("journal").value();
    std::vector<std::uint64_t> left;
    for (const std::string& file : names)
      if (const auto number = number_in(file, ".journal")) left.push_back(*number);
    ASSERT_FALSE(left.empty());
    EXPECT_EQ(left.back() - left.front() + 1, left.size()) << "seed " << seed;
  }
}

TEST(Recovery, AJournalInsideAPayloadIsNotTakenForTheJournal) {
  // The payload holds batches of a journal, block by block, at block boundaries; then the record is torn at its start.
  const auto inner = written({40, 300, 5'000, 5}, true);
  const Bytes image = content(*inner, segment_name("journal", 1));
  auto files = io::make_memory_file_system();
  {
    auto opened = open_journal(*files).value();
    ASSERT_TRUE(commit(*opened.journal, 10));
    Bytes payload(kBlockBytes - 2 * kHeaderBytes);
    payload.insert(payload.end(), image.begin(), image.end());
    const Lsn lsn = opened.journal->append(std::move(payload), 0, 0).value();
    ASSERT_TRUE(opened.journal->wait(lsn, Durability::off));
  }
  ASSERT_TRUE(files->damage(segment_name("journal", 1),
                            [](Bytes& bytes) { bytes[kSegmentHeaderBytes + kBlockBytes + 70] ^= std::byte{1}; }));
  const auto opened = open_journal(*files);
  ASSERT_TRUE(opened) << opened.error().to_string();
  EXPECT_EQ(opened->records.size(), 1U);
}

TEST(Recovery, AVisitorsErrorEndsItAndChangesNothing) {
  const auto files = written({1, 2, 3}, false);
  const auto before = files->list("journal").value();
  static const core::ManualClock clock;
  const auto refused = Journal::open(*files, clock, "journal", test_identity(), quiet_options(), 0, 0,
                                     [](const Record& record) -> Result<void> {
                                       if (record.lsn < 2) return {};
                                       return Error(ErrorCode::corruption, "I cannot apply this");
                                     });
  EXPECT_EQ(refused.error().message(), "I cannot apply this");
  EXPECT_EQ(files->list("journal").value(), before);
}

// A watermark holds no record, so durable_before says nothing about its loss: durable_blocks does.
TEST(Recovery, ADamagedWatermarkDoesNotTakeTheBatchBehindItAlong) {
  const auto files = written({40, 300}, false);
  const std::string name = segment_name("journal", 1);
  ASSERT_TRUE(files->damage(name, [](Bytes& bytes) {
    // Record 2 moves one block on, and a watermark takes its place, as an idle journal would have written it.
    const auto at = bytes.begin() + kSegmentHeaderBytes + kBlockBytes;
    bytes.insert(at, kBlockBytes, std::byte{0});
    const auto slot = [&](std::size_t block) {
      return std::span<std::byte, kHeaderBytes>(&bytes[block * kBlockBytes], kHeaderBytes);
    };
    BatchHeader second = *decode_batch(slot(4));
    BatchHeader watermark = second;
    second.block = second.durable_blocks = 4;
    encode(second, slot(4));
    watermark.bytes = kHeaderBytes;
    watermark.frames = 0;
    watermark.chain_after = watermark.chain_before;
    encode(watermark, slot(3));
  }));
  ASSERT_EQ(open_journal(*files->clone()).value().records.size(), 2U);
  ASSERT_TRUE(files->damage(name, [](Bytes& bytes) { bytes[3 * kBlockBytes + 20] ^= std::byte{1}; }));
  const auto refused = open_journal(*files);
  ASSERT_FALSE(refused) << "record 2 was acknowledged";
  EXPECT_THAT(refused.error().message(), AllOf(HasSubstr(name + " at offset 12288"), HasSubstr("lsn 2")));
}

// The worked example of docs/formats/journal.md: a file that every later version must read.
TEST(Recovery, ReadsTheFileOfTheFormatDocument) {
  static constexpr std::pair<std::size_t, const char*> kLines[] = {
      {0x000000, "005354524a4e4c310100000001000000"}, {0x000010, "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"},
      {0x000020, "01000000000000000100000000000000"}, {0x000030, "01000000000000000100000000000000"},
      {0x000040, "76d839bf28e78efb7e403ae9192fd662"}, {0x000050, "00401e18240a06000000000000000000"},
      {0x000ff0, "000000000000000000000000a304222e"}, {0x002000, "53545246010000008500000001000000"},
      {0x002010, "01000000000000000000000000000000"}, {0x002020, "76d839bf28e78efb1f6488ac30658a69"},
      {0x002030, "020000000200000001000000b9382244"}, {0x002040, "53545246020000000500000001000000"},
      {0x002050, "010000000000000000401e18240a0600"}, {0x002060, "09000000000000001838525eaacf79c7"},
      {0x002070, "7f3e1b07adc1e9b501000000e343d80c"}, {0x002080, "68656c6c6f0000000000000000000000"},
      {0x003000, "53545246010100004000000001000000"}, {0x003010, "02000000000000000100000000000000"},
      {0x003020, "1f6488ac30658a691f6488ac30658a69"}, {0x003030, "0300000003000000000000002097094c"},
  };
  Bytes file(4 * kBlockBytes);
  for (const auto& [offset, hex] : kLines) {
    const Bytes line = core::from_hex(hex).value();
    std::copy(line.begin(), line.end(), file.begin() + static_cast<std::ptrdiff_t>(offset));
  }
  std::copy(file.begin(), file.begin() + kBlockBytes, file.begin() + kBlockBytes);
  auto files = io::make_memory_file_system();
  ASSERT_TRUE(files->create_directory("journal"));
  ASSERT_TRUE(io::write_file_atomically(*files, "journal/000000000001.journal", file));
  const auto opened = open_journal(*files).value();
  const ByteView hello = as_bytes("hello");
  EXPECT_EQ(opened.records, (std::vector<Seen>{{1, 1'700'000'000'000'000, 9, Bytes(hello.begin(), hello.end())}}));
  EXPECT_TRUE(opened.report.clean_shutdown);
}

// The trace: commits of varying sizes and durabilities, parts, a rotation, a second open. The power is cut at every single
// call that changes the disk, before it, in its middle and after it, and what was not synced is lost, kept, torn, cut to a
// prefix or garbled. Oracle (P1–P5): acknowledged ⊆ recovered ⊆ attempted, recovered is a prefix, a second open finds the same.
TEST(Recovery, AfterAPowerCutAtAnyCallExactlyAPrefixWithAllAcknowledgedRecordsIsThere) {
  const std::vector<std::size_t> sizes{10,    4'000,  4'096,  9'000, 0,     33'000, 200, 512,
                                       8'192, 20'000, 50'000, 33,    1'000, 5'000,  77};
  struct Progress {
    std::size_t attempted = 0;
    std::size_t acknowledged = 0;
  };
  const auto trace = [&](io::FileSystem& files, Progress& progress) {
    for (int round = 0; round < 3; ++round) {
      auto opened = open_journal(files, tiny_options());
      if (!opened) return;
      Journal& journal = *opened->journal;
      while (journal.last_lsn() < sizes.size() * (static_cast<std::size_t>(round) + 1) / 3) {
        const std::size_t index = journal.last_lsn();
        progress.attempted = std::max(progress.attempted, index + 1);
        if (index % 4 == 1) {  // two in one batch
          if (!journal.append(payload_of(index + 1, sizes[index]), static_cast<Timestamp>(index + 1) * 10,
                              (index + 1) * 3))
            return;
          continue;
        }
        const auto lsn = commit(journal, sizes[index], index % 5 == 3 ? Durability::off : Durability::batch);
        progress.acknowledged = std::max<std::size_t>(progress.acknowledged, journal.durable_lsn());
        if (!lsn) return;
      }
      if (round == 1 && !journal.close()) return;
      progress.acknowledged = std::max<std::size_t>(progress.acknowledged, journal.durable_lsn());
    }
  };
  std::uint64_t calls = 0;
  {
    auto base = io::make_memory_file_system();
    testing::FaultyFileSystem files(*base);
    Progress progress;
    trace(files, progress);
    ASSERT_EQ(progress.acknowledged, sizes.size());
    calls = files.calls(testing::Call::change);
  }
  ASSERT_GT(calls, 60U);
  std::uint64_t torn_tails = 0;
  for (std::uint64_t k = 1; k <= calls; ++k) {
    for (const auto effect :
         {testing::Fault::Effect::none, testing::Fault::Effect::half, testing::Fault::Effect::all}) {
      auto base = io::make_memory_file_system();
      testing::FaultyFileSystem files(*base);
      files.fail({.call = testing::Call::change, .nth = k, .forever = true, .effect = effect});
      Progress progress;
      trace(files, progress);
      for (const auto policy : {lost, kept, torn, torn, torn, prefix, garbled, garbled}) {
        auto disk = base->clone();
        core::Random random(k * 1'000 + torn_tails);
        disk->power_cut(random, {policy, policy == garbled ? torn : policy});
        const auto where = [&] {
          return "call " + std::to_string(k) + ", policy " + std::to_string(static_cast<int>(policy));
        };
        auto opened = open_journal(*disk, tiny_options());
        ASSERT_TRUE(opened) << where() << ": " << opened.error().to_string();
        ASSERT_GE(opened->records.size(), progress.acknowledged) << where();
        ASSERT_LE(opened->records.size(), progress.attempted) << where();
        expect_prefix(opened->records, sizes);
        torn_tails += opened->report.torn_tail;
        opened->journal.reset();
        disk->power_cut(random, {lost, lost});  // recovery itself made what it found durable
        auto again = open_journal(*disk, tiny_options());
        ASSERT_TRUE(again) << where() << ": " << again.error().to_string();
        ASSERT_EQ(again->records, opened->records) << where();
        ASSERT_FALSE(again->report.torn_tail) << where();
      }
    }
  }
  EXPECT_GT(torn_tails, 50U) << "the rare path was reached";
}

TEST(Recovery, WhatAKilledProcessLeftUnsyncedIsSyncedBeforeAnythingIsBuiltOnIt) {
  // Three records in the page cache and a torn fourth; then recovery ends at any of its calls, and the power with it.
  const auto files = io::make_memory_file_system();
  const std::string name = segment_name("journal", 1);
  {
    auto opened = open_journal(*files).value();
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(commit(*opened.journal, 1'000, Durability::off));
    EXPECT_EQ(opened.journal->durable_lsn(), 0U);
  }
  ASSERT_TRUE(files->open(name, io::OpenMode::read_write)
                  .value()
                  ->write(kSegmentHeaderBytes + 3 * kBlockBytes, as_bytes("the beginning of a batch")));
  for (std::uint64_t k = 1;; ++k) {
    const auto disk = files->clone();
    testing::FaultyFileSystem failing(*disk);
    failing.fail({.call = testing::Call::change, .nth = k, .forever = true});
    const bool done = open_journal(failing).has_value();
    core::Random random(k);
    disk->power_cut(random, {lost, lost});
    const auto again = open_journal(*disk);
    ASSERT_TRUE(again) << "call " << k << ": " << again.error().to_string();
    ASSERT_LE(again->records.size(), 3U);
    if (!done) continue;
    EXPECT_EQ(again->records.size(), 3U);
    break;
  }
}

TEST(Recovery, WithoutTheSyncTheSameTestWouldTurnRed) {
  // A disk whose sync does nothing: the acknowledged record is gone. This is what the test above is worth.
  class Liar final : public io::FileSystem {
   public:
    class File final : public io::File {
     public:
      explicit File(std::unique_ptr<io::File> base) : base_(std::move(base)) {}
      Result<void> read(std::uint64_t offset, std::span<std::byte> out) const override {
        return base_->read(offset, out);
      }
      Result<void> read_durable(std::uint64_t offset, std::span<std::byte> out) const override {
        return base_->read_durable(offset, out);
      }
      Result<void> write(std::uint64_t offset, ByteView bytes) override { return base_->write(offset, bytes); }
      Result<void> append(ByteView bytes) override { return base_->append(bytes); }
      Result<void> sync() override { return base_->sync(); }
      Result<void> sync_data() override { return {}; }  // the lie
      Result<void> truncate(std::uint64_t size) override { return base_->truncate(size); }
      Result<void> zero_fill(std::uint64_t offset, std::uint64_t size) override {
        return base_->zero_fill(offset, size);
      }
      Result<void> reserve(std::uint64_t offset, std::uint64_t size) override { return base_->reserve(offset, size); }
      Result<std::uint64_t> size() const override { return base_->size(); }

     private:
      std::unique_ptr<io::File> base_;
    };
    explicit Liar(io::FileSystem& base) : base_(base) {}
    Result<std::unique_ptr<io::File>> open(std::string_view name, io::OpenMode mode) override {
      auto file = STRATA_TRY(base_.open(name, mode));
      return std::unique_ptr<io::File>(std::make_unique<File>(std::move(file)));
    }
    Result<std::unique_ptr<io::Mapping>> map(std::string_view name) override { return base_.map(name); }
    Result<void> rename(std::string_view from, std::string_view to) override { return base_.rename(from, to); }
    Result<void> remove(std::string_view name) override { return base_.remove(name); }
    Result<bool> exists(std::string_view name) override { return base_.exists(name); }
    Result<std::uint64_t> file_size(std::string_view name) override { return base_.file_size(name); }
    Result<void> create_directory(std::string_view name) override { return base_.create_directory(name); }
    Result<void> remove_directory(std::string_view name) override { return base_.remove_directory(name); }
    Result<std::vector<std::string>> list(std::string_view directory) override { return base_.list(directory); }
    Result<void> sync_directory(std::string_view directory) override { return base_.sync_directory(directory); }
    Result<std::unique_ptr<io::DirectoryLock>> lock(std::string_view name, std::string_view owner) override {
      return base_.lock(name, owner);
    }
    Result<std::uint64_t> free_bytes() override { return base_.free_bytes(); }
    Result<std::string> path(std::string_view name) override { return base_.path(name); }

   private:
    io::FileSystem& base_;
  };
  auto base = io::make_memory_file_system();
  Liar files(*base);
  auto opened = open_journal(files).value();
  ASSERT_TRUE(commit(*opened.journal, 100));
  core::Random random(1);
  base->power_cut(random, {lost, lost});
  EXPECT_TRUE(open_journal(*base).value().records.empty());
}

}  // namespace
}  // namespace strata::journal
