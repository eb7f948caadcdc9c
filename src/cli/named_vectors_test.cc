#include "cli/named_vectors.h"

#include <gtest/gtest.h>

namespace strata::cli {
namespace {

TEST(NamedVectorArguments, AreADimensionAndWhatIsNotAsUsual) {
  EXPECT_EQ(*parse_named_vector("title:384"), (NamedVector{.name = "title", .dimension = 384}));
  EXPECT_EQ(*parse_named_vector("t:8:l2:f16:flat"), (NamedVector{.name = "t",
                                                                 .dimension = 8,
                                                                 .metric = Metric::l2,
                                                                 .element = ElementType::f16,
                                                                 .index = {.kind = IndexKind::flat}}));
  EXPECT_EQ(*parse_named_vector("s:sparse"), (NamedVector{.name = "s", .kind = VectorKind::sparse}));
  for (const char* text : {"", "title", "title:", "title:x", "title:3x", "title:-3", "title:99999999999",
                           "t:8:l2:f16:flat:32", "t:8:cosine:f99", "t:8:near", "t:8:l2:f16:tree"}) {
    const auto parsed = parse_named_vector(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code(), ErrorCode::invalid_argument);
  }
  for (const char* text : {"title:384:cosine:f32:hnsw", "s:sparse", "t:8:l2:binary:flat"}) {
    EXPECT_EQ(written(*parse_named_vector(text)), text);
  }
}

TEST(NamedVectorArguments, AVectorIsAListOrIndicesAndValues) {
  EXPECT_EQ(parse_any_vector("[1, 0.5]")->values, (std::vector<float>{1, 0.5F}));
  const auto sparse = *parse_any_vector(R"({"indices": [7, 4294967295], "values": [1, -2]})");
  EXPECT_EQ(sparse.indices, (std::vector<std::uint32_t>{7, UINT32_MAX}));
  EXPECT_EQ(sparse.values, (std::vector<float>{1, -2}));
  EXPECT_EQ(to_json(printed(sparse.values, sparse.indices)), R"({"indices":[7,4294967295],"values":[1,-2]})");
  const auto side = *parse_side("title=[3]");
  EXPECT_EQ(side.name, "title");
  EXPECT_EQ(side.values, std::vector<float>{3});
  for (const char* text :
       {"{}", R"({"indices": [7]})", R"({"indices": [-1], "values": [1]})",
        R"({"indices": [4294967296], "values": [1]})", R"({"indices": [1.5], "values": [1]})",
        R"({"indices": [1], "values": ["x"]})", R"({"indices": [1], "values": [1], "more": 1})", "7"}) {
    EXPECT_FALSE(parse_any_vector(text)) << text;
  }
  EXPECT_FALSE(parse_side("[1]"));
  const auto named = *vectors_from(*parse_json(R"({"a": [1], "b": {"indices": [2], "values": [3]}})")->map());
  const auto points = point_vectors(named);
  ASSERT_EQ(points.size(), 2U);
  EXPECT_EQ(points[0].name, "a");
  EXPECT_EQ(points[1].indices[0], 2U);
}

}  // namespace
}  // namespace strata::cli
