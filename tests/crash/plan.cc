#include "crash/plan.h"

#include "core/random.h"

namespace strata::crash {
namespace {

std::string text(std::uint64_t number) { return std::to_string(number); }
std::string own(std::string_view prefix, std::uint64_t writer) { return std::string(prefix) + text(writer); }

/// What a repetition of a commit finds done already is no error: its idempotency key answers for it.
template <typename T>
Result<void> tolerate_absence(const Result<T>& result) {
  if (result || result.error().code() == ErrorCode::not_found || result.error().code() == ErrorCode::already_exists)
    return {};
  return result.error().clone();
}

Result<void> append_log_rows(Transaction& tx, std::uint64_t writer, std::uint64_t number, std::uint64_t rows) {
  std::vector<std::int64_t> data;
  data.reserve(rows * 3);
  for (std::uint64_t row = 0; row < rows; ++row) {
    for (const std::uint64_t value : {writer, number, row}) data.push_back(static_cast<std::int64_t>(value));
  }
  const std::uint64_t shape[] = {rows, 3};
  STRATA_TRY(tx.array().append("log", DataType::int64, shape, std::as_bytes(std::span(data)), key_of(writer, number)));
  return {};
}

Result<void> carry_out(Transaction& tx, std::uint64_t seed, std::uint64_t writer, std::uint64_t number,
                       const Planned& planned) {
  const std::string key = key_of(writer, planned.key);
  const auto op = static_cast<std::int64_t>(number);
  switch (planned.effect) {
    case Effect::upsert_point:
      return tx.vector("points").upsert(key, vector_of(seed, writer, number), {{"op", op}}, "word" + text(number % 7));
    case Effect::remove_point: {
      const std::string_view ids[] = {key};
      STRATA_TRY(tx.vector("points").remove(ids));
      return {};
    }
    case Effect::create_collection: {
      const std::string name = own("own-", writer);
      STRATA_TRY(tx.vector().create_collection(name, {.dimension = kDimension, .metric = Metric::l2}));
      for (std::uint64_t i = 0; i < 3; ++i)
        STRATA_TRY(tx.vector(name).upsert("p" + text(i), vector_of(seed, writer, number + i), {{"op", op}}));
      return {};
    }
    case Effect::drop_collection: return tolerate_absence(tx.vector().drop_collection(own("own-", writer)));
    case Effect::put_object:
      STRATA_TRY(tx.object().put(as_bytes(content_of(seed, planned.other)), {.owner = key}));
      return {};
    case Effect::release_owner: STRATA_TRY(tx.object().release(key)); return {};
    case Effect::collect_objects: STRATA_TRY(tx.object().collect()); return {};
    case Effect::put_row:
      return tx.metadata().put_row(
          "items", {{"id", key}, {"writer", writer}, {"op", op}, {"body", "row " + text(number * 7919)}});
    case Effect::remove_row: STRATA_TRY(tx.metadata().remove_row("items", {{"id", key}})); return {};
    case Effect::update_rows:
      STRATA_TRY(tx.metadata().execute("update items set op = ? where writer = ? and id <= ?", {op, writer, key}));
      return {};
    case Effect::create_table: {
      const std::string name = own("own_", writer);
      STRATA_TRY(tx.metadata().execute("create table if not exists " + name + "(id integer primary key, op integer)"));
      STRATA_TRY(tx.metadata().execute("insert or replace into " + name + "(id, op) values (1, ?)", {op}));
      return {};
    }
    case Effect::drop_table:
      STRATA_TRY(tx.metadata().execute("drop table if exists " + own("own_", writer)));
      return {};
    case Effect::put_node:
      STRATA_TRY(tx.graph().put_node({key, {"n"}, {{"op", op}}}));
      STRATA_TRY(tx.graph().merge_edge(key, "at", "hub", {{"op", op}}));
      return {};
    case Effect::add_edge: {
      const std::string target = key_of(writer, planned.other);
      STRATA_TRY(tx.graph().put_node({key, {"n"}, {{"op", op}}}));
      STRATA_TRY(tx.graph().put_node({target, {"n"}, {{"op", op}}}));
      STRATA_TRY(tx.graph().add_edge(key, "next", target, {{"op", op}}));
      return {};
    }
    case Effect::remove_node: STRATA_TRY(tx.graph().remove_node(key)); return {};
    case Effect::append_metrics: {
      const double value = metric_of(seed, writer, number);
      const std::vector<std::vector<Value>> rows = {{writer, op, writer * 1'000'000 + number, value},
                                                    {writer, op, writer * 1'000'000 + number, value + 1}};
      return tx.analytics().append("metrics", rows);
    }
    case Effect::erase_metrics:
      STRATA_TRY(tx.analytics().erase("metrics", "mark", writer * 1'000'000 + planned.other));
      return {};
    case Effect::create_metrics_table: {
      const ColumnDefinition columns[] = {{"op", ColumnType::integer}};
      const std::string name = own("own_", writer);
      STRATA_TRY(tx.analytics().create_table(name, columns));
      return tx.analytics().append(name, Map{{"op", op}});
    }
    case Effect::drop_metrics_table: return tolerate_absence(tx.analytics().drop_table(own("own_", writer)));
    case Effect::append_rows: return append_log_rows(tx, writer, number, planned.other);
    case Effect::append_many_rows: return append_log_rows(tx, writer, number, kManyRows);
    case Effect::clear_rows:
      for (const RowRange& range : STRATA_TRY(tx.array().find("log", key_of(writer, planned.other))))
        STRATA_TRY(tx.array().clear_rows("log", range.begin, range.end));
      return {};
    case Effect::set_attribute: return tx.array().set_attribute("log", key, op);
    case Effect::set_cache: return tx.cache().set(key, "cached " + text(number), 60'000);
    case Effect::large_record:
      for (std::uint64_t row = 0; row < kLargeRows; ++row) {
        STRATA_TRY(tx.metadata().put_row("large", {{"id", own("r", row)}, {"body", large_text(writer, number, row)}}));
      }
      return {};
  }
  return {};
}

Result<Lsn> attempt(Engine& engine, std::uint64_t seed, std::uint64_t writer, std::uint64_t number) {
  const Plan plan = plan_of(seed, writer, number);
  TransactionOptions options;
  options.durability = plan.durability;
  options.idempotency_key = "crash/" + key_of(writer, number);
  const auto tx = STRATA_TRY(engine.begin(options));
  STRATA_TRY(tx->metadata().put_row(
      "ledger", {{"id", key_of(writer, number)}, {"writer", writer}, {"number", number}, {"lsn", kCommitLsn}}));
  for (const Planned& planned : plan.effects) STRATA_TRY(carry_out(*tx, seed, writer, number, planned));
  return tx->commit();
}

}  // namespace

std::string key_of(std::uint64_t writer, std::uint64_t key) { return "w" + text(writer) + "-" + text(key); }

std::string content_of(std::uint64_t seed, std::uint64_t content) {
  core::Random random(seed * 1'000'003 + content);
  // Some travel in the journal, some are written ahead of it.
  const std::uint64_t bytes = content % 16 == 0  ? 70'000 + random.below(90'000)
                              : content % 4 == 1 ? 15'000 + random.below(30'000)
                                                 : random.below(2'000);
  std::string made = "content " + text(content) + ":";
  while (made.size() < bytes) {
    const std::uint64_t word = random.next();
    made.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  return made;
}

std::vector<float> vector_of(std::uint64_t seed, std::uint64_t writer, std::uint64_t number) {
  core::Random random((seed * 1'000'003 + writer) * 1'000'003 + number);
  std::vector<float> made(kDimension);
  for (float& each : made) each = static_cast<float>(random.real() * 2 - 1);
  return made;
}

std::string large_text(std::uint64_t writer, std::uint64_t number, std::uint64_t row) {
  return std::string(800'000, static_cast<char>('a' + (writer + number + row) % 26));
}

double metric_of(std::uint64_t seed, std::uint64_t writer, std::uint64_t number) {
  return static_cast<double>((seed + writer * 31 + number * 17) % 1'000) / 8;
}

Plan plan_of(std::uint64_t seed, std::uint64_t writer, std::uint64_t number) {
  core::Random random((seed * 1'000'003 + writer) * 1'000'003 + number + 77);
  Plan plan;
  const std::uint64_t durability = random.below(10);
  plan.durability = durability < 2 ? Durability::off : durability < 4 ? Durability::each : Durability::batch;
  const auto maybe = [&](double probability, Effect effect, std::uint64_t others = 1) {
    const bool taken = random.chance(probability);
    const std::uint64_t key = random.below(kKeys), other = random.below(others);
    if (taken) plan.effects.push_back({effect, key, other});
  };
  const auto earlier = [&](double probability, Effect effect) {
    const std::uint64_t back = 1 + random.below(20);
    if (random.chance(probability) && number > back) plan.effects.push_back({effect, 0, number - back});
  };
  maybe(0.40, Effect::upsert_point);
  maybe(0.12, Effect::remove_point);
  maybe(0.35, Effect::put_object, kContents);
  maybe(0.12, Effect::release_owner);
  maybe(0.35, Effect::put_row);
  maybe(0.10, Effect::remove_row);
  maybe(0.10, Effect::update_rows);
  maybe(0.25, Effect::put_node);
  maybe(0.15, Effect::add_edge, kKeys);
  maybe(0.10, Effect::remove_node);
  maybe(0.30, Effect::append_metrics);
  earlier(0.10, Effect::erase_metrics);
  if (random.chance(0.30)) plan.effects.push_back({Effect::append_rows, 0, 1 + random.below(3)});
  earlier(0.10, Effect::clear_rows);
  maybe(0.10, Effect::set_attribute);
  maybe(0.20, Effect::set_cache);
  // Definitions come and go by the number, so that what is there needs no look.
  if (number % 41 == 7) plan.effects.push_back({Effect::create_collection});
  if (number % 41 == 20) plan.effects.push_back({Effect::drop_collection});
  if (number % 61 == 13) plan.effects.push_back({Effect::create_table});
  if (number % 61 == 40) plan.effects.push_back({Effect::drop_table});
  if (number % 73 == 50) plan.effects.push_back({Effect::create_metrics_table});
  if (number % 73 == 70) plan.effects.push_back({Effect::drop_metrics_table});
  // Large ones that nobody else has: they are written ahead of the journal.
  if (number % 12 == 5)
    plan.effects.push_back({Effect::put_object, number % kKeys, 16 * (1'000 + writer * 1'000'000 + number)});
  if (number % 53 == 31) plan.effects = {{Effect::collect_objects}};
  if (number % 97 == 60) plan.effects.push_back({Effect::append_many_rows});
  if (writer == 0 && number % 45 == 30) plan.effects.push_back({Effect::large_record});
  return plan;
}

Result<void> set_up(Engine& engine) {
  TransactionOptions options;
  options.idempotency_key = "crash/set-up";
  const auto tx = STRATA_TRY(engine.begin(options));
  for (const char* sql :
       {"create table if not exists ledger(id text primary key, writer integer, number integer, lsn integer)",
        "create table if not exists items(id text primary key, writer integer, op integer, body text)",
        "create index if not exists items_op on items(op)",
        "create table if not exists large(id text primary key, body text)"})
    STRATA_TRY(tx->metadata().execute(sql));
  STRATA_TRY(tx->vector().create_collection("points", {.dimension = kDimension, .words = true}));
  const ColumnDefinition columns[] = {{"writer", ColumnType::integer},
                                      {"op", ColumnType::integer},
                                      {"mark", ColumnType::integer},
                                      {"value", ColumnType::real}};
  STRATA_TRY(tx->analytics().create_table("metrics", columns));
  STRATA_TRY(tx->array().create_dataset("log", {.type = DataType::int64, .row_shape = {3}}));
  STRATA_TRY(tx->graph().put_node({"hub", {"hub"}, {}}));
  STRATA_TRY(tx->commit());
  return {};
}

Result<Lsn> perform(Engine& engine, std::uint64_t seed, std::uint64_t writer, std::uint64_t number) {
  for (int tries = 0;; ++tries) {
    auto done = attempt(engine, seed, writer, number);
    const bool again = !done && done.error().code() == ErrorCode::conflict && tries < 10'000;
    if (!again) return done;
  }
}

}  // namespace strata::crash
