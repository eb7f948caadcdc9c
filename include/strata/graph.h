#pragma once
/// The graph store: nodes with labels, edges with a type, both with properties; no schema. A node's id is the user's
/// text, the same id as in the other stores.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "strata/error.h"
#include "strata/value.h"

namespace [[gnu::visibility("default")]] strata {

using EdgeId = std::uint64_t;
enum class Direction : std::uint8_t { out, in, both };

struct Node {
  std::string id = {};                   ///< 1 … 1,024 bytes
  std::vector<std::string> labels = {};  ///< a set; order is not kept
  Map properties = {};
};

struct Edge {
  EdgeId id = 0;                         ///< given by the store; never used again
  std::string source = {}, target = {};  ///< node ids
  std::string type = {};                 ///< 1 … 255 bytes
  Map properties = {};
};

struct Neighbour {
  EdgeId edge = 0;
  std::string node = {};
  std::string type = {};
  Direction direction = Direction::out;  ///< out: the edge leads from the asked node to this one
};

struct TraversalOptions {
  Direction direction = Direction::out;
  std::vector<std::string> types = {};  ///< empty: every type
  std::size_t limit = 10'000;           ///< results at most; 1 … 1,000,000
};

struct Reached {
  std::string node = {};
  std::uint32_t hops = 0;  ///< the smallest number
};

struct Path {
  std::vector<std::string> nodes = {};  ///< source first; empty: there is no path
  std::vector<EdgeId> edges = {};       ///< one fewer than nodes
};

struct GraphCounts {
  std::uint64_t nodes = 0, edges = 0;
};

class GraphStore {
 public:
  virtual ~GraphStore() = default;

  /// Creates the node, or replaces labels and properties of the one with this id.
  /// Errors  invalid_argument (id, label, properties over 1 MiB)
  virtual Result<void> put_node(const Node& node) = 0;
  /// Removes a node and its edges. Errors  failed_precondition (it has edges and detach is false; their count is named)
  virtual Result<bool> remove_node(std::string_view id, bool detach = true) = 0;
  virtual Result<std::optional<Node>> node(std::string_view id, Locking locking = Locking::none) = 0;
  /// Nodes with this label ("" for any) and, when `key` is not empty, with this property value; by id, after `after`.
  /// Values are compared as Value does: 1 and 1.0 differ. limit 1 … 1,000,000
  /// Cost    an index when one was created on (label, key), else one pass over the label
  virtual Result<std::vector<Node>> find_nodes(std::string_view label, std::string_view key, const Value& value,
                                               std::size_t limit = 1'000, std::string_view after = {}) = 0;
  /// Keeps an index of the values of `key` over nodes with `label` ("" for all nodes). Fine when it exists.
  virtual Result<void> create_index(std::string_view label, std::string_view key) = 0;

  /// Adds an edge between existing nodes; parallel edges are kept apart. Errors  not_found (an end; it is named), invalid_argument
  virtual Result<EdgeId> add_edge(std::string_view source, std::string_view type, std::string_view target,
                                  const Map& properties = {}) = 0;
  /// As add_edge, unless one of this source, type and target exists: then its properties are replaced and its id returned.
  virtual Result<EdgeId> merge_edge(std::string_view source, std::string_view type, std::string_view target,
                                    const Map& properties = {}) = 0;
  virtual Result<bool> remove_edge(EdgeId id) = 0;
  virtual Result<std::optional<Edge>> edge(EdgeId id) = 0;

  /// The edges at a node with the node at their other end, in order of edge id. Each edge comes once, also a self-loop
  /// asked for in both directions (then as outgoing).
  /// Errors  not_found (node). Cost  O(degree)
  virtual Result<std::vector<Neighbour>> neighbours(std::string_view id, const TraversalOptions& options = {}) = 0;
  /// How many edges `neighbours` would find without its limit. Errors  not_found (node). Cost  O(degree)
  virtual Result<std::uint64_t> degree(std::string_view id, const TraversalOptions& options = {}) = 0;
  /// Every node at hops_min … hops_max from `id` (which is at 0), each once, nearest first, then by id (bytes).
  /// Errors  not_found (node), invalid_argument (unless hops_min ≤ hops_max ≤ 1,000,000)
  virtual Result<std::vector<Reached>> reach(std::string_view id, std::uint32_t hops_min, std::uint32_t hops_max,
                                             const TraversalOptions& options = {}) = 0;
  /// A path with the fewest edges (breadth first from both ends), at most hops_max of them; which one of several is not
  /// said. `limit` plays no part. Errors  not_found (an end; it is named)
  virtual Result<Path> shortest_path(std::string_view source, std::string_view target, std::uint32_t hops_max = 15,
                                     const TraversalOptions& options = {}) = 0;
  virtual Result<GraphCounts> counts() = 0;
};

}  // namespace strata
