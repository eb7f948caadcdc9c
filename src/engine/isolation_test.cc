// What serializable adds, store by store: an answer that another commit would change is a conflict, phantoms included; a
// commit beside it is none. And one view over seven stores while commits go on.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <thread>

#include "core/random.h"
#include "strata/engine.h"

namespace strata::engine {
namespace {

namespace fs = std::filesystem;

class IsolationTest : public ::testing::Test {
 protected:
  void SetUp() override {
    base_ = fs::temp_directory_path() / ("strata-isolation-" + std::to_string(core::random_seed()));
    fs::create_directories(base_);
    auto opened = Engine::open((base_ / "db").string());
    ASSERT_TRUE(opened) << opened.error().to_string();
    db = *std::move(opened);
  }
  void TearDown() override {
    db.reset();
    fs::remove_all(base_);
  }
  std::unique_ptr<Transaction> begin(Isolation isolation) {
    auto begun = db->begin({.isolation = isolation});
    EXPECT_TRUE(begun) << begun.error().to_string();
    return *std::move(begun);
  }
  template <typename T>
  static T must(Result<T> result) {
    EXPECT_TRUE(result) << result.error().to_string();
    return *std::move(result);
  }
  static void must(Result<void> result) { EXPECT_TRUE(result) << result.error().to_string(); }

  std::unique_ptr<Engine> db;

 private:
  fs::path base_;
};

/// A read whose answer depends on more than keys; a write by another that changes the answer; a write close by that does not.
struct Case {
  std::string name;
  std::function<void(Stores&)> read;
  std::function<void(Stores&)> disturb;
  std::function<void(Stores&)> beside;
};

class SerializableTest : public IsolationTest {
 protected:
  void SetUp() override {
    IsolationTest::SetUp();
    must(db->metadata().execute("create table sink(id integer primary key)"));
    must(db->metadata().execute("create table note(id text primary key, n integer)"));
    must(db->metadata().execute("create table other(id text primary key, n integer unique)"));
    must(db->metadata().execute("create view many as select id from note where n > 5"));
    must(db->metadata().put_row("note", {{"id", "a"}, {"n", 1}}));
    for (const char* name : {"notes", "others"}) {
      must(db->vector().create_collection(name, {.dimension = 2, .words = true}));
      point(*db, name, "a");
    }
    for (const char* id : {"a", "b", "c", "hub", "far"}) must(db->graph().put_node({id, {"Note"}, {{"n", 1}}}));
    ab = must(db->graph().add_edge("a", "LINKS", "b"));
    const ColumnDefinition columns[] = {{"id", ColumnType::text}, {"value", ColumnType::real}};
    for (const char* name : {"events", "metrics"}) {
      must(db->analytics().create_table(name, columns));
      must(db->analytics().append(name, Map{{"id", "a"}, {"value", 1.0}}));
    }
    for (const char* name : {"rows", "extra"}) {
      must(db->array().create_dataset(name, {}));
      append(*db, name, "a");
    }
    content = must(db->object().put(as_bytes("content"), {.owner = "a"}));
  }

  static void point(Stores& stores, const std::string& collection, const std::string& id) {
    const float vector[] = {1, 2};
    const Point given{id, vector, {{"n", 1}}, "words of it"};
    must(stores.vector().upsert(collection, {&given, 1}));
  }
  static void append(Stores& stores, const std::string& dataset, const std::string& key) {
    const float row[] = {1};
    const std::uint64_t shape[] = {1};
    must(stores.array().append(dataset, DataType::float32, shape, std::as_bytes(std::span(row)), key));
  }
  std::string fresh() { return "x" + std::to_string(++count_); }

