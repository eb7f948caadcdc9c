// How a record gets from append to the disk:
//
//     append ──► queue ──take_batch──► buffer ──pwrite──► written ──fdatasync──► durable ──► waiters wake
//                        └────────────── one thread at a time: the leader ──────────────┘
//
// There is no writer thread. The first thread that waits while nobody leads becomes the leader: it takes what is queued,
// writes it as one batch, syncs once, and wakes all whose records that covered, and the next leader. While it is at the
// disk, others queue up: the slower the sync, the larger the next batch. The background thread only writes zeros ahead,
// syncs what nobody waits for, and marks an idle journal; for the last two it leads like any other.
//
// A record gets its LSN when the blocks that it may need are the segment's already (I19), so that a full disk refuses it
// there, whole, and never stops the leader. Two comparisons under the lock, as long as the zeros are ahead; the appender
// who finds too little reserved takes more from the disk, or begins the next segment as a leader.
//
// Lock: mutex_ guards the queue and the positions. Fields under "the leader's" belong to whoever set leading_, which is
// done and undone under mutex_. No callback and no I/O under the lock.
#include "journal/journal.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <limits>
#include <thread>
#include <utility>

#include "core/assert.h"
#include "core/endian.h"
#include "core/failpoint.h"
#include "core/mutex.h"
#include "journal/batch.h"
#include "journal/frame.h"
#include "journal/recovery.h"
#include "journal/segment_walk.h"

namespace strata::journal {
namespace {

constexpr std::size_t kCommitPayloadBytes = 24;
constexpr std::uint64_t kMarksBytes = 2 * kBlockBytes;  // a watermark under way, and the mark of a clean shutdown
constexpr std::uint64_t kSegmentBytesLeast = kSegmentHeaderBytes + kMarksBytes;  // what opening a journal needs
constexpr std::uint64_t kKeptBytes = kMarksBytes + kSegmentBytesLeast;  // closing gives back what opening needs
constexpr std::uint64_t kPromisedBytesMax = 4 << 20;  // beyond it the queue is written before more is reserved for it
constexpr std::uint64_t kZeroStepBytes = 1 << 20;  // a writer that catches up with the zeros waits for one step at most
constexpr std::uint64_t kZeroThresholdBytes = 64 << 10;  // a journal that is hardly written is not worth zeros

/// A record in the queue.
struct Pending {
  Lsn lsn = 0;
  Timestamp commit_time = 0;
  std::uint64_t idempotency = 0;
  core::Hash128 payload_hash;
  std::shared_ptr<const Bytes> payload;
  bool alone = false;  // Durability::each: in a batch of its own
};

/// Whether the leader tells the observer what it made durable. Not where it may hold a lock that the observer needs.
enum class Tell : std::uint8_t { no, yes };

/// A segment that nobody knows of yet.
struct NewSegment {
  Segment segment;
  std::unique_ptr<io::File> file;
  std::uint64_t reserved_end;
};

/// An error after which it is not known what the disk has: asking again could acknowledge what is lost, also when all that
/// was missing was space.
Error in_doubt(const Error& error) { return Error(ErrorCode::io, error.message()); }

Error poisoned_error() {
  return Error(ErrorCode::commit_unknown,
               "the journal stopped after a failed write or sync: whether this was stored shows when the database is "
               "opened again");
}

class JournalImplementation final : public Journal {
 public:
  JournalImplementation(io::FileSystem& files, const core::Clock& clock, std::string directory,
                        const JournalIdentity& identity, const JournalOptions& options, const Recovered& recovered)
      : files_(files),
        clock_(clock),
        directory_(std::move(directory)),
        identity_(identity),
        options_(options),
        epoch_(static_cast<std::uint32_t>(recovered.epoch + 1)),
        last_lsn_(recovered.last_lsn),
        durable_lsn_(recovered.last_lsn),
        written_lsn_(recovered.last_lsn),
        segments_(recovered.segments),
        next_number_(recovered.number + 1),
        batch_(recovered.chain) {
    STRATA_ASSERT(recovered.epoch < std::numeric_limits<std::uint32_t>::max());
  }

  ~JournalImplementation() override { stop_background(); }

  Result<void> start(const Recovered& recovered) {
    STRATA_TRY(give_back_zeros(recovered));
    NewSegment created = STRATA_TRY(create_segment());
    STRATA_TRY(tidy(recovered));
    STRATA_FAILPOINT("journal.recover.tidied");
    {
      const core::MutexLock lock(mutex_);
      if (!segments_.empty() && segments_.back().empty()) segments_.pop_back();
      adopt(std::move(created));
    }
    if (options_.zero_ahead_bytes > 0 || options_.flush_us_max > 0) background_ = std::thread([this] { background(); });
    return {};
  }

  Result<Lsn> append(std::shared_ptr<const Bytes> payload, Timestamp commit_time, std::uint64_t idempotency) override {
    const std::size_t bytes = payload->size();
    if (bytes > options_.record_bytes_max)
      return Error(ErrorCode::resource_exhausted,
                   "transaction too large for one journal record: " + std::to_string(bytes) + " bytes, at most " +
                       std::to_string(options_.record_bytes_max));
    STRATA_FAILPOINT("journal.append.begin");
    const core::Hash128 hash = core::xxh3_128(*payload);
    const std::uint64_t room = room_of(bytes);
    const core::MutexLock lock(mutex_);
    STRATA_TRY(wait_for_room(bytes, room));
    if (poisoned_) return poisoned_error();
    if (closed_) return Error(ErrorCode::failed_precondition, "the journal is closed");
    const Lsn lsn = last_lsn_.load(std::memory_order_relaxed) + 1;
    STRATA_ASSERT(queue_.empty() || queue_.back().lsn + 1 == lsn);  // I1
    queue_bytes_ += bytes;
    promised_ += room;
    queue_.push_back({lsn, commit_time, idempotency, hash, std::move(payload), false});
    last_lsn_.store(lsn, std::memory_order_release);
    STRATA_CRASHPOINT("journal.append.queued");
    if (background_asleep_) wake_background_.notify_one();
    return lsn;
  }

