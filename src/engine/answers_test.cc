// What a call answered about one thing, found or missing, is checked again at the commit under repeatable read and under
// serializable: for every store and every call that names what it asks about. Each case is played in three orders, so that
// neither the snapshot, nor a lock, nor a savepoint gone back to, hides an answer that was not noted.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

#include "core/random.h"
#include "strata/engine.h"

namespace strata::engine {
namespace {

namespace fs = std::filesystem;

using Id = std::string;

/// `ask` looks at something that `id` names; `disturb` changes what the answer would be.
struct Question {
  std::string name;
  std::function<void(Stores&, const Id&)> prepare;
  std::function<void(Stores&, const Id&)> ask;
  std::function<void(Stores&, const Id&)> disturb;
};

void nothing(Stores&, const Id&) {}

class AnswersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    base_ = fs::temp_directory_path() / ("strata-answers-" + std::to_string(core::random_seed()));
    fs::create_directories(base_);
    auto opened = Engine::open((base_ / "db").string(), {.durability = Durability::off});
    ASSERT_TRUE(opened) << opened.error().to_string();
    db = *std::move(opened);
    must(db->metadata().execute("create table sink(id text primary key)"));
    must(db->metadata().execute("create table note(id text primary key, n integer)"));
    must(db->metadata().execute("create table marked(id text primary key, check(length(id) > 0))"));
    must(db->vector().create_collection("notes", {.dimension = 1, .metric = Metric::l2}));
    must(db->array().create_dataset("rows", {}));
  }
  void TearDown() override {
    db.reset();
    fs::remove_all(base_);
  }
  template <typename T>
  static T must(Result<T> result) {
    EXPECT_TRUE(result) << result.error().to_string();
    return *std::move(result);
  }
  static void must(Result<void> result) { EXPECT_TRUE(result) << result.error().to_string(); }
  /// An answer may be an error; but no conflict yet, or the question was not asked.
  template <typename R>
  static void asked(const R& result) {
    if (!result) {
      EXPECT_NE(result.error().code(), ErrorCode::conflict) << result.error().to_string();
    }
  }
  static void point(Stores& stores, const Id& id, const std::string& collection = "notes") {
    const float vector[] = {1};
    const Point given{id, vector, {}, {}};
    must(stores.vector().upsert(collection, {&given, 1}));
  }
  static void drop_point(Stores& stores, const Id& id) {
    const std::string_view ids[] = {id};
    must(stores.vector().remove("notes", ids));
  }
  static void put_row(Stores& stores, const Id& id) { must(stores.metadata().put_row("note", {{"id", id}, {"n", 1}})); }

  enum class Order { ask_first, disturb_first, ask_and_go_back };

  /// Whether the transaction that asked could still commit a write to something that nobody else wants.
  Result<Lsn> commit_around(Isolation level, Order order, const Question& question, bool disturbed) {
    const Id id = "x" + std::to_string(++count_);
    question.prepare(*db, id);
    auto tx = must(db->begin({.isolation = level, .durability = Durability::off, .lock_timeout_ms = 0}));
    const auto disturb = [&] {
      if (!disturbed) return;
      auto other = must(db->begin({.isolation = Isolation::read_committed, .durability = Durability::off}));
      question.disturb(*other, id);
      must(other->commit());
    };
    if (order != Order::ask_first) disturb();
    must(tx->savepoint("before"));
    question.ask(*tx, id);
    if (order == Order::ask_and_go_back) must(tx->rollback_to("before"));
    if (order == Order::ask_first) disturb();
    if (sink_is_a_row_) {
      must(tx->metadata().put_row("sink", {{"id", id}}));
    } else {
      must(tx->graph().put_node({"sink-" + id, {}, {}}));
    }
    return tx->commit();
  }

  /// `writes`: who asks writes, too, and holds a lock from then on; so the disturbance comes before.
  void check(const std::vector<Question>& questions, bool writes = false) {
    for (const Question& question : questions) {
      for (const Isolation level : {Isolation::repeatable_read, Isolation::serializable}) {
        for (const Order order : {Order::ask_first, Order::disturb_first, Order::ask_and_go_back}) {
          if (writes && order == Order::ask_first) continue;
          SCOPED_TRACE(question.name + (level == Isolation::serializable ? ", serializable" : ", repeatable read") +
                       (order == Order::ask_first       ? ", asked first"
                        : order == Order::disturb_first ? ", disturbed first"
                                                        : ", gone back to a savepoint"));
          const auto alone = commit_around(level, order, question, false);
          EXPECT_TRUE(alone) << alone.error().to_string();
          const auto lost = commit_around(level, order, question, true);
          if (lost) {
            ADD_FAILURE() << "the answer was not checked";
          } else {
            EXPECT_EQ(lost.error().code(), ErrorCode::conflict) << lost.error().to_string();
          }
        }
      }
    }
  }

