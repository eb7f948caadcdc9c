// The embedders that ask somebody else, against real programs and a real HTTP server in Python.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "core/clock.h"
#include "memory/command_embedder.h"
#include "memory/http_embedder.h"

extern char** environ;

namespace strata::memory {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kServer[] = R"py(
import http.server, json, sys, threading

# What the model named in a request makes the server do.
failures = {}
class Endpoint(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *arguments):
        pass
    def answer(self, status, body, headers=()):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        model, texts = request["model"], request["input"]
        data = [{"object": "embedding", "index": i, "embedding": [len(t.encode()), i, 0.5]} for i, t in enumerate(texts)]
        good = {"object": "list", "data": data, "model": model, "usage": {"prompt_tokens": 1}}
        if self.path != "/v1/embeddings":
            self.answer(404, {"detail": "no such path"})
        elif model == "good":
            self.answer(200, good)
        elif model == "reversed":
            self.answer(200, {"data": data[::-1]})
        elif model == "secret":
            right = self.headers.get("Authorization") == "Bearer key-1"
            self.answer(200 if right else 401, good if right else {"error": {"message": "no such key"}})
        elif model.startswith("flaky"):
            failures[model] = failures.get(model, 0) + 1
            self.answer(*((503, b"warming up") if failures[model] < 3 else (200, good)))
        elif model == "down":
            self.answer(500, b"<html>broken</html>")
        elif model == "busy":
            self.answer(429, {"error": "slow down"})
        elif model == "unknown":
            self.answer(404, {"error": {"message": "The model does not exist"}})
        elif model == "moved":
            self.answer(307, b"", [("Location", "http://127.0.0.1:9/")])
        elif model == "few":
            self.answer(200, {"data": data[1:]})
        elif model == "twice":
            self.answer(200, {"data": [dict(item, index=0) for item in data]})
        elif model == "half":
            self.answer(200, b'{"data": [{"embedding": [1, 2')
        elif model == "text":
            self.answer(200, {"data": [{"embedding": ["a"]} for item in data]})
        elif model == "large":
            self.answer(200, b'{"data": "' + b"x" * 100000 + b'"}')
        elif model == "uneven":
            self.answer(200, {"data": [{"embedding": [1.0] * len(t)} for t in texts]})
        elif model == "slow":
            threading.Event().wait(20)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
server.daemon_threads = True
server.handle_error = lambda *about: None   # a client that gave up is what some tests are about
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()   # until the test closes it
)py";

