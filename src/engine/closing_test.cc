// Closing: it waits for calls, is refused while something is open, and what is held over it refuses its calls.
#include <atomic>
#include <cstring>
#include <thread>

#include "engine/engine_fixture.h"

namespace strata::engine {
namespace {

TEST_F(EngineTest, AfterCloseEveryCallIsRefused) {
  open();
  prepare();
  ASSERT_TRUE(db->close());
  EXPECT_TRUE(db->close()) << "again is fine";
  EXPECT_EQ(db->begin().error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(db->view().error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(db->set_tag("t").error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(db->remove_tag("t").error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(db->checkpoint().error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(db->statistics().error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(db->summarize().error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(db->verify().error().code(), ErrorCode::failed_precondition);
}

TEST_F(EngineTest, AStoreThatIsHeldOverTheCloseRefusesItsCalls) {
  open();
  prepare();
  ASSERT_TRUE(write_everywhere(*db, "n1", 1));
  VectorStore& vector = db->vector();
  CacheStore& cache = db->cache();
  const Lsn last = db->visible_lsn();
  ASSERT_TRUE(db->close());
  EXPECT_EQ(vector.count("notes").error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(cache.get("n1").error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(cache.set("n1", "x").error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(db->graph().node("n1").error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(db->metadata().query("select 1").error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(db->analytics().query("select 1").error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(db->array().dataset("rows").error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(db->object().count().error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(db->visible_lsn(), last) << "what it showed last";
}

TEST_F(EngineTest, CloseIsRefusedWhileAViewOrATransactionIsOpenAndTheEngineGoesOn) {
  open();
  prepare();
  ASSERT_TRUE(write_everywhere(*db, "n1", 1));
  auto view = *db->view();
  auto second = *db->view();
  auto tx = *db->begin();
  ASSERT_TRUE(write_everywhere(*tx, "n2", 2));
  const auto refused = db->close();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(refused.error().message(), "2 views and 1 transaction are open; end them, then close");
  EXPECT_TRUE((*view->graph().node("n1")).has_value()) << "nothing was taken away";
  ASSERT_TRUE(tx->commit());
  ASSERT_TRUE(write_everywhere(*db, "n3", 3));
  second.reset();
  EXPECT_EQ(db->close().error().message(), "1 view is open; end it, then close")
      << "a committed transaction holds nothing";
  view.reset();
  auto late = *db->begin();
  EXPECT_EQ(db->close().error().message(), "1 transaction is open; end it, then close");
  late->rollback();
  ASSERT_TRUE(db->close());
  EXPECT_FALSE(late->active());
  EXPECT_EQ(late->graph().node("n1").error().code(), ErrorCode::failed_precondition);
  EXPECT_EQ(tx->commit().error().code(), ErrorCode::failed_precondition);
  tx.reset();
  late.reset();
  open();
  EXPECT_TRUE((*db->graph().node("n2")).has_value());
  EXPECT_TRUE((*db->graph().node("n3")).has_value());
}

TEST_F(EngineTest, CloseWaitsForTheCallsOfOtherThreadsAndRefusesLaterOnes) {
  for (int round = 0; round < 5; ++round) {
    fs::remove_all(directory);
    open();
    prepare();
    ASSERT_TRUE(write_everywhere(*db, "n0", 1));
    std::atomic<int> done{0}, wrong{0};
    std::vector<std::thread> threads;
    for (int each = 0; each < 3; ++each) {
      threads.emplace_back([&, each] {
        for (int i = 0;; ++i) {
          const std::string id = "t" + std::to_string(each) + "-" + std::to_string(i);
          const auto written = db->graph().put_node({id, {"Note"}, {}});
          const auto read = db->metadata().query("select count(*) from note");
          const auto seen = db->view();
          ++done;
          for (const ErrorCode code : {written ? ErrorCode::failed_precondition : written.error().code(),
                                       read ? ErrorCode::failed_precondition : read.error().code(),
                                       seen ? ErrorCode::failed_precondition : seen.error().code()}) {
            if (code != ErrorCode::failed_precondition) ++wrong;
          }
          if (!written) return;
        }
      });
    }
    while (done < 20) std::this_thread::yield();
    while (!db->close()) std::this_thread::yield();  // a view of theirs may be open just now
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
  }
}

// A closed engine may live on beside the next one on its directory: `db = Engine::open(…)` ends it when that is open.
TEST_F(EngineTest, AnEngineThatEndsLongAfterItsCloseTakesNothingFromTheNextOne) {
  open();
  prepare();
  const std::string title(400'000, 't');
  for (int i = 0; i < 4; ++i) {  // more than stores buffer in memory, less than is worth a checkpoint at the close
    ASSERT_TRUE(db->metadata().put_row("note", {{"id", std::to_string(i)}, {"title", title}}));
  }
  ASSERT_TRUE(write_everywhere(*db, "n1", 1));
  ASSERT_TRUE(db->close());
  auto next = Engine::open(directory);
  ASSERT_TRUE(next) << next.error().to_string();
  db = *std::move(next);
  const auto lsn = db->checkpoint();
  ASSERT_TRUE(lsn) << lsn.error().to_string();
  EXPECT_TRUE(db->verify()->empty());
  open();
  EXPECT_EQ(stores_with(*db, "n1"), 5) << "all but the cache";
  EXPECT_EQ(db->metadata().query("select count(*) from note")->rows[0][0], Value(5));
}

// Its pieces are written outside of any transaction, so that a close does not wait for a slow source.
TEST_F(EngineTest, WhatIsPutInPiecesOverTheCloseIsRefusedAndLeavesNothing) {
  open();
  int pieces = 0;
  const auto put = db->object().put_stream([&](std::span<std::byte> into) -> Result<std::size_t> {
    if (++pieces == 10) STRATA_TRY(db->close());
    if (pieces == 20) return 0;
    std::memset(into.data(), pieces, into.size());
    return into.size();
  });
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code(), ErrorCode::failed_precondition) << put.error().to_string();
  db = *Engine::open(directory);
  EXPECT_EQ(*db->object().count(), 0U);
  EXPECT_TRUE(db->verify()->empty());
  for (const auto& entry : fs::recursive_directory_iterator(directory + "/object")) {
    EXPECT_FALSE(entry.path().filename().string().ends_with(".tmp")) << entry.path();
  }
}

TEST_F(EngineTest, ClosingWithinACallIsRefusedAndTheCallGoesOn) {
  open();
  const Bytes content(3 << 20, std::byte{7});  // handed out in pieces
  const auto address = db->object().put(content);
  ASSERT_TRUE(address);
  std::size_t seen = 0;
  const auto read = db->object().get_stream(*address, [&](ByteView piece) -> Result<void> {
    seen += piece.size();
    const auto closed = db->close();
    EXPECT_FALSE(closed);
    if (closed) return {};
    EXPECT_EQ(closed.error().code(), ErrorCode::failed_precondition);
    EXPECT_EQ(closed.error().message(), "a call of this thread is under way; let it end, then close");
    return {};
  });
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(seen, content.size());
  EXPECT_TRUE(db->close());
}

TEST_F(EngineTest, AnEngineThatEndsBeforeItsViewsSaysSoAndEndsTheProcess) {
  open();
  EXPECT_DEATH(
      {
        auto view = *db->view();
        db.reset();
      },
      "the engine ends before what it gave out: 1 view is open");
}

}  // namespace
}  // namespace strata::engine
