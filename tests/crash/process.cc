// Starting a child, listening to it, ending it; and the score of what it said.
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "crash/crash.h"

namespace strata::crash {
namespace {

std::string joined(const std::vector<std::uint64_t>& numbers) {
  std::string text;
  for (const std::uint64_t number : numbers) text += (text.empty() ? "" : ",") + std::to_string(number);
  return text;
}

/// Becomes this program anew: a forked copy of one that had a database open is not what users kill.
[[noreturn]] void become(const ChildSettings& child) {
  std::vector<std::string> arguments = child.to_arguments();
  std::vector<char*> raw;
  for (std::string& argument : arguments) raw.push_back(argument.data());
  raw.push_back(nullptr);
  ::execv("/proc/self/exe", raw.data());
  _exit(127);
}

}  // namespace

std::vector<std::string> ChildSettings::to_arguments() const {
  std::vector<std::string> out{
      "strata_crash",          "--child",     mode,     "--seed", std::to_string(seed), "--writers",
      std::to_string(writers), "--directory", directory};
  const auto add = [&](const char* flag, const std::string& value) {
    if (!value.empty()) out.insert(out.end(), {flag, value});
  };
  add("--first", joined(first));
  add("--operations", std::to_string(operations));
  add("--backups", backups);
  add("--arm", failpoints);
  add("--refuse", fault);
  add("--cut", cut);
  if (!history) out.insert(out.end(), {"--history", "0"});
  return out;
}

bool ChildSettings::take(const std::string& flag, const std::string& value) {
  const auto number = [&] { return std::strtoull(value.c_str(), nullptr, 10); };
  if (flag == "--child") {
    mode = value;
  } else if (flag == "--first") {
    first.clear();
    for (const char* at = value.c_str(); *at != '\0';) {
      char* end = nullptr;
      first.push_back(std::strtoull(at, &end, 10));
      at = *end == ',' ? end + 1 : end;
    }
  } else if (flag == "--operations") {
    operations = number();
  } else if (flag == "--backups") {
    backups = value;
  } else if (flag == "--arm") {
    failpoints = value;
  } else if (flag == "--refuse") {
    fault = value;
  } else if (flag == "--cut") {
    cut = value;
  } else if (flag == "--history") {
    history = number() != 0;
  } else {
    return false;
  }
  return true;
}

void Score::hear(const std::string& line) {
  unsigned long long writer = 0, number = 0, lsn = 0;
  int durability = 0, read = 0;
  const std::string_view rest = line.size() > 2 ? std::string_view(line).substr(2) : std::string_view();
  const bool about =
      std::sscanf(rest.data() != nullptr ? rest.data() : "", "%llu %llu%n", &writer, &number, &read) == 2 &&
      writer < next.size();
  switch (line.empty() ? ' ' : line[0]) {
    case 'O': opened = true; break;
    case 'D': done = true; break;
    case 'C': cut = true; break;
    case 'E': errors.emplace_back(rest); break;
    case 'H': hits.push_back(std::strtoull(rest.data(), nullptr, 10)); break;
    case 'K':
      if (std::sscanf(rest.data(), "%llu %n", &lsn, &read) == 1)
        backups.emplace_back(lsn, std::string(rest.substr(static_cast<std::size_t>(read))));
      break;
    case 'B':
      if (about && number == next[writer]) begun[writer] = true;
      break;
    case 'F':
      if (about && number == next[writer]) begun[writer] = false;
      [[fallthrough]];
    case 'U':
      if (about) refusals.emplace_back(rest.substr(static_cast<std::size_t>(read) + 1));
      break;
    case 'X':
      if (const std::size_t end = rest.find(": "); end != std::string_view::npos)
        refusals.emplace_back(rest.substr(end + 2));
      break;
    case 'S': refused = std::strtoull(rest.data(), nullptr, 10); break;
    case 'T': {
      const std::size_t end = rest.find(' ');
      if (end != std::string_view::npos)
        calls[std::string(rest.substr(0, end))] = std::strtoull(rest.data() + end, nullptr, 10);
      break;
    }
    case 'A': {
      if (!about || std::sscanf(rest.data() + read, "%llu %d", &lsn, &durability) != 2) break;
      // A sync that returns while its file system is being shut down may say so wrongly: only what was heard before the cut
      // had been promised for certain.
      const bool durable = durability != static_cast<int>(Durability::off) && !cut;
      const auto [known, first] = acknowledged.try_emplace({writer, number}, Acknowledged{lsn, durable});
      fresh += first;
      if (!first && known->second.lsn != lsn)
        errors.push_back("operation " + std::to_string(number) + " of writer " + std::to_string(writer) +
                         " was repeated and answered lsn " + std::to_string(lsn) + ", not " +
                         std::to_string(known->second.lsn));
      if (number >= next[writer]) {
        next[writer] = number + 1;
        begun[writer] = false;
      }
      break;
    }
    default: break;
  }
}

bool Ended::by_itself() const { return WIFEXITED(status); }

std::string Ended::to_string() const {
  return WIFSIGNALED(status) ? "ended by signal " + std::to_string(WTERMSIG(status))
                             : "exit status " + std::to_string(WEXITSTATUS(status));
}

Ended live(const Life& life, Score& score) {
  using Clock = std::chrono::steady_clock;
  Ended ended;
  int ends[2];
  if (::pipe(ends) != 0) return ended;
  const pid_t process = ::fork();
  if (process == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    become(life.child);
  }
  ::close(ends[1]);
  std::string heard;
  char buffer[1 << 16];
  std::optional<Clock::time_point> deadline;
  const auto in = [](std::uint64_t ms) { return Clock::now() + std::chrono::milliseconds(ms); };
  if (life.delay_ms && !life.when) deadline = in(*life.delay_ms);
  const auto strike = [&] {
    if (life.strike)
      life.strike(process);
    else
      ::kill(process, SIGKILL);
    ended.struck = true;
    deadline.reset();
  };
  for (;;) {
    int wait_ms = -1;
    if (deadline) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(*deadline - Clock::now());
      if (left.count() <= 0) strike();
      wait_ms = ended.struck ? -1 : static_cast<int>(left.count());
    }
    pollfd waiting{ends[0], POLLIN, 0};
    ::poll(&waiting, 1, wait_ms);
    if ((waiting.revents & (POLLIN | POLLHUP)) == 0) continue;
    const ssize_t got = ::read(ends[0], buffer, sizeof buffer);
    if (got <= 0) break;
    heard.append(buffer, static_cast<std::size_t>(got));
    std::size_t begin = 0;
    for (std::size_t end = heard.find('\n'); end != std::string::npos; begin = end + 1, end = heard.find('\n', begin)) {
      const std::string line = heard.substr(begin, end - begin);
      score.hear(line);
      if (life.when && !ended.struck && !deadline && life.when(line)) deadline = in(life.delay_ms.value_or(0));
    }
    heard.erase(0, begin);
  }
  ::close(ends[0]);
  ::waitpid(process, &ended.status, 0);
  return ended;
}

}  // namespace strata::crash