  Result<void> wait(Lsn lsn, Durability durability) override { return wait_for(lsn, durability, Tell::yes); }

  Result<void> sync() override { return wait_for(last_lsn(), Durability::batch, Tell::no); }

  Result<void> wait_for(Lsn lsn, Durability durability, Tell tell) {
    if (durable_lsn_.load(std::memory_order_acquire) >= lsn) return {};  // I2
    const core::MutexLock lock(mutex_);
    if (lsn > last_lsn_)
      return Error(ErrorCode::invalid_argument, "no such record was appended: lsn " + std::to_string(lsn));
    if (durability == Durability::each && !queue_.empty() && lsn >= queue_.front().lsn)
      queue_[static_cast<std::size_t>(lsn - queue_.front().lsn)].alone = true;
    Waiter me{lsn, durability != Durability::off, {}};
    waiters_.push_back(&me);
    while (!satisfied(me) && !poisoned_) {
      if (!leading_)
        lead(false, std::nullopt, tell);
      else
        me.wake.wait(mutex_);
    }
    std::erase(waiters_, &me);
    if (!satisfied(me)) return poisoned_error();  // I7: what was durable before stays acknowledged, nothing else is
    STRATA_ASSERT(me.sync ? durable_lsn_ >= lsn : written_lsn_ >= lsn);  // I2
    return {};
  }

  void set_durable_observer(std::function<void(Lsn)> durable) override {
    const core::MutexLock lock(mutex_);
    while (observing_ > 0) leader_done_.wait(mutex_);
    durable_observer_ = std::move(durable);
  }

  Lsn last_lsn() const override { return last_lsn_.load(std::memory_order_acquire); }
  Lsn durable_lsn() const override { return durable_lsn_.load(std::memory_order_acquire); }
  bool poisoned() const override { return poisoned_.load(std::memory_order_acquire); }

  Result<void> read(Lsn after, Lsn up_to, const std::function<Result<void>(const Record&)>& visit) override {
    up_to = std::min(up_to, last_lsn());
    if (up_to <= after) return {};
    STRATA_TRY(wait_for(up_to, Durability::batch, Tell::no));
    std::vector<Segment> segments;
    {
      const core::MutexLock lock(mutex_);
      segments = segments_;
    }
    if (segments.front().header.first_lsn > after + 1)
      return Error(ErrorCode::not_found, "the journal no longer has lsn " + std::to_string(after + 1) +
                                             ": it begins with lsn " +
                                             std::to_string(segments.front().header.first_lsn));
    for (std::size_t i = 0; i < segments.size(); ++i) {
      const bool later_has_it = i + 1 < segments.size() && segments[i + 1].header.first_lsn <= after + 1;
      if (later_has_it || segments[i].header.first_lsn > up_to) continue;
      const Lsn last = i + 1 < segments.size() ? segments[i + 1].header.first_lsn - 1 : up_to;
      STRATA_TRY(read_segment(segments[i], after, std::min(last, up_to), visit));
    }
    return {};
  }

  Result<void> begin_segment() override {
    const core::MutexLock lock(mutex_);
    for (;;) {
      if (poisoned_) return poisoned_error();
      if (closed_) return Error(ErrorCode::failed_precondition, "the journal is closed");
      if (queue_.empty() && last_lsn() < segments_.back().header.first_lsn) return {};
      if (leading_ || reserving_) {
        ++appenders_waiting_;
        leader_done_.wait(mutex_);
        --appenders_waiting_;
      } else if (!queue_.empty()) {
        lead(false);
      } else {
        return begin_next_segment();
      }
    }
  }

  Result<void> truncate_below(Lsn lsn) override {
    std::vector<std::string> unneeded;
    {
      const core::MutexLock lock(mutex_);
      while (segments_.size() > 1 && segments_[1].header.first_lsn <= lsn + 1) {
        unneeded.push_back(segments_.front().name);
        segments_.erase(segments_.begin());
      }
    }
    // Oldest first: whatever is left after a crash has no hole.
    for (const std::string& name : unneeded) {
      STRATA_FAILPOINT("journal.truncate.begin");
      STRATA_TRY(files_.remove(name));
      STRATA_FAILPOINT("journal.truncate.removed");
      STRATA_TRY(files_.sync_directory(directory_));
    }
    return {};
  }

  Result<std::vector<SegmentFile>> segments() override {
    const core::MutexLock lock(mutex_);
    std::vector<SegmentFile> files;
    for (const Segment& segment : segments_) files.push_back({segment.name, segment.bytes, segment.header.first_lsn});
    return files;
  }

  JournalStats stats() const override {
    const core::MutexLock lock(mutex_);
    JournalStats stats = stats_;
    stats.last_lsn = last_lsn();
    stats.durable_lsn = durable_lsn();
    stats.first_lsn = segments_.front().header.first_lsn;
    stats.epoch = epoch_;
    stats.segments = segments_.size();
    for (const Segment& segment : segments_) stats.bytes += segment.bytes;
    stats.poisoned = poisoned();
    return stats;
  }

