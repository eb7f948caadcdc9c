#include "core/clock.h"

#include <time.h>

#include <cstdio>

namespace strata::core {
namespace {

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
  const std::int64_t fraction = ((time % 1'000'000) + 1'000'000) % 1'000'000;
  const auto seconds = static_cast<time_t>((time - fraction) / 1'000'000);
  tm parts{};
  gmtime_r(&seconds, &parts);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", parts.tm_year + 1900, parts.tm_mon + 1,
                parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, static_cast<int>(fraction));
  return text;
}

Result<Timestamp> parse_time(std::string_view text) {
  const std::string copy(text);
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, used = 0;
  if (std::sscanf(copy.c_str(), "%4d-%2d-%2d%n", &year, &month, &day, &used) != 3 || used != 10)
    return not_a_time(text);
  std::size_t at = 10;
  std::int64_t fraction_us = 0;
  std::int64_t offset_minutes = 0;
  if (at < copy.size()) {
    if ((copy[at] != 'T' && copy[at] != ' ') ||
        std::sscanf(copy.c_str() + at + 1, "%2d:%2d:%2d%n", &hour, &minute, &second, &used) != 3 || used != 8) {
      return not_a_time(text);
    }
    at += 9;
    if (at < copy.size() && copy[at] == '.') {
      std::int64_t unit = 100'000;
      for (++at; at < copy.size() && copy[at] >= '0' && copy[at] <= '9'; ++at, unit /= 10)
        fraction_us += unit * (copy[at] - '0');
    }
    if (at >= copy.size()) return not_a_time(text);  // a time without a zone would mean another instant elsewhere
    if (copy[at] == 'Z' || copy[at] == 'z') {
      ++at;
    } else {
      int hours = 0, minutes = 0;
      const char sign = copy[at];
      if ((sign != '+' && sign != '-') ||
          std::sscanf(copy.c_str() + at + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 || used != 5 || hours > 23 ||
          minutes > 59) {
        return not_a_time(text);
      }
      offset_minutes = (hours * 60 + minutes) * (sign == '-' ? -1 : 1);
      at += 6;
    }
    if (at != copy.size()) return not_a_time(text);
  }
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60)
    return not_a_time(text);
  tm parts{};
  parts.tm_year = year - 1900;
  parts.tm_mon = month - 1;
  parts.tm_mday = day;
  parts.tm_hour = hour;
  parts.tm_min = minute;
  parts.tm_sec = second;
  const std::int64_t seconds = timegm(&parts);
  if (parts.tm_mday != day) return not_a_time(text);  // 30 February became a day of March
  return (seconds - offset_minutes * 60) * 1'000'000 + fraction_us;
}

}  // namespace strata::core
