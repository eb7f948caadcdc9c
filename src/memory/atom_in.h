#pragma once
#include "memory/local_memory.h"

namespace strata::memory {

/// One atom on its way in: checked, its id made, its embedding there. Borrows the caller's atom.
struct LocalMemory::Prepared {
  const Atom* atom = nullptr;
  std::string id;
  bool id_is_new = false;             ///< made here, so nothing can be stored under it yet
  std::vector<float> made_embedding;  ///< by the embedder; the caller's own is used in place
  std::span<const float> embedding() const { return made_embedding.empty() ? atom->embedding : made_embedding; }
};

}  // namespace strata::memory
