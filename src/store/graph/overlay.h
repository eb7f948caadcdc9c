#pragma once
/// What a transaction has written so far, in the shape that reads want: its nodes, its links, what it removed.
///
/// Ids and names that the store does not know yet get lent numbers from the top of the range. They mean something in this
/// overlay alone; the journal carries text.
#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "store/graph/names.h"
#include "store/graph/types.h"

namespace strata::store::graph {

inline constexpr NameId kFirstLentName = 0x8000'0000;

/// Threads: one at a time.
struct Overlay {
  struct OwnNode {
    bool removed = false;
    std::vector<std::string> labels;  ///< ascending, each once
    Map properties;
  };
  struct OwnEdge {
    Number source, target;
    NameId type;
    Map properties;
  };
  /// A removal, kept although the node may be put again: edges that others added meanwhile must not survive it.
  struct Removal {
    Number number;
    Lsn view;
  };

  std::unordered_map<Number, OwnNode> nodes;
  std::map<EdgeId, OwnEdge> added;
  std::map<EdgeId, Map> changed;
  std::unordered_set<EdgeId> removed;
  std::unordered_map<Number, std::vector<Link>> out, in;
  std::vector<std::pair<std::string, std::string>> indexes;

  std::vector<Removal> removals;
  std::unordered_set<Number> ends;              ///< of added edges: they must still exist at commit
  std::unordered_map<Number, std::string> ids;  ///< text of every number used here
  std::int64_t nodes_more = 0, edges_more = 0;  ///< than committed ones

  std::unordered_map<std::string, Number> lent_numbers;
  std::unordered_map<std::string, NameId> lent_names;
  std::vector<std::string> lent_name_texts;

  Number lend_number(std::string_view id) {
    const auto fresh = static_cast<Number>(kFirstLent + lent_numbers.size());
    return lent_numbers.try_emplace(std::string(id), fresh).first->second;
  }
  NameId lend_name(std::string_view name) {
    const auto [it, fresh] =
        lent_names.try_emplace(std::string(name), static_cast<NameId>(kFirstLentName + lent_names.size()));
    if (fresh) lent_name_texts.emplace_back(name);
    return it->second;
  }
};

}  // namespace strata::store::graph