  /// Reads under `isolation`, lets another transaction do `meanwhile`, then writes a row that nobody else writes.
  Result<Lsn> commit_around(Isolation isolation, const Case& each, const std::function<void(Stores&)>& meanwhile,
                            Isolation of_the_other) {
    auto tx = begin(isolation);
    each.read(*tx);
    auto other = begin(of_the_other);
    meanwhile(*other);
    must(other->commit());
    must(tx->metadata().put_row("sink", {{"id", ++count_}}));
    return tx->commit();
  }
  void check(const std::vector<Case>& cases) {
    for (const Case& each : cases) {
      SCOPED_TRACE(each.name);
      // The other's level does not matter: every commit says what it affects.
      for (const Isolation other : {Isolation::serializable, Isolation::read_committed}) {
        const auto lost = commit_around(Isolation::serializable, each, each.disturb, other);
        ASSERT_FALSE(lost);
        EXPECT_EQ(lost.error().code(), ErrorCode::conflict) << lost.error().to_string();
      }
      const auto won = commit_around(Isolation::serializable, each, each.beside, Isolation::read_committed);
      EXPECT_TRUE(won) << won.error().to_string();
      const auto untracked = commit_around(Isolation::repeatable_read, each, each.disturb, Isolation::read_committed);
      EXPECT_TRUE(untracked) << "repeatable read does not pay for this: " << untracked.error().to_string();
    }
  }

