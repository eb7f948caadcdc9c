#pragma once
/// The whole of the tables as sections, for an archive that replaces all earlier ones.
#include <functional>

#include "store/metadata/sqlite.h"
#include "strata/error.h"
#include "strata/value.h"

namespace strata::store::metadata {

/// Calls `emit` with sections that, applied in order to an empty database, make what `connection` sees: tables first,
/// then their rows in sections of about 1 MiB, then indexes and views (which come cheaper when the rows are there).
Result<void> dump(Connection& connection, const std::function<Result<void>(ByteView)>& emit);

}  // namespace strata::store::metadata
