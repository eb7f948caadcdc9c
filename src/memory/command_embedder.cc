// One run of the program: spawn it, feed its standard input and read both outputs at the same time (a program may print
// before it has read everything), all under one deadline, and never leave a process behind.
#include "memory/command_embedder.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/clock.h"
#include "memory/embedder_answer.h"

extern char** environ;

namespace strata::memory {
namespace {

constexpr std::size_t kBatchTexts = 512;
constexpr std::size_t kComplaintBytes = 2'000;  // of standard error: the end of it says most
constexpr int kExitPollMs = 5;

Error unavailable(const std::string& program, const std::string& what) {
  return Error(ErrorCode::unavailable, "the embedder program " + program + " " + what);
}

/// A file descriptor that is closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() { reset(); }
  void reset() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }
  int get() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }

 private:
  int number_;
};

struct Channel {
  Descriptor ours, theirs;
};

Result<Channel> open_channel(bool to_child) {
  int ends[2];
  // A socket towards the child, because a write to one that has closed must not raise SIGPIPE in somebody's application.
  const int failed = to_child ? ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) : ::pipe2(ends, O_CLOEXEC);
  if (failed != 0) return Error(ErrorCode::resource_exhausted, std::string("no pipe: ") + std::strerror(errno));
  Channel channel{Descriptor(ends[0]), Descriptor(ends[1])};
  ::fcntl(channel.ours.get(), F_SETFL, ::fcntl(channel.ours.get(), F_GETFL) | O_NONBLOCK);
  return channel;
}

/// The program while it runs. Killed, with whatever it started, when this goes out of scope before it ended.
class Process {
 public:
  explicit Process(pid_t id) : id_(id) {}
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    if (id_ <= 0) return;
    ::kill(-id_, SIGKILL);
    int status = 0;
    while (::waitpid(id_, &status, 0) < 0 && errno == EINTR) {
    }
  }
  /// True when it has ended; then `status` is as waitpid tells.
  bool ended(int& status) {
    const pid_t result = ::waitpid(id_, &status, WNOHANG);
    if (result == 0 || (result < 0 && errno == EINTR)) return false;
    if (result < 0) status = 0;  // an application that ignores SIGCHLD: nobody knows how it ended
    id_ = 0;
    return true;
  }

 private:
  pid_t id_;
};

