#pragma once
/// Lays out a segment: from rows in order to the bytes of the file.
#include <span>
#include <string>
#include <vector>

#include "store/graph/names.h"
#include "store/graph/segment_format.h"
#include "strata/error.h"

namespace strata::store::graph {

/// An index that the store keeps: property `key` of nodes with `label` ("" is any).
struct IndexDefinition {
  NameId label, key;
  Lsn created;
};

/// What a segment is made of. Views point into deltas and older segments, which must outlive the call of `lay_out`.
struct SegmentContent {
  struct Version {
    Number number;
    Lsn lsn;
    bool removed;
    ByteView record;
  };
  struct Edge {
    EdgeId id;
    Lsn created;
    Number source, target;
    NameId type;
    ByteView properties;
  };
  struct Change {
    EdgeId id;
    Lsn lsn;
    bool removed;
    Number source, target;
    NameId type;
    ByteView properties;
  };
  Lsn first_lsn = 0, last_lsn = 0;
  Number first_number = 0;
  std::uint32_t first_name = 0;
  std::vector<std::string_view> names, ids;
  std::vector<Version> versions;  ///< ascending by number, then LSN
  std::vector<Edge> edges;        ///< ascending by id
  std::vector<Change> changes;    ///< ascending by id, then LSN
  std::vector<TotalsRow> totals;  ///< ascending by LSN
};

/// Errors  resource_exhausted (more than 2^32 rows of a kind in one segment)
Result<Bytes> lay_out(const SegmentContent& content, std::span<const IndexDefinition> indexes, const Names& names);

}  // namespace strata::store::graph
