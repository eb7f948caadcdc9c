#include "journal/segment_walk.h"

#include <algorithm>
#include <cstring>

#include "core/assert.h"
#include "core/endian.h"

namespace strata::journal {
namespace {

constexpr std::size_t kWindowBytes = 2 << 20;  // stays in the second-level cache between read and hash
constexpr std::size_t kCommitPayloadBytes = 24;

std::string place(const std::string& name, std::uint64_t offset) {
  return name + " at offset " + std::to_string(offset);
}

}  // namespace

Result<SegmentHeader> read_segment_header(io::FileSystem& files, const std::string& name, std::uint64_t number,
                                          const std::array<std::byte, 16>& database) {
  const auto file = STRATA_TRY(files.open(name, io::OpenMode::read));
  Bytes bytes(std::min<std::uint64_t>(STRATA_TRY(file->size()), kSegmentHeaderBytes));
  STRATA_TRY(file->read(0, bytes));
  bytes.resize(kSegmentHeaderBytes);
  auto first = decode_segment(ByteView(bytes).first(kBlockBytes));
  const auto second = decode_segment(ByteView(bytes).subspan(kBlockBytes));
  if (!first) first = second;
  if (!first) return Error(ErrorCode::corruption, "journal segment without a valid header: " + place(name, 0));
  if (first->reader_version_min > kFormatVersion)
    return Error(ErrorCode::unsupported, "journal written by a newer version: " + name + " has format " +
                                             std::to_string(first->format_version) + ", this program reads up to " +
                                             std::to_string(kFormatVersion));
  if (second && *second != *first)
    return Error(ErrorCode::corruption, "the two headers of a journal segment differ: " + place(name, 0));
  if (first->database != database) return Error(ErrorCode::corruption, "journal segment of another database: " + name);
  if (first->number != number)
    return Error(ErrorCode::corruption,
                 "journal segment under the wrong name: " + name + " is number " + std::to_string(first->number));
  return *first;
}

Result<SegmentWalk> SegmentWalk::open(io::FileSystem& files, std::string name, const SegmentHeader& header,
                                      bool durable) {
  SegmentWalk walk;
  walk.name_ = std::move(name);
  walk.header_ = header;
  walk.file_ = STRATA_TRY(files.open(walk.name_, io::OpenMode::read));
  // What recovery accepts must not be lost again by the next power cut: it may be in the page cache only.
  if (durable) STRATA_TRY(walk.file_->sync());
  walk.durable_ = durable;
  walk.file_bytes_ = STRATA_TRY(walk.file_->size());
  walk.batch_end_ = walk.at_ = walk.end_ = kSegmentHeaderBytes;
  walk.last_lsn_ = header.first_lsn - 1;
  walk.chain_ = walk.record_chain_ = header.chain;
  return walk;
}

Result<bool> SegmentWalk::next(Record& record) {
  if (stop_why_ != nullptr) return false;
  assembled_.clear();
  for (;;) {
    if (at_ == batch_end_) {
      if (!STRATA_TRY(enter_batch())) return false;
      continue;
    }
    bool whole = false;
    if (!STRATA_TRY(take_frame(record, whole))) return false;
    if (whole) return true;
  }
}

bool SegmentWalk::stop(std::uint64_t offset, const char* why) {
  stop_offset_ = offset;
  stop_block_ = (offset == at_ && at_ < batch_end_ ? batch_offset_ : offset) / kBlockBytes;
  stop_why_ = why;
  return false;
}

Result<bool> SegmentWalk::enter_batch() {
  if (batch_offset_ != 0) {
    // Every frame of the batch verified by itself; what they add up to is in its header.
    if (frames_ != batch_.frames || chain_.low != batch_.chain_after)
      return Error(ErrorCode::corruption, "journal batch contradicts its header: " + place(name_, batch_offset_) +
                                              ", lsn " + std::to_string(batch_.first_lsn));
  }
  const std::uint64_t offset = round_up_to_block(batch_end_);
  if (clean_shutdown_) return stop(offset, "the journal was closed here");
  const ByteView bytes = STRATA_TRY(view(offset, kHeaderBytes));
  const auto header = decode_batch(bytes);
  if (!header) return stop(offset, "no valid batch header");
  if (header->epoch != header_.epoch) return stop(offset, "a batch of another epoch");
  if (header->block != offset / kBlockBytes) return stop(offset, "a batch that belongs elsewhere");
  if (header->first_lsn != last_lsn_ + 1) return stop(offset, "a batch out of sequence");
  if (header->chain_before != chain_.low) return stop(offset, "a batch that does not continue the chain");
  if (header->bytes < kHeaderBytes) return stop(offset, "a batch shorter than its header");
  batch_ = *header;
  batch_offset_ = offset;
  batch_end_ = offset + header->bytes;
  at_ = offset + kHeaderBytes;
  frames_ = 0;
  if (header->frames == 0) end_ = at_;
  clean_shutdown_ = (header->flags & BatchHeader::kCleanShutdown) != 0;
  STRATA_TRY(view(offset, header->bytes));  // the whole batch in one read
  return true;
}

Result<bool> SegmentWalk::take_frame(Record& record, bool& whole) {
  if (batch_end_ - at_ < kHeaderBytes) return stop(at_, "a frame longer than its batch");
  const ByteView head = STRATA_TRY(view(at_, kHeaderBytes));
  const auto header = decode_frame(head);
  if (!header) return stop(at_, "no valid record header");
  if (header->epoch != header_.epoch || header->timeline != header_.timeline)
    return stop(at_, "a record of another epoch or timeline");                     // I8
  if (header->lsn != last_lsn_ + 1) return stop(at_, "a record out of sequence");  // I1
  if (header->payload_bytes > batch_end_ - at_ - kHeaderBytes) return stop(at_, "a record longer than its batch");
  const ByteView frame = STRATA_TRY(view(at_, kHeaderBytes + header->payload_bytes));
  if (frame.size() < kHeaderBytes + header->payload_bytes) return stop(at_, "a record longer than the file");
  const ByteView payload = frame.subspan(kHeaderBytes);
  if (core::xxh3_128(payload) != header->payload_hash) return stop(at_, "the payload does not match its hash");

  switch (header->type) {
    case FrameType::record:
      if (!assembled_.empty()) return stop(at_, "a record amid the parts of another");
      record = {.lsn = header->lsn,
                .commit_time = header->commit_time,
                .idempotency = header->idempotency,
                .payload = payload};
      whole = true;
      break;
    case FrameType::chunk:
      if (static_cast<std::uint64_t>(header->commit_time) != assembled_.size())
        return stop(at_, "a part out of sequence");
      assembled_.insert(assembled_.end(), payload.begin(), payload.end());
      break;
    case FrameType::commit:
      if (!STRATA_TRY(take_commit(*header, payload, record))) return false;
      whole = true;
      break;
    case FrameType::batch: STRATA_ASSERT(false && "decode_frame returns no batch header");
  }
  chain_ = next_chain(chain_, frame.first<kHeaderBytes>());
  at_ += frame.size();
  ++frames_;
  if (whole) {
    last_lsn_ = header->lsn;
    record_chain_ = chain_;
    end_ = at_;
  }
  return true;
}

Result<bool> SegmentWalk::take_commit(const FrameHeader& header, ByteView payload, Record& record) {
  if (payload.size() != kCommitPayloadBytes) return stop(at_, "a commit of the wrong size");
  const auto total = core::load<std::uint64_t>(&payload[0]);
  const core::Hash128 hash{core::load<std::uint64_t>(&payload[8]), core::load<std::uint64_t>(&payload[16])};
  if (total != assembled_.size() || core::xxh3_128(assembled_) != hash)
    return stop(at_, "the parts do not add up to the record");
  record = {
      .lsn = header.lsn, .commit_time = header.commit_time, .idempotency = header.idempotency, .payload = assembled_};
  return true;
}

// As many bytes as asked for, or fewer at the end of the file. Valid until the next call that leaves the window.
Result<ByteView> SegmentWalk::view(std::uint64_t offset, std::size_t bytes) {
  if (offset >= file_bytes_) return ByteView();
  bytes = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, file_bytes_ - offset));
  if (offset < window_offset_ || offset + bytes > window_offset_ + window_bytes_) {
    const std::uint64_t from = offset / kBlockBytes * kBlockBytes;
    const std::size_t wanted = static_cast<std::size_t>(
        std::min<std::uint64_t>(file_bytes_ - from, std::max<std::uint64_t>(kWindowBytes, offset - from + bytes)));
    if (window_.size() < wanted) window_.resize(wanted);
    const std::span<std::byte> out(window_.data(), wanted);
    window_bytes_ = 0;
    STRATA_TRY(durable_ ? file_->read_durable(from, out) : file_->read(from, out));
    window_offset_ = from;
    window_bytes_ = wanted;
    bytes_read_ += wanted;
  }
  return ByteView(window_).subspan(static_cast<std::size_t>(offset - window_offset_), bytes);
}