  Result<void> close() override {
    stop_background();
    {
      const core::MutexLock lock(mutex_);
      if (closed_) return {};
      closed_ = true;  // no append from here on, so the queue ends
    }
    STRATA_FAILPOINT("journal.close.begin");
    STRATA_TRY(sync());
    const core::MutexLock lock(mutex_);
    while (leading_) leader_done_.wait(mutex_);
    if (poisoned_) return poisoned_error();
    lead(true, BatchHeader::kCleanShutdown);
    if (poisoned_) return poisoned_error();
    STRATA_FAILPOINT("journal.close.marked");
    STRATA_TRY(file_->truncate(offset_));
    return file_->sync();
  }

 private:
  struct Waiter {
    Lsn lsn;
    bool sync;
    core::Condition wake;
  };

  bool satisfied(const Waiter& waiter) const STRATA_REQUIRES(mutex_) {
    return (waiter.sync ? durable_lsn_.load(std::memory_order_relaxed) : written_lsn_) >= waiter.lsn;
  }

  // A full queue drains while somebody waits for its records; when nobody does, the appender drains it itself. When too
  // little of the disk is reserved, the appender reserves more: of this segment, or, that one full and written, of the next.
  Result<void> wait_for_room(std::size_t bytes, std::uint64_t room) STRATA_REQUIRES(mutex_) {
    if (fits(bytes) && reserved(room)) return {};
    // tidy: allow clock: how long a thread waits; nothing that is kept depends on it
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::microseconds(options_.queue_wait_us_max);
    while (!(fits(bytes) && reserved(room)) && !poisoned_ && !closed_) {
      if (fits(bytes) && !reserving_ && !full(room) && promised_ < kPromisedBytesMax) {
        auto done = reserve_more(room);
        if (done) continue;
        // As long as something is under way, it may turn out to take less than was promised for it.
        if (promised_ == 0) return refused(std::move(done).error(), room);
      }
      if (!leading_ && !queue_.empty()) {
        lead(false);
        continue;
      }
      if (!leading_ && !reserving_ && full(room)) {
        if (auto done = begin_next_segment(); !done) return refused(std::move(done).error(), room);
        continue;
      }
      // tidy: allow clock: how long a thread waits; nothing that is kept depends on it
      const auto left = deadline - std::chrono::steady_clock::now();
      // tidy: allow clock: how long a thread waits; nothing that is kept depends on it
      if (left <= std::chrono::steady_clock::duration::zero())
        return Error(ErrorCode::resource_exhausted, "the journal cannot keep up: " + std::to_string(queue_bytes_) +
                                                        " bytes are waiting to be written");
      ++appenders_waiting_;
      leader_done_.wait_for(mutex_, left);
      --appenders_waiting_;
    }
    return {};
  }
  bool fits(std::size_t bytes) const STRATA_REQUIRES(mutex_) {
    return queue_bytes_ == 0 ||
           queue_bytes_ + bytes <= options_.queue_bytes_max;  // I15, or one record larger than that
  }

  // The blocks that one record takes at the most, however it is batched, and the watermark that may follow it. A batch of
  // several takes no more than the sum.
  std::uint64_t room_of(std::size_t payload_bytes) const {
    const std::size_t part = batch_payload_max();
    std::uint64_t bytes = kBlockBytes;
    if (payload_bytes > part) {
      bytes += payload_bytes / part * round_up_to_block(2 * kHeaderBytes + part);
      bytes += round_up_to_block(2 * kHeaderBytes + kCommitPayloadBytes);
      payload_bytes %= part;
      if (payload_bytes == 0) return bytes;
    }
    return bytes + round_up_to_block(2 * kHeaderBytes + payload_bytes);
  }
  std::uint64_t end_with(std::uint64_t room) const STRATA_REQUIRES(mutex_) {
    return segments_.back().bytes + promised_ + room + kKeptBytes;
  }
  bool reserved(std::uint64_t room) const STRATA_REQUIRES(mutex_) {
    return !reserving_ && end_with(room) <= reserved_end_;
  }

  bool full(std::uint64_t room) const STRATA_REQUIRES(mutex_) {
    const std::uint64_t used = segments_.back().bytes + promised_;
    return used + room + kMarksBytes > options_.segment_bytes && used > kSegmentHeaderBytes;
  }

  // Takes more blocks of this segment from the disk, one step more than `room` where there is space. Beside the leader:
  // these blocks are not yet anybody's.
  // Errors  resource_exhausted: nothing has happened; whatever else poisons
  Result<void> reserve_more(std::uint64_t room) STRATA_REQUIRES(mutex_) {
    const std::uint64_t begin = reserved_end_, needed = end_with(room);
    const std::uint64_t wanted = std::min(needed + options_.reserve_bytes, std::max(needed, options_.segment_bytes));
    io::File& file = *file_;  // the next segment needs reserving_, too
    reserving_ = true;
    mutex_.unlock();
    std::uint64_t end = wanted;
    Result<void> done = file.reserve(begin, wanted - begin);
    if (!done && done.error().code() == ErrorCode::resource_exhausted && needed < wanted) {
      end = needed;
      done = file.reserve(begin, needed - begin);
    }
    mutex_.lock();
    reserving_ = false;
    if (done) {
      reserved_end_ = std::max(reserved_end_, end);
      if (end == wanted) zeros_refused_ = false;  // there is space, perhaps again
    } else if (done.error().code() != ErrorCode::resource_exhausted) {
      poison();
    }
    wake_all();
    return done;
  }