  std::unique_ptr<Engine> db;
  bool sink_is_a_row_ = true;

 private:
  fs::path base_;
  int count_ = 0;
};

TEST_F(AnswersTest, Vector) {
  const auto in_new = [](Stores& s, const Id& id) {
    must(s.vector().create_collection(id, {.dimension = 1, .metric = Metric::l2}));
    point(s, "p", id);
  };
  const auto drop = [](Stores& s, const Id& id) { must(s.vector().drop_collection(id)); };
  const auto add = [](Stores& s, const Id& id) { point(s, id); };
  const auto payload = [](Stores& s, const Id& id) { must(s.vector().set_payload("notes", id, {{"n", 2}})); };
  const auto vectors = [](Stores& s, const Id& id) { asked(s.vector().set_vectors("notes", id, {})); };
  const auto get = [](Stores& s, const Id& id) { asked(s.vector().get("notes", id)); };
  const auto get_in = [](Stores& s, const Id& id) { asked(s.vector().get(id, "p")); };
  const auto like = [](Stores& s, const Id& id) { asked(s.vector().query("notes", {.like = {{.id = id}}}, {})); };
  const float wide[] = {1, 2};
  check({
      {"a missing example", nothing, like, add},
      {"an example that goes", add, like, drop_point},
      {"a missing point", nothing, get, add},
      {"a point that goes", add, get, drop_point},
      {"a point whose payload changes", add, get, payload},
      {"a point of a missing collection", nothing, get_in, in_new},
      {"a point of a collection that goes", in_new, get_in, drop},
      {"a missing collection", nothing, [](Stores& s, const Id& id) { asked(s.vector().collection(id)); }, in_new},
      {"searching a missing collection", nothing,
       [&](Stores& s, const Id& id) { asked(s.vector().search(id, {wide, 1}, {})); }, in_new},
      {"the payload of a missing point", nothing,
       [](Stores& s, const Id& id) { asked(s.vector().set_payload("notes", id, {})); }, add},
      {"the vectors of a missing point", nothing, vectors, add},
      {"removing a missing point", nothing, drop_point, add},
      {"removing from a missing collection", nothing,
       [](Stores& s, const Id& id) {
         const std::string_view ids[] = {"p"};
         asked(s.vector().remove(id, ids));
       },
       in_new},
      {"dropping a missing collection", nothing, [](Stores& s, const Id& id) { asked(s.vector().drop_collection(id)); },
       in_new},
      {"creating what is there with other options", in_new,
       [](Stores& s, const Id& id) { asked(s.vector().create_collection(id, {.dimension = 3})); }, drop},
      {"a point of another dimension", in_new,
       [&](Stores& s, const Id& id) {
         const Point given{"q", wide, {}, {}};
         asked(s.vector().upsert(id, {&given, 1}));
       },
       drop},
  });
  check(
      {
          {"removing a point", add, drop_point, drop_point},
          {"the payload of a point", add, payload, drop_point},
          {"the vectors of a point", add, vectors, drop_point},
          {"dropping a collection", in_new, drop, drop},
          {"creating a collection", nothing,
           [](Stores& s, const Id& id) { asked(s.vector().create_collection(id, {.dimension = 3})); }, in_new},
      },
      true);
}

TEST_F(AnswersTest, Object) {
  const auto put = [](Stores& s, const Id& id) { must(s.object().put(as_bytes(id), {.owner = id})); };
  const auto at = [this](const Id& id) {
    // The address is that of the content, found out where it does no harm.
    auto tx = must(db->begin());
    return must(tx->object().put(as_bytes(id)));
  };
  const auto unreferenced = [&](Stores& s, const Id& id) {
    put(s, id);
    must(s.object().release(id));
  };
  const auto collect = [](Stores& s, const Id&) { must(s.object().collect()); };
  const auto exists = [&](Stores& s, const Id& id) { asked(s.object().exists(at(id))); };
  const auto get = [&](Stores& s, const Id& id) { asked(s.object().get(at(id))); };
  check({
      {"exists", nothing, exists, put},
      {"exists, and is collected", unreferenced, exists, collect},
      {"get", nothing, get, put},
      {"get, and it is collected", unreferenced, get, collect},
      {"get_stream", nothing,
       [&](Stores& s, const Id& id) { asked(s.object().get_stream(at(id), [](ByteView) { return Result<void>(); })); },
       put},
      {"info", nothing, [&](Stores& s, const Id& id) { asked(s.object().info(at(id))); }, put},
  });
}

