#pragma once
/// What Chroma keeps in index_metadata.pickle: which label of its hnswlib index is which id.
///
/// A pickle is a program. Of its instructions those are followed that build text, integers and dictionaries; objects and functions are
/// named in there, never looked up, never called. So any pickle can be read without harm, and only the dictionaries in it are seen.
#include <optional>
#include <string>
#include <unordered_map>

#include "interchange/input_file.h"

namespace strata::interchange {

struct PickledLabels {
  std::unordered_map<std::string, std::uint64_t> labels;  ///< of the dictionary "id_to_label"
  std::optional<std::int64_t> max_seq_id;  ///< up to which record of the queue the index has come; none: not in here
};

/// Errors  unsupported (an instruction beyond those: its offset is named), corruption (ends early; takes what is not there)
/// Cost    one pass; memory of about 100 bytes an id
Result<PickledLabels> read_pickled_labels(const InputFile& file);

}  // namespace strata::interchange
