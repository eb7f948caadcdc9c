// The graph store.
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "handle.h"

namespace strata::python {
namespace {

struct Graph : Part {};

Direction parse_direction(const std::string& text) {
  if (text == "out") return Direction::out;
  if (text == "in") return Direction::in;
  if (text == "both") return Direction::both;
  raise(ErrorCode::invalid_argument, "direction is out, in or both, not " + text);
}

TraversalOptions traversal(const std::string& direction, const std::vector<std::string>& types, std::size_t limit) {
  return {parse_direction(direction), types, limit};
}

nb::object node_of(const Node& node) {
  return nb::make_tuple(node.id, nb::cast(node.labels), object_of(node.properties));
}

nb::list neighbours(const Graph& self, const std::string& id, const std::string& direction,
                    const std::vector<std::string>& types, std::size_t limit) {
  const TraversalOptions options = traversal(direction, types, limit);
  nb::list list;
  for (const Neighbour& found : run(self.handle, [&](Stores& s) { return s.graph().neighbours(id, options); })) {
    list.append(nb::make_tuple(found.edge, found.node, found.type, found.direction == Direction::in ? "in" : "out"));
  }
  return list;
}

nb::list reach(const Graph& self, const std::string& id, std::uint32_t hops_min, std::uint32_t hops_max,
               const std::string& direction, const std::vector<std::string>& types, std::size_t limit) {
  const TraversalOptions options = traversal(direction, types, limit);
  nb::list list;
  for (const Reached& found :
       run(self.handle, [&](Stores& s) { return s.graph().reach(id, hops_min, hops_max, options); })) {
    list.append(nb::make_tuple(found.node, found.hops));
  }
  return list;
}

}  // namespace

void bind_graph(nb::module_& module) {
  nb::class_<Graph>(module, "Graph")
      .def("__init__", [](Graph* self, std::shared_ptr<Handle> handle) { new (self) Graph{{std::move(handle)}}; })
      .def(
          "put_node",
          [](const Graph& self, const std::string& id, const std::vector<std::string>& labels, nb::object properties) {
            const Node node{id, labels, map_of(properties)};
            run(self.handle, [&](Stores& s) { return s.graph().put_node(node); });
          },
          nb::arg("id"), nb::arg("labels"), nb::arg("properties").none())
      .def(
          "remove_node",
          [](const Graph& self, const std::string& id, bool detach) {
            return run(self.handle, [&](Stores& s) { return s.graph().remove_node(id, detach); });
          },
          nb::arg("id"), nb::arg("detach"))
      .def(
          "node",
          [](const Graph& self, const std::string& id, bool for_update) {
            const auto node = run(self.handle, [&](Stores& s) { return s.graph().node(id, locking_of(for_update)); });
            return node ? node_of(*node) : nb::none();
          },
          nb::arg("id"), nb::arg("for_update"))
      .def(
          "find_nodes",
          [](const Graph& self, const std::string& label, const std::string& key, nb::object value, std::size_t limit,
             const std::string& after) {
            const Value wanted = value_of(value);
            nb::list list;
            for (const Node& node :
                 run(self.handle, [&](Stores& s) { return s.graph().find_nodes(label, key, wanted, limit, after); })) {
              list.append(node_of(node));
            }
            return list;
          },
          nb::arg("label"), nb::arg("key"), nb::arg("value").none(), nb::arg("limit"), nb::arg("after"))
      .def(
          "create_index",
          [](const Graph& self, const std::string& label, const std::string& key) {
            run(self.handle, [&](Stores& s) { return s.graph().create_index(label, key); });
          },
          nb::arg("label"), nb::arg("key"))
      .def(
          "add_edge",
          [](const Graph& self, const std::string& source, const std::string& type, const std::string& target,
             nb::object properties) {
            const Map map = map_of(properties);
            return run(self.handle, [&](Stores& s) { return s.graph().add_edge(source, type, target, map); });
          },
          nb::arg("source"), nb::arg("type"), nb::arg("target"), nb::arg("properties").none())
      .def(
          "merge_edge",
          [](const Graph& self, const std::string& source, const std::string& type, const std::string& target,
             nb::object properties) {
            const Map map = map_of(properties);
            return run(self.handle, [&](Stores& s) { return s.graph().merge_edge(source, type, target, map); });
          },
          nb::arg("source"), nb::arg("type"), nb::arg("target"), nb::arg("properties").none())
      .def(
          "remove_edge",
          [](const Graph& self, EdgeId id) {
            return run(self.handle, [&](Stores& s) { return s.graph().remove_edge(id); });
          },
          nb::arg("id"))
      .def(
          "edge",
          [](const Graph& self, EdgeId id) -> nb::object {
            const auto edge = run(self.handle, [&](Stores& s) { return s.graph().edge(id); });
            if (!edge) return nb::none();
            return nb::make_tuple(edge->id, edge->source, edge->type, edge->target, object_of(edge->properties));
          },
          nb::arg("id"))
      .def("neighbours", &neighbours, nb::arg("id"), nb::arg("direction"), nb::arg("types"), nb::arg("limit"))
      .def(
          "degree",
          [](const Graph& self, const std::string& id, const std::string& direction,
             const std::vector<std::string>& types) {
            const TraversalOptions options{parse_direction(direction), types};
            return run(self.handle, [&](Stores& s) { return s.graph().degree(id, options); });
          },
          nb::arg("id"), nb::arg("direction"), nb::arg("types"))
      .def("reach", &reach, nb::arg("id"), nb::arg("hops_min"), nb::arg("hops_max"), nb::arg("direction"),
           nb::arg("types"), nb::arg("limit"))
      .def(
          "shortest_path",
          [](const Graph& self, const std::string& source, const std::string& target, std::uint32_t hops_max,
             const std::string& direction, const std::vector<std::string>& types) {
            const TraversalOptions options{parse_direction(direction), types};
            const Path path =
                run(self.handle, [&](Stores& s) { return s.graph().shortest_path(source, target, hops_max, options); });
            return nb::make_tuple(nb::cast(path.nodes), nb::cast(path.edges));
          },
          nb::arg("source"), nb::arg("target"), nb::arg("hops_max"), nb::arg("direction"), nb::arg("types"))
      .def("counts", [](const Graph& self) {
        const GraphCounts counts = run(self.handle, [](Stores& s) { return s.graph().counts(); });
        return nb::make_tuple(counts.nodes, counts.edges);
      });
}

}  // namespace strata::python
