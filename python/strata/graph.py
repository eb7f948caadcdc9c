"""The graph store: nodes with labels, edges with a type, both with properties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from . import _strata
from .arguments import mapping, sequence

Properties = Mapping[str, Any]


class Node(NamedTuple):
    id: str
    labels: list[str]
    properties: dict[str, Any]


class Edge(NamedTuple):
    id: int
    source: str
    type: str
    target: str
    properties: dict[str, Any]


class Neighbour(NamedTuple):
    edge: int
    node: str
    type: str
    direction: str


class Reached(NamedTuple):
    node: str
    hops: int


class Path(NamedTuple):
    nodes: list[str]
    edges: list[int]


class GraphCounts(NamedTuple):
    nodes: int
    edges: int


def _names(argument: str, names: str | Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str) else sequence(argument, names)


class GraphStore:
    def __init__(self, handle: _strata.Handle):
        self._native = _strata.Graph(handle)

    def put_node(self, id: str, labels: str | Sequence[str] = (), properties: Properties | None = None) -> None:
        """Creates a node, or replaces labels and properties of the one with this id."""
        self._native.put_node(id, _names("labels", labels), mapping("properties", properties))

    def node(self, id: str, for_update: bool = False) -> Node | None:
        """`for_update`, in a transaction, locks the node until the end, also when it is not there."""
        found = self._native.node(id, for_update)
        return None if found is None else Node(*found)

    def remove_node(self, id: str, detach: bool = True) -> bool:
        """Removes a node and its edges; without `detach` a node that has edges is refused."""
        return self._native.remove_node(id, detach)

    def find_nodes(self, label: str = "", key: str = "", value: Any = None, limit: int = 1000,
                   after: str = "") -> list[Node]:
        """Nodes with this label ("" for any) and, with `key`, this property value; by id."""
        return [Node(*node) for node in self._native.find_nodes(label, key, value, limit, after)]

    def create_index(self, label: str, key: str) -> None:
        self._native.create_index(label, key)

    def add_edge(self, source: str, type: str, target: str, properties: Properties | None = None) -> int:
        """Adds an edge between existing nodes; parallel edges are kept apart. Returns its id."""
        return self._native.add_edge(source, type, target, mapping("properties", properties))

    def merge_edge(self, source: str, type: str, target: str, properties: Properties | None = None) -> int:
        """As add_edge, unless there is one: then its properties are replaced."""
        return self._native.merge_edge(source, type, target, mapping("properties", properties))

    def edge(self, id: int) -> Edge | None:
        found = self._native.edge(id)
        return None if found is None else Edge(*found)

    def remove_edge(self, id: int) -> bool:
        return self._native.remove_edge(id)

    def neighbours(self, id: str, direction: str = "out", types: str | Sequence[str] = (),
                   limit: int = 10_000) -> list[Neighbour]:
        """The edges at a node with the node at their other end; direction is out, in or both."""
        return [Neighbour(*found) for found in self._native.neighbours(id, direction, _names("types", types), limit)]

    def degree(self, id: str, direction: str = "out", types: str | Sequence[str] = ()) -> int:
        return self._native.degree(id, direction, _names("types", types))

    def reach(self, id: str, hops_min: int = 1, hops_max: int = 1, direction: str = "out",
              types: str | Sequence[str] = (), limit: int = 10_000) -> list[Reached]:
        """Every node at hops_min … hops_max from `id`, each once, nearest first."""
        return [Reached(*found)
                for found in self._native.reach(id, hops_min, hops_max, direction, _names("types", types), limit)]

    def shortest_path(self, source: str, target: str, hops_max: int = 15, direction: str = "out",
                      types: str | Sequence[str] = ()) -> Path | None:
        """A path with the fewest edges; None when there is none within hops_max."""
        path = Path(*self._native.shortest_path(source, target, hops_max, direction, _names("types", types)))
        return path if path.nodes else None

    def counts(self) -> GraphCounts:
        return GraphCounts(*self._native.counts())
