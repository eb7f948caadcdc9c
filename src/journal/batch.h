#pragma once
/// The bytes of one batch: what a leader writes at once. Where it goes, and when, is the journal's.
///
///     begin ─► add … add ─► end ─► whole blocks: batch header, frames, zeros
#include <cstdlib>
#include <memory>
#include <span>

#include "journal/frame.h"

namespace strata::journal {

/// Threads: one at a time. Its memory is kept from batch to batch.
class Batch {
 public:
  /// `chain`: over everything that was written before.
  explicit Batch(Chain chain) : chain_(chain) {}

  /// `bytes`: of the header and all frames that will be added, at most. `header` without flags, sizes and chain.
  void begin(std::uint64_t bytes, BatchHeader header);
  void add(const FrameHeader& header, ByteView payload);
  /// Block-aligned memory, valid until the next `begin`.
  ByteView end(std::uint8_t flags);

  const BatchHeader& header() const { return header_; }
  /// Over every frame that was added so far (I9).
  const Chain& chain() const { return chain_; }

 private:
  struct Free {
    void operator()(std::byte* data) const { std::free(data); }
  };
  void reserve(std::size_t bytes);

  std::unique_ptr<std::byte, Free> data_;
  std::size_t capacity_ = 0, fill_ = 0;
  BatchHeader header_;
  Chain chain_;
};

}  // namespace strata::journal
