// Rot, torn files and lies in files: a read gives the right bytes or a typed error that names address and file, never
// other bytes.
#include <gtest/gtest.h>

#include "store/object/test_database.h"

namespace strata::store::object {
namespace {

class Damage : public testing::Test {
 protected:
  void flip(const std::string& name, std::uint64_t offset) {
    ASSERT_TRUE(files->damage(name, [&](Bytes& bytes) { bytes[offset] ^= std::byte{0x10}; }));
  }
  /// Reads all objects through a store opened on the damaged files. Returns how many reads failed.
  std::size_t read_all(const std::string& damaged_file) {
    Store store(*files);
    if (auto opened = store.open(&*database.last_checkpoint()); !opened) {
      EXPECT_NE(opened.error().message().find(damaged_file), std::string::npos) << opened.error().to_string();
      return expected.size();
    }
    TestSession session(database, database.lsn(), false, true);
    const auto objects = store.session(session);
    std::size_t failed = 0;
    for (const auto& [address, content] : expected) {
      const auto read = objects->get(address);
      if (read) {
        EXPECT_EQ(*read, content);
        continue;
      }
      ++failed;
      EXPECT_EQ(read.error().code(), ErrorCode::corruption) << read.error().to_string();
      EXPECT_NE(read.error().message().find(damaged_file), std::string::npos) << read.error().to_string();
    }
    const auto verified = store.verify();
    if (failed > 0) {
      EXPECT_TRUE(!verified || !verified->empty());
    }
    return failed;
  }
  void put(Bytes content) {
    const Address address = *calls(database)->put(content);
    expected[address] = std::move(content);
  }
  std::unique_ptr<io::MemoryFileSystem> files = io::make_memory_file_system();
  TestDatabase database{*files};
  std::map<Address, Bytes> expected;
  core::Random random{3};
};

TEST_F(Damage, AFlippedByteInAPackIsNeverRead) {
  for (int i = 0; i < 200; ++i) {
    const std::string text = description(random, 300 + random.below(1000));
    put(Bytes(as_bytes(text).begin(), as_bytes(text).end()));
  }
  ASSERT_TRUE(database.checkpoint(database.lsn()));
  const std::string pack = database.last_checkpoint()->files.back().name;
  ASSERT_EQ(pack.substr(0, kPackDirectory.size()), kPackDirectory);
  const std::uint64_t size = *files->file_size(pack);
  std::size_t noticed = 0;
  for (std::uint64_t offset = 0; offset < size; offset += 1 + random.below(600)) {
    flip(pack, offset);
    noticed += read_all(pack) > 0 ? 1 : 0;
    flip(pack, offset);
  }
  EXPECT_GT(noticed, size / 600 / 2);
  EXPECT_EQ(read_all(pack), 0U);
}

TEST_F(Damage, AFlippedByteInTheCatalogIsNoticed) {
  for (int i = 0; i < 200; ++i) put(noise(random, 50));
  ASSERT_TRUE(database.checkpoint(database.lsn()));
  const std::string segment = database.last_checkpoint()->files.front().name;
  const std::uint64_t size = *files->file_size(segment);
  for (std::uint64_t offset = 0; offset < size; offset += 1 + random.below(300)) {
    flip(segment, offset);
    (void)read_all(segment);
    flip(segment, offset);
  }
}

TEST_F(Damage, AFlippedByteInALargeFileIsNeverHandedOut) {
  const std::string text = description(random, 1'200'000);
  put(Bytes(as_bytes(text).begin(), as_bytes(text).end()));
  ASSERT_TRUE(database.checkpoint(database.lsn()));
  const std::string file = database.last_checkpoint()->files.back().name;
  const std::uint64_t size = *files->file_size(file);
  for (int i = 0; i < 20; ++i) {
    const std::uint64_t offset = i < 10 ? size - 1 - random.below(100) : random.below(size);
    flip(file, offset);
    EXPECT_EQ(read_all(file), 1U) << offset;
    TestStores view(database, database.lsn());
    std::uint64_t handed_out = 0;
    EXPECT_FALSE(view->get_stream(expected.begin()->first, [&](ByteView piece) -> Result<void> {
      EXPECT_TRUE(std::equal(piece.begin(), piece.end(),
                             expected.begin()->second.begin() + static_cast<std::ptrdiff_t>(handed_out)));
      handed_out += piece.size();
      return {};
    }));
    flip(file, offset);
  }
  EXPECT_EQ(read_all(file), 0U);
}

TEST_F(Damage, ATruncatedOrMissingFileIsNamed) {
  put(noise(random, 500));
  put(noise(random, 100'000));
  ASSERT_TRUE(database.checkpoint(database.lsn()));
  for (const auto& file : database.last_checkpoint()->files) {
    Bytes whole;
    for (std::uint64_t size = 0; size < file.bytes; size += 1 + size / 3) {
      ASSERT_TRUE(files->damage(file.name, [&](Bytes& bytes) {
        whole = bytes;
        bytes.resize(size);
      }));
      EXPECT_GT(read_all(file.name), 0U) << file.name << " cut at " << size;
      ASSERT_TRUE(files->damage(file.name, [&](Bytes& bytes) { bytes = whole; }));
    }
  }
  EXPECT_EQ(read_all(""), 0U);
}

TEST_F(Damage, VerifyFindsWhatNobodyRead) {
  for (int i = 0; i < 50; ++i) put(noise(random, 300));
  put(noise(random, 100'000));
  ASSERT_TRUE(database.checkpoint(database.lsn()));
  EXPECT_TRUE(database.store().verify()->empty());
  for (const auto& file : database.last_checkpoint()->files) {
    flip(file.name, 200);
    Store store(*files);
    ASSERT_TRUE(store.open(&*database.last_checkpoint()));
    const auto damage = *store.verify();
    ASSERT_FALSE(damage.empty()) << file.name;
    EXPECT_EQ(damage.front().file, file.name);
    flip(file.name, 200);
  }
}

}  // namespace
}  // namespace strata::store::object