  // Nothing is queued and nobody leads. What follows goes into the next segment.
  // Errors  resource_exhausted: nothing has happened; whatever else poisons
  Result<void> begin_next_segment() STRATA_REQUIRES(mutex_) {
    STRATA_ASSERT(!leading_ && !reserving_ && promised_ == 0);
    leading_ = reserving_ = true;  // who appends meanwhile waits: what is reserved here will not be there
    while (zeroing_) zero_done_.wait(mutex_);
    const bool zeros_refused = std::exchange(zeros_refused_, true);  // until the next segment is there
    mutex_.unlock();
    Result<NewSegment> created = [this]() -> Result<NewSegment> {
      STRATA_FAILPOINT("journal.rotate.begin");
      if (auto synced = sync_written(); !synced) return in_doubt(synced.error());
      return create_segment();  // its header pins what was just synced
    }();
    STRATA_CRASHPOINT("journal.rotate.end");
    if (created) (void)file_->truncate(offset_);  // gives unused zeros back; if not, they are only space
    mutex_.lock();
    leading_ = reserving_ = false;
    if (created) {
      adopt(*std::move(created));
    } else {
      zeros_refused_ = zeros_refused;
      if (created.error().code() != ErrorCode::resource_exhausted) poison();
    }
    wake_all();
    if (!created) return std::move(created).error();
    return {};
  }

  Error refused(Error error, std::uint64_t room) STRATA_REQUIRES(mutex_) {
    if (poisoned_) return poisoned_error();
    ++stats_.refused;
    mutex_.unlock();
    const auto free = files_.free_bytes();
    mutex_.lock();
    return Error(ErrorCode::resource_exhausted,
                 "no space for the journal: nothing was written, and the same call succeeds once there is space; " +
                     std::to_string(room) + " bytes are needed" +
                     (free ? ", " + std::to_string(*free) + " are free: " : std::string(": ")) + error.message());
  }

  // One turn of the leader: write what is queued, sync if someone waits for it, tell everybody. Also with an empty queue:
  // then it syncs, and with `mark` it writes an empty batch.
  void lead(bool sync_wanted, std::optional<std::uint8_t> mark = std::nullopt, Tell tell = Tell::no)
      STRATA_REQUIRES(mutex_) {
    STRATA_ASSERT(!leading_ && !poisoned_);
    leading_ = true;
    gather();
    std::vector<Pending> batch = take_batch();
    company_ = batch.size();
    const Lsn written = batch.empty() ? written_lsn_ : batch.back().lsn;
    bool sync = sync_wanted || std::exchange(flush_wanted_, false);
    for (const Waiter* waiter : waiters_) sync |= waiter->sync && waiter->lsn <= written;
    mutex_.unlock();

    STRATA_CRASHPOINT("journal.batch.taken");
    const Lsn durable_before = durable_lsn_.load(std::memory_order_relaxed);
    Result<void> done;
    if (!batch.empty()) done = write_batch(batch);
    if (done) written_by_leader_ = written;
    if (done && mark) done = write_watermark(*mark);
    if (done && sync) done = sync_written();
    std::uint64_t promised = 0;
    for (const Pending& record : batch) promised += room_of(record.payload->size());
    batch.clear();  // gives the payloads' memory back before the lock is taken

    mutex_.lock();
    leading_ = false;
    promised_ -= promised;
    if (done) {
      STRATA_ASSERT(durable_lsn_ >= durable_before && durable_lsn_ <= written);  // I2
      written_lsn_ = written;
      ++turns_;
    } else {
      poison();
    }
    if (done && sync && tell == Tell::yes && durable_observer_) {
      wake_next_leader();
      ++observing_;
      const std::function<void(Lsn)> observer = durable_observer_;  // a pointer or two: nothing is allocated
      mutex_.unlock();
      observer(written);
      mutex_.lock();
      --observing_;
    }
    wake_all();
  }

  // The threads that the last turn woke are about to append again; a leader that went off at once would leave with one
  // record and let fifteen wait for the next sync. So it steps aside while they keep coming, up to as many as last time.
  void gather() STRATA_REQUIRES(mutex_) {
    if (!options_.gather) return;
    for (std::size_t before = 0; queue_.size() > before && queue_.size() < company_;) {
      before = queue_.size();
      mutex_.unlock();
      std::this_thread::yield();
      mutex_.lock();
    }
  }

  // Records of one batch: as many as fit, one that asked for a batch of its own alone, one too large for a batch alone.
  std::vector<Pending> take_batch() STRATA_REQUIRES(mutex_) {
    std::vector<Pending> batch;
    std::size_t bytes = kHeaderBytes;
    while (!queue_.empty()) {
      Pending& next = queue_.front();
      bytes += kHeaderBytes + next.payload->size();
      const bool joins = bytes <= options_.batch_bytes_max && !next.alone && (batch.empty() || !batch.front().alone);
      if (!batch.empty() && !joins) break;
      queue_bytes_ -= next.payload->size();
      batch.push_back(std::move(next));
      queue_.pop_front();
    }
    return batch;
  }

  // I7: from here on nothing is acknowledged and nothing is synced. What a failed sync left in the page cache is unknown,
  // and asking again answers success (fsyncgate): only a new open, reading the disk, can tell.
  void poison() STRATA_REQUIRES(mutex_) {
    poisoned_.store(true, std::memory_order_release);
    queue_.clear();
    queue_bytes_ = 0;
    promised_ = 0;
  }

  void wake_next_leader() STRATA_REQUIRES(mutex_) {
    for (Waiter* waiter : waiters_) {
      if (!satisfied(*waiter)) return waiter->wake.notify_one();
    }
  }

