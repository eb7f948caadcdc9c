#pragma once
/// The names under which memory keeps its parts in the seven stores: one id everywhere.
///
///     metadata   atoms (the present version) · atom_versions (earlier and forgotten ones) · tags · snapshots
///     vector     collection "memory": id → embedding, what recall filters by, the words of the text
///     object     the text, owned by the id
///     graph      node id, label Atom; edges are the links
///     analytics  table memory_metrics: one row a remember
///     array      dataset "activations": rows under the key id
///     cache      "memory:<id>": the beginning of the text
#include <array>
#include <string_view>

#include "strata/memory.h"

namespace strata::memory {

inline constexpr std::string_view kComponent = "memory";
inline constexpr std::string_view kCollection = "memory";
inline constexpr std::string_view kLabel = "Atom";
inline constexpr std::string_view kDataset = "activations";
inline constexpr std::string_view kMetricsTable = "memory_metrics";
inline constexpr std::string_view kCachePrefix = "memory:";
inline constexpr std::size_t kCachedTextBytes = 200;
inline constexpr std::string_view kEmbedderSetting = "memory.embedder";

/// Cascades are memory's own work (forget), so that writing a memory needs no SQL: the tables have no constraint that
/// only SQLite could check. Indexes over columns that are mostly empty leave the empty ones out.
struct Table {
  std::string_view name, sql;
};
inline constexpr std::array<Table, 4> kTables{{
    {"atoms", R"sql(
create table atoms(
  id text not null primary key, version integer not null, modality text not null, object blob not null,
  created_at integer not null, valid_from integer, valid_to integer, snapshot_id text, source text,
  metadata text, lsn integer not null) without rowid;
create index atoms_created on atoms(created_at);
create index atoms_modality on atoms(modality) where modality <> 'text';
create index atoms_snapshot on atoms(snapshot_id) where snapshot_id is not null;
create index atoms_valid on atoms(valid_from, valid_to) where valid_from is not null or valid_to is not null;
)sql"},
    {"atom_versions", R"sql(
create table atom_versions(
  id text not null, version integer not null, modality text, object blob, created_at integer not null,
  valid_from integer, valid_to integer, snapshot_id text, source text, metadata text, lsn integer not null,
  forgotten_at integer, primary key(id, version)) without rowid;
)sql"},
    {"tags", R"sql(
create table tags(
  atom_id text not null, key text not null, value text not null, weight real not null,
  primary key(atom_id, key, value)) without rowid;
create index tags_key_value on tags(key, value);
)sql"},
    {"snapshots", R"sql(
create table snapshots(
  id text not null primary key, hash text not null unique, created_at integer not null, parent text, notes text,
  metadata text, lsn integer not null) without rowid;
)sql"},
}};

inline const std::array kMetricsColumns{
    ColumnDefinition{"id", ColumnType::text}, ColumnDefinition{"time", ColumnType::timestamp},
    ColumnDefinition{"version", ColumnType::integer}, ColumnDefinition{"text_bytes", ColumnType::integer}};

}  // namespace strata::memory