Result<pid_t> spawn(const std::vector<std::string>& words, int input, int output, int complaints) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, complaints, STDERR_FILENO);
  // A group of its own, so that a timeout also ends what the program started; default signals, whatever ours are.
  sigset_t all;
  sigset_t none;
  sigfillset(&all);
  sigemptyset(&none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  pid_t id = 0;
  const int failed = ::posix_spawnp(&id, arguments[0], &actions, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return unavailable(words[0], std::string("cannot be started: ") + std::strerror(failed));
  return id;
}

/// Reads what is there. False at the end.
bool drain(int descriptor, std::string& into) {
  std::array<char, 65'536> buffer;
  for (;;) {
    // tidy: allow raw-file: a pipe, not a file
    const ssize_t got = ::read(descriptor, buffer.data(), buffer.size());
    if (got > 0) {
      into.append(buffer.data(), static_cast<std::size_t>(got));
      if (static_cast<std::size_t>(got) < buffer.size()) return true;
    } else if (got == 0) {
      return false;
    } else if (errno != EINTR) {
      return errno == EAGAIN;
    }
  }
}

std::string ending(const std::string& complaints) {
  std::size_t end = complaints.find_last_not_of(" \n\r\t");
  if (end == std::string::npos) return "";
  const std::size_t begin = end > kComplaintBytes ? end - kComplaintBytes : 0;
  return "; it said: " + complaints.substr(begin, end + 1 - begin);
}

class CommandEmbedder final : public Embedder {
 public:
  CommandEmbedder(std::vector<std::string> words, const CommandEmbedderOptions& options)
      : words_(std::move(words)), options_(options) {}

  /// Asks the program what it is.
  Result<void> describe() {
    std::vector<std::string> words = words_;
    words.emplace_back("--describe");
    const std::string answer = STRATA_TRY(run(words, ""));
    auto described = read_description(answer);
    if (!described) return unavailable(words_[0], described.error().message());
    model_ = std::move(described->model);
    dimension_ = described->dimension;
    return {};
  }

  std::string model() const override { return model_; }
  std::uint32_t dimension() const override { return dimension_; }

  Result<std::vector<std::vector<float>>> embed(std::span<const std::string> texts) override {
    std::vector<std::vector<float>> embeddings;
    embeddings.reserve(texts.size());
    while (!texts.empty()) {
      const std::size_t count = std::min(texts.size(), kBatchTexts);
      std::string input;
      for (const std::string& text : texts.first(count)) input += to_json(Map{{"text", text}}) + "\n";
      const std::string output = STRATA_TRY(run(words_, input));
      auto printed = read_embedding_lines(output, count, dimension_);
      if (!printed) return unavailable(words_[0], "printed " + printed.error().message());
      for (std::vector<float>& embedding : *printed) embeddings.push_back(std::move(embedding));
      texts = texts.subspan(count);
    }
    return embeddings;
  }

 private:
  Result<std::string> run(const std::vector<std::string>& words, std::string_view input) const {
    Channel in = STRATA_TRY(open_channel(true));
    Channel out = STRATA_TRY(open_channel(false));
    Channel err = STRATA_TRY(open_channel(false));
    Process process(STRATA_TRY(spawn(words, in.theirs.get(), out.theirs.get(), err.theirs.get())));
    in.theirs.reset();
    out.theirs.reset();
    err.theirs.reset();
    if (input.empty()) in.ours.reset();

    const core::SystemClock clock;
    const std::int64_t deadline = clock.monotonic_us() + options_.timeout_ms * 1000;
    std::string output;
    std::string complaints;
    while (out.ours || err.ours) {
      const std::int64_t left_ms = (deadline - clock.monotonic_us()) / 1000;
      if (left_ms <= 0) return too_slow(complaints);
      // A descriptor of −1 is passed over by poll.
      pollfd waits[] = {{in.ours.get(), POLLOUT, 0}, {out.ours.get(), POLLIN, 0}, {err.ours.get(), POLLIN, 0}};
      if (::poll(waits, 3, static_cast<int>(std::min<std::int64_t>(left_ms, 1000))) < 0 && errno != EINTR) {
        return Error(ErrorCode::io, std::string("waiting for the embedder program: ") + std::strerror(errno));
      }
      if (waits[0].revents != 0) {
        const ssize_t sent = ::send(in.ours.get(), input.data(), input.size(), MSG_NOSIGNAL);
        if (sent > 0) input.remove_prefix(static_cast<std::size_t>(sent));
        // It may stop reading early: whether it answered all the same is seen below.
        if (input.empty() || (sent < 0 && errno != EAGAIN && errno != EINTR)) in.ours.reset();
      }
      if (waits[1].revents != 0 && !drain(out.ours.get(), output)) out.ours.reset();
      if (waits[2].revents != 0 && !drain(err.ours.get(), complaints)) err.ours.reset();
      if (complaints.size() > 16 * kComplaintBytes) complaints.erase(0, complaints.size() - kComplaintBytes);
      if (output.size() > options_.output_bytes_max) {
        return unavailable(words_[0], "printed more than " + std::to_string(options_.output_bytes_max) + " bytes");
      }
    }
    int status = 0;
    while (!process.ended(status)) {
      if (clock.monotonic_us() > deadline) return too_slow(complaints);
      ::poll(nullptr, 0, kExitPollMs);
    }
    if (WIFSIGNALED(status)) {
      return unavailable(words_[0], "was ended by signal " + std::to_string(WTERMSIG(status)) + ending(complaints));
    }
    if (WEXITSTATUS(status) != 0) {
      return unavailable(words_[0],
                         "failed with exit code " + std::to_string(WEXITSTATUS(status)) + ending(complaints));
    }
    return output;
  }

  Error too_slow(const std::string& complaints) const {
    return unavailable(words_[0], "did not answer within " + std::to_string(options_.timeout_ms) +
                                      " ms and was killed" + ending(complaints));
  }

  const std::vector<std::string> words_;
  const CommandEmbedderOptions options_;
  std::string model_;
  std::uint32_t dimension_ = 0;
};

}  // namespace

Result<std::vector<std::string>> split_command(std::string_view command) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (std::size_t i = 0; i < command.size(); ++i) {
    const char c = command[i];
    if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
      if (in_word) words.push_back(std::exchange(word, {}));
      in_word = false;
      continue;
    }
    in_word = true;
    if (c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == '\\' && quote != '\'' && i + 1 < command.size()) {
      word += command[++i];
    } else {
      word += c;
    }
  }
  if (quote != 0) {
    return Error(ErrorCode::invalid_argument, "a quote is left open in the embedder command: " + std::string(command));
  }
  if (in_word) words.push_back(std::move(word));
  if (words.empty() || words.front().empty()) {
    return Error(ErrorCode::invalid_argument, "the embedder command is empty; write command:<program> [arguments]");
  }
  return words;
}

Result<std::unique_ptr<Embedder>> make_command_embedder(std::string_view command,
                                                        const CommandEmbedderOptions& options) {
  auto embedder = std::make_unique<CommandEmbedder>(STRATA_TRY(split_command(command)), options);
  STRATA_TRY(embedder->describe());
  return std::unique_ptr<Embedder>(std::move(embedder));
}

}  // namespace strata::memory
