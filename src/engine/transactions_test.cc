// Transactions as another process sees them: two real processes, one of which only looks.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "engine/engine_fixture.h"

namespace strata::engine {
namespace {

class OtherProcessTest : public EngineTest {
 protected:
  void TearDown() override {
    kill();
    EngineTest::TearDown();
  }
  /// Runs `body` in a process of its own, which then stays as it is. Returns once the body is through.
  template <typename Body>
  void elsewhere(Body body) {
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    child_ = ::fork();
    ASSERT_GE(child_, 0);
    if (child_ == 0) {
      const Result<void> done = body([&] { (void)!::write(ready[1], "x", 1); });
      (void)!::write(ready[1], done ? "x" : "-", 1);
      for (;;) ::pause();
    }
    ::close(ready[1]);
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    ASSERT_EQ(byte, 'x');
    ::close(ready[0]);
  }
  void kill() {
    if (child_ <= 0) return;
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    child_ = 0;
  }
  /// Looks until what is under way suits.
  template <typename Suits>
  Map look_until(Suits suits) {
    for (;;) {
      auto told = transactions_of(directory);
      EXPECT_TRUE(told) << told.error().to_string();
      if (!told || suits(*told)) return told ? *std::move(told) : Map();
    }
  }
  static const Value::List& active(const Map& told) { return *told.find("active")->list(); }
  static std::int64_t number(const Map& map, std::string_view name) { return *map.find(name)->integer(); }

