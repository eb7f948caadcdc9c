#pragma once
/// What the tests of this folder share: a journal on a disk in memory, without threads of its own, whose records can be
/// recognised.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "io/memory_file_system.h"
#include "journal/frame.h"
#include "journal/journal.h"

namespace strata::journal {

/// No background thread: every call to the disk comes from the test's own thread, in the same order each time.
inline JournalOptions quiet_options() {
  return {.segment_bytes = 1 << 20,
          .reserve_bytes = 0,
          .zero_ahead_bytes = 0,
          .batch_bytes_max = 64 << 10,
          .flush_us_max = 0};
}

inline JournalIdentity test_identity() {
  JournalIdentity identity;
  identity.database.fill(std::byte{0x5a});
  return identity;
}

/// The payload of record `lsn`: its bytes follow from lsn and size. Made once; one thread at a time.
inline const Bytes& payload_of(Lsn lsn, std::size_t size) {
  static std::map<std::pair<Lsn, std::size_t>, Bytes> made;
  Bytes& payload = made[{lsn, size}];
  if (payload.size() == size) return payload;
  payload.resize(size);
  for (std::size_t i = 0; i < size; ++i) payload[i] = static_cast<std::byte>(lsn * 131 + i * 7 + (i >> 8));
  return payload;
}

/// The same with everything small: parts and new segments after a few records.
inline JournalOptions tiny_options() {
  JournalOptions options = quiet_options();
  options.segment_bytes = 64 << 10;
  options.batch_bytes_max = 8 << 10;
  return options;
}

/// A record as the visitor saw it, kept.
struct Seen {
  Lsn lsn;
  Timestamp commit_time;
  std::uint64_t idempotency;
  Bytes payload;
  bool operator==(const Seen&) const = default;
};

struct Opened {
  std::unique_ptr<Journal> journal;
  std::vector<Seen> records;
  RecoveryReport report;
};

inline Result<Opened> open_journal(io::FileSystem& files, const JournalOptions& options = quiet_options(),
                                   Lsn replay_after = 0, Lsn known_durable = 0,
                                   const JournalIdentity& identity = test_identity()) {
  static const core::ManualClock clock;
  Opened opened;
  opened.journal = STRATA_TRY(Journal::open(
      files, clock, "journal", identity, options, replay_after, known_durable,
      [&](const Record& record) -> Result<void> {
        opened.records.push_back(
            {record.lsn, record.commit_time, record.idempotency, Bytes(record.payload.begin(), record.payload.end())});
        return {};
      },
      &opened.report));
  return opened;
}

/// Appends the next record with `size` bytes and waits for it.
inline Result<Lsn> commit(Journal& journal, std::size_t size, Durability durability = Durability::batch) {
  const Lsn next = journal.last_lsn() + 1;
  const Lsn lsn = STRATA_TRY(journal.append(payload_of(next, size), static_cast<Timestamp>(next * 10), next * 3));
  STRATA_TRY(journal.wait(lsn, durability));
  return lsn;
}

inline Bytes content(io::FileSystem& files, std::string_view name) {
  return io::read_file(files, name, 1 << 28).value();
}

}  // namespace strata::journal