TEST_F(AnswersTest, Metadata) {
  sink_is_a_row_ = false;  // a row depends on the schema, which would hide what was not noted
  const auto get = [](Stores& s, const Id& id) { asked(s.metadata().get_row("note", {{"id", id}})); };
  const auto remove = [](Stores& s, const Id& id) { asked(s.metadata().remove_row("note", {{"id", id}})); };
  const auto sql = [](std::string_view text) {
    return [text](Stores& s, const Id& id) { must(s.metadata().execute(text, {id})); };
  };
  const auto marked = [](Stores& s, const Id& id) { must(s.metadata().put_row("marked", {{"id", id}})); };
  const auto unmark = [](Stores& s, const Id& id) { asked(s.metadata().remove_row("marked", {{"id", id}})); };
  const auto table = [](Stores& s, const Id& id) {
    must(s.metadata().execute("create table " + id + "(id text primary key, n integer)"));
    must(s.metadata().put_row(id, {{"id", "a"}, {"n", 1}}));
  };
  const auto drop = [](Stores& s, const Id& id) { must(s.metadata().execute("drop table " + id)); };
  const auto get_in = [](Stores& s, const Id& id) { asked(s.metadata().get_row(id, {{"id", "a"}})); };
  check({
      {"a missing row", nothing, get, put_row},
      {"a missing row that SQL inserts", nothing, get, sql("insert into note(id) values (?)")},
      {"a row that goes", put_row, get, remove},
      {"a row that SQL takes", put_row, get, sql("delete from note where id = ?")},
      {"a row that SQL changes", put_row, get, sql("update note set n = 7 where id = ?")},
      {"a row of a missing table", nothing, get_in, table},
      {"a row of a table that goes", table, get_in, drop},
      {"removing a missing row", nothing, remove, put_row},
      {"removing a missing row with constraints", nothing, unmark, marked},
      {"a missing setting", nothing, [](Stores& s, const Id& id) { asked(s.metadata().get(id)); },
       [](Stores& s, const Id& id) { must(s.metadata().set(id, 1)); }},
      {"putting a row that is there", marked, marked, unmark},
  });
  check(
      {
          {"removing a row", put_row, remove, remove},
          {"removing a row with constraints", marked, unmark, unmark},
      },
      true);
}

TEST_F(AnswersTest, AnInsertThatSucceededIsAnAnswerUnderSerializable) {
  sink_is_a_row_ = false;
  const Question question{
      "insert", nothing,
      [](Stores& s, const Id& id) { must(s.metadata().execute("insert into note(id) values (?)", {id})); }, put_row};
  const auto lost = commit_around(Isolation::serializable, Order::ask_and_go_back, question, true);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code(), ErrorCode::conflict);
}

// Rows of before are not read across a definition. That is said, by key as by SQL; it is no reason to call them missing.
TEST_F(AnswersTest, ATableThatWentIsNotMissingForWhoBeganBefore) {
  put_row(*db, "a");
  auto tx = must(db->begin());
  must(db->metadata().execute("drop table note"));
  EXPECT_EQ(tx->metadata().query("select n from note").error().code(), ErrorCode::unsupported);
  EXPECT_EQ(tx->metadata().get_row("note", {{"id", "a"}}).error().code(), ErrorCode::unsupported);
  EXPECT_EQ(tx->metadata().remove_row("note", {{"id", "a"}}).error().code(), ErrorCode::unsupported);
  EXPECT_EQ(db->metadata().get_row("note", {{"id", "a"}}).error().code(), ErrorCode::not_found);
}

