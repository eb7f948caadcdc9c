// vector audit: what the approximation costs on this collection, measured.
#include <algorithm>
#include <set>

#include "cli/command_line.h"
#include "cli/interrupt.h"
#include "cli/verbs.h"

namespace strata::cli {
namespace {

struct Given {
  std::string collection, using_vector;
  std::size_t k = 10, queries = 200;
  std::uint32_t ef = 0, probes = 0;
};

constexpr std::size_t kPage = 1'000;

struct Query {
  std::string id;
  std::vector<float> vector;
};

// What a point has of the vector that is searched; nothing: it lacks it.
std::vector<float> searched(const StoredPoint& point, std::string_view name) {
  if (name.empty()) return point.vector;
  for (const StoredVector& each : point.vectors) {
    if (each.name == name) return each.values;
  }
  return {};
}

// Points at even distances in the order of ids. Cost  a pass over the collection
Result<std::vector<Query>> choose_queries(Stores& stores, const Given& given, std::uint64_t points) {
  const std::uint64_t step = std::max<std::uint64_t>(1, points / given.queries);
  std::vector<Query> queries;
  std::string after;
  for (std::uint64_t at = 0;;) {
    const auto page = STRATA_TRY(stores.vector().scroll(given.collection, after, kPage));
    for (const StoredPoint& point : page) {
      if (at++ % step == step / 2 && queries.size() < given.queries) {
        const auto whole = STRATA_TRY(stores.vector().get(given.collection, point.id));
        std::vector<float> vector = whole ? searched(*whole, given.using_vector) : std::vector<float>();
        if (!vector.empty()) queries.push_back({point.id, std::move(vector)});
      }
    }
    if (page.size() < kPage || queries.size() >= given.queries) return queries;
    STRATA_TRY(check_interrupt());
    after = page.back().id;
  }
}

double median_us(std::vector<std::int64_t>& times) {
  if (times.empty()) return 0;
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return static_cast<double>(times[times.size() / 2]);
}

Result<void> audit(Context& context, const Given& given) {
  Stores& stores = *STRATA_TRY(context.database.stores());
  const CollectionInfo info = STRATA_TRY(stores.vector().collection(given.collection));
  if (given.queries == 0) return Error(ErrorCode::invalid_argument, "--queries is at least 1, not 0");
  if (given.k == 0 || given.k >= kSearchResultsMax) {  // one more is asked for: the point itself
    return Error(ErrorCode::invalid_argument,
                 "-k is 1 to " + std::to_string(kSearchResultsMax - 1) + ", not " + std::to_string(given.k));
  }
  Given asked = given;
  if (asked.using_vector == info.options.default_vector) asked.using_vector.clear();  // points have it by no name
  const std::vector<Query> queries = STRATA_TRY(choose_queries(stores, asked, info.points));

  SearchOptions options{.k = given.k + 1,
                        .with_payload = false,
                        .ef = given.ef,
                        .probes = given.probes,
                        .using_vector = asked.using_vector};
  std::vector<std::int64_t> times, exact_times;
  std::uint64_t found = 0, wanted = 0;
  const auto progress = context.progress("searching");
  for (std::size_t i = 0; i < queries.size(); ++i) {
    STRATA_TRY(check_interrupt());
    // A point finds itself, which says nothing: it is left out of both answers.
    const auto search = [&](bool exact, std::vector<std::int64_t>& took) -> Result<std::set<std::string>> {
      options.exact = exact;
      const std::int64_t begun = context.clock.monotonic_us();
      const auto hits = STRATA_TRY(stores.vector().search(given.collection, queries[i].vector, options));
      took.push_back(context.clock.monotonic_us() - begun);
      std::set<std::string> ids;
      for (const Hit& hit : hits) {
        if (hit.id != queries[i].id && ids.size() < given.k) ids.insert(hit.id);
      }
      return ids;
    };
    const auto near = STRATA_TRY(search(false, times));
    const auto exact = STRATA_TRY(search(true, exact_times));
    wanted += exact.size();
    for (const std::string& id : exact) found += near.contains(id) ? 1 : 0;
    progress->update(i + 1, queries.size());
  }
  context.output.record({{"collection", info.name},
                         {"points", info.points},
                         {"queries", queries.size()},
                         {"k", given.k},
                         {"recall", wanted == 0 ? 1.0 : static_cast<double>(found) / static_cast<double>(wanted)},
                         {"search_us", median_us(times)},
                         {"exact_us", median_us(exact_times)}});
  return {};
}

}  // namespace

void add_vector_audit(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "audit",
                        "How much of the true nearest searches find, by asking points of the collection itself",
                        "strata vector audit notes.strata notes -k 10 --queries 500");
  verb.takes_directory().takes_as_of();
  auto given = std::make_shared<Given>();
  verb.app().add_option("COLLECTION", given->collection, "Its name")->required();
  verb.app().add_option("-k", given->k, "Nearest points a query")->option_text("N");
  verb.app()
      .add_option("--queries", given->queries, "How many points are asked for their neighbours")
      ->option_text("N");
  verb.app().add_option("--using", given->using_vector, "The named vector that is searched")->option_text("NAME");
  verb.app().add_option("--ef", given->ef, "As in vector search")->option_text("N");
  verb.app().add_option("--probes", given->probes, "As in vector search")->option_text("N");
  verb.runs([given](Context& context) { return audit(context, *given); });
}

}  // namespace strata::cli
