#include "store/graph/mutation.h"

#include <gtest/gtest.h>

#include "core/random.h"

namespace strata::store::graph {
namespace {

Bytes encoded(const Mutation& mutation) {
  Bytes bytes;
  core::Encoder out(bytes);
  encode(mutation, out);
  return bytes;
}

Mutation one_of_each() {
  static const Bytes properties = {std::byte{0}};  // an empty map
  Mutation mutation;
  mutation.names = {"Person", "KNOWS", "name"};
  mutation.ids = {"ann", "bob"};
  mutation.removed_edges = {7, 300};
  mutation.removed_nodes = {1};
  mutation.labels = {0, 0};
  mutation.put_nodes = {{0, 0, 2, properties}};
  mutation.added_edges = {{8, 0, 1, 1, properties}, {9, 1, 1, 0, {}}};
  mutation.changed_edges = {{5, properties}};
  mutation.indexes = {{0, 2}};
  return mutation;
}

TEST(GraphMutation, ComesBackAsItWasEncoded) {
  const Bytes bytes = encoded(one_of_each());
  auto decoded = decode_mutation(bytes);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->names, one_of_each().names);
  EXPECT_EQ(decoded->added_edges.size(), 2U);
  EXPECT_EQ(decoded->added_edges[1].source, 1U);
  EXPECT_EQ(encoded(*decoded), bytes);
}

TEST(GraphMutation, EveryTruncationIsRefused) {
  const Bytes bytes = encoded(one_of_each());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    auto decoded = decode_mutation(ByteView(bytes).first(size));
    ASSERT_FALSE(decoded.has_value()) << size;
    EXPECT_EQ(decoded.error().code(), ErrorCode::corruption);
  }
}

TEST(GraphMutation, ChangedBytesAreRefusedOrStayWithinTheTables) {
  core::Random random(3);
  const Bytes bytes = encoded(one_of_each());
  for (int i = 0; i < 20'000; ++i) {
    Bytes changed = bytes;
    changed[random.below(changed.size())] = static_cast<std::byte>(random.below(256));
    auto decoded = decode_mutation(changed);
    if (!decoded.has_value()) continue;
    for (const auto& edge : decoded->added_edges) {
      ASSERT_LT(edge.source, decoded->ids.size());
      ASSERT_LT(edge.type, decoded->names.size());
    }
    for (const auto& node : decoded->put_nodes) ASSERT_LE(node.labels_end, decoded->labels.size());
  }
}

TEST(GraphMutation, ANewerFormatIsUnsupported) {
  Bytes bytes = encoded(one_of_each());
  bytes[0] = std::byte{9};
  auto decoded = decode_mutation(bytes);
  ASSERT_FALSE(decoded.has_value());
  EXPECT_EQ(decoded.error().code(), ErrorCode::unsupported);
}

}  // namespace
}  // namespace strata::store::graph