TEST_F(AnswersTest, Graph) {
  const auto node = [](Stores& s, const Id& id) { must(s.graph().put_node({id, {"Note"}, {}})); };
  const auto two = [=](Stores& s, const Id& id) {
    node(s, id);
    node(s, id + "'");
  };
  EdgeId edge = 0;
  const auto link = [&](Stores& s, const Id& id) { edge = must(s.graph().add_edge(id, "LINKS", id + "'")); };
  const auto linked = [&](Stores& s, const Id& id) {
    two(s, id);
    link(s, id);
  };
  const auto two_and_the_next_id = [&](Stores& s, const Id& id) {
    linked(s, id);
    ++edge;
  };
  const auto the_next = [&](Stores& s, const Id& id) {
    const EdgeId asked_for = edge;
    link(s, id);
    EXPECT_EQ(edge, asked_for) << "ids are given in order: the question was about this edge";
  };
  const auto remove = [](Stores& s, const Id& id) { must(s.graph().remove_node(id)); };
  const auto get_edge = [&](Stores& s, const Id&) { asked(s.graph().edge(edge)); };
  const auto remove_edge = [&](Stores& s, const Id&) { asked(s.graph().remove_edge(edge)); };
  const auto merge = [](Stores& s, const Id& id) { must(s.graph().merge_edge(id, "LINKS", id + "'", {{"n", 2}})); };
  const auto get = [](Stores& s, const Id& id) { asked(s.graph().node(id)); };
  check({
      {"a missing node", nothing, get, node},
      {"a node that goes", node, get, remove},
      {"a node that is put again", node, get, [](Stores& s, const Id& id) { must(s.graph().put_node({id, {}, {}})); }},
      {"neighbours of a missing node", nothing, [](Stores& s, const Id& id) { asked(s.graph().neighbours(id)); }, node},
      {"neighbours of a node that goes", node, [](Stores& s, const Id& id) { asked(s.graph().neighbours(id)); },
       remove},
      {"degree of a missing node", nothing, [](Stores& s, const Id& id) { asked(s.graph().degree(id)); }, node},
      {"reach of a missing node", nothing, [](Stores& s, const Id& id) { asked(s.graph().reach(id, 0, 1)); }, node},
      {"a path to a missing node", nothing, [](Stores& s, const Id& id) { asked(s.graph().shortest_path(id, id)); },
       node},
      {"an edge at a missing node", nothing, [](Stores& s, const Id& id) { asked(s.graph().add_edge(id, "T", id)); },
       node},
      {"removing a missing node", nothing, [](Stores& s, const Id& id) { asked(s.graph().remove_node(id)); }, node},
      {"removing a node with edges", linked, [](Stores& s, const Id& id) { asked(s.graph().remove_node(id, false)); },
       remove},
      {"a missing edge", two_and_the_next_id, get_edge, the_next},
      {"removing a missing edge", two_and_the_next_id, remove_edge, the_next},
      {"an edge that goes", linked, get_edge, remove_edge},
      {"an edge whose node goes", linked, get_edge, remove},
      {"an edge that is merged", linked, get_edge, merge},
  });
  check(
      {
          {"removing a node", node, remove, remove},
          {"removing an edge", linked, remove_edge, remove_edge},
          {"merging an edge", linked, merge, remove_edge},
      },
      true);
}

TEST_F(AnswersTest, Analytics) {
  const ColumnDefinition one[] = {{"n", ColumnType::integer}};
  const ColumnDefinition other[] = {{"m", ColumnType::text}};
  const auto table = [&](Stores& s, const Id& id) { must(s.analytics().create_table(id, one)); };
  const auto drop = [](Stores& s, const Id& id) { must(s.analytics().drop_table(id)); };
  check({
      {"appending to a missing table", nothing,
       [](Stores& s, const Id& id) { asked(s.analytics().append(id, Map{{"n", 1}})); }, table},
      {"appending what the table has no column for", table,
       [](Stores& s, const Id& id) { asked(s.analytics().append(id, Map{{"k", 1}})); }, drop},
      {"erasing in a missing table", nothing, [](Stores& s, const Id& id) { asked(s.analytics().erase(id, "n", 1)); },
       table},
      {"erasing by a missing column", table, [](Stores& s, const Id& id) { asked(s.analytics().erase(id, "k", 1)); },
       drop},
      {"dropping a missing table", nothing, [](Stores& s, const Id& id) { asked(s.analytics().drop_table(id)); },
       table},
      {"creating what is there with other columns", table,
       [&](Stores& s, const Id& id) { asked(s.analytics().create_table(id, other)); }, drop},
  });
  check(
      {
          {"dropping a table", table, drop, drop},
          {"creating a table", nothing, [&](Stores& s, const Id& id) { asked(s.analytics().create_table(id, other)); },
           table},
      },
      true);
}

