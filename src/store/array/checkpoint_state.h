#pragma once
/// What the manifest records of the array store: every dataset, its parts in order, and what is not in the parts.
///
///     state    = version:u8 (1), next id, next file number, count, dataset*
///     dataset  = id, name:text, options, created, dropped (0: it is not), attributes, clears, parts
///     part     = file reference, rows, first_lsn, last_lsn − first_lsn, kind:u8, then 0: key:bytes · 1: file reference
///
/// Numbers are varints. Opening a database decodes this and touches no file of the store.
#include <string>
#include <vector>

#include "store/array/dataset.h"

namespace strata::store::array {

struct DatasetState {
  std::uint64_t id = 0;
  std::string name;
  DatasetOptions options;
  Lsn created = 0;
  Lsn dropped = 0;  ///< 0: not dropped; else kept for views before it
  std::vector<AttributeVersion> attributes;
  std::vector<Clear> clears;
  std::vector<PartDescription> parts;
};

struct StoreState {
  std::uint64_t next_id = 1;
  std::uint64_t next_number = 1;
  std::vector<DatasetState> datasets;
};

Bytes encode(const StoreState& state);
/// Errors  corruption, unsupported (newer version)
Result<StoreState> decode_store_state(ByteView bytes);

}  // namespace strata::store::array
