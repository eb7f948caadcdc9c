#pragma once
/// A run of consecutive rows of one dataset: in memory (MemorySegment) or in a file (part.h).
///
/// A dataset is a list of segments in row order, which is LSN order too. So a view V cuts it at one place: every segment
/// before that is seen whole, none after it, and within it the append log says how many rows have lsn ≤ V.
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "store/array/append_log.h"
#include "strata/array.h"

namespace strata::store::array {

/// Rows are counted from the segment's first. Threads: any, once the segment does not grow any more.
class Segment {
 public:
  virtual ~Segment() = default;
  virtual bool in_memory() const = 0;
  virtual std::uint64_t rows() const = 0;
  virtual std::uint64_t log_bytes()
      const = 0;  ///< about, of its append log: rows may be smaller than what is kept of them
  virtual Lsn first_lsn() const = 0;
  virtual Lsn last_lsn() const = 0;
  virtual Result<std::uint64_t> rows_at(Lsn view) = 0;
  virtual Result<void> read(std::uint64_t begin, std::uint64_t count, std::span<std::byte> out) = 0;
  virtual Result<std::vector<Append>> find(std::string_view key, Lsn view) = 0;
  /// Everything about its appends, keys included.
  virtual Result<AppendLog> log() = 0;
  /// Each append with the digest of its key (nullptr: none), in any order, each once.
  using AppendVisitor = std::function<void(const Append&, const KeyDigest*)>;
  virtual Result<void> visit_appends(const AppendVisitor& visit) = 0;
};

/// Rows committed since the last checkpoint, in blocks that never move: a reader that has learned a row count under the
/// dataset's lock copies these rows without it, while the next ones are being appended behind.
class MemorySegment final : public Segment {
 public:
  static constexpr std::uint64_t kBlockBytes = 256 << 10;
  static constexpr std::size_t kBlocks = 256;
  static constexpr std::uint64_t kBytesMax = kBlockBytes * kBlocks;  // 64 MiB, then the dataset begins another one

  static constexpr std::size_t kAppendsMax = 1 << 21;

  explicit MemorySegment(std::uint64_t row_bytes) : row_bytes_(row_bytes) {}
  bool has_room_for(std::uint64_t bytes) const { return bytes_ + bytes <= kBytesMax && log_.size() < kAppendsMax; }
  /// Under the dataset's lock. `data` is rows × row_bytes long and there is room for it.
  void append(Lsn lsn, std::uint64_t rows, std::string_view key, ByteView data);
  const AppendLog& appends() const { return log_; }  ///< under the dataset's lock while it grows
  std::size_t bytes_in_memory() const;

  bool in_memory() const override { return true; }
  std::uint64_t rows() const override { return log_.rows(); }
  std::uint64_t log_bytes() const override { return log_.size() * 24; }
  Lsn first_lsn() const override { return log_.append(0).lsn; }
  Lsn last_lsn() const override { return log_.append(log_.size() - 1).lsn; }
  Result<std::uint64_t> rows_at(Lsn view) override { return log_.rows_at(view); }
  Result<void> read(std::uint64_t begin, std::uint64_t count, std::span<std::byte> out) override;
  Result<std::vector<Append>> find(std::string_view key, Lsn view) override { return log_.find(key, view); }
  Result<AppendLog> log() override { return log_; }
  Result<void> visit_appends(const AppendVisitor& visit) override;

 private:
  const std::uint64_t row_bytes_;
  std::uint64_t bytes_ = 0;
  std::array<std::unique_ptr<std::byte[]>, kBlocks> blocks_;
  AppendLog log_;
};

}  // namespace strata::store::array