  pid_t child_ = 0;
};

TEST_F(OtherProcessTest, ShowsWhoWaitsForWhomAndOnWhat) {
  elsewhere([&](const auto& ready) -> Result<void> {
    const auto database = STRATA_TRY(Engine::open(directory));
    STRATA_TRY(database->metadata().execute("create table t(id text primary key, n integer)"));
    const auto first = STRATA_TRY(database->begin());
    STRATA_TRY(first->metadata().put_row("t", {{"id", "a"}, {"n", 1}}));
    std::thread([&] {
      const auto second = database->begin({.isolation = Isolation::read_committed});
      static_cast<void>((*second)->metadata().put_row("t", {{"id", "a"}, {"n", 2}}));
    }).detach();
    ready();
    for (;;) ::pause();
  });
  const Map told = look_until(
      [](const Map& each) { return active(each).size() == 2 && active(each)[1].map()->find("waits_for") != nullptr; });
  EXPECT_NE(told.find("process")->text()->find(std::to_string(child_)), std::string::npos);
  const Map& holder = *active(told)[0].map();
  const Map& waiter = *active(told)[1].map();
  EXPECT_EQ(*holder.find("isolation")->text(), "repeatable_read");
  EXPECT_EQ(*waiter.find("isolation")->text(), "read_committed");
  EXPECT_TRUE(*holder.find("writing")->boolean());
  EXPECT_GT(number(holder, "bytes"), 0);
  EXPECT_EQ(holder.find("waits_for"), nullptr);
  ASSERT_EQ(waiter.find("waits_for")->list()->size(), 1U);
  EXPECT_EQ(*(*waiter.find("waits_for")->list())[0].integer(), number(holder, "id"));
  EXPECT_TRUE(waiter.find("waits_on")->text()->starts_with("metadata:"));
  EXPECT_EQ(number(*told.find("counters")->map(), "lock_waits"), 1);
  EXPECT_GE(number(told, "locks"), 1);
  // The same is told of one that does not run at all.
  ::kill(child_, SIGSTOP);
  EXPECT_EQ(active(*transactions_of(directory)).size(), 2U);
  kill();
  const auto gone = transactions_of(directory);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code(), ErrorCode::not_found) << "its lock went with it";
  open();
  EXPECT_TRUE(active(*transactions_of(directory)).empty());
}

TEST_F(OtherProcessTest, ConflictsAndCountersAreThoseOfTheProcess) {
  elsewhere([&](const auto&) -> Result<void> {
    static const auto database = STRATA_TRY(Engine::open(directory));
    STRATA_TRY(database->vector().create_collection("c", {.dimension = 1}));
    const float x[] = {1};
    const Point point{"a", x};
    const auto first = STRATA_TRY(database->begin());
    STRATA_TRY(first->vector().get("c", "a"));
    STRATA_TRY(database->vector().upsert("c", {&point, 1}));
    const Point other{"b", x};
    STRATA_TRY(first->vector().upsert("c", {&other, 1}));
    if (first->commit()) return Error(ErrorCode::internal, "no conflict");
    return {};
  });
  const Map told = *transactions_of(directory);
  EXPECT_TRUE(active(told).empty());
  ASSERT_EQ(told.find("conflicts")->list()->size(), 1U);
  const Map& conflict = *(*told.find("conflicts")->list())[0].map();
  EXPECT_NE(conflict.find("message")->text()->find("was changed by lsn"), std::string::npos);
  const Map& counters = *told.find("counters")->map();
  EXPECT_EQ(number(counters, "committed"), 2);
  EXPECT_EQ(number(counters, "conflicts"), 1);
  EXPECT_EQ(number(counters, "rolled_back"), 1);
}

TEST_F(OtherProcessTest, MoreThanFindAPlaceAreCounted) {
  open();
  std::vector<std::unique_ptr<Transaction>> many;
  for (int i = 0; i < 260; ++i) many.push_back(*db->begin());
  Map told = *transactions_of(directory);
  EXPECT_EQ(active(told).size(), 256U);
  EXPECT_EQ(number(told, "not_shown"), 4);
  const Map own = *db->transactions();
  EXPECT_EQ(active(own).size(), 260U) << "the process itself knows them all";
  EXPECT_EQ(number(own, "not_shown"), 0);
  many.erase(many.begin(), many.begin() + 10);
  many.push_back(*db->begin());
  told = *transactions_of(directory);
  EXPECT_EQ(active(told).size(), 247U) << "a place that was given back is taken";
  EXPECT_EQ(number(told, "not_shown"), 4);
  many.clear();
  told = *transactions_of(directory);
  EXPECT_TRUE(active(told).empty());
  EXPECT_EQ(number(told, "not_shown"), 0);
}

TEST_F(OtherProcessTest, WhereNoProcessHasItOpenThatIsSaid) {
  const auto code = [&] { return transactions_of(directory).error().code(); };
  EXPECT_EQ(code(), ErrorCode::not_found);
  fs::create_directories(directory);
  EXPECT_EQ(code(), ErrorCode::not_found);
  open();
  EXPECT_TRUE(transactions_of(directory));
  ASSERT_TRUE(db->close());
  EXPECT_EQ(code(), ErrorCode::not_found);
  {
    const auto another = *Engine::open(directory);  // while the closed one is still held
    const auto one = *another->begin();
    EXPECT_EQ(active(*transactions_of(directory)).size(), 1U);
  }
  EXPECT_EQ(transactions_of(directory + std::string("\0x", 2)).error().code(), ErrorCode::invalid_argument);
}

/// Holds the lock as another program might, with shared memory of the board's name that holds `bytes`.
void pretend(const std::string& directory, const std::string& owner, std::size_t bytes) {
  std::ofstream(directory + "/lock") << owner;
  static int lock = ::open((directory + "/lock").c_str(), O_RDWR);
  struct flock whole{};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  (void)::fcntl(lock, F_OFD_SETLK, &whole);
  if (bytes == 0) return;
  struct stat status{};
  (void)::stat(directory.c_str(), &status);
  const std::string name = "strata-transactions-" + std::to_string(status.st_dev) + "-" + std::to_string(status.st_ino);
  const int memory = ::memfd_create(name.c_str(), 0);
  const std::string content(bytes, 'x');
  (void)!::write(memory, content.data(), content.size());
}

TEST_F(OtherProcessTest, AForeignBoardAndALockOfNobodyAreErrors) {
  fs::create_directories(directory);
  struct Case {
    const char* owner;
    std::size_t bytes;
    ErrorCode code;
  };
  for (const Case& each : {Case{"", 0, ErrorCode::unavailable}, Case{"process x (y)", 0, ErrorCode::unavailable},
                           Case{"process 999999999999 (y)", 0, ErrorCode::unavailable},
                           Case{"SELF", 0, ErrorCode::unavailable}, Case{"SELF", 100, ErrorCode::corruption},
                           Case{"SELF", 37'184, ErrorCode::corruption}, Case{"SELF", 50'000, ErrorCode::corruption}}) {
    fs::remove(directory + "/lock");
    elsewhere([&](const auto&) -> Result<void> {
      const bool self = std::string_view(each.owner) == "SELF";
      pretend(directory, self ? "process " + std::to_string(::getpid()) + " (other)" : each.owner, each.bytes);
      return {};
    });
    const auto told = transactions_of(directory);
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().code(), each.code) << told.error().to_string();
    kill();
  }
}

}  // namespace
}  // namespace strata::engine