  void wake_all() STRATA_REQUIRES(mutex_) {
    for (Waiter* waiter : waiters_) {
      if (satisfied(*waiter) || poisoned_) waiter->wake.notify_one();
    }
    if (!leading_ && !poisoned_) wake_next_leader();
    leader_done_.notify_all();
    if (background_asleep_ || zeros_wanted()) wake_background_.notify_one();
  }

  // ---- the leader's part: no lock held, leading_ set ----

  Result<void> write_batch(std::span<Pending> batch) {
    if (batch.size() == 1 && batch[0].payload->size() > batch_payload_max()) return write_parts(batch[0]);
    std::uint64_t bytes = kHeaderBytes;
    for (const Pending& record : batch) bytes += kHeaderBytes + record.payload->size();
    STRATA_TRY(claim(offset_ + round_up_to_block(bytes)));
    begin_batch(bytes, batch.front().lsn);
    for (const Pending& record : batch)
      batch_.add({.type = FrameType::record,
                  .payload_bytes = static_cast<std::uint32_t>(record.payload->size()),
                  .epoch = epoch_,
                  .timeline = static_cast<std::uint32_t>(identity_.timeline),
                  .lsn = record.lsn,
                  .commit_time = record.commit_time,
                  .idempotency = record.idempotency,
                  .payload_hash = record.payload_hash},
                 *record.payload);
    return end_batch(0, batch.size());
  }

  // A large record: one batch for each part, one for the commit.
  Result<void> write_parts(const Pending& record) {
    STRATA_TRY(claim(offset_ + room_of(record.payload->size()) - kBlockBytes));
    FrameHeader header{.type = FrameType::chunk,
                       .epoch = epoch_,
                       .timeline = static_cast<std::uint32_t>(identity_.timeline),
                       .lsn = record.lsn,
                       .payload_hash = {}};
    for (std::size_t at = 0; at < record.payload->size();) {
      const ByteView part =
          ByteView(*record.payload).subspan(at, std::min(batch_payload_max(), record.payload->size() - at));
      header.payload_bytes = static_cast<std::uint32_t>(part.size());
      header.commit_time = static_cast<Timestamp>(at);
      header.payload_hash = core::xxh3_128(part);
      begin_batch(2 * kHeaderBytes + part.size(), record.lsn);
      batch_.add(header, part);
      STRATA_TRY(end_batch(0, 0));
      STRATA_FAILPOINT("journal.part.written");
      at += part.size();
    }
    std::array<std::byte, kCommitPayloadBytes> commit;
    core::store(&commit[0], std::uint64_t{record.payload->size()});
    core::store(&commit[8], record.payload_hash.low);
    core::store(&commit[16], record.payload_hash.high);
    header.type = FrameType::commit;
    header.payload_bytes = kCommitPayloadBytes;
    header.commit_time = record.commit_time;
    header.idempotency = record.idempotency;
    header.payload_hash = core::xxh3_128(commit);
    begin_batch(2 * kHeaderBytes + commit.size(), record.lsn);
    batch_.add(header, commit);
    return end_batch(0, 1);
  }

  Result<void> write_watermark(std::uint8_t flags) {
    if (offset_ > synced_end_) STRATA_TRY(sync_written());  // what it says must be so
    STRATA_FAILPOINT("journal.watermark.before");
    STRATA_TRY(claim(offset_ + kBlockBytes));
    begin_batch(kHeaderBytes, written_by_leader_ + 1);
    return end_batch(flags, 0);
  }

  std::size_t batch_payload_max() const {
    return static_cast<std::size_t>(options_.batch_bytes_max) - 2 * kHeaderBytes;
  }

  void begin_batch(std::uint64_t bytes, Lsn first_lsn) {
    batch_.begin(bytes, {.epoch = epoch_,
                         .first_lsn = first_lsn,
                         .durable_before = durable_lsn_.load(std::memory_order_relaxed),
                         .block = static_cast<std::uint32_t>(offset_ / kBlockBytes),
                         .durable_blocks = static_cast<std::uint32_t>(synced_end_ / kBlockBytes)});
  }

  // One write, on blocks that hold nothing durable.
  Result<void> end_batch(std::uint8_t flags, std::uint64_t records) {
    const ByteView bytes = batch_.end(flags);
    STRATA_ASSERT(offset_ % kBlockBytes == 0 && offset_ >= synced_end_);  // I6
    if (poisoned_) return poisoned_error();                               // I7
    STRATA_FAILPOINT("journal.batch.write");
    STRATA_TRY(file_->write(offset_, bytes));
    STRATA_FAILPOINT("journal.batch.written");
    offset_ += bytes.size();
    const core::MutexLock lock(mutex_);
    ++stats_.batches;
    stats_.records += records;
    Segment& segment = segments_.back();
    segment.bytes = offset_;
    segment.last_lsn += records;
    unmarked_ = batch_.header().frames > 0;
    return {};
  }

  Result<void> sync_written() {
    const bool needed = offset_ > synced_end_;
    const std::int64_t begin = needed ? clock_.monotonic_us() : 0;
    if (poisoned_) return poisoned_error();  // I7
    STRATA_FAILPOINT("journal.sync.before");
    if (needed) STRATA_TRY(file_->sync_data());
    STRATA_FAILPOINT("journal.sync.after");
    const std::int64_t end = needed ? clock_.monotonic_us() : 0;
    const core::MutexLock lock(mutex_);
    if (poisoned_) return poisoned_error();  // I7: a sync of zeros failed meanwhile, and may have been about this batch
    stats_.syncs += needed;
    stats_.sync_us_total += static_cast<std::uint64_t>(end - begin);
    synced_end_ = offset_;
    STRATA_ASSERT(written_by_leader_ >= durable_lsn_.load(std::memory_order_relaxed));  // I2
    durable_lsn_.store(written_by_leader_, std::memory_order_release);
    STRATA_CRASHPOINT("journal.sync.durable");
    return {};
  }

