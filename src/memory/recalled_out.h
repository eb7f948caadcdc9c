#pragma once
#include "memory/local_memory.h"

namespace strata::memory {

/// One memory on its way out of recall.
struct LocalMemory::Candidate {
  std::string id;
  Map payload;
  Why why;
  double score = 0;
  std::string path_start;  ///< the hit whose neighbour it is, when there is no `near`
};

}  // namespace strata::memory