// A write that was never acknowledged may have reached the disk in any part, and later unsynced writes too: what lies
// behind the first invalid byte proves nothing by being valid. A batch proves something by what it says about the time it
// was written: that the blocks before had been synced.
Result<SegmentWalk::Tail> SegmentWalk::inspect_tail() {
  STRATA_ASSERT(stop_why_ != nullptr);
  Tail tail{.offset = stop_offset_, .why = stop_why_, .bytes_end = end_, .proof = ""};
  std::uint64_t block = end_ / kBlockBytes;
  for (; block * kBlockBytes < file_bytes_; ++block) {
    const std::uint64_t offset = block * kBlockBytes;
    const ByteView bytes = STRATA_TRY(view(offset, kBlockBytes));
    const auto from = static_cast<std::size_t>(std::max(end_, offset) - offset);
    for (std::size_t i = bytes.size(); i > from; --i) {
      if (bytes[i - 1] == std::byte{0}) continue;
      tail.bytes_end = offset + i;
      break;
    }
    if (block < stop_block_) continue;
    const auto batch = decode_batch(bytes);
    if (!batch || batch->epoch != header_.epoch || batch->block != block) continue;
    if (tail.proof.empty() && (batch->durable_blocks > stop_block_ || batch->durable_before > last_lsn_))
      tail.proof = "a batch at offset " + std::to_string(offset) + " was written after lsn " +
                   std::to_string(batch->durable_before) + " was durable";
  }
  return tail;
}

Result<Bytes> SegmentWalk::read_range(std::uint64_t begin, std::uint64_t end) {
  Bytes bytes(static_cast<std::size_t>(end - begin));
  STRATA_TRY(file_->read(begin, bytes));
  return bytes;
}

}  // namespace strata::journal
