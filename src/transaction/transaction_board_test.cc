// The board alone: what is written is what is read, and nothing that is read is believed.
#include "transaction/transaction_board.h"

#include <gtest/gtest.h>

#include <cstring>

#include "core/utf8.h"

namespace strata::transaction {
namespace {

constexpr std::int64_t kNow = 5'000'000;

class TransactionBoardTest : public ::testing::Test {
 protected:
  BoardLayout& layout() { return board.layout(); }
  Bytes copy() {
    Bytes bytes(kBoardBytes);
    std::memcpy(bytes.data(), &layout(), kBoardBytes);
    return bytes;
  }
  TransactionsStatus read() {
    const Bytes bytes = copy();
    auto status = read_board(bytes, bytes, kNow);
    EXPECT_TRUE(status);
    return *std::move(status);
  }
  void fill() {
    ActiveTransaction& slot = layout().slots[3];
    slot.isolation = static_cast<std::uint64_t>(Isolation::serializable);
    slot.began_us = kNow - 2'000;
    slot.view = 17;
    slot.bytes = 900;
    slot.keys = 4;
    slot.writes = 1;
    slot.locks = 2;
    slot.id = 7;
    layout().slots[255].id = 5;
    ShownWait& wait = layout().waits[1];
    wait.waiter = 9;
    wait.since_us = kNow - 3'000;
    wait.key = 0xabc;
    wait.store = static_cast<std::uint64_t>(StoreKind::graph);
    wait.holders = 2;
    wait.holder[0] = 5;
    wait.holder[1] = 7;
    wait.version = 2;
    board.show({1'700'000'000'000'000, "somebody else was there"});
    layout().counters.committed = 12;
    layout().lag.stores[0].admitted = 50;
    layout().lag.stores[0].held = 20;
  }

  TransactionBoard board{nullptr};
};

TEST_F(TransactionBoardTest, TellsWhatWasWritten) {
  fill();
  const TransactionsStatus told = read();
  ASSERT_EQ(told.active.size(), 3U);
  EXPECT_EQ(told.active[0].id, 5U);
  const TransactionStatus& writer = told.active[1];
  EXPECT_EQ(writer.id, 7U);
  EXPECT_EQ(writer.isolation, Isolation::serializable);
  EXPECT_EQ(writer.age_us, 2'000);
  EXPECT_EQ(writer.view, 17U);
  EXPECT_EQ(writer.bytes, 900U);
  EXPECT_EQ(writer.writes, 1U);
  EXPECT_FALSE(writer.call);
  const TransactionStatus& waiter = told.active[2];
  EXPECT_EQ(waiter.id, 9U);
  EXPECT_TRUE(waiter.call) << "it has no slot: a call on the database";
  EXPECT_EQ(waiter.waits_for, (std::vector<std::uint64_t>{5, 7}));
  EXPECT_EQ(waiter.waiting_us, 3'000);
  EXPECT_EQ(waiter.waits_on, "graph:0000000000000abc");
  ASSERT_EQ(told.conflicts.size(), 1U);
  EXPECT_EQ(told.conflicts[0].message, "somebody else was there");
  EXPECT_EQ(told.locks, 2U);
  EXPECT_EQ(told.committed, 12U);
  EXPECT_EQ(told.lag[0], 30U);
}

TEST_F(TransactionBoardTest, TheLastConflictsAreThereInOrderAndCutBetweenCharacters) {
  for (int i = 0; i < 40; ++i) board.show({i, "conflict " + std::to_string(i)});
  std::string lengthy(359, 'x');
  board.show({40, lengthy + "ä…"});
  const auto conflicts = read().conflicts;
  ASSERT_EQ(conflicts.size(), 32U);
  EXPECT_EQ(conflicts.front().message, "conflict 9");
  EXPECT_EQ(conflicts.back().message, lengthy);
}

TEST_F(TransactionBoardTest, WhatIsHalfWrittenOrHasChangedBetweenTheCopiesIsLeftOut) {
  fill();
  const Bytes before = copy();
  layout().slots[3].id = 8;
  layout().waits[1].version = 4;
  const auto told = read_board(before, copy(), kNow);
  ASSERT_EQ(told->active.size(), 1U);
  EXPECT_EQ(told->active[0].id, 5U);
  layout().waits[1].version = 5;
  layout().conflicts[0].version = 3;
  const Bytes now = copy();
  const auto again = read_board(now, now, kNow);
  EXPECT_EQ(again->active.size(), 2U);
  EXPECT_TRUE(again->conflicts.empty());
}

TEST_F(TransactionBoardTest, AnotherSizeMagicOrVersionIsRefused) {
  const auto code = [](const Bytes& bytes) { return read_board(bytes, bytes, kNow).error().code(); };
  Bytes bytes = copy();
  bytes.pop_back();
  EXPECT_EQ(code(bytes), ErrorCode::corruption);
  EXPECT_EQ(code({}), ErrorCode::corruption);
  EXPECT_EQ(code(Bytes(kBoardBytes)), ErrorCode::unavailable) << "its database is still being opened";
  bytes = copy();
  bytes[0] ^= std::byte{1};
  EXPECT_EQ(code(bytes), ErrorCode::corruption);
  bytes = copy();
  bytes[8] = std::byte{2};
  EXPECT_EQ(code(bytes), ErrorCode::unsupported);
  bytes = copy();
  bytes[16] ^= std::byte{1};
  EXPECT_EQ(code(bytes), ErrorCode::corruption);
}

TEST_F(TransactionBoardTest, EveryFlippedBitIsReadOrRefused) {
  fill();
  const Bytes sound = copy();
  Bytes bytes = sound;
  // All bits of the parts that hold something, and some of each word of the rest, which hold what those do.
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    const bool held = at < 1'024 || (at >= 16'704 && at < 16'960) || (at >= 24'896 && at < 25'280);
    for (unsigned bit = 0; bit < 8; bit += held ? 1 : 7) {
      if (!held && at % 8 != 0 && at % 8 != 7) continue;
      bytes[at] ^= std::byte{1} << bit;
      const auto told = read_board(sound, bytes, kNow);
      const auto alone = read_board(bytes, bytes, kNow);
      EXPECT_EQ(told.has_value(), alone.has_value()) << at;
      if (alone) {
        EXPECT_LE(alone->active.size(), 5U);
        for (const auto& each : alone->conflicts) EXPECT_TRUE(core::is_utf8(each.message));
        for (const auto& each : alone->active) EXPECT_LE(each.waits_for.size(), ShownWait::kHoldersMax);
      }
      bytes[at] ^= std::byte{1} << bit;
    }
  }
}

}  // namespace
}  // namespace strata::transaction