// DuckDB's list of tables says how many rows each has, whatever other table the statement names.
TEST_F(AnswersTest, HowManyRowsDuckDbSaysThereAreIsAnAnswerUnderSerializable) {
  const ColumnDefinition columns[] = {{"n", ColumnType::integer}};
  must(db->analytics().create_table("named", columns));
  must(db->analytics().create_table("counted", columns));
  for (const char* list : {"duckdb_tables()", "information_schema.tables", "pg_catalog.pg_class"}) {
    const Question question{
        list, nothing,
        [&](Stores& s, const Id&) {
          asked(s.analytics().query("select * from " + std::string(list) + ", (select count(*) from named)"));
        },
        [](Stores& s, const Id&) { must(s.analytics().append("counted", Map{{"n", 1}})); }};
    const bool has_counts = list[0] != 'i';
    EXPECT_EQ(commit_around(Isolation::serializable, Order::ask_first, question, true).has_value(), !has_counts)
        << list;
  }
}

TEST_F(AnswersTest, Cache) {
  const auto set = [](Stores& s, const Id& id) { must(s.cache().set(id, "v")); };
  const auto remove = [](Stores& s, const Id& id) { must(s.cache().remove(id)); };
  const auto get = [](Stores& s, const Id& id) { asked(s.cache().get(id)); };
  check({
      {"a missing entry", nothing, get, set},
      {"an entry that goes", set, get, remove},
      {"an entry, and all go", set, get, [](Stores& s, const Id&) { must(s.cache().clear()); }},
      {"the time of a missing entry", nothing, [](Stores& s, const Id& id) { asked(s.cache().ttl(id)); }, set},
      {"the time of an entry that gets another", set, [](Stores& s, const Id& id) { asked(s.cache().ttl(id)); },
       [](Stores& s, const Id& id) { must(s.cache().expire(id, 100'000)); }},
      {"removing a missing entry", nothing, remove, set},
      {"expiring a missing entry", nothing, [](Stores& s, const Id& id) { must(s.cache().expire(id, 1'000)); }, set},
      {"removing an entry", set, remove, remove},
  });
}

TEST_F(AnswersTest, Array) {
  const auto make = [](Stores& s, const Id& id) { must(s.array().create_dataset(id, {})); };
  const auto drop = [](Stores& s, const Id& id) { must(s.array().drop_dataset(id)); };
  const auto append = [](Stores& s, const Id& id) {
    const float row[] = {1};
    const std::uint64_t shape[] = {1};
    must(s.array().append(id, DataType::float32, shape, std::as_bytes(std::span(row)), "k"));
  };
  const auto filled = [=](Stores& s, const Id& id) {
    make(s, id);
    append(s, id);
  };
  const auto read = [](Stores& s, const Id& id) { asked(s.array().read(id, 0, 1)); };
  check({
      {"reading a missing dataset", nothing, read, make},
      {"reading a dataset that goes", filled, read, drop},
      {"reading rows that are cleared", filled, read,
       [](Stores& s, const Id& id) { must(s.array().clear_rows(id, 0, 1)); }},
      {"finding in a missing dataset", nothing, [](Stores& s, const Id& id) { asked(s.array().find(id, "k")); }, make},
      {"a missing dataset", nothing, [](Stores& s, const Id& id) { asked(s.array().dataset(id)); }, make},
      {"dropping a missing dataset", nothing, [](Stores& s, const Id& id) { asked(s.array().drop_dataset(id)); }, make},
      {"creating what is there with other options", make,
       [](Stores& s, const Id& id) { asked(s.array().create_dataset(id, {.type = DataType::int8})); }, drop},
      {"clearing rows beyond the end", make, [](Stores& s, const Id& id) { must(s.array().clear_rows(id, 5, 9)); },
       drop},
      {"appending rows of another type", make,
       [](Stores& s, const Id& id) {
         const std::uint64_t shape[] = {4};
         asked(s.array().append(id, DataType::int8, shape, as_bytes(std::string_view("abcd")), "k"));
       },
       drop},
  });
  check(
      {{"creating a dataset", nothing, [](Stores& s, const Id& id) { asked(s.array().create_dataset(id, {})); }, make},
       {"dropping a dataset", make, [](Stores& s, const Id& id) { asked(s.array().drop_dataset(id)); }, drop}},
      true);
}

}  // namespace
}  // namespace strata::engine
