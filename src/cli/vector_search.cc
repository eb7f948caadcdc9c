// vector search|facets: what a collection is asked, and what its points hold.
#include "cli/arguments.h"
#include "cli/command_line.h"
#include "cli/named_vectors.h"
#include "cli/verbs.h"

namespace strata::cli {
namespace {

struct Given {
  std::string collection, filter, field;
  std::size_t limit = 10;
  // Of search:
  std::string vector, words, recommend = "average_vector", fusion = "rrf";
  std::vector<std::string> like, unlike, also;
  std::string using_vector;
  std::vector<float> weights;
  float diversity = 0;
  std::size_t k = 10, candidates = 0, groups = 10, size = 3;
  std::uint32_t ef = 0, probes = 0;
  std::optional<float> min_score;
  bool with_vector = false, exact = false;
};

struct Asked {
  GivenVector vector;  // borrowed by the query, as the next
  std::vector<GivenVector> also;
  Query query;
  SearchOptions options;
};

Result<void> read_query(const Given& given, Asked& asked) {
  if (!given.vector.empty()) asked.vector = STRATA_TRY(parse_any_vector(given.vector));
  Query& query = asked.query;
  query.vector = asked.vector.values;
  query.indices = asked.vector.indices;
  for (const std::string& side : given.also) asked.also.push_back(STRATA_TRY(parse_side(side)));
  for (const GivenVector& side : asked.also) query.also.push_back({side.name, side.values, side.indices});
  for (const std::string& id : given.like) query.like.push_back({.id = id});
  for (const std::string& id : given.unlike) query.unlike.push_back({.id = id});
  query.recommend = STRATA_TRY(parse_recommend(given.recommend));
  query.words = given.words;
  query.fusion = STRATA_TRY(parse_fusion(given.fusion));
  if (!given.weights.empty()) {
    query.vector_weight = given.weights[0];
    query.words_weight = given.weights[1];
  }
  query.diversity = given.diversity;
  query.candidates = given.candidates;
  asked.options = {.k = given.k,
                   .filter = STRATA_TRY(parse_map(given.filter, "--filter")),
                   .with_vector = given.with_vector,
                   .ef = given.ef,
                   .probes = given.probes,
                   .exact = given.exact,
                   .min_score = given.min_score,
                   .using_vector = given.using_vector};
  return {};
}

Value rank_of(const Standing& standing) { return standing.rank == 0 ? Value() : Value(standing.rank); }

/// Rows of hits; `both` also says where the sides had them, as do those of `also`.
class HitRows {
 public:
  HitRows(Context& context, bool groups, bool both, const std::vector<GivenVector>& also, bool vectors)
      : context_(context), both_(both), vectors_(vectors) {
    if (groups) rows_.columns.emplace_back("group");
    for (const char* column : {"score", "id", "payload"}) rows_.columns.emplace_back(column);
    if (both) rows_.columns.insert(rows_.columns.end(), {"vector_rank", "words_rank"});
    for (const GivenVector& side : also) rows_.columns.push_back(side.name + "_rank");
    if (vectors) rows_.columns.emplace_back("vector");
  }
  void add(const QueryHit& hit, std::vector<Value> row = {}) {
    const Output& output = context_.output;
    row.push_back(output.json() ? shortest(hit.score) : output.score(static_cast<double>(hit.score)));
    row.emplace_back(hit.id);
    row.emplace_back(hit.payload);
    if (both_) row.insert(row.end(), {rank_of(hit.by_vector), rank_of(hit.by_words)});
    for (const Standing& side : hit.by_also) row.push_back(rank_of(side));
    if (vectors_) row.push_back(printed(hit.vector, hit.indices));
    rows_.rows.push_back(std::move(row));
  }
  void print() { context_.output.rows(rows_); }

