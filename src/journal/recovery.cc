#include "journal/recovery.h"

#include <algorithm>

#include "journal/segment_walk.h"

namespace strata::journal {
namespace {

std::string text(std::uint64_t number) { return std::to_string(number); }

Result<Recovered> list_segments(io::FileSystem& files, const std::string& directory, const JournalIdentity& identity) {
  Recovered found;
  for (const std::string& file : STRATA_TRY(files.list(directory))) {
    if (file.ends_with(".tmp")) found.leftovers.push_back(directory + "/" + file);
    const auto number = number_in(file, ".journal");
    found.number = std::max({found.number, number.value_or(0), number_in(file, ".journal.tmp").value_or(0),
                             number_in(file, ".torn").value_or(0)});
    if (!number) continue;
    Segment segment{.name = segment_name(directory, *number), .header = {}};
    segment.header = STRATA_TRY(read_segment_header(files, segment.name, *number, identity.database));
    found.segments.push_back(std::move(segment));  // the names are listed sorted, and their numbers have one width
  }
  return found;
}

/// What the headers must say about one another, and about what the caller knows.
Result<void> check_headers(const Recovered& found, const std::string& directory, const JournalIdentity& identity,
                           Lsn replay_after, Lsn known_durable) {
  const Lsn needed = std::max(replay_after, known_durable);
  if (found.segments.empty() && needed > 0)
    return Error(ErrorCode::corruption, "the journal is missing: no segment in " + directory +
                                            ", and records up to lsn " + text(needed) + " are known to be durable");
  const SegmentHeader* before = nullptr;
  for (const Segment& segment : found.segments) {
    const SegmentHeader& header = segment.header;
    if (header.first_lsn == 0 || header.epoch == 0)
      return Error(ErrorCode::corruption, "journal segment with an impossible header: " + segment.name);
    if (header.timeline > identity.timeline)
      return Error(ErrorCode::corruption, "journal segment of a later timeline: " + segment.name + " has timeline " +
                                              text(header.timeline) + ", the database has " + text(identity.timeline));
    if (before != nullptr &&
        (header.epoch < before->epoch || header.timeline < before->timeline || header.first_lsn < before->first_lsn))
      return Error(ErrorCode::corruption, "journal segment out of order: " + segment.name);  // I8
    before = &header;
  }
  if (!found.segments.empty() && found.segments.front().header.first_lsn > replay_after + 1)
    return Error(ErrorCode::corruption, "journal segments are missing: " + found.segments.front().name +
                                            " begins at lsn " + text(found.segments.front().header.first_lsn) +
                                            ", lsn " + text(replay_after + 1) + " is needed");
  return {};
}

Error damaged(const SegmentWalk& walk, const SegmentWalk::Tail& tail, const std::string& proof) {
  return Error(ErrorCode::corruption, "journal record damaged: " + walk.name() + " at offset " + text(tail.offset) +
                                          ", lsn " + text(walk.last_lsn() + 1) + ": " + tail.why +
                                          "; it had been durable: " + proof);
}

}  // namespace

Result<Recovered> recover(io::FileSystem& files, const std::string& directory, const JournalIdentity& identity,
                          Lsn replay_after, Lsn known_durable,
                          const std::function<Result<void>(const Record&)>& visit) {
  Recovered found = STRATA_TRY(list_segments(files, directory, identity));
  STRATA_TRY(check_headers(found, directory, identity, replay_after, known_durable));
  found.chain = first_chain(identity.database);

  // What the checkpoint covers need not be read: begin with the last segment that starts at or before the first record
  // wanted. Its header pins the chain.
  const Lsn needed = std::max(replay_after, known_durable);
  std::size_t first = 0;
  while (first + 1 < found.segments.size() && found.segments[first + 1].header.first_lsn <= replay_after + 1) ++first;
  for (std::size_t i = 0; i < first; ++i) {
    found.segments[i].last_lsn = found.segments[i + 1].header.first_lsn - 1;
    found.segments[i].bytes = STRATA_TRY(files.file_size(found.segments[i].name));
  }

  for (std::size_t i = first; i < found.segments.size(); ++i) {
    Segment& segment = found.segments[i];
    const SegmentHeader& header = segment.header;
    if (header.first_lsn == 1 && header.chain != first_chain(identity.database))
      return Error(ErrorCode::corruption, "journal segment does not begin the chain of its database: " + segment.name);
    if (i > first && (header.first_lsn != found.last_lsn + 1 || header.chain != found.chain))
      return Error(ErrorCode::corruption, "journal segments do not continue one another: " + segment.name +
                                              " begins after lsn " + text(header.first_lsn - 1) +
                                              ", the one before ends with lsn " + text(found.last_lsn));
    const bool newest = i + 1 == found.segments.size();
    auto walk = STRATA_TRY(SegmentWalk::open(files, segment.name, header, newest));
    Record record;
    while (STRATA_TRY(walk.next(record)))
      if (record.lsn > replay_after) STRATA_TRY(visit(record));

    const SegmentWalk::Tail tail = STRATA_TRY(walk.inspect_tail());
    if (!newest && found.segments[i + 1].header.first_lsn > walk.last_lsn() + 1)
      return damaged(walk, tail, "the next segment begins with lsn " + text(found.segments[i + 1].header.first_lsn));
    if (newest && !tail.proof.empty()) return damaged(walk, tail, tail.proof);
    if (newest && needed > walk.last_lsn()) return damaged(walk, tail, "the database holds lsn " + text(needed));
    if (newest && tail.bytes_end > walk.end() && !walk.clean_shutdown())
      found.torn = STRATA_TRY(walk.read_range(walk.end(), tail.bytes_end));
    if (newest) found.clean_shutdown = walk.clean_shutdown();

    segment.last_lsn = found.last_lsn = walk.last_lsn();
    segment.bytes = walk.end();
    found.chain = walk.chain();
    found.epoch = header.epoch;
    found.bytes_read += walk.bytes_read();
  }
  return found;
}

}  // namespace strata::journal
