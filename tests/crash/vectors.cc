// Vectors: the load of whoever indexes. Writers put and remove batches of points, as many as it takes for search graphs to be made, grown
// and carried over by merges, while others checkpoint, search and change what graphs are walked by, and one gives all points another embedding, cuts over to it, drops the one before, and begins
// again. After each kill every vector of every point is compared, no point lacks the default one, nothing is damaged, and searches through graphs still find nearly what the exact search finds,
// before and after the graphs are complete.
#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <thread>

#include "core/random.h"
#include "crash/child.h"
#include "crash/killed_load.h"
#include "strata/strata.h"

namespace strata::crash {
namespace {

constexpr const char* kCollection = "points";
constexpr std::uint32_t kDimension = 16;
constexpr std::uint64_t kSlots = 8'000;  // ids of each writer; two of them make a collection that is walked
constexpr std::uint64_t kPut = 400, kRemoved = 150, kEmbedded = 2'000;
constexpr double kRecallMin = 0.9, kRecallMinOfBits = 0.7;
constexpr IndexOptions kIndex{.m = 8, .ef_construction = 48};
constexpr std::array kQuantizations{
    QuantizationOptions{.kind = QuantizationKind::rabitq},
    QuantizationOptions{.kind = QuantizationKind::scalar, .bits = 8},
    QuantizationOptions{.kind = QuantizationKind::product, .parts = kDimension},
    QuantizationOptions{.kind = QuantizationKind::none},
    QuantizationOptions{.kind = QuantizationKind::automatic, .recall_min = 0.95F},
    QuantizationOptions{},
};

std::string text(std::uint64_t number) { return std::to_string(number); }

/// The name of an embedding's version; the one before the first name is 0.
std::string name_of(std::uint64_t version) { return "v" + text(version); }
std::uint64_t version_of(const std::string& name) { return name.empty() ? 0 : std::stoull(name.substr(1)); }

/// Of one version of the embedding.
std::vector<float> vector_at(std::uint64_t of_all, std::uint64_t version, std::uint64_t writer, std::uint64_t number,
                             std::uint64_t slot) {
  const std::uint64_t seed = of_all + version * 104'729;
  core::Random centre(seed * 31 + slot % 40);
  core::Random own(((seed * 1'000'003 + writer) * 1'000'003 + number) * 1'000'003 + slot);
  std::vector<float> made(kDimension);
  for (float& each : made) each = static_cast<float>(centre.real() * 2 - 1 + 0.6 * (own.real() * 2 - 1));
  return made;
}

std::string id_of(std::uint64_t writer, std::uint64_t slot) { return text(writer) + ":" + text(slot); }

/// What operation `number` touches: each fourth removes.
bool removes(std::uint64_t number) { return number % 4 == 3; }
std::vector<std::uint64_t> slots_of(std::uint64_t number) {
  const std::uint64_t count = removes(number) ? kRemoved : kPut;
  const std::uint64_t first = removes(number) ? number * 7'919 : (number - number / 4) * kPut;
  std::vector<std::uint64_t> slots;
  for (std::uint64_t i = 0; i < count; ++i) slots.push_back((first + i) % kSlots);
  return slots;
}

/// By the default vector of this transaction (whoever cuts over meanwhile makes it a conflict), and mostly by the others that there are.
Result<void> perform_in(Transaction& tx, std::uint64_t seed, std::uint64_t writer, std::uint64_t number) {
  const auto slots = slots_of(number);
  std::vector<std::string> ids;
  for (const std::uint64_t slot : slots) ids.push_back(id_of(writer, slot));
  if (removes(number)) {
    const std::vector<std::string_view> views(ids.begin(), ids.end());
    STRATA_TRY(tx.vector().remove(kCollection, views));
    return {};
  }
  const CollectionOptions options = STRATA_TRY(tx.vector().collection(kCollection)).options;
  const std::uint64_t version = version_of(options.default_vector);
  std::vector<std::vector<float>> vectors;
  std::vector<std::vector<PointVector>> others(slots.size());
  vectors.reserve(slots.size() * (1 + options.vectors.size()));
  std::vector<Point> points;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const auto made = [&](std::uint64_t of) -> std::span<const float> {
      return vectors.emplace_back(vector_at(seed, of, writer, number, slots[i]));
    };
    const auto own = made(version);
    for (const NamedVector& each : options.vectors) {
      const bool brings = each.name != options.default_vector && (number + slots[i]) % 8 != 0;
      if (brings) others[i].push_back({each.name, made(version_of(each.name))});
    }
    points.push_back({ids[i], own, {{"op", number}}, {}, others[i]});
  }
  return tx.vector().upsert(kCollection, points);
}

Result<void> perform(Engine& engine, std::uint64_t seed, std::uint64_t writer, std::uint64_t number) {
  for (;;) {
    const auto tx = STRATA_TRY(engine.begin());
    auto done = perform_in(*tx, seed, writer, number);
    if (done) {
      auto committed = tx->commit();
      if (committed) return {};
      done = std::move(committed).error();
    }
    if (done.error().code() != ErrorCode::conflict) return done;
  }
}

struct Slot {
  std::uint64_t writer = 0, number = 0, slot = 0;
};
Slot slot_of(const StoredPoint& point) {
  return {std::stoull(point.id), static_cast<std::uint64_t>(*point.payload.find("op")->integer()),
          std::stoull(point.id.substr(point.id.find(':') + 1))};
}

/// The points that are as they were when somebody looked get their vector of the next version; where a writer is faster, a half after the
/// other.
Result<void> embed(Engine& engine, std::uint64_t seed, std::uint64_t version, std::span<const StoredPoint> lacking) {
  const auto in_one = [&]() -> Result<void> {
    const auto tx = STRATA_TRY(engine.begin());
    std::vector<std::vector<float>> vectors;
    std::vector<PointVector> named;
    std::vector<PointVectors> points;
    const std::string name = name_of(version);
    vectors.reserve(lacking.size());
    named.reserve(lacking.size());
    for (const StoredPoint& point : lacking) {
      const auto now = STRATA_TRY(tx->vector().get(kCollection, point.id, false));
      if (!now || now->payload != point.payload) continue;
      const Slot at = slot_of(point);
      vectors.push_back(vector_at(seed, version, at.writer, at.number, at.slot));
      named.push_back({name, vectors.back()});
      points.push_back({point.id, {&named.back(), 1}});
    }
    STRATA_TRY(tx->vector().set_vectors(kCollection, points));
    STRATA_TRY(tx->commit());
    return {};
  };
  auto done = in_one();
  if (done || done.error().code() != ErrorCode::conflict || lacking.size() < 2) return done;
  STRATA_TRY(embed(engine, seed, version, lacking.first(lacking.size() / 2)));
  return embed(engine, seed, version, lacking.subspan(lacking.size() / 2));
}

/// One step on the way from an embedding to the next, wherever the last process was killed.
Result<void> go_on_embedding(Engine& engine, std::uint64_t seed) {
  VectorStore& store = engine.vector();
  const CollectionOptions options = STRATA_TRY(store.collection(kCollection)).options;
  if (options.default_vector.empty()) return store.name_vector(kCollection, name_of(0));
  const std::uint64_t version = version_of(options.default_vector) + 1;
  bool added = false;
  for (const NamedVector& vector : options.vectors) {
    if (vector.name == name_of(version)) {
      added = true;
    } else if (vector.name != options.default_vector) {
      return store.drop_vector(kCollection, vector.name);
    }
  }
  if (!added) {
    return store.add_vector(kCollection,
                            {.name = name_of(version), .dimension = kDimension, .metric = Metric::l2, .index = kIndex});
  }
  const auto lacking = STRATA_TRY(store.points_without(kCollection, name_of(version), "", kEmbedded));
  if (lacking.empty()) return store.set_default_vector(kCollection, name_of(version));
  return embed(engine, seed, version, lacking);
}

/// The operation that last put each slot of a writer, after `count` operations.
using Slots = std::map<std::uint64_t, std::uint64_t>;
Slots expected_after(std::uint64_t count) {
  Slots slots;
  for (std::uint64_t number = 0; number < count; ++number) {
    for (const std::uint64_t slot : slots_of(number)) {
      if (removes(number)) {
        slots.erase(slot);
      } else {
        slots[slot] = number;
      }
    }
  }
  return slots;
}

/// What is there, by writer. Errors  internal: a point that nobody put
Result<std::vector<Slots>> read_points(Engine& engine, std::uint64_t seed, std::uint64_t writers) {
  const std::uint64_t version = version_of(STRATA_TRY(engine.vector().collection(kCollection)).options.default_vector);
  std::vector<Slots> found(writers);
  for (std::string after;;) {
    const auto points = STRATA_TRY(engine.vector().scroll(kCollection, after, 10'000, {}, true));
    for (const StoredPoint& point : points) {
      const Slot at = slot_of(point);
      bool same = at.writer < writers && point.vector == vector_at(seed, version, at.writer, at.number, at.slot);
      for (const StoredVector& each : point.vectors) {
        same = same && each.values == vector_at(seed, version_of(each.name), at.writer, at.number, at.slot);
      }
      if (!same) return Error(ErrorCode::internal, point.id + " is not what operation " + text(at.number) + " put");
      found[at.writer][at.slot] = at.number;
    }
    if (points.size() < 10'000) return found;
    after = points.back().id;
  }
}

/// Of the ten nearest to some points, the share that a search finds which need not be exact. Both must be whole.
Result<double> recall(Engine& engine, std::uint64_t seed, std::uint64_t points) {
  constexpr std::uint64_t kQueries = 30;
  const std::uint64_t wanted = std::min<std::uint64_t>(10, points);
  if (wanted == 0) return 1.0;
  const std::uint64_t version = version_of(STRATA_TRY(engine.vector().collection(kCollection)).options.default_vector);
  std::uint64_t found = 0;
  for (std::uint64_t i = 0; i < kQueries; ++i) {
    const auto query = vector_at(seed, version, 99, i, i * 271);
    const auto exact = STRATA_TRY(engine.vector().search(kCollection, query, {.k = 10, .exact = true}));
    const auto near = STRATA_TRY(engine.vector().search(kCollection, query, {.k = 10}));
    if (exact.size() != wanted || near.size() != wanted) {
      return Error(ErrorCode::internal, "of " + text(points) + " points " + text(near.size()) + " were found");
    }
    std::set<std::string> ids;
    for (const Hit& hit : exact) ids.insert(hit.id);
    for (const Hit& hit : near) found += ids.count(hit.id);
  }
  return static_cast<double>(found) / static_cast<double>(kQueries * wanted);
}

/// Settles the operations whose outcome was not known; returns how many points there are.
Result<std::uint64_t> compare_points(const ChildSettings& child, Engine& engine, Score& score, Tally& tally) {
  const auto found = STRATA_TRY(read_points(engine, child.seed, child.writers));
  std::uint64_t points = 0;
  for (std::uint64_t writer = 0; writer < child.writers; ++writer) {
    if (found[writer] != expected_after(score.next[writer])) {
      if (!score.begun[writer] || found[writer] != expected_after(score.next[writer] + 1)) {
        tally.violation(child.directory, "the points of writer " + text(writer) + " are not those of " +
                                             text(score.next[writer]) + " operations, nor of one more");
      }
      ++score.next[writer];
      tally.add("unknown, done");
    }
    score.begun[writer] = 0;
    points += found[writer].size();
  }
  tally.add("states compared");
  return points;
}

QuantizationKind wanted_codes(const CollectionInfo& info) {
  for (const NamedVector& vector : info.options.vectors) {
    if (vector.name == info.options.default_vector) return vector.quantization.kind;
  }
  return info.options.quantization.kind;
}

Result<void> compare_searches(const ChildSettings& child, Engine& engine, std::uint64_t points, const char* when,
                              Tally& tally) {
  const double share = STRATA_TRY(recall(engine, child.seed, points));
  const CollectionInfo info = STRATA_TRY(engine.vector().collection(kCollection));
  const bool of_bits =
      wanted_codes(info) == QuantizationKind::rabitq || info.index.quantization.kind == QuantizationKind::rabitq;
  if (share < (of_bits ? kRecallMinOfBits : kRecallMin)) {
    tally.violation(child.directory,
                    std::string(when) + ", searches find " + std::to_string(share) + " of the nearest");
  }
  const Map statistics = STRATA_TRY(engine.statistics());
  const Value* stores = statistics.find("stores");
  const Value* store = stores == nullptr ? nullptr : stores->map()->find("vector");
  const Value* rows = store == nullptr ? nullptr : store->map()->find("rows_in_graphs");
  if (rows != nullptr && *rows->integer() > 0) tally.add(std::string("walked ") + when);
  return {};
}

/// Once every graph is made, the codes are of the kind that the collection wants.
Result<void> compare_codes(const ChildSettings& child, Engine& engine, Tally& tally) {
  const CollectionInfo info = STRATA_TRY(engine.vector().collection(kCollection));
  const QuantizationKind wanted = wanted_codes(info);
  if (info.index.rows == 0 || wanted == QuantizationKind::automatic) return {};
  if (info.index.quantization.kind != wanted) {
    tally.violation(child.directory, "walked by " + std::string(name(info.index.quantization.kind)) + ", not by " +
                                         std::string(name(wanted)));
  }
  tally.add("codes compared");
  return {};
}

Result<void> examine_vectors(const ChildSettings& child, bool settle, Score& score, Tally& tally) {
  {
    const auto engine = STRATA_TRY(open_database(child.directory, options_of(child)));
    if (engine->vector().collection(kCollection).has_value()) {
      const std::uint64_t points = STRATA_TRY(compare_points(child, *engine, score, tally));
      const auto version = version_of(STRATA_TRY(engine->vector().collection(kCollection)).options.default_vector);
      tally.add("cut over", version - std::min(version, tally.count("cut over")));
      STRATA_TRY(compare_searches(child, *engine, points, "after opening", tally));
      if (settle) {
        STRATA_TRY(compact(*engine));
        STRATA_TRY(compare_codes(child, *engine, tally));
        STRATA_TRY(compare_searches(child, *engine, points, "after compacting", tally));
        if (STRATA_TRY(compare_points(child, *engine, score, tally)) != points)
          tally.violation(child.directory, "compacting changed how many points there are");
      }
    }
    for (const auto& finding : STRATA_TRY(engine->verify())) {
      tally.violation(child.directory, "damaged by nobody: " + finding.file + ": " + finding.what);
    }
    STRATA_TRY(engine->close());
  }
  return expect_unchanged_by_opening(child.directory, tally);
}

}  // namespace

int run_indexers(const ChildSettings& settings) {
  auto opened = open_database(settings.directory, options_of(settings));
  if (!opened) {
    say("E open: " + one_line(opened.error().to_string()));
    return 2;
  }
  Engine& engine = **opened;
  if (!engine.vector().collection(kCollection)) {
    const CollectionOptions options{.dimension = kDimension, .metric = Metric::l2, .index = kIndex};
    if (const auto made = engine.vector().create_collection(kCollection, options); !made) {
      say("E create: " + one_line(made.error().to_string()));
      return 2;
    }
  }
  say("O");
  auto threads = write_until_killed(settings, [&](std::uint64_t writer, std::uint64_t number) {
    return perform(engine, settings.seed, writer, number);
  });
  threads.emplace_back([&] {
    core::Random random(settings.seed + settings.first[0]);
    for (;;) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20 + random.below(400)));
      if (const auto done = engine.checkpoint(); !done) say("E checkpoint: " + one_line(done.error().to_string()));
    }
  });
  threads.emplace_back([&] {
    core::Random random(settings.seed + settings.first[0] + 1);
    for (;;) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50 + random.below(500)));
      const auto& quantization = kQuantizations[random.below(kQuantizations.size())];
      const auto done = engine.vector().alter_collection(kCollection, kIndex, quantization);
      if (!done) say("E alter: " + one_line(done.error().to_string()));
    }
  });
  threads.emplace_back([&] {
    for (;;) {
      std::this_thread::sleep_for(std::chrono::milliseconds(4));
      const auto done = go_on_embedding(engine, settings.seed);
      const bool again = !done && (done.error().code() == ErrorCode::conflict ||            // a writer was faster
                                   done.error().code() == ErrorCode::failed_precondition);  // a point came meanwhile
      if (!done && !again) say("E embed: " + one_line(done.error().to_string()));
    }
  });
  threads.emplace_back([&] {
    for (std::uint64_t i = 0;; ++i) {
      const auto hits = engine.vector().search(kCollection, vector_at(settings.seed, 0, 98, i, i), {.k = 10});
      if (!hits) say("E search: " + one_line(hits.error().to_string()));
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  });
  for (std::thread& thread : threads) thread.join();
  return 0;
}

int run_vectors(const Settings& settings) {
  return run_killed_load(settings,
                         {.mode = "index",
                          .folder = "vectors",
                          .what = "kills of an index",
                          .writers = 2,
                          .soon_ms = 40,
                          .least_ms = 100,
                          .most_ms = 1'600,
                          .examine = [](const ChildSettings& child, std::uint64_t life, Score& score, Tally& tally) {
                            return examine_vectors(child, life % 2 == 1, score, tally);
                          }});
}

}  // namespace strata::crash
