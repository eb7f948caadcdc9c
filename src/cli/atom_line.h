#pragma once
/// A memory as one line of JSON, as `strata export` writes it and `strata import` reads it.
///
///     {"id": "n1", "text": "…", "tags": [{"key": "ci", "value": "", "weight": 0.9}], "links": [{"type": "caused_by",
///      "target": "n0", "properties": {}}], "source": "ci/4711", "modality": "text", "metadata": {}, "valid_from": "…",
///      "valid_to": "…", "embedding": […], "model": "lexical-1", "activation": […]}
///
/// Only "text" must be there.
#include <string>
#include <string_view>

#include "strata/memory.h"

namespace strata::cli {

struct AtomLine {
  Atom atom;
  std::string model;  ///< of its embedding; empty: not said
};

/// Whether the memory may be stored is for Memory to say. Errors  invalid_argument naming the field
Result<AtomLine> parse_atom_line(std::string_view line);

}  // namespace strata::cli
