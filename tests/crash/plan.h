#pragma once
/// What one transaction of the mixed load does: a pure function of (seed, writer, number), so that the parent, who
/// survives, knows what it should have left in every store without being told its content.
///
/// Every transaction writes one row of the ledger with its own LSN, and a few effects over the seven stores. A writer's keys
/// are its own, but the objects' content (deduplicated), the hub of the graph, the rows of the array and of the metrics
/// table belong to all: what is there depends on the order of commits, and the ledger tells it.
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "strata/engine.h"

namespace strata::crash {

enum class Effect : std::uint8_t {
  upsert_point,
  remove_point,
  create_collection,  ///< the writer's own, with three points
  drop_collection,
  put_object,
  release_owner,
  collect_objects,
  put_row,
  remove_row,
  update_rows,   ///< SQL
  create_table,  ///< and a row in it
  drop_table,
  put_node,  ///< and an edge to the hub
  add_edge,  ///< between two nodes of this writer
  remove_node,
  append_metrics,
  erase_metrics,
  create_metrics_table,
  drop_metrics_table,
  append_rows,
  append_many_rows,  ///< so many that they are written ahead of the journal
  clear_rows,
  set_attribute,
  set_cache,
  large_record,  ///< rows larger than a batch of the journal
};

struct Planned {
  Effect effect;
  std::uint64_t key = 0;    ///< which of the writer's keys
  std::uint64_t other = 0;  ///< second node, content of an object, number of an earlier operation, rows
};

struct Plan {
  std::vector<Planned> effects;
  Durability durability = Durability::batch;
};

inline constexpr std::uint64_t kKeys = 12;      ///< of each writer in each store
inline constexpr std::uint64_t kContents = 48;  ///< different objects
inline constexpr std::uint32_t kDimension = 8;
inline constexpr std::uint64_t kManyRows = 40'000;
inline constexpr std::uint64_t kLargeRows = 6;

Plan plan_of(std::uint64_t seed, std::uint64_t writer, std::uint64_t number);

std::string key_of(std::uint64_t writer, std::uint64_t key);  ///< "w3-7"
std::string content_of(std::uint64_t seed, std::uint64_t content);
std::vector<float> vector_of(std::uint64_t seed, std::uint64_t writer, std::uint64_t number);
std::string large_text(std::uint64_t writer, std::uint64_t number, std::uint64_t row);
double metric_of(std::uint64_t seed, std::uint64_t writer, std::uint64_t number);

/// Makes the tables, collections and datasets that the load needs: one commit, lsn 1, however often it is called.
Result<void> set_up(Engine& engine);
/// Runs the transaction and returns its LSN; again after a conflict. Always with the idempotency key of its number.
Result<Lsn> perform(Engine& engine, std::uint64_t seed, std::uint64_t writer, std::uint64_t number);

}  // namespace strata::crash
