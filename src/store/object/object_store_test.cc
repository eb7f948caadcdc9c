// What the contract promises, story by story.
#include "store/object/object_store.h"

#include <gtest/gtest.h>

#include <set>

#include "core/endian.h"
#include "store/object/test_database.h"

namespace strata::store::object {
namespace {

class Objects : public testing::Test {
 protected:
  static std::string text_of(ObjectStore& from, const Address& address) {
    auto content = from.get(address);
    return content ? std::string(as_text(*content)) : content.error().to_string();
  }
  std::size_t files_below(const std::string& folder) {
    std::size_t count = 0;
    const auto entries = files->list(folder);
    if (!entries) return 0;
    for (const std::string& entry : *entries) {
      count += entry.size() == 2 && folder == kLargeDirectory ? files_below(folder + "/" + entry) : 1;
    }
    return count;
  }

  std::unique_ptr<io::MemoryFileSystem> files = io::make_memory_file_system();
  TestDatabase database{*files};
  TestStores objects = calls(database);
  core::Random random{1};
};

TEST_F(Objects, ComeBackUnderTheDigestOfTheirContent) {
  const auto address = objects->put(as_bytes("abc"));
  ASSERT_TRUE(address);
  EXPECT_EQ(address->to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(*Address::parse(address->to_string()), *address);
  EXPECT_EQ(text_of(*objects.objects, *address), "abc");
  EXPECT_TRUE(*objects->exists(*address));
  EXPECT_EQ(*objects->count(), 1U);
  EXPECT_EQ(objects->get(Address()).error().code(), ErrorCode::not_found);
}

TEST_F(Objects, AreStoredOnceHoweverOftenTheyArePut) {
  const std::string text = description(random, 9000);
  const Address address = *objects->put(as_bytes(text));
  const std::size_t record_of_content = database.journal().back().second.size();
  EXPECT_EQ(*objects->put(as_bytes(text), {.owner = "note:1"}), address);
  EXPECT_LT(database.journal().back().second.size(), 100U);
  EXPECT_LT(record_of_content, text.size());
  EXPECT_EQ(*objects->count(), 1U);
  const ObjectInfo info = *objects->info(address);
  EXPECT_EQ(info.references, 2U);
  EXPECT_EQ(info.bytes, text.size());
  EXPECT_EQ(info.compression, Compression::lz4);
  EXPECT_EQ(info.stored_bytes < info.bytes, true);
}

TEST_F(Objects, ASmallOneIsCompressedWithItsPack) {
  const std::string text = description(random, 2500);
  const Address address = *objects->put(as_bytes(text));
  EXPECT_EQ(objects->info(address)->compression, Compression::none);
  const Address at_once = *objects->put(as_bytes(text + "."), {.compression = Compression::lz4});
  EXPECT_EQ(objects->info(at_once)->compression, Compression::lz4);
  ASSERT_TRUE(database.checkpoint(database.lsn()));
  EXPECT_EQ(objects->info(address)->compression, Compression::zstd);
  EXPECT_EQ(text_of(*objects.objects, address), text);
}

TEST_F(Objects, TheEmptyContentIsAnObjectToo) {
  const Address address = *objects->put({});
  EXPECT_EQ(objects->get(address)->size(), 0U);
  ASSERT_TRUE(database.checkpoint(database.lsn()));
  EXPECT_EQ(objects->get(address)->size(), 0U);
}

TEST_F(Objects, LiveAsLongAsSomethingRefersToThem) {
  const Address address = *objects->put(as_bytes("kept"));
  ASSERT_TRUE(objects->put(as_bytes("kept"), {.owner = "a"}));
  ASSERT_TRUE(objects->put(as_bytes("also"), {.owner = "a"}));
  ASSERT_TRUE(objects->remove(address));
  EXPECT_EQ(objects->remove(address).error().code(), ErrorCode::not_found);
  EXPECT_EQ(objects->collect()->objects, 0U);
  EXPECT_EQ(*objects->release("a"), 2U);
  EXPECT_EQ(*objects->release("a"), 0U);
  EXPECT_TRUE(*objects->exists(address));
  EXPECT_EQ(objects->collect()->objects, 2U);
  EXPECT_FALSE(*objects->exists(address));
  EXPECT_EQ(*objects->count(), 0U);
}

TEST_F(Objects, AViewStillReadsWhatWasCollectedAfterIt) {
  const Address address = *objects->put(as_bytes("then"));
  TestStores then(database, database.lsn());
  ASSERT_TRUE(objects->remove(address));
  ASSERT_TRUE(objects->collect());
  EXPECT_EQ(text_of(*then.objects, address), "then");
  ASSERT_TRUE(database.checkpoint(then.session->context().view_lsn()));
  EXPECT_EQ(text_of(*then.objects, address), "then");
  EXPECT_EQ(*then->count(), 1U);
  EXPECT_FALSE(*objects->exists(address));
  EXPECT_EQ(then->put({}).error().code(), ErrorCode::failed_precondition);
}

TEST_F(Objects, ATransactionSeesItsOwnWritesAndNobodyElseDoes) {
  const Address before = *objects->put(as_bytes("before"));
  TestStores tx(database, false);
  const Address fresh = *tx->put(as_bytes("fresh"), {.owner = "x"});
  EXPECT_EQ(text_of(*tx.objects, fresh), "fresh");
  EXPECT_FALSE(*objects->exists(fresh));
  EXPECT_EQ(*tx->count(), 2U);
  EXPECT_EQ(tx->list(std::nullopt, 10)->size(), 2U);
  EXPECT_EQ(tx->info(fresh)->references, 1U);
  ASSERT_TRUE(tx->remove(before));
  EXPECT_EQ(tx->info(before)->references, 0U);
  EXPECT_EQ(tx->collect()->objects, 1U);
  EXPECT_FALSE(*tx->exists(before));
  EXPECT_EQ(*tx->count(), 1U);
  EXPECT_TRUE(*objects->exists(before));
  ASSERT_TRUE(tx.session->commit());
  EXPECT_TRUE(*objects->exists(fresh));
  EXPECT_FALSE(*objects->exists(before));
}

TEST_F(Objects, TwoTransactionsMayPutTheSameNewContent) {
  for (const std::size_t size : {std::size_t{3000}, std::size_t{300'000}}) {
    const std::string text = description(random, size);
    TestStores first(database, false);
    TestStores second(database, false);
    const Address address = *first->put(as_bytes(text), {.owner = "first"});
    ASSERT_TRUE(second->put(as_bytes(text), {.owner = "second"}));
    ASSERT_TRUE(first.session->commit());
    ASSERT_TRUE(second.session->commit());
    EXPECT_EQ(objects->info(address)->references, 2U);
    EXPECT_EQ(text_of(*objects.objects, address), text);
    ASSERT_TRUE(database.reopen());
    TestStores again = calls(database);
    EXPECT_EQ(text_of(*again.objects, address), text);
    EXPECT_EQ(again->info(address)->references, 2U);
    objects = calls(database);
  }
}

// The four orders of a collect and a put of the same garbage (I4).
TEST_F(Objects, ACollectNeverTakesWhatAConcurrentPutRefersTo) {
  const auto garbage = [&](std::string_view text) {
    const Address address = *objects->put(as_bytes(text));
    EXPECT_TRUE(objects->remove(address));
    return address;
  };
  {  // The put commits first: the object stays, nobody is disturbed.
    const Address address = garbage("one");
    TestStores collector(database, false);
    TestStores putter(database, false);
    ASSERT_TRUE(putter->put(as_bytes("one")));
    ASSERT_EQ(collector->collect()->objects, 1U);
    ASSERT_TRUE(putter.session->commit());
    ASSERT_TRUE(collector.session->commit());
    EXPECT_EQ(text_of(*objects.objects, address), "one");
    ASSERT_TRUE(objects->remove(address));
    ASSERT_TRUE(objects->collect());
  }
  {  // The collect commits first: the put carried no bytes and is refused.
    const Address address = garbage("two");
    TestStores collector(database, false);
    TestStores putter(database, false);
    ASSERT_TRUE(putter->put(as_bytes("two")));
    ASSERT_TRUE(collector->collect());
    ASSERT_TRUE(collector.session->commit());
    EXPECT_EQ(putter.session->commit().error().code(), ErrorCode::conflict);
    EXPECT_FALSE(*objects->exists(address));
    ASSERT_TRUE(objects->put(as_bytes("two")));  // run again: with the bytes
    EXPECT_EQ(text_of(*objects.objects, address), "two");
  }
  {  // As before, and the putter's view has moved past the collect (read committed).
    (void)garbage("three");
    TestStores collector(database, false);
    TestStores putter(database, false);
    ASSERT_TRUE(putter->put(as_bytes("three")));
    ASSERT_TRUE(collector->collect());
    ASSERT_TRUE(collector.session->commit());
    putter.session->context().set_view_lsn(database.lsn());
    EXPECT_EQ(putter.session->commit().error().code(), ErrorCode::conflict);
  }
  {  // A put that began after the collect carries the bytes again.
    const Address address = garbage("four");
    ASSERT_TRUE(objects->collect());
    ASSERT_TRUE(objects->put(as_bytes("four")));
    EXPECT_EQ(text_of(*objects.objects, address), "four");
  }
}

TEST_F(Objects, GarbageThatIsPutAgainInTheSameTransactionStays) {
  const Address address = *objects->put(as_bytes("again"));
  ASSERT_TRUE(objects->remove(address));
  TestStores tx(database, false);
  ASSERT_EQ(tx->collect()->objects, 1U);
  ASSERT_TRUE(tx->put(as_bytes("again"), {.owner = "o"}));
  EXPECT_TRUE(*tx->exists(address));
  ASSERT_TRUE(tx.session->commit());
  EXPECT_EQ(text_of(*objects.objects, address), "again");
  EXPECT_EQ(objects->info(address)->references, 1U);
}

TEST_F(Objects, ListingGoesInOrderOfAddressAndContinuesWhereItStopped) {
  std::set<Address> all;
  for (int i = 0; i < 700; ++i) {
    all.insert(*objects->put(as_bytes("object " + std::to_string(i))));
    if (i % 200 == 199) {
      ASSERT_TRUE(database.checkpoint(database.lsn()));
    }
  }
  TestStores tx(database, false);
  for (int i = 0; i < 50; ++i) all.insert(*tx->put(as_bytes("own " + std::to_string(i))));
  std::vector<Address> listed;
  std::optional<Address> after;
  while (true) {
    const auto page = *tx->list(after, 37);
    for (const ObjectInfo& info : page) {
      EXPECT_EQ(info.references, 1U);
      listed.push_back(info.address);
    }
    if (page.size() < 37) break;
    after = page.back().address;
  }
  EXPECT_EQ(listed, std::vector<Address>(all.begin(), all.end()));
  EXPECT_EQ(tx->list(std::nullopt, 0)->size(), 0U);
}

TEST_F(Objects, AnOwnerKnowsWhatItRefersTo) {
  const Address one = *objects->put(as_bytes("one"), {.owner = "a"});
  const Address two = *objects->put(as_bytes("two"), {.owner = "a"});
  ASSERT_TRUE(objects->put(as_bytes("three"), {.owner = "b"}));
  std::vector<Address> both{one, two};
  std::sort(both.begin(), both.end());
  EXPECT_EQ(*objects->owned("a"), both);
  EXPECT_TRUE(objects->owned("nobody")->empty());
  ASSERT_TRUE(objects->release("a"));
  EXPECT_TRUE(objects->owned("a")->empty());
  EXPECT_EQ(objects->owned("").error().code(), ErrorCode::invalid_argument);
}

TEST_F(Objects, OwnersNamesHaveALimitAndReleaseNeedsOne) {
  EXPECT_EQ(objects->put({}, {.owner = std::string(1025, 'o')}).error().code(), ErrorCode::invalid_argument);
  EXPECT_TRUE(objects->put({}, {.owner = std::string(1024, 'o')}));
  EXPECT_EQ(objects->release("").error().code(), ErrorCode::invalid_argument);
}

TEST_F(Objects, CompressionIsAsAskedAndAutomaticLeavesNoiseAlone) {
  const std::string text = description(random, 3000);
  const Bytes random_bytes = noise(random, 20'000);
  const Address raw = *objects->put(as_bytes(text + "1"), {.compression = Compression::none});
  const Address zstd = *objects->put(as_bytes(text + "2"), {.compression = Compression::zstd});
  const Address automatic = *objects->put(random_bytes);
  const auto check = [&] {
    EXPECT_EQ(objects->info(raw)->compression, Compression::none);
    EXPECT_EQ(objects->info(zstd)->compression, Compression::zstd);
    EXPECT_EQ(objects->info(automatic)->compression, Compression::none);
    EXPECT_EQ(objects->info(automatic)->stored_bytes, random_bytes.size());
    EXPECT_EQ(*objects->get(automatic), random_bytes);
  };
  check();
  ASSERT_TRUE(database.checkpoint(database.lsn()));
  check();
}

TEST_F(Objects, ACheckpointKeepsEverythingAndReopeningReadsIt) {
  std::vector<std::pair<Address, std::string>> all;
  for (int i = 0; i < 500; ++i) {
    std::string text = description(random, 200 + random.below(3000));
    const Address address = *objects->put(as_bytes(text), {.owner = i % 2 ? "odd" : ""});
    all.emplace_back(address, std::move(text));
    if (i % 120 == 119) {
      ASSERT_TRUE(database.checkpoint(database.lsn()));
    }
  }
  const auto before = *database.store().summarize(database.lsn());
  ASSERT_TRUE(database.reopen());
  EXPECT_EQ(*database.store().summarize(database.lsn()), before);
  objects = calls(database);
  for (const auto& [address, text] : all) ASSERT_EQ(text_of(*objects.objects, address), text);
  EXPECT_EQ(*objects->count(), all.size());
  EXPECT_TRUE(database.store().verify()->empty());
  EXPECT_EQ(*objects->release("odd"), 250U);
}

TEST_F(Objects, WhatIsCommittedWhileACheckpointIsWrittenIsNotInItAndNotLost) {
  const Address first = *objects->put(as_bytes("first"));
  Address second;
  ASSERT_TRUE(database.checkpoint(database.lsn(), [&] {
    second = *objects->put(as_bytes("second"));
    ASSERT_TRUE(objects->remove(first));
    ASSERT_TRUE(objects->collect());
    ASSERT_TRUE(objects->put(as_bytes("first"), {.owner = "again"}));  // its bytes were just frozen
  }));
  EXPECT_EQ(text_of(*objects.objects, first), "first");
  EXPECT_EQ(text_of(*objects.objects, second), "second");
  ASSERT_TRUE(database.reopen());
  objects = calls(database);
  EXPECT_EQ(text_of(*objects.objects, first), "first");
  EXPECT_EQ(text_of(*objects.objects, second), "second");
  EXPECT_EQ(*objects->count(), 2U);
}

TEST_F(Objects, SpaceOfCollectedObjectsComesBackAtCheckpoints) {
  std::vector<Address> all;
  for (int i = 0; i < 400; ++i) all.push_back(*objects->put(noise(random, 1000)));
  ASSERT_TRUE(database.checkpoint(database.lsn()));
  const std::int64_t full = *database.store().statistics().find("bytes_on_disk")->integer();
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(objects->remove(all[static_cast<std::size_t>(i)]));
  const CollectReport report = *objects->collect();
  EXPECT_EQ(report.objects, 300U);
  EXPECT_EQ(report.bytes, 300'000U);
  ASSERT_TRUE(database.checkpoint(database.lsn() - 1));  // a view before the collect is still open
  EXPECT_GT(*database.store().statistics().find("bytes_on_disk")->integer(), full / 2);
  ASSERT_TRUE(database.checkpoint(database.lsn()));
  EXPECT_LT(*database.store().statistics().find("bytes_on_disk")->integer(), full / 3);
  for (std::size_t i = 300; i < all.size(); ++i) EXPECT_TRUE(objects->get(all[i])) << i;
}

TEST_F(Objects, PacksAndSegmentsStayFewOverManyCheckpoints) {
  for (int round = 0; round < 100; ++round) {
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(objects->put(noise(random, 100)));
    ASSERT_TRUE(database.checkpoint(database.lsn()));
  }
  EXPECT_LE(*database.store().statistics().find("packs")->integer(), 8);
  EXPECT_LE(*database.store().statistics().find("segments")->integer(), 8);
  EXPECT_EQ(*objects->count(), 1000U);
  EXPECT_LE(files_below("object/pack"), 16U);  // those of the checkpoint before are kept, no others
}

TEST_F(Objects, AnErrorWhileWritingACheckpointLosesNothing) {
  const Address address = *objects->put(as_bytes(description(random, 2000)));
  files->set_capacity(100);
  EXPECT_EQ(database.checkpoint(database.lsn()).error().code(), ErrorCode::resource_exhausted);
  EXPECT_TRUE(objects->get(address));
  files->set_capacity(std::uint64_t{1} << 40);
  const Address later = *objects->put(as_bytes("later"));
  ASSERT_TRUE(database.checkpoint(database.lsn()));
  ASSERT_TRUE(database.reopen());
  objects = calls(database);
  EXPECT_TRUE(objects->get(address));
  EXPECT_TRUE(objects->get(later));
}

TEST_F(Objects, TheManifestBeforeTheLastStillOpens) {
  const Address small = *objects->put(as_bytes("small"));
  const Address large = *objects->put(noise(random, 100'000));
  ASSERT_TRUE(database.checkpoint(database.lsn()));
  const transaction::Checkpoint older = *database.last_checkpoint();
  ASSERT_TRUE(objects->remove(small));
  ASSERT_TRUE(objects->remove(large));
  ASSERT_TRUE(objects->collect());
  ASSERT_TRUE(database.checkpoint(database.lsn()));
  ASSERT_TRUE(database.reopen());  // recovery, too, keeps the files of the one before

  Store fallback(*files);
  ASSERT_TRUE(fallback.open(&older));
  TestSession session(database, older.lsn, false, true);
  EXPECT_EQ(fallback.session(session)->get(small)->size(), 5U);
  EXPECT_EQ(fallback.session(session)->get(large)->size(), 100'000U);
}

// ------------------------------------------------------------------------------------------------ large objects

TEST_F(Objects, LargeOnesHaveAFileOfTheirOwnBeforeTheCommit) {
  const std::string text = description(random, 3'500'000);
  TestStores tx(database, false);
  const Address address = *tx->put(as_bytes(text));
  EXPECT_EQ(files_below(std::string(kLargeDirectory)), 1U);
  EXPECT_EQ(text_of(*tx.objects, address), text);
  ASSERT_TRUE(tx.session->commit());
  EXPECT_LT(database.journal().back().second.size(), 200U);
  EXPECT_EQ(text_of(*objects.objects, address), text);
  EXPECT_LT(objects->info(address)->stored_bytes, text.size() / 2);
  ASSERT_TRUE(database.checkpoint(database.lsn()));
  ASSERT_TRUE(database.reopen());
  objects = calls(database);
  EXPECT_EQ(text_of(*objects.objects, address), text);
  EXPECT_TRUE(database.store().verify()->empty());
}

TEST_F(Objects, AnAbortedTransactionRemovesItsLargeFile) {
  {
    TestStores tx(database, false);
    ASSERT_TRUE(tx->put(noise(random, 200'000)));
    EXPECT_EQ(files_below(std::string(kLargeDirectory)), 1U);
    tx.session->roll_back();
  }
  EXPECT_EQ(files_below(std::string(kLargeDirectory)), 0U);
}

TEST_F(Objects, RecoveryRemovesWhatACrashLeft) {
  const Address kept = *objects->put(noise(random, 100'000));
  ASSERT_TRUE(objects->put(as_bytes("small")));
  ASSERT_TRUE(database.checkpoint(database.lsn()));
  TestStores tx(database, false);
  ASSERT_TRUE(tx->put(noise(random, 200'000)));  // never committed, never aborted: the process died
  ASSERT_TRUE(io::write_file_atomically(*files, "object/pack/77", {}));
  ASSERT_TRUE(io::write_file_atomically(*files, "object/catalog/78.tmp", {}));
  ASSERT_TRUE(io::write_file_atomically(*files, "object/large/79.tmp", {}));
  ASSERT_TRUE(database.reopen());
  EXPECT_EQ(files_below(std::string(kLargeDirectory)), 1U);
  EXPECT_FALSE(*files->exists("object/pack/77"));
  EXPECT_FALSE(*files->exists("object/catalog/78.tmp"));
  EXPECT_FALSE(*files->exists("object/large/79.tmp"));
  objects = calls(database);
  EXPECT_TRUE(objects->get(kept));
}

TEST_F(Objects, OfTwoLargeFilesOfOneContentOneIsRemoved) {
  const Bytes content = noise(random, 100'000);
  TestStores first(database, false);
  TestStores second(database, false);
  const Address address = *first->put(content, {.owner = "1"});
  ASSERT_TRUE(second->put(content, {.owner = "2"}));
  ASSERT_TRUE(first.session->commit());
  ASSERT_TRUE(second.session->commit());
  EXPECT_EQ(files_below(std::string(kLargeDirectory)), 2U);
  ASSERT_TRUE(database.checkpoint(database.lsn()));
  ASSERT_TRUE(database.checkpoint(database.lsn()));
  EXPECT_EQ(files_below(std::string(kLargeDirectory)), 1U);
  EXPECT_EQ(*objects->get(address), content);
}

TEST_F(Objects, ALargeOneThatWasCollectedAndPutAgainIsThereAtEveryView) {
  const Bytes content = noise(random, 100'000);
  const Address address = *objects->put(content);
  const Lsn there = database.lsn();
  ASSERT_TRUE(objects->remove(address));
  ASSERT_TRUE(objects->collect());
  const Lsn gone = database.lsn();
  ASSERT_TRUE(objects->put(content));
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(*TestStores(database, there)->get(address), content);
    EXPECT_FALSE(*TestStores(database, gone)->exists(address));
    EXPECT_EQ(*objects->get(address), content);
    ASSERT_TRUE(database.checkpoint(there));
  }
  EXPECT_EQ(files_below(std::string(kLargeDirectory)), 1U);
}

TEST_F(Objects, StreamsInAndOutHoldOnlyAPieceAtATime) {
  constexpr std::uint64_t kTotal = 50 << 20;
  std::uint64_t produced = 0;
  std::size_t piece_max = 0;
  core::Sha256 expected;
  core::Random source(7);
  const auto next = [&](std::span<std::byte> out) -> Result<std::size_t> {
    piece_max = std::max(piece_max, out.size());
    const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), kTotal - produced));
    for (std::size_t i = 0; i + 8 <= size; i += 8) core::store(out.data() + i, source.next() & 0x0f0f0f0f0f0f0f0fU);
    expected.update(out.first(size));
    produced += size;
    return size;
  };
  const auto address = objects->put_stream(next, {.owner = "film"});
  ASSERT_TRUE(address) << address.error().to_string();
  EXPECT_EQ(address->digest, expected.finish());
  std::uint64_t consumed = 0;
  ASSERT_TRUE(objects->get_stream(*address, [&](ByteView piece) -> Result<void> {
    piece_max = std::max(piece_max, piece.size());
    consumed += piece.size();
    return {};
  }));
  EXPECT_EQ(consumed, kTotal);
  EXPECT_LE(piece_max, std::size_t{1} << 20);
  const ObjectInfo info = *objects->info(*address);
  EXPECT_EQ(info.bytes, kTotal);
  EXPECT_LT(info.stored_bytes, kTotal * 3 / 4);
}

TEST_F(Objects, AStreamThatFailsOrIsKnownLeavesNoFile) {
  const auto failing = [](std::span<std::byte>) -> Result<std::size_t> { return Error(ErrorCode::cancelled, "stop"); };
  EXPECT_EQ(objects->put_stream(failing).error().code(), ErrorCode::cancelled);
  const Bytes content = noise(random, 200'000);
  ASSERT_TRUE(objects->put(content));
  std::size_t at = 0;
  const auto again = [&](std::span<std::byte> out) -> Result<std::size_t> {
    const std::size_t size = std::min({out.size(), content.size() - at, std::size_t{1000}});
    std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(at), size, out.begin());
    at += size;
    return size;
  };
  ASSERT_TRUE(objects->put_stream(again, {.owner = "second"}));
  EXPECT_EQ(files_below(std::string(kLargeDirectory)), 1U);
  EXPECT_EQ(*objects->count(), 1U);
}

TEST_F(Objects, ASmallStreamIsAnOrdinaryPut) {
  bool done = false;
  const auto next = [&](std::span<std::byte> out) -> Result<std::size_t> {
    if (std::exchange(done, true)) return 0;
    out[0] = std::byte{'x'};
    return 1;
  };
  EXPECT_EQ(*objects->put_stream(next), *objects->put(as_bytes("x")));
  EXPECT_EQ(files_below(std::string(kLargeDirectory)), 0U);
}

}  // namespace
}  // namespace strata::store::object
