// Reading: one memory by id, two hops, a range of metrics, the combined recall.
#include <algorithm>
#include <filesystem>

#include "commit/cases.h"

namespace strata::bench {
namespace {

constexpr std::size_t kGets = 5'000;
constexpr std::size_t kRanges = 60;
constexpr std::size_t kRecalls = 200;

/// Times `count` calls of `call(i)`; the first tenth warms and does not count.
template <typename Call>
Result<std::vector<double>> timed(std::size_t count, const Call& call) {
  std::vector<double> times;
  for (std::size_t i = 0; i < count + count / 10; ++i) {
    Stopwatch watch;
    STRATA_TRY(call(i));
    if (i >= count / 10) times.push_back(watch.us());
  }
  return times;
}

Result<Address> object_of(Stores& stores, const std::string& id) {
  const auto row = STRATA_TRY(stores.metadata().get_row("atoms", {{"id", id}}));
  const Bytes* digest = row ? row->find("object")->bytes() : nullptr;
  if (digest == nullptr) return Error(ErrorCode::not_found, "no memory " + id);
  Address address;
  std::copy(digest->begin(), digest->end(), address.digest.begin());
  return address;
}

Result<void> by_id(Context& context, Database& database) {
  Engine& engine = *database.engine;
  Stores& stores = engine;
  core::Random random(1);
  const auto any = [&](std::size_t) { return Data::id(random.below(context.settings.recall_size)); };
  const auto note = [&](const std::string& name, const std::vector<double>& times) {
    context.report.latencies(name, times);
  };
  note("get: Memory::get", STRATA_TRY(timed(kGets / 5, [&](std::size_t i) -> Result<void> {
         if (!STRATA_TRY(database.memory->get(any(i)))) return Error(ErrorCode::not_found, "a memory is missing");
         return {};
       })));
  note("get: row and text", STRATA_TRY(timed(kGets, [&](std::size_t i) -> Result<void> {
         STRATA_TRY(stores.object().get(STRATA_TRY(object_of(stores, any(i)))));
         return {};
       })));
  note("get: row", STRATA_TRY(timed(kGets, [&](std::size_t i) -> Result<void> {
         STRATA_TRY(stores.metadata().get_row("atoms", {{"id", any(i)}}));
         return {};
       })));
  note("get: vector", STRATA_TRY(timed(kGets, [&](std::size_t i) -> Result<void> {
         STRATA_TRY(stores.vector().get("memory", any(i)));
         return {};
       })));
  note("get: cache", STRATA_TRY(timed(kGets, [&](std::size_t i) -> Result<void> {
         STRATA_TRY(stores.cache().get("memory:" + any(i)));
         return {};
       })));
  note("two hops, outwards", STRATA_TRY(timed(kGets, [&](std::size_t i) -> Result<void> {
         STRATA_TRY(stores.graph().reach(any(i), 1, 2));
         return {};
       })));
  return {};
}

Result<void> metric_ranges(Context& context, Stores& stores) {
  const std::vector<ColumnDefinition> columns{
      {"time", ColumnType::timestamp}, {"name", ColumnType::text}, {"value", ColumnType::real}};
  STRATA_TRY(stores.analytics().create_table("reading", columns));
  std::vector<std::vector<Value>> rows;
  core::Random random(2);
  for (std::size_t i = 0; i < context.settings.metric_rows; ++i) {
    rows.push_back({static_cast<std::int64_t>(i) * 1'000'000, "sensor-" + std::to_string(i % 200), random.real()});
  }
  STRATA_TRY(stores.analytics().append("reading", rows));
  const auto width = static_cast<std::int64_t>(context.settings.metric_rows / 10) * 1'000'000;
  context.report.latencies("metric range over " + std::to_string(context.settings.metric_rows) + " rows",
                           STRATA_TRY(timed(kRanges, [&](std::size_t i) -> Result<void> {
                             const std::int64_t from = static_cast<std::int64_t>(i) * 10'000'000;
                             STRATA_TRY(stores.analytics().query(
                                 "select count(*), avg(value), max(value) from reading "
                                 "where time >= make_timestamp(?) and time < make_timestamp(?)",
                                 {from, from + width}));
                             return {};
                           })));
  return {};
}

Result<void> recalls(Context& context, Database& database, const std::string& when) {
  const std::string size = " over " + std::to_string(context.settings.recall_size) + ", " + when;
  const std::size_t count = context.settings.singles < 500 ? kRecalls / 4 : kRecalls;
  const auto options = [&](std::size_t i, bool words, bool filter, std::uint32_t hops, bool text) {
    RecallOptions recall;
    recall.embedding = context.data.atom(i * 37 % context.settings.recall_size).embedding;
    if (words) recall.text = context.data.question(i);
    if (filter) recall.filter = {{"kind", Data::kind(i)}};
    recall.hops = hops;
    recall.with_text = text;
    return recall;
  };
  const auto one = [&](const std::string& name, bool words, bool filter, std::uint32_t hops,
                       bool text) -> Result<void> {
    std::vector<RecallOptions> asked;
    for (std::size_t i = 0; i < count + count / 10; ++i) asked.push_back(options(i, words, filter, hops, text));
    const double cpu = cpu_us();
    const auto times = STRATA_TRY(timed(count, [&](std::size_t i) -> Result<void> {
      STRATA_TRY(database.memory->recall(asked[i]));
      return {};
    }));
    context.report.latencies(name + size, times, {{"cpu_us", (cpu_us() - cpu) / static_cast<double>(asked.size())}});
    return {};
  };
  STRATA_TRY(one("recall: vector", false, false, 0, false));
  STRATA_TRY(one("recall: vector, text", false, false, 0, true));
  STRATA_TRY(one("recall: vector, words", true, false, 0, false));
  STRATA_TRY(one("recall: vector, graph", false, false, 2, false));
  return one("recall: vector, words, graph, row filter, text", true, true, 2, true);
}

}  // namespace

Result<void> measure_reads(Context& context) {
  const std::string directory = context.settings.directory + "/reads";
  Database database = STRATA_TRY(open_database(directory, true));
  STRATA_TRY(fill(*database.memory, context.data, 0, context.settings.recall_size));
  STRATA_TRY(recalls(context, database, "not yet checkpointed"));
  STRATA_TRY(compact(*database.engine));
  STRATA_TRY(by_id(context, database));
  STRATA_TRY(recalls(context, database, "compacted"));
  STRATA_TRY(metric_ranges(context, *database.engine));
  STRATA_TRY(database.engine->close());
  database = {};
  std::filesystem::remove_all(directory);
  return {};
}

}  // namespace strata::bench
