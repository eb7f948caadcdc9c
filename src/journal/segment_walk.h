#pragma once
/// Walks one segment from its first record, verifying all there is to verify, and says where and why it ends.
#include <memory>
#include <string>

#include "io/file_system.h"
#include "journal/frame.h"
#include "journal/journal.h"

namespace strata::journal {

/// Reads the header of a segment file: the first of the two copies that verifies.
/// Errors  corruption (neither does, or they differ; another database; another number than the file's name says),
///         unsupported (a newer format)
Result<SegmentHeader> read_segment_header(io::FileSystem& files, const std::string& name, std::uint64_t number,
                                          const std::array<std::byte, 16>& database);

/// Threads: one at a time.
class SegmentWalk {
 public:
  /// durable  read past the page cache, after a sync: for the segment whose end has to be found
  static Result<SegmentWalk> open(io::FileSystem& files, std::string name, const SegmentHeader& header, bool durable);

  /// The next whole record; false at the first thing that is not one. The payload is valid until the next call.
  /// Errors  io; corruption when the bytes verify one by one and yet contradict each other
  Result<bool> next(Record& record);

  Lsn last_lsn() const { return last_lsn_; }            ///< of the last record handed out, or what the header pins
  const Chain& chain() const { return record_chain_; }  ///< after it
  std::uint64_t end() const { return end_; }            ///< offset after its last byte, or after a watermark behind it
  bool clean_shutdown() const { return clean_shutdown_; }  ///< the mark of it is the last thing there
  std::uint64_t bytes_read() const { return bytes_read_; }
  const std::string& name() const { return name_; }

  /// What lies behind the end, once `next` has answered false.
  struct Tail {
    std::uint64_t offset = 0;     ///< of the first thing that is not valid
    std::string why;              ///< "the payload does not match its hash"
    std::uint64_t bytes_end = 0;  ///< after the last byte that is not zero; ≤ end(): nothing but zeros
    std::string proof;            ///< non-empty: what shows that the invalid bytes had been durable: no torn write
  };
  Result<Tail> inspect_tail();
  /// The bytes [begin, end) of the file, for the .torn copy.
  Result<Bytes> read_range(std::uint64_t begin, std::uint64_t end);

 private:
  SegmentWalk() = default;
  Result<bool> enter_batch();
  Result<bool> take_frame(Record& record, bool& whole);
  Result<bool> take_commit(const FrameHeader& header, ByteView payload, Record& record);
  bool stop(std::uint64_t offset, const char* why);
  Result<ByteView> view(std::uint64_t offset, std::size_t bytes);

  std::string name_;
  SegmentHeader header_;
  std::unique_ptr<io::File> file_;
  std::uint64_t file_bytes_ = 0;
  bool durable_ = false;

  Bytes window_;  // bytes of the file from window_offset_
  std::size_t window_bytes_ = 0;
  std::uint64_t window_offset_ = 0;
  std::uint64_t bytes_read_ = 0;

  BatchHeader batch_;
  std::uint64_t batch_offset_ = 0;
  std::uint64_t batch_end_ = 0;  // claimed by its header; the file may end before
  std::uint64_t at_ = 0;         // next frame
  std::uint32_t frames_ = 0;     // seen in this batch
  Chain chain_;                  // after the last frame
  Bytes assembled_;              // chunks of the record under way

  Lsn last_lsn_ = 0;
  Chain record_chain_;
  std::uint64_t end_ = 0;
  bool clean_shutdown_ = false;
  std::uint64_t stop_offset_ = 0;
  std::uint64_t stop_block_ = 0;  // of the batch that holds it
  const char* stop_why_ = nullptr;
};

}  // namespace strata::journal