 private:
  Context& context_;
  Rows rows_;
  const bool both_, vectors_;
};

Result<void> search(Context& context, const Given& given) {
  Stores* stores = STRATA_TRY(context.database.stores());
  Asked asked;
  STRATA_TRY(read_query(given, asked));
  const bool by_vector = !given.vector.empty() || !given.like.empty() || !given.unlike.empty();
  const bool both = (by_vector && !given.words.empty()) || !given.also.empty();
  HitRows rows(context, !given.field.empty(), both, asked.also, given.with_vector);
  if (given.field.empty()) {
    for (const QueryHit& hit : STRATA_TRY(stores->vector().query(given.collection, asked.query, asked.options))) {
      rows.add(hit);
    }
  } else {
    const Grouping grouping{given.field, given.groups, given.size};
    for (const Group& group :
         STRATA_TRY(stores->vector().query_groups(given.collection, asked.query, grouping, asked.options))) {
      for (const QueryHit& hit : group.hits) rows.add(hit, {group.value});
    }
  }
  rows.print();
  return {};
}

void add_collection_and_filter(Verb& verb, Given& given) {
  verb.app().add_option("COLLECTION", given.collection, "Its name")->required();
  verb.app()
      .add_option("--filter", given.filter,
                  "A condition on the payload: '{\"lang\": \"en\", \"year\": {\"gte\": 2024}}'")
      ->option_text("JSON");
}

}  // namespace

void add_vector_search(CommandLine& line, CLI::App& family) {
  Verb verb =
      line.verb(family, "search",
                "The best points by a vector or by examples, by words, by further vectors, or by several of these",
                "strata vector search notes.strata notes '[0.1, 0.7, 0.2]' --words 'red fox' -k 5");
  verb.takes_directory().takes_as_of();
  auto given = std::make_shared<Given>();
  CLI::App& app = verb.app();
  add_collection_and_filter(verb, *given);
  app.add_option("VECTOR", given->vector,
                 "A JSON list, @file (JSON or .npy), or - for standard input; of a sparse vector "
                 "'{\"indices\": [7], \"values\": [0.5]}'");
  app.add_option("--using", given->using_vector, "The named vector that is searched")->option_text("NAME");
  app.add_option("--also", given->also, "A further vector to search by, fused with the rest; may be repeated")
      ->option_text("NAME=VECTOR")
      ->allow_extra_args(false);
  app.add_option("--words", given->words, "By words (BM25); with a vector or examples, both rankings are fused")
      ->option_text("TEXT");
  app.add_option("--like", given->like, "By the vector of this point, which is left out; may be repeated")
      ->option_text("ID")
      ->allow_extra_args(false);
  app.add_option("--unlike", given->unlike, "Away from this point; may be repeated")
      ->option_text("ID")
      ->allow_extra_args(false);
  app.add_option("--recommend", given->recommend,
                 "With examples: average_vector, or best_score (the nearest example decides)")
      ->option_text("NAME");
  app.add_option("--fusion", given->fusion, "How both rankings become one: rrf, dbsf or weighted")->option_text("NAME");
  app.add_option("--weights", given->weights, "How much the vector and the words count (1 1)")
      ->expected(2)
      ->option_text("X Y");
  app.add_option("--diversity", given->diversity, "0 to 1: more prefers what is unlike the points before (MMR)")
      ->option_text("X");
  app.add_option("--candidates", given->candidates,
                 "Points that each side ranks, for fusion and diversity (4 times -k, at least 100)")
      ->option_text("N");
  app.add_option("-k", given->k, "How many at most")->option_text("N");
  app.add_option("--min-score", given->min_score, "Only what scores at least so much")->option_text("X");
  app.add_option("--group-by", given->field, "The best points for each value of this field, instead of -k")
      ->option_text("FIELD");
  app.add_option("--groups", given->groups, "How many values at most")->option_text("N");
  app.add_option("--group-size", given->size, "How many points of each at most")->option_text("N");
  app.add_option("--ef", given->ef, "Candidates that a search through a graph keeps in view (64): more find more")
      ->option_text("N");
  app.add_option("--probes", given->probes,
                 "Lists that a search of an ivf index looks into (3 · √lists): more find more")
      ->option_text("N");
  app.add_flag("--exact", given->exact, "Compare with every point");
  app.add_flag("--with-vector", given->with_vector, "Print the vectors, too");
  verb.runs([given](Context& context) { return search(context, *given); });
}

void add_vector_facets(CommandLine& line, CLI::App& family) {
  Verb verb = line.verb(family, "facets", "The values of a field, and how many points hold each",
                        "strata vector facets notes.strata notes lang --filter '{\"year\": {\"gte\": 2024}}'");
  verb.takes_directory().takes_as_of();
  auto given = std::make_shared<Given>();
  add_collection_and_filter(verb, *given);
  verb.app().add_option("FIELD", given->field, "A field of the payload; a.b reaches into a map")->required();
  verb.app().add_option("--limit", given->limit, "How many values at most, up to 10000")->option_text("N");
  verb.runs([given](Context& context) -> Result<void> {
    Stores* stores = STRATA_TRY(context.database.stores());
    const Filter filter = STRATA_TRY(parse_map(given->filter, "--filter"));
    Rows rows;
    rows.columns = {"value", "points"};
    for (const Facet& facet :
         STRATA_TRY(stores->vector().facets(given->collection, given->field, filter, given->limit))) {
      rows.rows.push_back({facet.value, facet.points});
    }
    context.output.rows(rows);
    return {};
  });
}

}  // namespace strata::cli