  // From now on no zeros are written below `end`. Waits while a step of them is under way there.
  Result<void> claim(std::uint64_t end) {
    const core::MutexLock lock(mutex_);
    while (zeroing_ && end > zeroing_begin_) zero_done_.wait(mutex_);
    STRATA_ASSERT(end <= reserved_end_);  // I19
    zero_end_ = std::max(zero_end_, end);
    if (poisoned_) return poisoned_error();
    return {};
  }

  // Reserved, its header written twice and synced under another name, renamed, the folder synced: a segment is there whole
  // or not. Until the rename an error leaves nothing behind but the other name.
  // Errors  resource_exhausted: there is no segment; another: perhaps there is
  Result<NewSegment> create_segment() {
    Segment segment{.name = segment_name(directory_, next_number_),
                    .header = {.timeline = identity_.timeline,
                               .epoch = epoch_,
                               .number = next_number_,
                               .first_lsn = written_by_leader_ + 1,
                               .chain = batch_.chain(),
                               .created = clock_.now()},
                    .last_lsn = written_by_leader_,
                    .bytes = kSegmentHeaderBytes};
    segment.header.database = identity_.database;
    const std::string unfinished = segment.name + ".tmp";
    auto begun = begin_segment(segment, unfinished);
    if (begun) {
      if (auto renamed = files_.rename(unfinished, segment.name); !renamed) {
        const auto there = files_.exists(segment.name);
        begun = !there || *there ? in_doubt(renamed.error()) : std::move(renamed).error();
      }
    }
    if (!begun) {
      (void)files_.remove(unfinished);  // what it took may be what is missing
      return std::move(begun).error();
    }
    STRATA_FAILPOINT("journal.segment.renamed");
    if (auto synced = files_.sync_directory(directory_); !synced) return in_doubt(synced.error());
    ++next_number_;
    STRATA_FAILPOINT("journal.segment.ready");
    return begun;
  }

  Result<NewSegment> begin_segment(const Segment& segment, const std::string& unfinished) {
    NewSegment begun{segment, STRATA_TRY(files_.open(unfinished, io::OpenMode::create_or_open)), 0};
    STRATA_FAILPOINT("journal.segment.opened");
    const Bytes header = encode(segment.header);
    STRATA_ASSERT(decode_segment(header) == segment.header);  // I14
    STRATA_TRY(begun.file->truncate(0));
    begun.reserved_end = kSegmentBytesLeast + options_.reserve_bytes;
    if (auto done = begun.file->reserve(0, begun.reserved_end); !done) {
      if (done.error().code() != ErrorCode::resource_exhausted) return std::move(done).error();
      begun.reserved_end = kSegmentBytesLeast;
      STRATA_TRY(begun.file->reserve(0, kSegmentBytesLeast));
    }
    STRATA_TRY(begun.file->write(0, header));
    STRATA_TRY(begun.file->write(kBlockBytes, header));
    STRATA_FAILPOINT("journal.segment.written");
    STRATA_TRY(begun.file->sync());
    STRATA_FAILPOINT("journal.segment.synced");
    return begun;
  }

  // The new segment and where its zeros begin become known in one step: in between, the background thread would write
  // zeros into the segment before, over records. Also the leader's.
  void adopt(NewSegment created) STRATA_REQUIRES(mutex_) {
    file_ = std::move(created.file);
    offset_ = synced_end_ = kSegmentHeaderBytes;
    segments_.push_back(std::move(created.segment));
    zero_end_ = kSegmentHeaderBytes;
    reserved_end_ = created.reserved_end;
    zeros_refused_ = false;
  }

  // Before the new segment: what the last process had reserved is space that it may need, and says nothing.
  Result<void> give_back_zeros(const Recovered& recovered) {
    for (const std::string& name : recovered.leftovers) (void)files_.remove(name);
    if (recovered.segments.empty() || !recovered.torn.empty()) return {};
    return cut(recovered.segments.back());
  }

  // After recovery. The new segment is there and pins the end of the last one, so what is behind that end, already copied
  // to a .torn file, can go; and a segment that never held a record says nothing that the new one does not.
  Result<void> tidy(const Recovered& recovered) {
    if (recovered.segments.empty()) return {};
    const Segment& newest = recovered.segments.back();
    if (newest.empty()) return files_.remove(newest.name);
    return recovered.torn.empty() ? Result<void>() : cut(newest);
  }

  // At the end of a block: a file cut in the middle of one has that block written anew, and in it what was acknowledged (I6).
  Result<void> cut(const Segment& segment) {
    const std::uint64_t end = round_up_to_block(segment.bytes);
    if (STRATA_TRY(files_.file_size(segment.name)) <= end) return {};
    const auto file = STRATA_TRY(files_.open(segment.name, io::OpenMode::read_write));
    STRATA_TRY(file->truncate(end));
    return file->sync();
  }

