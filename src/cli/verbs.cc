#include "cli/verbs.h"

#include "cli/command_line.h"

namespace strata::cli {

void add_verbs(CommandLine& line) {
  if (line.place() == Place::shell) add_prompt_verb(line);
  add_memory_verbs(line);
  add_snapshot_verbs(line);
  add_sql_verbs(line);
  add_vector_verbs(line);
  add_object_verbs(line);
  add_graph_verbs(line);
  add_array_verbs(line);
  add_transfer_verbs(line);
  add_inspection_verbs(line);
  add_maintenance_verbs(line);
}

}  // namespace strata::cli
