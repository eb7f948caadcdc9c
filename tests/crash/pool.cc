#include "crash/pool.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <vector>

namespace strata::crash {
namespace {

constexpr std::uint64_t kCasesOfAProcess =
    500;  // then a fresh one: what one case leaves in memory is not for all others

struct Worker {
  pid_t process = 0;
  int to = -1, from = -1;
  std::uint64_t index = 0, begun = 0;
};

bool read_all(int file, void* out, std::size_t bytes) {
  for (char* at = static_cast<char*>(out); bytes > 0;) {
    const ssize_t got = ::read(file, at, bytes);
    if (got <= 0) return false;
    at += got;
    bytes -= static_cast<std::size_t>(got);
  }
  return true;
}

bool write_all(int file, const void* from, std::size_t bytes) {
  for (const char* at = static_cast<const char*>(from); bytes > 0;) {
    const ssize_t put = ::write(file, at, bytes);
    if (put <= 0) return false;
    at += put;
    bytes -= static_cast<std::size_t>(put);
  }
  return true;
}

[[noreturn]] void work(const Cases& cases, std::size_t number, int from, int to) {
  std::uint64_t index = 0;
  while (read_all(from, &index, sizeof index)) {
    ::alarm(cases.seconds_max);
    const std::string said = cases.run(number, index);
    ::alarm(0);
    const std::uint64_t size = said.size();
    if (!write_all(to, &size, sizeof size) || !write_all(to, said.data(), said.size())) break;
  }
  ::_exit(0);
}

bool start(const Cases& cases, std::vector<Worker>& workers, std::size_t number) {
  Worker& worker = workers[number];
  std::array<int, 2> down{}, up{};
  if (::pipe(down.data()) != 0 || ::pipe(up.data()) != 0) return false;
  worker.process = ::fork();
  if (worker.process == 0) {
    for (const Worker& other : workers) {  // or a process would not hear the end of its own pipe
      if (other.to >= 0) ::close(other.to);
      if (other.from >= 0) ::close(other.from);
    }
    ::close(down[1]);
    ::close(up[0]);
    work(cases, number, down[0], up[1]);
  }
  ::close(down[0]);
  ::close(up[1]);
  worker.to = down[1];
  worker.from = up[0];
  worker.begun = 0;
  return worker.process > 0;
}

/// How the process ended.
std::string end(Worker& worker) {
  ::close(worker.to);
  ::close(worker.from);
  worker.to = worker.from = -1;
  int status = 0;
  ::waitpid(worker.process, &status, 0);
  return WIFSIGNALED(status) ? "V the process ended by signal " + std::to_string(WTERMSIG(status))
                             : "V the process ended by itself";
}

}  // namespace

void run_pool(std::size_t count, const Cases& cases) {
  std::vector<Worker> workers(count);
  std::size_t busy = 0;
  const auto give = [&](std::size_t number) {
    Worker& worker = workers[number];
    if (!cases.next(worker.index)) return;
    if (worker.begun == kCasesOfAProcess) end(worker);
    if (worker.to < 0 && !start(cases, workers, number)) return;
    ++worker.begun;
    if (write_all(worker.to, &worker.index, sizeof worker.index)) ++busy;
  };
  for (std::size_t number = 0; number < count; ++number) give(number);
  while (busy > 0) {
    std::vector<pollfd> heard;
    for (const Worker& worker : workers) heard.push_back({worker.from, POLLIN, 0});  // -1 is passed over
    ::poll(heard.data(), heard.size(), -1);
    for (std::size_t number = 0; number < count; ++number) {
      if ((heard[number].revents & (POLLIN | POLLHUP)) == 0) continue;
      Worker& worker = workers[number];
      std::uint64_t size = 0;
      std::string said;
      bool whole = read_all(worker.from, &size, sizeof size);
      if (whole) {
        said.resize(size);
        whole = read_all(worker.from, said.data(), size);
      }
      if (!whole) said = end(worker);
      --busy;
      cases.ended(worker.index, said);
      give(number);
    }
  }
  for (Worker& worker : workers) {
    if (worker.to >= 0) end(worker);
  }
}

}  // namespace strata::crash
