#include "handle.h"

NB_MODULE(_strata, module) {
  using namespace strata::python;
  module.doc() = "The native half of strata: one method is one call of the engine. Use the package strata.";
  bind_errors(module);
  bind_arrow(module);
  bind_engine(module);
  bind_vector(module);
  bind_object(module);
  bind_metadata(module);
  bind_graph(module);
  bind_analytics(module);
  bind_cache(module);
  bind_array(module);
  bind_memory(module);
  bind_operations(module);
  bind_interchange(module);
}