/// The server, from the first test of the suite to the last.
class HttpEmbedder : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    int in[2];
    int out[2];
    ASSERT_EQ(pipe2(in, O_CLOEXEC), 0);
    ASSERT_EQ(pipe2(out, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    char python[] = "python3";
    char option[] = "-c";
    std::string program = kServer;
    char* arguments[] = {python, option, program.data(), nullptr};
    ASSERT_EQ(posix_spawnp(&process_, "python3", &actions, nullptr, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    input_ = in[1];
    std::string line;  // up to its end: unbuffered, Python writes the number and the line's end one after the other
    for (char c = 0; line.find('\n') == std::string::npos; line += c) ASSERT_EQ(::read(out[0], &c, 1), 1);
    close(out[0]);
    base_ = "http://127.0.0.1:" + std::to_string(std::strtol(line.c_str(), nullptr, 10)) + "/v1";
  }
  static void TearDownTestSuite() {
    close(input_);
    int status = 0;
    waitpid(process_, &status, 0);
  }

  static std::unique_ptr<Embedder> make(const std::string& model, HttpEmbedderOptions options = {}) {
    options.backoff_ms = 1;
    auto embedder = make_http_embedder(base_ + "#" + model, options);
    EXPECT_TRUE(embedder) << embedder.error().to_string();
    return std::move(*embedder);
  }
  static Error failure(const std::string& model, HttpEmbedderOptions options = {}) {
    const std::string texts[] = {"a", "bcd"};
    auto answer = make(model, options)->embed(texts);
    if (answer) return Error(ErrorCode::internal, "no error");
    return std::move(answer).error();
  }

  static inline pid_t process_ = 0;
  static inline int input_ = -1;
  static inline std::string base_;
};

TEST_F(HttpEmbedder, EmbedsInOrder) {
  const std::string texts[] = {"a", "bcd", "ä"};
  auto embedder = make("good");
  EXPECT_EQ(embedder->model(), "http:good");
  EXPECT_EQ(embedder->dimension(), 3U);
  auto embeddings = embedder->embed(texts);
  ASSERT_TRUE(embeddings) << embeddings.error().to_string();
  EXPECT_THAT(*embeddings, ElementsAre(ElementsAre(1, 0, 0.5F), ElementsAre(3, 1, 0.5F), ElementsAre(2, 2, 0.5F)));
  EXPECT_THAT(*make("reversed")->embed(texts), *embeddings);
  EXPECT_TRUE(embedder->embed({})->empty());
}

TEST_F(HttpEmbedder, AsksInBatches) {
  const std::vector<std::string> texts(150, "x");
  auto embeddings = make("good")->embed(texts);
  ASSERT_TRUE(embeddings) << embeddings.error().to_string();
  ASSERT_EQ(embeddings->size(), 150U);
  EXPECT_EQ((*embeddings)[63][1], 63);
  EXPECT_EQ((*embeddings)[64][1], 0);  // the second request begins
  EXPECT_EQ((*embeddings)[149][1], 21);
}

TEST_F(HttpEmbedder, TriesAgainWhenThatMayHelp) {
  const std::string texts[] = {"a"};
  EXPECT_TRUE(make("flaky-1")->embed(texts));
  HttpEmbedderOptions twice;
  twice.attempts = 2;
  EXPECT_THAT(failure("flaky-2", twice).to_string(), HasSubstr("answered 503: warming up"));
  EXPECT_EQ(failure("down").code(), ErrorCode::unavailable);
  EXPECT_THAT(failure("busy").to_string(), HasSubstr("429: slow down"));
}

TEST_F(HttpEmbedder, SendsTheKeyAndNeverPrintsIt) {
  setenv("STRATA_EMBEDDER_KEY", "key-1", 1);
  const std::string texts[] = {"a"};
  EXPECT_TRUE(make("secret")->embed(texts));
  setenv("STRATA_EMBEDDER_KEY", "key-2", 1);
  const Error error = failure("secret");
  unsetenv("STRATA_EMBEDDER_KEY");
  EXPECT_EQ(error.code(), ErrorCode::unauthenticated);
  EXPECT_THAT(error.message(), HasSubstr("no such key"));
  EXPECT_EQ(error.message().find("key-2"), std::string::npos);
}

TEST_F(HttpEmbedder, RefusesWhatIsNoListOfEmbeddings) {
  EXPECT_EQ(failure("unknown").code(), ErrorCode::invalid_argument);
  EXPECT_THAT(failure("unknown").message(), HasSubstr("The model does not exist"));
  EXPECT_THAT(failure("few").message(), HasSubstr("1 embeddings for 2 texts"));
  EXPECT_THAT(failure("twice").message(), HasSubstr("index 0"));
  EXPECT_THAT(failure("half").message(), HasSubstr("no JSON"));
  EXPECT_THAT(failure("text").message(), HasSubstr("no finite number"));
  EXPECT_THAT(failure("uneven").message(), HasSubstr("3 dimensions; earlier ones had 1"));
  EXPECT_THAT(failure("moved").message(), HasSubstr("answered 307"));
  HttpEmbedderOptions small;
  small.answer_bytes_max = 50'000;
  EXPECT_THAT(failure("large", small).message(), HasSubstr("more than 50000 bytes"));
  HttpEmbedderOptions hasty;
  hasty.timeout_ms = 50;
  hasty.attempts = 1;
  EXPECT_THAT(failure("slow", hasty).message(), HasSubstr("Timeout"));
}

TEST_F(HttpEmbedder, TakesABaseAndAModel) {
  EXPECT_EQ(make_http_embedder(base_).error().code(), ErrorCode::invalid_argument);
  EXPECT_EQ(make_http_embedder(base_ + "#").error().code(), ErrorCode::invalid_argument);
  EXPECT_EQ(make_http_embedder("ftp://host/v1#m").error().code(), ErrorCode::invalid_argument);
  HttpEmbedderOptions once;
  once.attempts = 1;
  auto nowhere = make_http_embedder("http://127.0.0.1:1/v1/#m", once);  // nobody listens there
  const std::string texts[] = {"a"};
  EXPECT_EQ((*nowhere)->embed(texts).error().code(), ErrorCode::unavailable);
  EXPECT_EQ((*nowhere)->dimension(), 0U);
}

TEST(CommandEmbedder, PartsACommandIntoWords) {
  EXPECT_THAT(*split_command("  a  b\tc "), ElementsAre("a", "b", "c"));
  EXPECT_THAT(*split_command(R"(a 'b c' "d \" e" f\ g '' h'i'"j")"),
              ElementsAre("a", "b c", "d \" e", "f g", "", "hij"));
  EXPECT_THAT(*split_command(R"(a '$HOME;\n')"), ElementsAre("a", R"($HOME;\n)"));
  for (const char* wrong : {"", "  ", "''", "a 'b", "a \"b"}) {
    EXPECT_EQ(split_command(wrong).error().code(), ErrorCode::invalid_argument) << wrong;
  }
}

/// A command embedder whose `--describe` is right and whose other runs do `body` (Python).
Result<std::unique_ptr<Embedder>> python(const std::string& body, const CommandEmbedderOptions& options = {}) {
  const std::string program =
      "import sys, json\n"
      "if sys.argv[1:] == ['--describe']:\n"
      "  print('{\"model\": \"lengths\", \"dimension\": 2}'); sys.exit()\n" +
      body;
  std::string quoted;
  for (const char c : program) quoted += c == '\\' || c == '"' ? std::string("\\") + c : std::string(1, c);
  return make_command_embedder("python3 -c \"" + quoted + "\"", options);
}

std::string failure(const std::string& body, const CommandEmbedderOptions& options = {}) {
  const std::string texts[] = {"one", "three"};
  auto embedder = python(body, options);
  if (!embedder) return embedder.error().to_string();
  auto answer = (*embedder)->embed(texts);
  return answer ? "no error" : answer.error().to_string();
}

constexpr char kLengths[] =
    "for line in sys.stdin:\n"
    "  print(json.dumps({'embedding': [len(json.loads(line)['text']), 1]}))\n";

TEST(CommandEmbedder, EmbedsALineATime) {
  auto embedder = python(kLengths);
  ASSERT_TRUE(embedder) << embedder.error().to_string();
  EXPECT_EQ((*embedder)->model(), "lengths");
  EXPECT_EQ((*embedder)->dimension(), 2U);
  const std::string texts[] = {"one", "two\nlines", "ä \"quoted\""};
  EXPECT_THAT(*(*embedder)->embed(texts), ElementsAre(ElementsAre(3, 1), ElementsAre(9, 1), ElementsAre(10, 1)));
  // More than the pipes hold, in both directions, and more than one batch.
  const std::vector<std::string> many(1'100, std::string(5'000, 'x'));
  auto answers = (*embedder)->embed(many);
  ASSERT_TRUE(answers) << answers.error().to_string();
  EXPECT_EQ(answers->size(), 1'100U);
}

TEST(CommandEmbedder, SaysWhatAProgramDidWrong) {
  EXPECT_THAT(make_command_embedder("/no/such/program").error().to_string(), HasSubstr("cannot be started"));
  EXPECT_THAT(make_command_embedder("true").error().to_string(), HasSubstr("for --describe"));
  EXPECT_THAT(make_command_embedder("false").error().to_string(), HasSubstr("exit code 1"));
  EXPECT_THAT(failure("sys.stdin.read(); sys.exit('no such model')"), HasSubstr("exit code 1; it said: no such model"));
  EXPECT_THAT(failure("sys.exit(3)"), HasSubstr("exit code 3"));
  EXPECT_THAT(failure("import os; os.kill(os.getpid(), 11)"), HasSubstr("signal 11"));
  EXPECT_THAT(failure("print('{\"embedding\": [1, 2]}')"), HasSubstr("1 embeddings for 2 texts"));
  EXPECT_THAT(failure("print('{\"embedding\": [1, 2]}\\n' * 3)"), HasSubstr("more than 2 embeddings"));
  EXPECT_THAT(failure("print('hello')"), HasSubstr("line 1 what is no JSON: hello"));
  EXPECT_THAT(failure("print('{\"vector\": 1}')"), HasSubstr("no \"embedding\""));
  EXPECT_THAT(failure("print('{\"embedding\": [1]}')"), HasSubstr("1 dimensions, not 2"));
  EXPECT_THAT(failure("print('{\"embedding\": [1, 1e300]}')"), HasSubstr("no finite number"));
}

TEST(CommandEmbedder, EndsAProgramThatTakesTooMuch) {
  CommandEmbedderOptions options;
  options.output_bytes_max = 100'000;
  EXPECT_THAT(failure("while True: print('x' * 1000)", options), HasSubstr("more than 100000 bytes"));
  options.timeout_ms = 1'000;  // enough for --describe on a busy machine
  const core::SystemClock clock;
  const std::int64_t begin = clock.monotonic_us();
  EXPECT_THAT(failure("import threading; threading.Event().wait(30)", options),
              HasSubstr("did not answer within 1000 ms"));
  EXPECT_LT(clock.monotonic_us() - begin, 20'000'000);
}

}  // namespace
}  // namespace strata::memory
