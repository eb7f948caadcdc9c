#pragma once
/// Finds the true end of a journal and hands its records to a visitor. Changes nothing on disk.
///
///     for each segment, oldest first: header → batches → frames, as far as they verify
///     the next segment pins (first LSN, chain): it must begin exactly where this one ended, or something is gone
///     behind the end of the newest segment: a torn write, unless something proves that those bytes had been durable:
///         a later batch, written after a sync that covered them · an LSN that a store or the manifest holds
///
/// A torn write loses nothing that was acknowledged. Anything else is corruption: open refuses and names the place.
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "io/file_system.h"
#include "journal/frame.h"
#include "journal/journal.h"

namespace strata::journal {

struct Segment {
  std::string name;
  SegmentHeader header;
  Lsn last_lsn = 0;         ///< header.first_lsn − 1 when it holds no record
  std::uint64_t bytes = 0;  ///< up to the end of its last record
  bool empty() const { return last_lsn + 1 == header.first_lsn; }
};

struct Recovered {
  std::vector<Segment> segments;  ///< oldest first
  Lsn last_lsn = 0;
  Chain chain;                         ///< after it
  std::uint64_t epoch = 0;             ///< the highest seen
  std::uint64_t number = 0;            ///< the highest in any file name
  std::vector<std::string> leftovers;  ///< unfinished files
  Bytes torn;                          ///< what the newest segment holds behind its last record
  bool clean_shutdown = false;
  std::uint64_t bytes_read = 0;
};

Result<Recovered> recover(io::FileSystem& files, const std::string& directory, const JournalIdentity& identity,
                          Lsn replay_after, Lsn known_durable, const std::function<Result<void>(const Record&)>& visit);

}  // namespace strata::journal
