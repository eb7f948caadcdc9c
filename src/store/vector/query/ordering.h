#pragma once
/// Points in the order of a field, a page at a time.
///
///     ascending     −3 · 7 · 7.5 · "de" · "en" │ what is neither number nor text      each value's points by id
///     descending    "en" · "de" · 7.5 · 7 · −3 │ what is neither number nor text
///
/// Each part gives its first points behind the place where the last page ended: by its index of the field as many as are wanted, else
/// after a look at all of its payloads. The first of these are the page.
#include <vector>

#include "store/vector/reading.h"

namespace strata::store::vector {

struct Ordered {
  Found found;
  Value at;  ///< what it is ordered by, or null
};

/// The first `limit` points of the order that count. Errors  corruption
Result<std::vector<Ordered>> points_in_order(const Reading& reading, const ScrollOrder& order, std::size_t limit);

}  // namespace strata::store::vector
