#include "store/metadata/dump.h"

#include "store/metadata/mutation.h"
#include "store/metadata/row.h"
#include "store/metadata/schema.h"

namespace strata::store::metadata {
namespace {

constexpr std::size_t kSectionBytes = 1 << 20;

Result<void> emit_steps(std::vector<Step>& steps, const std::function<Result<void>(ByteView)>& emit) {
  if (steps.empty()) return {};
  Bytes section;
  core::Encoder out(section);
  encode_steps(steps, out);
  steps.clear();
  return emit(section);
}

Result<void> dump_definitions(Connection& connection, bool tables, const std::function<Result<void>(ByteView)>& emit) {
  std::vector<Step> steps;
  // rowid order is the order of definition: a view comes after what it names.
  Statement definitions = STRATA_TRY(connection.prepare(
      "SELECT name, sql FROM sqlite_schema WHERE (type = 'table') = ?1 AND sql IS NOT NULL ORDER BY rowid"));
  definitions.bind(1, tables ? 1 : 0);
  while (STRATA_TRY(definitions.step())) {
    if (is_reserved(definitions.text(0))) continue;
    steps.push_back({Step::Kind::ddl, std::string(definitions.text(1)), 0, nullptr});
  }
  return emit_steps(steps, emit);
}

Result<void> dump_rows(Connection& connection, const Table& table, const std::function<Result<void>(ByteView)>& emit) {
  std::vector<Step> steps;
  Statement rows = STRATA_TRY(connection.prepare(table.scan_sql));
  const int keys = static_cast<int>(table.key_columns.size());
  const int rests = static_cast<int>(table.rest_columns.size());
  std::string key, rest;
  while (STRATA_TRY(rows.step())) {
    key.clear();
    rest.clear();
    for (int i = 0; i < keys; ++i) append_column(key, rows.get(), i, true);
    for (int i = 0; i < rests; ++i) append_column(rest, rows.get(), keys + i, false);
    if (steps.empty()) steps.push_back({Step::Kind::rows, {}, 0, std::make_unique<ImageSet>()});
    steps.back().images->put(table.name, key, rest, false);
    if (steps.back().images->arena.bytes() >= kSectionBytes) STRATA_TRY(emit_steps(steps, emit));
  }
  return emit_steps(steps, emit);
}

Result<void> dump_sequences(Connection& connection, const std::function<Result<void>(ByteView)>& emit) {
  Statement exists = STRATA_TRY(connection.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'"));
  if (!STRATA_TRY(exists.step())) return {};
  std::vector<Step> steps;
  Statement sequences = STRATA_TRY(connection.prepare("SELECT name, seq FROM sqlite_sequence ORDER BY name"));
  while (STRATA_TRY(sequences.step())) {
    steps.push_back({Step::Kind::sequence, std::string(sequences.text(0)), sequences.integer(1), nullptr});
  }
  return emit_steps(steps, emit);
}

}  // namespace

Result<void> dump(Connection& connection, const std::function<Result<void>(ByteView)>& emit) {
  const auto catalog = STRATA_TRY(Catalog::load(connection));
  STRATA_TRY(dump_definitions(connection, true, emit));
  for (const auto& [name, table] : catalog->tables()) STRATA_TRY(dump_rows(connection, table, emit));
  STRATA_TRY(dump_sequences(connection, emit));
  return dump_definitions(connection, false, emit);
}

}  // namespace strata::store::metadata
