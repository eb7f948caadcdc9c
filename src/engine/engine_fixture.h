#pragma once
/// What the engine's tests share: a real directory, and one thing in every store under one id.
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "core/random.h"
#include "strata/engine.h"

namespace strata::engine {

namespace fs = std::filesystem;

class EngineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    base_ = fs::temp_directory_path() / ("strata-engine-" + std::to_string(core::random_seed()));
    directory = (base_ / "db").string();
    fs::create_directories(base_);
  }
  void TearDown() override {
    db.reset();
    fs::remove_all(base_);
  }

  void open(const OpenOptions& options = {}) {
    db.reset();
    auto opened = Engine::open(directory, options);
    ASSERT_TRUE(opened) << opened.error().to_string();
    db = *std::move(opened);
  }
  ErrorCode open_error(const OpenOptions& options = {}) {
    auto opened = Engine::open(directory, options);
    if (opened) return ErrorCode::internal;
    message = opened.error().message();
    return opened.error().code();
  }

  /// One thing in every store under one id.
  static Result<void> write_everywhere(Stores& stores, const std::string& id, float x) {
    const float vector[] = {x, 1.0F, 0.5F};
    const std::string words = "words of " + id;
    const Point point{id, vector, {{"n", static_cast<std::int64_t>(x)}}, words};
    STRATA_TRY(stores.vector().upsert("notes", {&point, 1}));
    STRATA_TRY(stores.object().put(as_bytes("content of " + id), {.owner = id}));
    STRATA_TRY(stores.metadata().put_row("note", {{"id", id}, {"title", "Title " + id}}));
    STRATA_TRY(stores.graph().put_node({id, {"Note"}, {{"x", x}}}));
    STRATA_TRY(stores.analytics().append("events", Map{{"id", id}, {"value", static_cast<double>(x)}}));
    const float row[] = {x, x};
    const std::uint64_t shape[] = {1, 2};
    STRATA_TRY(stores.array().append("rows", DataType::float32, shape, std::as_bytes(std::span(row)), id));
    return stores.cache().set("note:" + id, "hot " + id);
  }
  void prepare() {
    ASSERT_TRUE(db->vector().create_collection("notes", {.dimension = 3, .words = true}));
    ASSERT_TRUE(db->metadata().execute("create table note(id text primary key, title text)"));
    const ColumnDefinition columns[] = {{"id", ColumnType::text}, {"value", ColumnType::real}};
    ASSERT_TRUE(db->analytics().create_table("events", columns));
    DatasetOptions rows;
    rows.row_shape = {2};
    ASSERT_TRUE(db->array().create_dataset("rows", rows));
  }
  /// How many of the seven stores show this id.
  static int stores_with(Stores& stores, const std::string& id) {
    int count = 0;
    const auto present = [&](auto result) {
      EXPECT_TRUE(result) << result.error().to_string();
      return result && result->has_value();
    };
    count += present(stores.vector().get("notes", id));
    const auto objects = stores.object().count();
    EXPECT_TRUE(objects);
    count += present(stores.metadata().get_row("note", {{"id", id}}));
    count += present(stores.graph().node(id));
    const auto events = stores.analytics().query("select count(*) from events where id = ?", {Value(id)});
    EXPECT_TRUE(events) << events.error().to_string();
    count += events && *events->rows[0][0].integer() > 0;
    const auto rows = stores.array().find("rows", id);
    EXPECT_TRUE(rows) << rows.error().to_string();
    count += rows && !rows->empty();
    count += present(stores.cache().get("note:" + id));
    return count;
  }

  std::string directory, message;
  std::unique_ptr<Engine> db;

 private:
  fs::path base_;
};

}  // namespace strata::engine