  Result<void> read_segment(const Segment& segment, Lsn after, Lsn last,
                            const std::function<Result<void>(const Record&)>& visit) {
    auto walk = STRATA_TRY(SegmentWalk::open(files_, segment.name, segment.header, false));
    Record record;
    while (walk.last_lsn() < last) {
      if (!STRATA_TRY(walk.next(record))) {
        const auto tail = STRATA_TRY(walk.inspect_tail());
        return Error(ErrorCode::corruption, "journal record damaged: " + segment.name + " at offset " +
                                                std::to_string(tail.offset) + ", lsn " +
                                                std::to_string(walk.last_lsn() + 1) + ": " + tail.why);
      }
      if (record.lsn > after) STRATA_TRY(visit(record));
    }
    return {};
  }

  // ---- the background thread ----

  bool zeros_wanted() const STRATA_REQUIRES(mutex_) {
    if (options_.zero_ahead_bytes == 0 || zeroing_ || zeros_refused_ || poisoned_ || segments_.empty()) return false;
    const std::uint64_t used = segments_.back().bytes;
    return used >= kSegmentHeaderBytes + kZeroThresholdBytes && zero_end_ < options_.segment_bytes &&
           zero_end_ < used + options_.zero_ahead_bytes;
  }

  void background() {
    // tidy: allow clock: how long a thread waits; nothing that is kept depends on it
    using Clock = std::chrono::steady_clock;
    const std::chrono::microseconds tick(std::max<std::int64_t>(options_.flush_us_max / 2, 1));
    const core::MutexLock lock(mutex_);
    Clock::time_point next_tick = Clock::now() + tick;
    Tick last;
    while (!stopping_ && !poisoned_) {
      const auto now = Clock::now();
      if (now >= next_tick && options_.flush_us_max > 0) {
        flush_or_mark(last);
        next_tick = Clock::now() + tick;
      } else if (zeros_wanted()) {
        write_zeros();
      } else if (options_.flush_us_max > 0 && (last_lsn_ > durable_lsn_ || unmarked_)) {
        wake_background_.wait_for(mutex_, next_tick - now);
      } else {
        background_asleep_ = true;
        wake_background_.wait(mutex_);
        background_asleep_ = false;
        next_tick = Clock::now() + tick;
        last = {.turns = turns_, .lsn = 0, .idle = 0};
      }
    }
  }

  /// What the background thread saw a tick ago.
  struct Tick {
    std::uint64_t turns = 0;
    Lsn lsn = 0;
    int idle = 0;  // ticks without a turn
  };

  void flush_or_mark(Tick& last) STRATA_REQUIRES(mutex_) {
    last.idle = turns_ == last.turns ? last.idle + 1 : 0;
    if (last.lsn > durable_lsn_) {  // a tick old, and nobody waited for a sync
      if (leading_)
        flush_wanted_ = true;
      else
        lead(true);
    } else if (!leading_ && unmarked_ && last.idle >= 2 && queue_.empty()) {
      lead(true, std::uint8_t{0});  // durable, and from now on provably so
    }
    last.turns = turns_;
    last.lsn = last_lsn_;
  }

  // A sync that changes neither size nor extents of the file is twice as fast, with a tenth of the p99: so the blocks are
  // written once before, with zeros, and synced on this thread.
  void write_zeros() STRATA_REQUIRES(mutex_) {
    const std::uint64_t begin = round_up_to_block(zero_end_);
    const std::uint64_t end = std::min(begin + std::min(kZeroStepBytes, round_up_to_block(options_.zero_ahead_bytes)),
                                       options_.segment_bytes);
    const std::string name = segments_.back().name;
    STRATA_ASSERT(begin >= segments_.back().bytes);  // I6: never over a batch
    zeroing_ = true;
    zeroing_begin_ = begin;
    mutex_.unlock();
    bool synced = true;
    const auto written = [&]() -> Result<void> {
      STRATA_FAILPOINT("journal.zero.begin");
      if (zero_name_ != name) {
        zero_file_ = STRATA_TRY(files_.open(name, io::OpenMode::read_write));
        zero_name_ = name;
      }
      STRATA_TRY(zero_file_->zero_fill(begin, end - begin));
      STRATA_FAILPOINT("journal.zero.filled");
      return {};
    }();
    if (written) synced = zero_file_->sync_data().has_value();
    mutex_.lock();
    zeroing_ = false;
    if (written) {
      zero_end_ = std::max(zero_end_, end);
      reserved_end_ = std::max(reserved_end_, end);
    }
    if (!written) zeros_refused_ = true;  // only speed is lost; if the disk is full, an appender will find out
    if (!synced) {
      poison();  // this sync may have carried a batch of the leader's
      wake_all();
    }
    zero_done_.notify_all();
  }

  void stop_background() {
    {
      const core::MutexLock lock(mutex_);
      stopping_ = true;
      wake_background_.notify_one();
    }
    if (background_.joinable()) background_.join();
  }

  // Constant after construction.
  io::FileSystem& files_;
  const core::Clock& clock_;
  const std::string directory_;
  const JournalIdentity identity_;
  const JournalOptions options_;
  const std::uint32_t epoch_;

  // Written under mutex_ or by the leader, read by any.
  std::atomic<Lsn> last_lsn_;
  std::atomic<Lsn> durable_lsn_;
  std::atomic<bool> poisoned_{false};

