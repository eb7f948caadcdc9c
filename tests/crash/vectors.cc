// Vectors: the load of whoever indexes. Writers put and remove batches of points, as many as it takes for search graphs to be made, grown
// and carried over by merges, while others checkpoint, search and change what graphs are walked by. After each kill every point is compared, nothing is damaged, and searches
// through graphs still find nearly what the exact search finds, before and after the graphs are complete.
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
constexpr std::uint64_t kPut = 400, kRemoved = 150;
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

std::vector<float> vector_at(std::uint64_t seed, std::uint64_t writer, std::uint64_t number, std::uint64_t slot) {
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

Result<void> perform(Engine& engine, std::uint64_t seed, std::uint64_t writer, std::uint64_t number) {
  const auto slots = slots_of(number);
  std::vector<std::string> ids;
  for (const std::uint64_t slot : slots) ids.push_back(id_of(writer, slot));
  if (removes(number)) {
    const std::vector<std::string_view> views(ids.begin(), ids.end());
    STRATA_TRY(engine.vector().remove(kCollection, views));
    return {};
  }
  std::vector<std::vector<float>> vectors;
  for (const std::uint64_t slot : slots) vectors.push_back(vector_at(seed, writer, number, slot));
  std::vector<Point> points;
  for (std::size_t i = 0; i < ids.size(); ++i) points.push_back({ids[i], vectors[i], {{"op", number}}});
  return engine.vector().upsert(kCollection, points);
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
  std::vector<Slots> found(writers);
  for (std::string after;;) {
    const auto points = STRATA_TRY(engine.vector().scroll(kCollection, after, 10'000, {}, true));
    for (const StoredPoint& point : points) {
      const auto colon = point.id.find(':');
      const std::uint64_t writer = std::stoull(point.id);
      const std::uint64_t slot = std::stoull(point.id.substr(colon + 1));
      const auto number = static_cast<std::uint64_t>(*point.payload.find("op")->integer());
      if (writer >= writers || point.vector != vector_at(seed, writer, number, slot)) {
        return Error(ErrorCode::internal, point.id + " is not what operation " + text(number) + " put");
      }
      found[writer][slot] = number;
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
  std::uint64_t found = 0;
  for (std::uint64_t i = 0; i < kQueries; ++i) {
    const auto query = vector_at(seed, 99, i, i * 271);
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

Result<void> compare_searches(const ChildSettings& child, Engine& engine, std::uint64_t points, const char* when,
                              Tally& tally) {
  const double share = STRATA_TRY(recall(engine, child.seed, points));
  const CollectionInfo info = STRATA_TRY(engine.vector().collection(kCollection));
  const bool of_bits = info.options.quantization.kind == QuantizationKind::rabitq ||
                       info.index.quantization.kind == QuantizationKind::rabitq;
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
  const QuantizationKind wanted = info.options.quantization.kind;
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
    for (std::uint64_t i = 0;; ++i) {
      const auto hits = engine.vector().search(kCollection, vector_at(settings.seed, 98, i, i), {.k = 10});
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
