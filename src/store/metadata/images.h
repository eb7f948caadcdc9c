#pragma once
/// Writing images to SQLite, and looking up what was there before. The one way rows change in state.sqlite.
#include <string>
#include <string_view>

#include "store/metadata/mutation.h"
#include "store/metadata/schema.h"
#include "store/metadata/sqlite.h"
#include "strata/error.h"

namespace strata::store::metadata {

/// Reads the row of `key` into `rest`; false when there is none.
Result<bool> read_row(Connection& connection, const Table& table, std::string_view key, std::string& rest);

/// Fills in what each image was before, where that is not known yet.
Result<void> load_old(Connection& connection, const Catalog& catalog, ImageSet& images);

/// Writes the images. Within a table with UNIQUE columns all old rows go before any new one comes, so that values may
/// move between rows; foreign keys must be off (check_foreign_keys looks afterwards).
/// Errors  invalid_argument (a constraint), corruption (a table that is not there)
Result<void> write_images(Connection& connection, const Catalog& catalog, ImageSet& images);

/// Runs steps in order, as replay does. `catalog` is read anew after DDL.
Result<void> run_steps(Connection& connection, std::shared_ptr<const Catalog>& catalog, const std::vector<Step>& steps);

/// Looks, after images were written, whether a foreign key of a touched row points nowhere. Old images must be known.
/// Errors  invalid_argument in SQLite's words
Result<void> check_foreign_keys(Connection& connection, const Catalog& catalog, const ImageSet& images);

}  // namespace strata::store::metadata