  mutable core::Mutex mutex_;
  std::deque<Pending> queue_ STRATA_GUARDED_BY(mutex_);
  std::uint64_t queue_bytes_ STRATA_GUARDED_BY(mutex_) = 0;
  std::vector<Waiter*> waiters_ STRATA_GUARDED_BY(mutex_);  // each on its thread's stack
  Lsn written_lsn_ STRATA_GUARDED_BY(mutex_);
  bool leading_ STRATA_GUARDED_BY(mutex_) = false;
  bool closed_ STRATA_GUARDED_BY(mutex_) = false;
  bool unmarked_ STRATA_GUARDED_BY(mutex_) = false;      // the last batch has records: nothing behind proves it durable
  std::uint64_t turns_ STRATA_GUARDED_BY(mutex_) = 0;    // of leaders
  std::size_t company_ STRATA_GUARDED_BY(mutex_) = 0;    // records of the last batch
  bool flush_wanted_ STRATA_GUARDED_BY(mutex_) = false;  // the next turn syncs
  int appenders_waiting_ STRATA_GUARDED_BY(mutex_) = 0;
  std::function<void(Lsn)> durable_observer_ STRATA_GUARDED_BY(mutex_);  // unchanged while observing_
  int observing_ STRATA_GUARDED_BY(mutex_) = 0;                          // leaders that are telling it
  std::vector<Segment> segments_ STRATA_GUARDED_BY(mutex_);
  JournalStats stats_ STRATA_GUARDED_BY(mutex_);
  std::uint64_t promised_ STRATA_GUARDED_BY(mutex_) = 0;      // room of what is queued or under way to the disk
  std::uint64_t reserved_end_ STRATA_GUARDED_BY(mutex_) = 0;  // the segment's blocks are allocated below
  bool reserving_ STRATA_GUARDED_BY(mutex_) = false;
  std::uint64_t zero_end_ STRATA_GUARDED_BY(mutex_) = 0;  // zeros or batches below, nothing above
  bool zeroing_ STRATA_GUARDED_BY(mutex_) = false;
  std::uint64_t zeroing_begin_ STRATA_GUARDED_BY(mutex_) = 0;  // of the step under way
  bool zeros_refused_ STRATA_GUARDED_BY(mutex_) = false;
  bool background_asleep_ STRATA_GUARDED_BY(mutex_) = false;
  bool stopping_ STRATA_GUARDED_BY(mutex_) = false;
  core::Condition leader_done_;
  core::Condition zero_done_;
  core::Condition wake_background_;

  // The leader's.
  std::uint64_t next_number_;
  std::unique_ptr<io::File> file_;
  std::uint64_t offset_ = 0;      // of the next batch
  std::uint64_t synced_end_ = 0;  // everything below is durable
  Lsn written_by_leader_ = durable_lsn_.load();
  Batch batch_;

  // The background thread's.
  std::unique_ptr<io::File> zero_file_;
  std::string zero_name_;
  std::thread background_;
};

Result<void> check_options(const JournalOptions& options) {
  const auto refused = [](const char* what) {
    return Error(ErrorCode::invalid_argument, std::string("journal option out of range: ") + what);
  };
  if (options.segment_bytes < 64 << 10 || options.segment_bytes > 1 << 30)
    return refused("segment_bytes, 64 KiB to 1 GiB");
  if (options.batch_bytes_max < kBlockBytes || options.batch_bytes_max > 64 << 20)
    return refused("batch_bytes_max, 4 KiB to 64 MiB");
  if (options.record_bytes_max > std::uint64_t{1} << 30) return refused("record_bytes_max, up to 1 GiB");
  if (options.queue_wait_us_max < 0 || options.flush_us_max < 0) return refused("a negative time");
  return {};
}

}  // namespace

namespace {

/// Where a journal starts that continues a backup's files instead of its own past.
Result<Recovered> begin(io::FileSystem& files, const std::string& directory, const JournalIdentity& identity,
                        Lsn after) {
  if (!STRATA_TRY(files.list(directory)).empty())
    return Error(ErrorCode::already_exists, "there is a journal already: " + directory);
  Recovered none;
  none.last_lsn = after;
  none.chain = first_chain(identity.database);
  return none;
}

}  // namespace

Result<std::unique_ptr<Journal>> Journal::open(io::FileSystem& files, const core::Clock& clock, std::string directory,
                                               const JournalIdentity& identity, const JournalOptions& options,
                                               Lsn replay_after, Lsn known_durable,
                                               const std::function<Result<void>(const Record&)>& visit,
                                               RecoveryReport* report) {
  STRATA_TRY(check_options(options));
  if (identity.timeline == 0 || identity.timeline > std::numeric_limits<std::uint32_t>::max())
    return Error(ErrorCode::invalid_argument, "journal timeline out of range");
  STRATA_TRY(files.create_directory(directory));
  STRATA_TRY(files.sync_directory(io::parent_of(directory)));
  STRATA_FAILPOINT("journal.recover.begin");
  const Recovered recovered =
      STRATA_TRY(options.begin_after != 0 ? begin(files, directory, identity, options.begin_after)
                                          : recover(files, directory, identity, replay_after, known_durable, visit));

  STRATA_FAILPOINT("journal.recover.scanned");
  std::string torn_copy;
  if (!recovered.torn.empty()) {
    torn_copy = recovered.segments.back().name;
    torn_copy.replace(torn_copy.size() - std::strlen("journal"), std::string::npos, "torn");
    STRATA_TRY(io::write_file_atomically(files, torn_copy, recovered.torn));
    STRATA_FAILPOINT("journal.recover.torn_copied");
  }
  if (report != nullptr)
    *report = {.last_lsn = recovered.last_lsn,
               .torn_tail = !recovered.torn.empty(),
               .torn_copy = torn_copy,
               .bytes_read = recovered.bytes_read,
               .clean_shutdown = recovered.clean_shutdown};
  auto journal =
      std::make_unique<JournalImplementation>(files, clock, std::move(directory), identity, options, recovered);
  STRATA_TRY(journal->start(recovered));
  return std::unique_ptr<Journal>(std::move(journal));
}

}  // namespace strata::journal
