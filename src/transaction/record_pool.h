#pragma once
/// Memory for records, kept between transactions: a record of a thousand memories is six megabytes, and asking the system
/// for them anew each time costs more in page faults than filling them.
#include <memory>
#include <vector>

#include "core/mutex.h"
#include "strata/value.h"

namespace strata::transaction {

/// Threads: any. A record may outlive the pool.
class RecordPool {
 public:
  static constexpr std::size_t kKeptBytesMax = 16 << 20;  ///< of one buffer; larger ones go back to the system
  static constexpr std::size_t kKeptMax = 2;

  /// An empty buffer; its memory comes back when the last pointer to it goes.
  std::shared_ptr<Bytes> take() {
    auto buffer = std::make_unique<Bytes>(kept_->take());
    return {buffer.release(), [kept = kept_](Bytes* done) {
              const std::unique_ptr<Bytes> owned(done);
              kept->give_back(std::move(*owned));
            }};
  }

 private:
  struct Kept {
    Bytes take() {
      const core::MutexLock lock(mutex);
      if (buffers.empty()) return {};
      Bytes buffer = std::move(buffers.back());
      buffers.pop_back();
      return buffer;
    }
    void give_back(Bytes buffer) {
      if (buffer.capacity() < kWorthBytes || buffer.capacity() > kKeptBytesMax) return;
      buffer.clear();
      const core::MutexLock lock(mutex);
      if (buffers.size() < kKeptMax) buffers.push_back(std::move(buffer));
    }
    core::Mutex mutex;
    std::vector<Bytes> buffers STRATA_GUARDED_BY(mutex);
  };
  static constexpr std::size_t kWorthBytes = 128 << 10;  // smaller ones the allocator keeps itself

  const std::shared_ptr<Kept> kept_ = std::make_shared<Kept>();
};

}  // namespace strata::transaction
