#pragma once
/// --dry-run: the change itself, in a transaction that is taken back. So it says what would happen, refusals included.
#include <utility>

#include "strata/engine.h"

namespace strata::cli {

/// What `change` answers. change  takes Stores&, returns a Result
template <typename Change>
auto tried(Engine& engine, Change change) -> decltype(change(std::declval<Stores&>())) {
  const auto transaction = STRATA_TRY(engine.begin());
  return change(*transaction);
}

}  // namespace strata::cli
