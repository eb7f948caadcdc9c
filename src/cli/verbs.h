#pragma once
/// Every verb, one function for each file that declares some.
#include <string>

namespace CLI {
class App;
}

namespace strata::cli {

class CommandLine;
class Output;
struct Request;

void add_verbs(CommandLine& line);  ///< all of them, in the order of the help

void add_prompt_verb(CommandLine& line);     // open
void add_sql_verbs(CommandLine& line);       // sql, analytics
void add_memory_verbs(CommandLine& line);    // remember, recall, why, history, forget
void add_transfer_verbs(CommandLine& line);  // import, export
void add_snapshot_verbs(CommandLine& line);  // snapshot, tag
void add_vector_verbs(CommandLine& line);
void add_vector_search(CommandLine& line, CLI::App& family);  // some of them
void add_vector_facets(CommandLine& line, CLI::App& family);
void add_vector_audit(CommandLine& line, CLI::App& family);
void add_vector_versions(CommandLine& line, CLI::App& family);
void add_vector_transfer(CommandLine& line, CLI::App& family);  // import and export
void add_object_verbs(CommandLine& line);
void add_graph_verbs(CommandLine& line);
void add_array_verbs(CommandLine& line);
void add_inspection_verbs(CommandLine& line);   // stats, verify, doctor, config, version
void add_maintenance_verbs(CommandLine& line);  // checkpoint, compact, backup, restore, rebuild

}  // namespace strata::cli
