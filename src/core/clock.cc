#include "core/clock.h"

#include <time.h>

#include <cstdio>
#include <optional>

namespace strata::core {
namespace {

constexpr std::int64_t kSecondsMin = -62'167'219'200;  // 0000-01-01T00:00:00Z
constexpr std::int64_t kSecondsMax = 253'402'300'799;  // 9999-12-31T23:59:59Z
constexpr std::int64_t kDayUs = 86'400'000'000;

std::int64_t read_clock(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000 + time.tv_nsec / 1'000;
}

Error not_a_time(std::string_view text) {
  return Error(ErrorCode::invalid_argument,
               "not a time (expected 2026-11-20 or 2026-11-20T10:00:00Z): \"" + std::string(text.substr(0, 64)) + "\"");
}

}  // namespace

Timestamp SystemClock::now() const { return read_clock(CLOCK_REALTIME); }
std::int64_t SystemClock::monotonic_us() const { return read_clock(CLOCK_MONOTONIC); }

std::string format_time(Timestamp time) {
  const std::int64_t us = ((time % kDayUs) + kDayUs) % kDayUs;
  // Not time - us: the least of all times would leave 64 bits.
  const std::int64_t days = time / kDayUs - (time % kDayUs < 0 ? 1 : 0);
  return format_date(static_cast<std::int32_t>(days)) + "T" + format_time_of_day(us) + "Z";
}

std::string format_date(std::int32_t days) {
  const time_t seconds = time_t{days} * 86'400;
  tm parts{};
  gmtime_r(&seconds, &parts);
  const std::int64_t year = std::int64_t{parts.tm_year} + 1900;
  char text[64];
  std::snprintf(text, sizeof text, year < 0 || year > 9999 ? "%+07lld-%02d-%02d" : "%04lld-%02d-%02d",
                static_cast<long long>(year), parts.tm_mon + 1, parts.tm_mday);
  return text;
}

std::string format_time_of_day(std::int64_t us) {
  const std::int64_t seconds = us / 1'000'000;
  char text[64];
  std::snprintf(text, sizeof text, "%02d:%02d:%02d.%06d", static_cast<int>(seconds / 3'600),
                static_cast<int>(seconds / 60 % 60), static_cast<int>(seconds % 60), static_cast<int>(us % 1'000'000));
  return text;
}

namespace {

/// Reads what is written exactly so: digits where digits belong, no sign and no blank.
class TimeReader {
 public:
  explicit TimeReader(std::string_view text) : left_(text) {}
  bool done() const { return left_.empty(); }
  bool failed() const { return failed_; }
  bool take(char c) {
    if (!left_.starts_with(c)) return false;
    left_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!take(c)) failed_ = true;
  }
  int number(std::size_t digits) {
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) value = value * 10 + digit().value_or(0);
    return value;
  }
  std::int64_t fraction_us() {
    if (!is_digit()) failed_ = true;
    std::int64_t us = 0;
    for (std::int64_t unit = 100'000; is_digit(); unit /= 10) us += unit * *digit();
    return us;
  }

 private:
  bool is_digit() const { return !left_.empty() && left_[0] >= '0' && left_[0] <= '9'; }
  std::optional<int> digit() {
    if (!is_digit()) {
      failed_ = true;
      return std::nullopt;
    }
    const int value = left_[0] - '0';
    left_.remove_prefix(1);
    return value;
  }

  std::string_view left_;
  bool failed_ = false;
};

}  // namespace

Result<Timestamp> parse_time(std::string_view text) {
  TimeReader in(text);
  tm date{};
  date.tm_year = in.number(4) - 1900;
  in.expect('-');
  const int month = in.number(2);
  in.expect('-');
  const int day = in.number(2);
  int hour = 0, minute = 0, second = 0, offset_minutes = 0;
  std::int64_t fraction_us = 0;
  if (!in.done()) {
    if (!in.take('T')) in.expect(' ');
    hour = in.number(2);
    in.expect(':');
    minute = in.number(2);
    in.expect(':');
    second = in.number(2);
    if (in.take('.')) fraction_us = in.fraction_us();
    if (!in.take('Z') && !in.take('z')) {  // without a zone it would mean another instant elsewhere
      const bool west = in.take('-');
      if (!west) in.expect('+');
      const int hours = in.number(2);
      in.expect(':');
      const int minutes = in.number(2);
      if (hours > 23 || minutes > 59) return not_a_time(text);
      offset_minutes = (hours * 60 + minutes) * (west ? -1 : 1);
    }
  }
  if (in.failed() || !in.done() || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 ||
      second > 60) {
    return not_a_time(text);
  }
  date.tm_mon = month - 1;
  date.tm_mday = day;
  const std::int64_t midnight = timegm(&date);
  if (date.tm_mday != day) return not_a_time(text);  // 30 February became a day of March
  const std::int64_t seconds = midnight + (hour * 60 + minute - offset_minutes) * 60 + second;
  if (seconds < kSecondsMin || seconds > kSecondsMax)
    return not_a_time(text);  // an offset led out of years of 4 digits
  return seconds * 1'000'000 + fraction_us;
}

}  // namespace strata::core
