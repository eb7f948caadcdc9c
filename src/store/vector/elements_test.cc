// Element types: what is kept of a number, what is refused, and a store of each type against brute force over what it keeps.
#include "store/vector/elements.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "store/vector/coding.h"
#include "store/vector/store_vector_fixture.h"

namespace strata::store::vector {
namespace {

float kept(ElementType type, float x) {
  float out = 0;
  to_floats(type, to_elements(type, {&x, 1}), {&out, 1});
  return out;
}

TEST(Elements, EveryFiniteNumberOfSixteenBitsIsKeptAsItIs) {
  for (const ElementType type : {ElementType::f16, ElementType::bf16}) {
    const unsigned exponent = type == ElementType::f16 ? 0x7c00 : 0x7f80;
    for (unsigned bits = 0; bits < 0x10000; ++bits) {
      if ((bits & exponent) == exponent) continue;
      const Bytes stored{static_cast<std::byte>(bits & 255), static_cast<std::byte>(bits >> 8)};
      float x = 0;
      to_floats(type, stored, {&x, 1});
      ASSERT_TRUE(std::isfinite(x));
      ASSERT_EQ(to_elements(type, {&x, 1}), stored) << bits;
    }
  }
  EXPECT_EQ(kept(ElementType::f16, 65'504), 65'504);
  EXPECT_EQ(kept(ElementType::f16, std::ldexp(1.0F, -24)), std::ldexp(1.0F, -24));  // the smallest
}

TEST(Elements, RoundingIsToTheNearestAndTiesAreToEven) {
  core::Random random(3);
  for (const ElementType type : {ElementType::f16, ElementType::bf16}) {
    const int digits = type == ElementType::f16 ? 11 : 8;
    for (int i = 0; i < 100'000; ++i) {
      const auto x = static_cast<float>(std::ldexp(random.real() * 2 - 1, static_cast<int>(random.below(28)) - 13));
      // The spacing of what can be kept around x.
      const int exponent = std::max(std::ilogb(x == 0 ? 1e-30F : x), type == ElementType::f16 ? -14 : -126);
      const float step = std::ldexp(1.0F, exponent - digits + 1);
      ASSERT_LE(std::abs(kept(type, x) - x), step / 2) << x;
    }
  }
  EXPECT_EQ(kept(ElementType::f16, 1 + std::ldexp(1.0F, -11)), 1);
  EXPECT_EQ(kept(ElementType::f16, 1 + 3 * std::ldexp(1.0F, -11)), 1 + std::ldexp(1.0F, -9));
  EXPECT_EQ(kept(ElementType::bf16, 1 + std::ldexp(1.0F, -8)), 1);
  EXPECT_EQ(kept(ElementType::bf16, 1 + 3 * std::ldexp(1.0F, -8)), 1 + std::ldexp(1.0F, -6));
}

TEST(Elements, WhatATypeDoesNotHoldIsRefusedWithItsValueAndPlace) {
  const auto message = [](ElementType type, Metric metric, std::vector<float> x) {
    const CollectionOptions options{.dimension = 3, .metric = metric, .element = type};
    const auto checked = check_elements("notes", options, "\"n1\"", x);
    return checked ? std::string("fine") : checked.error().message();
  };
  EXPECT_EQ(message(ElementType::f16, Metric::l2, {1, 65'519, -65'504}), "fine");
  EXPECT_EQ(message(ElementType::f16, Metric::l2, {1, 65'520, 0}),
            "collection \"notes\" holds numbers from -65504 to 65504 (f16); \"n1\" has 65520.000000 at position 1");
  EXPECT_NE(message(ElementType::bf16, Metric::l2, {0, 0, 3.4e38F}), "fine");
  EXPECT_EQ(message(ElementType::int8, Metric::l2, {-128, 127, 0}), "fine");
  EXPECT_EQ(message(ElementType::int8, Metric::l2, {0, 0.5F, 0}),
            "collection \"notes\" holds whole numbers from -128 to 127 (int8); \"n1\" has 0.500000 at position 1");
  EXPECT_NE(message(ElementType::int8, Metric::l2, {128, 0, 0}), "fine");
  EXPECT_EQ(message(ElementType::binary, Metric::l2, {0, 1, 1}), "fine");
  EXPECT_NE(message(ElementType::binary, Metric::l2, {0, -1, 1}), "fine");
  EXPECT_EQ(message(ElementType::f16, Metric::cosine, {1e-9F, 0, 0}),
            "collection \"notes\" compares by angle, and rounded to f16 all of \"n1\" is zero");
  EXPECT_EQ(message(ElementType::f16, Metric::l2, {1e-9F, 0, 0}), "fine");
  EXPECT_EQ(message(ElementType::f32, Metric::l2, {1e-45F, 3e38F, 0}), "fine");
}

TEST(Elements, BytesThatNoVectorIsKeptAsAreNotStorable) {
  const auto storable = [](ElementType type, Metric metric, const Bytes& bytes) {
    return are_storable({.dimension = 3, .metric = metric, .element = type}, bytes);
  };
  const auto bytes = [](std::initializer_list<int> values) {
    Bytes out;
    for (const int value : values) out.push_back(static_cast<std::byte>(value));
    return out;
  };
  EXPECT_TRUE(storable(ElementType::f16, Metric::cosine, bytes({0, 0x3c, 0, 0, 0, 0})));
  EXPECT_FALSE(storable(ElementType::f16, Metric::l2, bytes({0, 0x7c, 0, 0, 0, 0})));      // infinity
  EXPECT_FALSE(storable(ElementType::f16, Metric::cosine, bytes({0, 0x80, 0, 0, 0, 0})));  // −0
  EXPECT_FALSE(storable(ElementType::bf16, Metric::l2, bytes({0xc0, 0x7f, 0, 0, 0, 0})));  // NaN
  EXPECT_TRUE(storable(ElementType::int8, Metric::l2, bytes({0, 0, 0})));
  EXPECT_FALSE(storable(ElementType::int8, Metric::cosine, bytes({0, 0, 0})));
  EXPECT_TRUE(storable(ElementType::binary, Metric::cosine, bytes({5})));
  EXPECT_FALSE(storable(ElementType::binary, Metric::l2, bytes({8})));  // a fourth of three
}

struct Case {
  ElementType element;
  Metric metric;
};

class ElementStoreTest : public ::testing::TestWithParam<Case> {
 protected:
  static constexpr std::uint32_t kDimension = 37;  // no whole number of bytes in bits
  std::vector<float> some() {
    std::vector<float> x = random_vector(random, kDimension);
    for (float& value : x) {
      if (GetParam().element == ElementType::int8) value = std::clamp(std::round(value * 60), -128.0F, 127.0F);
      if (GetParam().element == ElementType::binary) value = value > 0 ? 1 : 0;
    }
    return x;
  }
  core::Random random{11};
  std::unique_ptr<io::MemoryFileSystem> files = io::make_memory_file_system();
  TestDatabase db{*files, {.graph_rows_min = 500}};
};

INSTANTIATE_TEST_SUITE_P(
    , ElementStoreTest,
    ::testing::Values(Case{ElementType::f16, Metric::cosine}, Case{ElementType::f16, Metric::l2},
                      Case{ElementType::bf16, Metric::cosine}, Case{ElementType::bf16, Metric::inner_product},
                      Case{ElementType::int8, Metric::l2}, Case{ElementType::int8, Metric::inner_product},
                      Case{ElementType::binary, Metric::l2}, Case{ElementType::binary, Metric::cosine}),
    [](const auto& each) {
      return std::string(name(each.param.element)) + "_" + std::string(name(each.param.metric));
    });

TEST_P(ElementStoreTest, AnswersAreThoseOfWhatIsKept) {
  const auto [element, metric] = GetParam();
  const CollectionOptions options{.dimension = kDimension,
                                  .metric = metric,
                                  .words = true,
                                  .element = element,
                                  .index = {.m = 16, .ef_construction = 64}};
  ASSERT_TRUE(db.store().create_collection("c", options));
  std::map<std::string, std::vector<float>> model;
  const auto put = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      const std::string id = "p" + std::to_string(i);
      const auto x = some();
      const Point point{id, x, {{"i", i}}, "word"};
      ASSERT_TRUE(db.store().upsert("c", {&point, 1}));
      model[id].resize(kDimension);
      to_floats(element, to_elements(element, x), model[id]);
    }
  };
  const auto compare = [&](std::string_view where) {
    SCOPED_TRACE(where);
    std::size_t found = 0;
    for (int round = 0; round < 20; ++round) {
      const auto query = round % 2 == 0 ? some() : random_vector(random, kDimension);
      const QueryCode code(metric, query);
      std::vector<std::pair<float, std::string>> expected;
      for (const auto& [id, x] : model) expected.emplace_back(-code.score(x), id);
      std::sort(expected.begin(), expected.end());
      const auto exact = db.store().search("c", query, {.k = 10, .with_vector = true, .exact = true});
      ASSERT_TRUE(exact) << exact.error().to_string();
      ASSERT_EQ(exact->size(), 10U);
      for (std::size_t i = 0; i < 10; ++i) {
        EXPECT_EQ((*exact)[i].id, expected[i].second);
        EXPECT_EQ((*exact)[i].score, -expected[i].first);
        EXPECT_EQ((*exact)[i].vector, model[(*exact)[i].id]);
      }
      const auto near = *db.store().search("c", query, {.k = 10, .ef = 40});
      for (const Hit& hit : near) found += hit.score >= -expected[9].first ? 1 : 0;
    }
    EXPECT_GE(found, 185U);
  };
  put(0, 400);
  compare("delta");
  put(300, 1'600);
  ASSERT_TRUE(db.participant().settle({}));
  compare("a delta with a graph");
  ASSERT_TRUE(db.store().set_payload("c", "p7", {{"again", true}}));
  ASSERT_TRUE(db.checkpoint(db.lsn()));
  ASSERT_TRUE(db.participant().settle({}));
  compare("segment");
  put(1'590, 1'700);
  ASSERT_TRUE(db.restart());
  EXPECT_EQ(db.store().collection("c")->options, options);
  compare("opened again");
  EXPECT_EQ(db.store().get("c", "p7")->value().vector, model["p7"]);
  EXPECT_EQ(to_json(db.store().get("c", "p7")->value().payload), R"({"again":true})");
  EXPECT_EQ(db.store().search_words("c", "word", {.k = 5})->size(), 5U);
  db.session().begin();
  const auto own = some();
  const Point point{"own", own};
  ASSERT_TRUE(db.store().upsert("c", {&point, 1}));
  model["own"].resize(kDimension);
  to_floats(element, to_elements(element, own), model["own"]);
  compare("own writes");
  db.session().roll_back();
}

TEST(ElementStore, ACollectionOfFlatIndexGetsNoGraph) {
  const auto files = io::make_memory_file_system();
  TestDatabase db(*files, {.graph_rows_min = 100});
  ASSERT_TRUE(db.store().create_collection("c", {.dimension = 4, .index = {.kind = IndexKind::flat}}));
  core::Random random(5);
  for (int i = 0; i < 300; ++i) {
    const auto x = random_vector(random, 4);
    const std::string id = std::to_string(i);
    const Point point{id, x};
    ASSERT_TRUE(db.store().upsert("c", {&point, 1}));
  }
  ASSERT_TRUE(db.checkpoint(db.lsn()));
  ASSERT_TRUE(db.participant().settle({}));
  EXPECT_EQ(*db.participant().statistics().find("graphs")->integer(), 0);
}

TEST(ElementStore, AnotherTypeOrIndexIsAnotherCollection) {
  const auto files = io::make_memory_file_system();
  TestDatabase db(*files);
  ASSERT_TRUE(db.store().create_collection("c", {.dimension = 4, .element = ElementType::f16}));
  EXPECT_TRUE(db.store().create_collection("c", {.dimension = 4, .element = ElementType::f16}));
  const auto other = db.store().create_collection("c", {.dimension = 4});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code(), ErrorCode::already_exists);
  EXPECT_NE(other.error().message().find("f16"), std::string::npos);
  for (const CollectionOptions& wrong :
       {CollectionOptions{.dimension = 4, .index = {.m = 3}}, CollectionOptions{.dimension = 4, .index = {.m = 129}},
        CollectionOptions{.dimension = 4, .index = {.m = 32, .ef_construction = 31}},
        CollectionOptions{.dimension = 4, .index = {.ef_construction = 1'025}},
        CollectionOptions{.dimension = 4, .element = static_cast<ElementType>(5)}}) {
    const auto refused = db.store().create_collection("d", wrong);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::invalid_argument);
  }
}

}  // namespace
}  // namespace strata::store::vector