  Address content;
  EdgeId ab = 0;
  int count_ = 0;
};

// "No point lacks it" holds at the commit, at every level: who cuts over loses to a point that came meanwhile without the vector.
TEST_F(SerializableTest, ACutOverIsOfAllPointsThatThereAreAtItsCommit) {
  must(db->vector().add_vector("notes", {.name = "next", .dimension = 1}));
  must(db->vector().name_vector("notes", "first"));
  const float one[] = {1};
  const PointVector next{"next", one};
  must(db->vector().set_vectors("notes", "a", {&next, 1}));
  for (const Isolation level : {Isolation::read_committed, Isolation::repeatable_read, Isolation::serializable}) {
    auto tx = begin(level);
    must(tx->vector().set_default_vector("notes", "next"));
    const std::string id = fresh();
    auto writer = begin(Isolation::read_committed);
    point(*writer, "others", id);  // of another collection: no matter
    must(writer->commit());
    tx->rollback();

    tx = begin(level);
    const auto before = tx->vector().collection("notes");  // the view is taken
    ASSERT_TRUE(before);
    point(*db, "notes", id);
    if (const auto cut = tx->vector().set_default_vector("notes", "next"); cut) {
      const auto committed = tx->commit();
      ASSERT_FALSE(committed);
      EXPECT_EQ(committed.error().code(), ErrorCode::conflict) << committed.error().to_string();
    } else {
      const bool looks_at_now = level == Isolation::read_committed;
      EXPECT_EQ(cut.error().code(), looks_at_now ? ErrorCode::failed_precondition : ErrorCode::conflict)
          << cut.error().to_string();
      tx->rollback();
    }
    EXPECT_EQ(db->vector().collection("notes")->options.default_vector, "first");
    must(db->vector().set_vectors("notes", id, {&next, 1}));
  }
  must(db->vector().set_default_vector("notes", "next"));
}

TEST_F(SerializableTest, Vector) {
  const auto more = [this](Stores& s) { point(s, "notes", fresh()); };
  const auto elsewhere = [this](Stores& s) { point(s, "others", fresh()); };
  const float query[] = {2, 1};
  check({
      {"search", [&](Stores& s) { must(s.vector().search("notes", query, {})); }, more, elsewhere},
      {"search_many",
       [&](Stores& s) {
         const std::span<const float> queries[] = {query};
         must(s.vector().search_many("notes", queries, {}));
       },
       more, elsewhere},
      {"search_words", [&](Stores& s) { must(s.vector().search_words("notes", "words", {})); }, more, elsewhere},
      {"query", [&](Stores& s) { must(s.vector().query("notes", {.vector = query, .words = "words"}, {})); }, more,
       elsewhere},
      {"query_groups", [&](Stores& s) { must(s.vector().query_groups("notes", {.vector = query}, {"n"}, {})); }, more,
       elsewhere},
      {"facets", [&](Stores& s) { must(s.vector().facets("notes", "n")); }, more, elsewhere},
      {"scroll_by", [&](Stores& s) { must(s.vector().scroll_by("notes", {.field = "n"}, 10)); }, more, elsewhere},
      {"count", [&](Stores& s) { must(s.vector().count("notes")); }, more, elsewhere},
      {"filtered count", [&](Stores& s) { must(s.vector().count("notes", {{"n", 7}})); }, more, elsewhere},
      {"scroll", [&](Stores& s) { must(s.vector().scroll("notes", "", 10)); }, more, elsewhere},
      {"collection", [&](Stores& s) { must(s.vector().collection("notes")); }, more, elsewhere},
      {"collections", [&](Stores& s) { must(s.vector().collections()); },
       [this](Stores& s) { must(s.vector().create_collection(fresh(), {.dimension = 2})); },
       [this](Stores& s) { must(s.metadata().put_row("other", {{"id", fresh()}})); }},
  });
}

TEST_F(SerializableTest, Object) {
  const auto put = [this](Stores& s) { must(s.object().put(as_bytes(fresh()))); };
  const auto refer = [this](Stores& s) { must(s.object().put(as_bytes("content"), {.owner = fresh()})); };
  const auto row = [this](Stores& s) { must(s.metadata().put_row("other", {{"id", fresh()}})); };
  check({
      {"list", [](Stores& s) { must(s.object().list({}, 100)); }, put, row},
      {"list of references", [](Stores& s) { must(s.object().list({}, 100)); }, refer, row},
      {"count", [](Stores& s) { must(s.object().count()); }, put, refer},
      {"info", [this](Stores& s) { must(s.object().info(content)); }, refer, put},
      {"release of an owner", [](Stores& s) { must(s.object().release("someone")); },
       [this](Stores& s) { must(s.object().put(as_bytes(fresh()), {.owner = "someone"})); }, put},
      {"remove of a pin, there or not", [this](Stores& s) { (void)s.object().remove(content).has_value(); },
       [](Stores& s) { must(s.object().put(as_bytes("content"))); }, put},
      {"collect", [](Stores& s) { must(s.object().collect()); }, put, row},
  });
}

TEST_F(SerializableTest, AnObjectFoundMissingIsAnItemAndPutsOfItDoNotMeet) {
  const Address address = must(Address::parse("2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"));
  auto one = begin(Isolation::repeatable_read), two = begin(Isolation::repeatable_read);
  EXPECT_FALSE(must(one->object().exists(address)));
  must(two->object().put(as_bytes("x")));
  must(two->commit());
  must(one->metadata().put_row("sink", {{"id", 1}}));
  EXPECT_EQ(one->commit().error().code(), ErrorCode::conflict);

  auto three = begin(Isolation::serializable), four = begin(Isolation::serializable);
  must(three->object().put(as_bytes("y")));
  must(four->object().put(as_bytes("y")));
  must(three->commit());
  must(four->commit());
}

TEST_F(SerializableTest, Metadata) {
  const auto row = [this](Stores& s) { must(s.metadata().put_row("note", {{"id", fresh()}, {"n", 9}})); };
  const auto sql_row = [this](Stores& s) {
    must(s.metadata().execute("insert into note(id, n) values (?, 9)", {fresh()}));
  };
  const auto beside = [this](Stores& s) { must(s.metadata().put_row("other", {{"id", fresh()}, {"n", ++count_}})); };
  const auto query = [](std::string sql) { return [sql](Stores& s) { must(s.metadata().query(sql)); }; };
  const auto execute = [](std::string sql) { return [sql](Stores& s) { must(s.metadata().execute(sql)); }; };
  check({
      {"query", query("select n from note where id = 'a'"), row, beside},
      {"count(*)", query("select count(*) from note"), sql_row, beside},
      {"query of a view", query("select count(*) from many"), row, beside},
      {"join", query("select * from sink join note on sink.id = note.n"), row, beside},
      {"subquery", query("select 1 where exists (select 1 from note where n = 100)"), row, beside},
      {"arrow", [](Stores& s) { must(s.metadata().query_arrow("select * from note")); }, row, beside},
      {"update that finds nothing", execute("update note set n = 1 where n = 100"), row, beside},
      {"delete that finds nothing", execute("delete from note where n = 100"), row, beside},
      {"insert from select", execute("insert into sink(id) select 1000 from note where n = 100"), row, beside},
      {"insert or ignore", execute("insert or ignore into note(id) values ('a')"), row, beside},
      {"insert on conflict", execute("insert into note(id) values ('a') on conflict do nothing"), row, beside},
      {"insert that fails", [](Stores& s) { EXPECT_FALSE(s.metadata().execute("insert into note(id) values ('a')")); },
       row, [this](Stores& s) { point(s, "others", fresh()); }},
  });
}

TEST_F(SerializableTest, ADefinitionChangesWhatARowMeans) {
  auto one = begin(Isolation::serializable);
  must(one->metadata().get_row("note", {{"id", "a"}}));
  must(db->metadata().execute("alter table note add column more text"));
  point(*one, "notes", fresh());
  EXPECT_EQ(one->commit().error().code(), ErrorCode::conflict);
}

TEST_F(SerializableTest, BlindInsertsIntoOneTableDoNotMeet) {
  const std::function<void(Stores&)> inserts[] = {
      [this](Stores& s) { must(s.metadata().execute("insert into note(id, n) values (?, 1)", {fresh()})); },
      [this](Stores& s) { must(s.metadata().put_row("note", {{"id", fresh()}, {"n", 1}})); },
      [this](Stores& s) { must(s.metadata().put_row("other", {{"id", fresh()}, {"n", ++count_}})); },  // by SQL: unique
      [this](Stores& s) { must(s.analytics().append("events", Map{{"id", fresh()}})); },
      [this](Stores& s) { point(s, "notes", fresh()); },
      [](Stores& s) { must(s.graph().add_edge("hub", "LINKS", "a")); },
  };
  for (const auto& insert : inserts) {
    auto one = begin(Isolation::serializable), two = begin(Isolation::serializable);
    insert(*one);
    insert(*two);
    must(one->commit());
    must(two->commit());
  }
}

TEST_F(SerializableTest, Graph) {
  const auto node = [this](Stores& s) { must(s.graph().put_node({fresh(), {"Note"}, {{"n", 1}}})); };
  const auto other_label = [this](Stores& s) { must(s.graph().put_node({fresh(), {"Other"}, {{"n", 2}}})); };
  const auto same_label = [this](Stores& s) { must(s.graph().put_node({fresh(), {"Note"}, {{"n", 2}}})); };
  const auto edge = [](std::string from, std::string type, std::string to) {
    return [=](Stores& s) { must(s.graph().add_edge(from, type, to)); };
  };
  const auto neighbours = [](std::string id, TraversalOptions options) {
    return [=](Stores& s) { must(s.graph().neighbours(id, options)); };
  };
  check({
      {"label", [](Stores& s) { must(s.graph().find_nodes("Note", "", {})); }, node, other_label},
      {"any node", [](Stores& s) { must(s.graph().find_nodes("", "", {})); }, other_label, edge("a", "OF", "b")},
      {"value", [](Stores& s) { must(s.graph().find_nodes("Note", "n", 1)); }, node, same_label},
      {"neighbours", neighbours("hub", {}), edge("hub", "LINKS", "a"), edge("a", "LINKS", "hub")},
      {"neighbours, incoming", neighbours("hub", {.direction = Direction::in}), edge("a", "LINKS", "hub"),
       edge("hub", "LINKS", "a")},
      {"neighbours of a type", neighbours("hub", {.types = {"LINKS"}}), edge("hub", "LINKS", "a"),
       edge("hub", "OF", "a")},
      {"degree", [](Stores& s) { must(s.graph().degree("hub", {.direction = Direction::both})); },
       edge("a", "LINKS", "hub"), edge("a", "LINKS", "b")},
      {"reach", [](Stores& s) { must(s.graph().reach("a", 1, 3)); }, edge("b", "LINKS", "c"),
       edge("far", "LINKS", "far")},
      {"shortest path", [](Stores& s) { must(s.graph().shortest_path("a", "c")); }, edge("a", "LINKS", "c"),
       edge("far", "LINKS", "far")},
      {"counts", [](Stores& s) { must(s.graph().counts()); }, node, [this](Stores& s) { point(s, "notes", fresh()); }},
      {"merge", [](Stores& s) { must(s.graph().merge_edge("b", "MERGED", "c")); }, edge("b", "MERGED", "c"),
       edge("b", "LINKS", "c")},
  });
}

TEST_F(SerializableTest, ANodeThatLeavesALabelAndAnEdgeThatGoesChangeWhatWasFound) {
  auto one = begin(Isolation::serializable), two = begin(Isolation::serializable);
  must(one->graph().find_nodes("Note", "", {}, 1));  // "a" alone is looked at as an item
  must(two->graph().neighbours("a"));
  must(db->graph().put_node({"c", {"Other"}, {}}));
  must(db->graph().remove_edge(ab));
  for (auto* tx : {one.get(), two.get()}) {
    must(tx->metadata().put_row("sink", {{"id", ++count_}}));
    EXPECT_EQ(tx->commit().error().code(), ErrorCode::conflict);
  }
}

TEST_F(SerializableTest, EdgesAtAHubCommuteUnlessSomebodyLookedAtThem) {
  auto one = begin(Isolation::serializable), two = begin(Isolation::serializable);
  for (auto* tx : {one.get(), two.get()}) {
    must(tx->graph().degree("hub"));
    must(tx->graph().add_edge("hub", "LINKS", "a"));
  }
  must(one->commit());
  EXPECT_EQ(two->commit().error().code(), ErrorCode::conflict);
}

TEST_F(SerializableTest, Analytics) {
  const auto more = [this](Stores& s) { must(s.analytics().append("events", Map{{"id", fresh()}, {"value", 2.0}})); };
  const auto elsewhere = [this](Stores& s) { must(s.analytics().append("metrics", Map{{"id", fresh()}})); };
  const auto query = [](std::string sql) { return [sql](Stores& s) { must(s.analytics().query(sql)); }; };
  check({
      {"query", query("select count(*) from events"), more, elsewhere},
      {"another spelling", query("SELECT sum(value) FROM \"EVENTS\""), more, elsewhere},
      {"arrow", [](Stores& s) { must(s.analytics().query_arrow("select * from events")); }, more, elsewhere},
      {"erase that finds nothing", [](Stores& s) { must(s.analytics().erase("events", "id", "nothing")); }, more,
       elsewhere},
      {"tables", [](Stores& s) { must(s.analytics().tables()); }, more,
       [this](Stores& s) { point(s, "notes", fresh()); }},
      {"what names no table", query("select sum(estimated_size) from duckdb_tables()"), elsewhere,
       [this](Stores& s) { point(s, "notes", fresh()); }},
  });
}

TEST_F(SerializableTest, Array) {
  const auto more = [this](Stores& s) { append(s, "rows", fresh()); };
  const auto elsewhere = [this](Stores& s) { append(s, "extra", fresh()); };
  check({
      {"read beyond the end", [](Stores& s) { must(s.array().read("rows", 0, 1'000'000)); }, more, elsewhere},
      {"find", [](Stores& s) { must(s.array().find("rows", "k")); }, [](Stores& s) { append(s, "rows", "k"); }, more},
      {"dataset", [](Stores& s) { must(s.array().dataset("rows")); }, more, elsewhere},
      {"datasets", [](Stores& s) { must(s.array().datasets()); },
       [this](Stores& s) { must(s.array().create_dataset(fresh(), {})); },
       [this](Stores& s) { point(s, "notes", fresh()); }},
      {"the index of an append", [](Stores& s) { append(s, "rows", ""); }, more, elsewhere},
  });
  auto one = begin(Isolation::serializable);
  must(one->array().read("rows", 0, 1));
  append(*db, "rows", "");
  must(one->metadata().put_row("sink", {{"id", ++count_}}));
  must(one->commit());  // rows there are do not change because more come
}

// A dataset's attributes are read together, so one that is missing is seen, too: two who each look for the other's must not
// both commit.
TEST_F(SerializableTest, AnAttributeThatWasMissingIsReadAlsoUnderRepeatableRead) {
  must(db->array().set_attribute("rows", "there", 1));
  const auto commit_after = [&](const std::function<void(Stores&)>& meanwhile) {
    auto one = begin(Isolation::repeatable_read);
    must(one->array().dataset("rows"));
    meanwhile(*db);
    must(one->metadata().put_row("sink", {{"id", ++count_}}));
    return one->commit();
  };
  const auto set = [](const std::string& dataset, const std::string& name, const Value& value) {
    return [=](Stores& s) { must(s.array().set_attribute(dataset, name, value)); };
  };
  EXPECT_EQ(commit_after(set("rows", "new", 1)).error().code(), ErrorCode::conflict);
  EXPECT_EQ(commit_after(set("rows", "there", 2)).error().code(), ErrorCode::conflict);
  EXPECT_EQ(commit_after(set("rows", "there", {})).error().code(), ErrorCode::conflict);  // removed
  EXPECT_EQ(commit_after(set("rows", "there", 3)).error().code(), ErrorCode::conflict);   // and back
  must(commit_after(set("extra", "new", 1)));
  must(commit_after([](Stores& s) { append(s, "rows", ""); }));

  // Without a look, new attributes commute.
  auto one = begin(Isolation::serializable), two = begin(Isolation::serializable);
  must(one->array().set_attribute("rows", "one", 1));
  must(two->array().set_attribute("rows", "two", 1));
  must(one->commit());
  must(two->commit());
}

TEST_F(SerializableTest, RowsThatWereReadAndThenClearedAreAConflictAlsoUnderRepeatableRead) {
  auto one = begin(Isolation::repeatable_read);
  must(one->array().read("rows", 0, 1));
  must(db->array().clear_rows("rows", 0, 1));
  must(one->metadata().put_row("sink", {{"id", 1}}));
  EXPECT_EQ(one->commit().error().code(), ErrorCode::conflict);
}

TEST_F(SerializableTest, WhoOnlyReadsNeverFails) {
  auto tx = begin(Isolation::serializable);
  must(tx->vector().count("notes"));
  must(tx->metadata().query("select * from note"));
  point(*db, "notes", fresh());
  must(db->metadata().put_row("note", {{"id", fresh()}}));
  EXPECT_EQ(must(tx->commit()), tx->view_lsn());
}

TEST_F(SerializableTest, ASavepointTakesBackWhatCameAfterItInAllSevenStores) {
  auto tx = begin(Isolation::repeatable_read);
  const auto write = [&](const std::string& id, std::size_t bytes) {
    point(*tx, "notes", id);
    must(tx->object().put(as_bytes(std::string(bytes, id[0]))));
    must(tx->metadata().put_row("note", {{"id", id}, {"n", 1}}));
    must(tx->metadata().execute("insert into other(id, n) values (?, ?)", {id, ++count_}));
    must(tx->graph().put_node({id, {"Note"}, {}}));
    must(tx->graph().add_edge("hub", "LINKS", id));
    must(tx->analytics().append("events", Map{{"id", id}, {"value", 1.0}}));
    append(*tx, "rows", id);
    must(tx->cache().set(id, id));
  };
  const auto look = [](Stores& s, const std::string& id) {
    return std::vector<bool>{must(s.vector().get("notes", id)).has_value(),
                             must(s.metadata().get_row("note", {{"id", id}})).has_value(),
                             !must(s.metadata().query("select 1 from other where id = ?", {id})).rows.empty(),
                             must(s.graph().node(id)).has_value(),
                             !must(s.analytics().query("select 1 from events where id = ?", {id})).rows.empty(),
                             !must(s.array().find("rows", id)).empty(),
                             must(s.cache().get(id)).has_value()};
  };
  const std::vector<bool> all(7, true), none(7, false);
  const std::uint64_t objects = must(db->object().count());
  write("k", 100);
  must(tx->savepoint("s"));
  for (const std::size_t bytes : {std::size_t{100}, std::size_t{200'000}}) {  // the larger one is a file by then
    write("gone", bytes);
    must(tx->metadata().execute("create table later(id integer primary key)"));
    must(tx->graph().remove_edge(ab));
    must(tx->graph().put_node({"a", {"Changed"}, {}}));
    EXPECT_EQ(look(*tx, "gone"), all);
    must(tx->rollback_to("s"));
    EXPECT_EQ(look(*tx, "gone"), none);
    EXPECT_EQ(look(*tx, "k"), all);
    EXPECT_TRUE(must(tx->graph().edge(ab)));
    EXPECT_FALSE(tx->metadata().query("select * from later"));
    EXPECT_EQ(must(tx->object().count()), objects + 1);
  }
  write("z", 100);
  must(tx->commit());
  EXPECT_EQ(look(*db, "k"), all);
  EXPECT_EQ(look(*db, "z"), all);
  EXPECT_EQ(look(*db, "gone"), none);
  EXPECT_EQ(must(db->graph().node("a"))->labels, std::vector<std::string>{"Note"});
  EXPECT_EQ(must(db->graph().degree("hub")), 2U);
}

TEST_F(SerializableTest, WhatIsUnderWayAndWhoWaitsForWhomCanBeAsked) {
  auto one = begin(Isolation::serializable), two = begin(Isolation::read_committed);
  must(one->metadata().put_row("note", {{"id", "a"}, {"n", 2}}));
  std::thread waiter([&] { must(two->metadata().put_row("note", {{"id", "a"}, {"n", 3}})); });
  Map shown;
  const Value::List* active = nullptr;
  do {
    shown = must(db->transactions());
    active = shown.find("active")->list();
  } while (active->size() != 2 || (*active)[1].map()->find("waits_for") == nullptr);
  const Map &first = *(*active)[0].map(), &second = *(*active)[1].map();
  EXPECT_EQ(*first.find("isolation"), Value("serializable"));
  EXPECT_EQ(*first.find("view_lsn"), Value(one->view_lsn()));
  EXPECT_GT(*first.find("bytes")->integer(), 0);
  EXPECT_GT(*first.find("keys")->integer(), 0);
  EXPECT_EQ(*second.find("waits_for"), Value(Value::List{*first.find("id")}));
  EXPECT_GT(*shown.find("locks")->integer(), 0);
  must(one->commit());
  waiter.join();
  must(two->commit());

  auto three = begin(Isolation::repeatable_read);
  must(three->metadata().get_row("note", {{"id", "a"}}));
  must(db->metadata().put_row("note", {{"id", "a"}, {"n", 4}}));
  point(*three, "notes", "b");
  EXPECT_FALSE(three->commit());
  shown = must(db->transactions());
  EXPECT_TRUE(shown.find("active")->list()->empty());
  ASSERT_EQ(shown.find("conflicts")->list()->size(), 1U);
  EXPECT_EQ(*shown.find("counters")->map()->find("conflicts"), Value(1));
  EXPECT_EQ(*shown.find("counters")->map()->find("lock_waits"), Value(1));
  EXPECT_EQ(*shown.find("locks"), Value(0));
}

// ---- the cache, which has no LSN of its own ---------------------------------------------------------------------

TEST_F(IsolationTest, AViewOfTheCacheDoesNotChangeAndAValueThatWasReadAndReplacedIsAConflict) {
  must(db->cache().set("k", "1"));
  auto reader = begin(Isolation::repeatable_read);
  auto view = must(db->view());
  EXPECT_TRUE(must(reader->cache().get("k")));
  must(db->cache().set("k", "2"));  // nothing is journaled: the LSN stays
  EXPECT_FALSE(must(reader->cache().get("k"))) << "it may miss, but not show what came later";
  EXPECT_FALSE(must(view->cache().get("k")));
  EXPECT_EQ(as_text(*must(db->cache().get("k"))), "2");
  must(reader->cache().set("k", "1 + 1"));
  EXPECT_EQ(reader->commit().error().code(), ErrorCode::conflict);
  EXPECT_EQ(as_text(*must(db->cache().get("k"))), "2");
}

TEST_F(IsolationTest, ACacheKeyIsAnItemLikeAnyOther) {
  must(db->metadata().execute("create table note(id text primary key, n integer)"));
  const std::function<void(Stores&)> changes[] = {
      [](Stores& s) { must(s.cache().set("k", "2")); },
      [](Stores& s) { must(s.cache().remove("k")); },
      [](Stores& s) { must(s.cache().expire("k", 100'000)); },
      [](Stores& s) { must(s.cache().clear()); },
      [](Stores& s) {
        must(s.cache().set("k", "2"));
        must(s.metadata().put_row("note", {{"id", "theirs"}}));
      },
  };
  for (const auto& change : changes) {
    for (const bool journaled : {false, true}) {
      must(db->cache().set("k", "1"));
      auto tx = begin(Isolation::repeatable_read);
      must(tx->cache().get("k"));
      auto other = begin(Isolation::read_committed);
      change(*other);
      must(other->commit());
      if (journaled) {
        must(tx->metadata().put_row("note", {{"id", "mine"}}));
      } else {
        must(tx->cache().set("other", "1"));
      }
      EXPECT_EQ(tx->commit().error().code(), ErrorCode::conflict);
    }
  }
  auto one = begin(Isolation::serializable), two = begin(Isolation::serializable);
  must(one->cache().set("k", "1"));
  must(two->cache().set("k", "2"));
  must(one->commit());
  must(two->commit());  // blind: the last stays
  EXPECT_EQ(as_text(*must(db->cache().get("k"))), "2");
}

// ---- one view -----------------------------------------------------------------------------------------------------

/// What each store says the last commit's number is; the cache may say nothing.
std::vector<std::int64_t> numbers(Stores& stores) {
  std::vector<std::int64_t> found;
  const auto add = [&](std::int64_t number) { found.push_back(number); };
  const auto point = stores.vector().get("notes", "a");
  add(point && *point ? *(*point)->payload.find("n")->integer() : -1);
  const auto row = stores.metadata().query("select n from note where id = 'a'");
  add(row && !row->rows.empty() ? *row->rows[0][0].integer() : -2);
  const auto by_key = stores.metadata().get_row("note", {{"id", "a"}});
  add(by_key && *by_key ? *(*by_key)->find("n")->integer() : -3);
  const auto node = stores.graph().node("a");
  add(node && *node ? *(*node)->properties.find("n")->integer() : -4);
  const auto events = stores.analytics().query("select max(value)::bigint, count(*) from numbers");
  add(events && !events->rows.empty() ? *events->rows[0][0].integer() : -5);
  add(events && !events->rows.empty() ? *events->rows[0][1].integer() : -6);
  const auto rows = stores.array().dataset("numbers");
  add(rows ? static_cast<std::int64_t>(rows->rows) : -7);
  const auto objects = stores.object().count();
  add(objects ? static_cast<std::int64_t>(*objects) : -8);
  const auto hot = stores.cache().get("n");
  if (hot && *hot) add(std::stoll(std::string(as_text(**hot))));
  return found;
}

TEST_F(IsolationTest, OneViewShowsOneStateOfAllSevenStoresWhileCommitsGoOn) {
  constexpr std::int64_t kCommits = 60;
  must(db->vector().create_collection("notes", {.dimension = 2}));
  must(db->metadata().execute("create table note(id text primary key, n integer)"));
  const ColumnDefinition columns[] = {{"value", ColumnType::real}};
  must(db->analytics().create_table("numbers", columns));
  must(db->array().create_dataset("numbers", {}));
  const auto commit = [&](std::int64_t n) {
    auto tx = begin(Isolation::repeatable_read);
    const float vector[] = {1, 2};
    const Point given{"a", vector, {{"n", n}}, ""};
    must(tx->vector().upsert("notes", {&given, 1}));
    must(tx->metadata().put_row("note", {{"id", "a"}, {"n", n}}));
    must(tx->graph().put_node({"a", {}, {{"n", n}}}));
    must(tx->analytics().append("numbers", Map{{"value", static_cast<double>(n)}}));
    const std::uint64_t shape[] = {1};
    const float row[] = {1};
    must(tx->array().append("numbers", DataType::float32, shape, std::as_bytes(std::span(row))));
    must(tx->object().put(as_bytes("object " + std::to_string(n))));
    must(tx->cache().set("n", std::to_string(n)));
    must(tx->commit());
  };
  commit(1);
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (std::int64_t n = 2; n <= kCommits; ++n) {
      commit(n);
      if (n % 20 == 0) must(db->checkpoint());
    }
    stop = true;
  });
  const auto check = [](Stores& stores, std::optional<std::int64_t>& first) {
    for (const std::int64_t number : numbers(stores)) {
      if (!first) first = number;
      ASSERT_EQ(number, *first);
    }
  };
  do {
    auto view = must(db->view());
    auto tx = begin(Isolation::serializable);
    std::optional<std::int64_t> of_view, of_transaction;
    for (int again = 0; again < 3; ++again) {  // and it stays, although more is committed meanwhile
      check(*view, of_view);
      check(*tx, of_transaction);
    }
    if (HasFatalFailure()) break;
  } while (!stop);
  writer.join();
  auto view = must(db->view());
  std::optional<std::int64_t> last;
  check(*view, last);
  EXPECT_EQ(last, kCommits);
}

}  // namespace
}  // namespace strata::engine
