#include "store/object/mutation.h"

#include <gtest/gtest.h>

namespace strata::store::object {
namespace {

Address address_of(std::string_view text) { return {core::sha256(as_bytes(text))}; }

Bytes encoded_example() {
  static const Bytes kStored(40, std::byte{9});
  Mutation mutation;
  mutation.small.push_back({address_of("a"), Compression::automatic, Compression::lz4, 100, kStored});
  mutation.small.push_back({address_of("b"), Compression::none, Compression::none, 40, kStored});
  mutation.large.push_back({address_of("c"), {Compression::zstd, 1 << 20, 1000, 7, {1, 2}}});
  mutation.references.push_back({address_of("a"), "", true});
  mutation.references.push_back({address_of("c"), "note:1", false});
  mutation.collected.push_back(address_of("d"));
  Bytes section;
  core::Encoder out(section);
  encode(mutation, out);
  return section;
}

TEST(Mutation, ReadsBackWhatItWrote) {
  const Bytes section = encoded_example();
  const auto decoded = decode_mutation(section);
  ASSERT_TRUE(decoded) << decoded.error().to_string();
  ASSERT_EQ(decoded->small.size(), 2U);
  EXPECT_EQ(decoded->small[0].address, address_of("a"));
  EXPECT_EQ(decoded->small[0].compression, Compression::lz4);
  EXPECT_EQ(decoded->small[0].bytes, 100U);
  EXPECT_EQ(decoded->small[1].stored.size(), 40U);
  ASSERT_EQ(decoded->large.size(), 1U);
  EXPECT_EQ(decoded->large[0].file.sequence, 7U);
  EXPECT_EQ(decoded->large[0].file.hash, (core::Hash128{1, 2}));
  ASSERT_EQ(decoded->references.size(), 2U);
  EXPECT_EQ(decoded->references[1].owner, "note:1");
  EXPECT_FALSE(decoded->references[1].alive);
  EXPECT_EQ(decoded->collected, std::vector<Address>{address_of("d")});
}

TEST(Mutation, EveryTruncationIsCorruption) {
  const Bytes section = encoded_example();
  for (std::size_t size = 0; size < section.size(); ++size) {
    const auto decoded = decode_mutation(ByteView(section).first(size));
    ASSERT_FALSE(decoded) << size;
    EXPECT_EQ(decoded.error().code(), ErrorCode::corruption) << size;
  }
}

TEST(Mutation, EveryFlippedBitIsRefusedOrAnotherValidSection) {
  const Bytes section = encoded_example();
  for (std::size_t at = 0; at < section.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes flipped = section;
      flipped[at] ^= static_cast<std::byte>(1 << bit);
      const auto decoded = decode_mutation(flipped);  // the sanitizers watch; the record's checksum is the journal's
      if (!decoded) continue;
      for (const auto& small : decoded->small) EXPECT_LE(small.stored.size(), small.bytes);
    }
  }
}

TEST(Mutation, ANewerFormatIsNamed) {
  Bytes section = encoded_example();
  section[0] = std::byte{2};
  EXPECT_EQ(decode_mutation(section).error().code(), ErrorCode::unsupported);
}

}  // namespace
}  // namespace strata::store::object
