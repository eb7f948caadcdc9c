#include "core/failpoint.h"

#ifdef STRATA_FAILPOINTS

#include <atomic>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "core/mutex.h"

namespace strata::core {
namespace {

enum class Action : std::uint8_t { none, kill, abort, error, delay, call };

struct Armed {
  Action action = Action::none;
  bool from_there_on = false;
  std::uint64_t hit = 1;
  std::int64_t delay_ms = 0;
};

/// What one call armed, and what was passed since. Only the counts change once threads see it.
struct Arming {
  std::array<std::atomic<std::uint64_t>, kFailpointCount> hits{};
  std::array<Armed, kFailpointCount> armed{};
  void (*call)() = nullptr;
};

/// The one piece of state outside of objects that Strata has: a point must be reachable from every layer, and exists in
/// test builds only.
class Registry {
 public:
  Arming& current() { return *current_.load(std::memory_order_acquire); }

  void replace(std::unique_ptr<Arming> by) {
    const MutexLock lock(mutex_);
    kept_.push_back(std::move(by));
    current_.store(kept_.back().get(), std::memory_order_release);
  }

 private:
  Mutex mutex_;
  std::vector<std::unique_ptr<Arming>> kept_ STRATA_GUARDED_BY(mutex_);  // all: a thread may still be in an older one
  std::atomic<Arming*> current_{nullptr};
};

Result<void> refused(std::string_view what, std::string_view text) {
  return Error(ErrorCode::invalid_argument, "failpoints: " + std::string(what) + ": \"" + std::string(text) + "\"");
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

template <typename T>
bool parse_number(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

/// "kill@3", "delay(20)@1+"
Result<Armed> parse_action(std::string_view text) {
  Armed armed;
  std::string_view action = text;
  if (const auto at = text.find('@'); at != std::string_view::npos) {
    action = text.substr(0, at);
    std::string_view hit = text.substr(at + 1);
    armed.from_there_on = hit.ends_with('+');
    if (armed.from_there_on) hit.remove_suffix(1);
    if (!parse_number(hit, armed.hit) || armed.hit == 0) return refused("not a number of a passing", text).error();
  }
  if (action == "kill") {
    armed.action = Action::kill;
  } else if (action == "abort") {
    armed.action = Action::abort;
  } else if (action == "error") {
    armed.action = Action::error;
  } else if (action == "call") {
    armed.action = Action::call;
  } else if (action.starts_with("delay(") && action.ends_with(")")) {
    armed.action = Action::delay;
    if (!parse_number(action.substr(6, action.size() - 7), armed.delay_ms) || armed.delay_ms < 0)
      return refused("not a delay in milliseconds", text).error();
  } else {
    return refused("kill, abort, error, delay(ms) or call, not", text).error();
  }
  return armed;
}

Result<void> parse(std::string_view spec, std::array<Armed, kFailpointCount>& armed) {
  while (!spec.empty()) {
    const auto end = std::min(spec.find(';'), spec.size());
    const std::string_view one = trimmed(spec.substr(0, end));
    spec.remove_prefix(std::min(spec.size(), end + 1));
    if (one.empty()) continue;
    const auto equals = one.find('=');
    if (equals == std::string_view::npos) return refused("name=action is missing its =", one);
    const std::string_view name = trimmed(one.substr(0, equals));
    const Armed parsed = STRATA_TRY(parse_action(trimmed(one.substr(equals + 1))));
    const int crash = failpoint_index(name, false), fail = failpoint_index(name, true);
    if (crash < 0 && fail < 0) return refused("there is no point of this name", name);
    if (fail < 0 && parsed.action == Action::error) return refused("nothing can fail at this point", name);
    armed[static_cast<std::size_t>(std::max(crash, fail))] = parsed;
  }
  return {};
}

Registry& registry() {
  static Registry* const only = [] {
    auto made = std::make_unique<Registry>();
    auto first = std::make_unique<Arming>();
    if (const char* spec = std::getenv("STRATA_FAILPOINTS"); spec != nullptr) {
      // Nobody could be told here; a test that armed nothing by mistake would prove nothing.
      if (!parse(spec, first->armed)) std::abort();
    }
    made->replace(std::move(first));
    return made.release();  // never destroyed: threads may pass while the process ends
  }();
  return *only;
}

}  // namespace

Result<void> arm_failpoints(std::string_view spec, void (*call)()) {
  auto next = std::make_unique<Arming>();
  next->call = call;
  auto parsed = parse(spec, next->armed);
  if (!parsed) next = std::make_unique<Arming>();
  registry().replace(std::move(next));
  return parsed;
}

std::vector<std::uint64_t> failpoint_hits() {
  std::vector<std::uint64_t> hits;
  for (const auto& each : registry().current().hits) hits.push_back(each.load(std::memory_order_relaxed));
  return hits;
}

Result<void> pass_failpoint(int index) {
  Arming& all = registry().current();
  const auto at = static_cast<std::size_t>(index);
  const std::uint64_t hit = all.hits[at].fetch_add(1, std::memory_order_relaxed) + 1;
  const Armed& armed = all.armed[at];
  if (armed.action == Action::none || (armed.from_there_on ? hit < armed.hit : hit != armed.hit)) return {};
  switch (armed.action) {
    case Action::none: break;
    case Action::kill: std::raise(SIGKILL); break;
    case Action::abort: std::abort();
    case Action::error: return Error(ErrorCode::io, "a test wants this to fail: " + std::string(kFailpoints[at].name));
    // tidy: allow sleep: the delay is what was asked for
    case Action::delay: std::this_thread::sleep_for(std::chrono::milliseconds(armed.delay_ms)); break;
    case Action::call:
      if (all.call != nullptr) all.call();
      break;
  }
  return {};
}

}  // namespace strata::core

#endif
