#pragma once
/// A package becomes a memory: its part in every store, in batches of one transaction each.
#include <functional>
#include <unordered_set>

#include "demo/package_index.h"
#include "strata/strata.h"

namespace strata::demo {

/// Makes the table `package`, the row's place. Idempotent.
Result<void> prepare(Engine& engine);

/// The names that have a node when packages [0, end) are remembered: what `known` starts with after a restart.
std::unordered_set<std::string> names_before(const PackageIndex& index, std::size_t end);

/// Remembers packages [begin, end): a memory (row, vector, object, node, metric, array row, cache entry), a row of
/// `package`, edges to what it depends on and so forth. Nodes for targets that are not remembered yet come first.
/// known   names that have a node already; grows
Result<Lsn> remember_packages(Engine& engine, Memory& memory, const PackageIndex& index, std::size_t begin,
                              std::size_t end, std::unordered_set<std::string>& known);

}  // namespace strata::demo
