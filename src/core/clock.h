#pragma once
/// Time arrives through constructors, never from a global, so that tests and simulations own it.
#include <atomic>
#include <string>
#include <string_view>

#include "strata/error.h"
#include "strata/value.h"

namespace strata::core {

/// Threads: any.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp now() const = 0;              ///< wall time, microseconds since 1970 UTC; may step
  virtual std::int64_t monotonic_us() const = 0;  ///< for durations and timeouts; never steps back
};

/// The machine's clocks.
class SystemClock final : public Clock {
 public:
  Timestamp now() const override;
  std::int64_t monotonic_us() const override;
};

/// A clock that a test moves by hand.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp start = 1'700'000'000'000'000) : now_(start) {}
  Timestamp now() const override { return now_.load(std::memory_order_relaxed); }
  std::int64_t monotonic_us() const override { return now_.load(std::memory_order_relaxed); }
  void advance(std::int64_t us) { now_.fetch_add(us, std::memory_order_relaxed); }

 private:
  std::atomic<Timestamp> now_;
};

/// "2026-11-20T10:00:00.123456Z"; years before 0 and after 9999 have a sign and six digits, as ISO 8601 allows.
std::string format_time(Timestamp time);
/// "2026-11-20", of days since 1970-01-01
std::string format_date(std::int32_t days);
/// "10:00:00.123456", of microseconds since midnight
std::string format_time_of_day(std::int64_t us);
/// Reads RFC 3339 with Z or an offset, also a date alone (midnight UTC). Errors  invalid_argument
Result<Timestamp> parse_time(std::string_view text);

}  // namespace strata::core
