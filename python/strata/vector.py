"""The vector store: collections of points, searched by nearness and by words."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _strata
from .arguments import mapping, path as checked_path, quoted, sequence

Filter = Mapping[str, Any]
Progress = Callable[[int, int], bool | None]
Example = str | ArrayLike  # the id of a stored point, or a vector


class SparseVector(NamedTuple):
    """Few numbers, each at an index of its own; all others are 0. A dict {index: value} is taken for one, too."""

    indices: NDArray[np.uint32]
    values: NDArray[np.float32]


AnyVector = ArrayLike | SparseVector | Mapping[int, float]


class Hit(NamedTuple):
    """A point that was found; larger scores are nearer. Unpacks as (id, score, payload)."""

    id: str
    score: float
    payload: dict[str, Any]


class HitWithVector(Hit):
    """As Hit, still three fields, with the stored vector that was searched beside them."""

    vector: NDArray[np.float32] | SparseVector


class Standing(NamedTuple):
    """Where a side of a query has a point: the first has rank 1."""

    rank: int
    score: float


class QueryHit(Hit):
    """As Hit, still three fields, with what each side of the query says of it: `by_vector` and `by_words` are a
    Standing, or None where that side did not find it; `by_also` has one for each further vector, by its name. `vector`
    is there when it was asked for, None where the point lacks it."""

    vector: NDArray[np.float32] | SparseVector | None
    by_vector: Standing | None
    by_words: Standing | None
    by_also: dict[str, Standing | None]


class Group(NamedTuple):
    """Points that hold one value, best first."""

    value: Any
    hits: list[QueryHit]


class Facet(NamedTuple):
    value: Any
    points: int


class StoredPoint(NamedTuple):
    id: str
    payload: dict[str, Any]
    vector: NDArray[np.float32] | None
    vectors: dict[str, NDArray[np.float32] | SparseVector]  # named ones; empty when vectors were not asked for


class OrderedPoint(StoredPoint):
    """As StoredPoint, still its fields, with what it is ordered by: a number, a text, or None. A scroll goes on after
    it with `after=(point.at, point.id)`."""

    at: Any


class Quantization(NamedTuple):
    """The codes that an index reads in the place of vectors while it looks for candidates: they change which points are
    found, the space that an index takes and the time it needs, never a score.

    kind        scalar: each number in `bits` (4, 8, or 16: half precision; 0: 4); product: groups of dimensions,
                `bits` 4 ... 8 each, 0: 8; rabitq: a bit a dimension, after a rotation; none: the vectors themselves;
                automatic: the smallest that finds `recall_min` of the ten nearest, measured on the points themselves
    range       of scalar codes of 4 and 8 bits, over which numbers levels are spread: those of a point, of a dimension
                or of the collection
    parts       of product, 1 ... dimension; 0: one for each four dimensions"""

    kind: str = "scalar"
    bits: int = 0
    range: str = "point"
    parts: int = 0
    recall_min: float = 0.95


class IndexFigures(NamedTuple):
    """What an index made of a collection's points, in the largest segment that has one: the points and older versions
    of points that are in one, what automatic chose, the bytes of a code (0: what is kept anyway is read), and of the
    ten nearest of points of a sample the share found through the codes (None: not measured)."""

    rows: int
    quantization: Quantization
    code_bytes: int
    recall: float | None


class CollectionInfo(NamedTuple):
    name: str
    dimension: int
    metric: str
    words: bool
    points: int
    element: str  # what vectors are kept as: f32, f16, bf16, int8 or binary
    index: str  # hnsw, ivf or flat
    m: int
    ef_construction: int
    lists: int
    memory_bytes: int
    quantization: Quantization
    figures: IndexFigures
    vectors: dict[str, dict[str, Any]]  # named vectors, as VectorStore takes them, every option said
    default_vector: str  # the one that is meant where none is named; "": the unnamed one, or none
    points_with: dict[str, int]  # how many points have each of them

    @staticmethod
    def of(native: Any) -> CollectionInfo:
        rows, chosen, code_bytes, recall = native[12]
        return CollectionInfo(*native[:11], Quantization(*native[11]),
                              IndexFigures(rows, Quantization(*chosen), code_bytes, recall),
                              {name: _said_options(options) for name, options in native[13].items()}, *native[14:])


class Remark(NamedTuple):
    """Points of one kind that an import or export left out or changed: how, how many, the first of them."""

    what: str
    points: int
    example: str


class ImportReport(NamedTuple):
    format: str
    dimension: int
    metric: str
    created: bool
    read: int
    upserted: int
    skipped: int
    remarks: list[Remark]
    lsn: int


class ExportReport(NamedTuple):
    files: list[str]
    points: int
    remarks: list[Remark]


def as_float32(values: ArrayLike, axes: int) -> NDArray[np.float32]:
    """The same memory when it is a float32 array in C order; otherwise a converted copy."""
    try:
        given = np.asarray(values)
        real = given.dtype.kind in "biufO"  # NumPy would take text for numbers, and the real part for the whole
        with np.errstate(over="ignore"):  # becomes infinite, which is refused by name
            array = np.ascontiguousarray(given, dtype=np.float32 if real else None)
    except (TypeError, ValueError, OverflowError) as error:
        raise _strata.InvalidArgument(f"not an array of numbers: {error}") from None
    if not real:
        raise _strata.InvalidArgument(f"not an array of real numbers, but of {given.dtype}")
    if array.ndim != axes:
        raise _strata.InvalidArgument(f"expected {axes} axes, this array has the shape {array.shape}")
    return array


def _is_sparse(vector: AnyVector) -> bool:
    return isinstance(vector, (SparseVector, Mapping))


def _as_sparse(vector: SparseVector | Mapping[int, float]) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
    """Values and indices, as the native module takes them."""
    if not isinstance(vector, SparseVector):
        vector = SparseVector(list(vector.keys()), list(vector.values()))
    indices = np.asarray(vector.indices)
    if indices.size == 0:
        indices = indices.astype(np.uint32)
    if indices.ndim != 1 or indices.dtype.kind not in "iu":
        raise _strata.InvalidArgument(f"indices of a sparse vector are whole numbers, not {quoted(vector.indices)}")
    if indices.size and not 0 <= int(indices.min()) <= int(indices.max()) <= 0xFFFF_FFFF:
        raise _strata.InvalidArgument(f"indices of a sparse vector are 0 to 4294967295, not {quoted(vector.indices)}")
    return as_float32(vector.values, 1), np.ascontiguousarray(indices, dtype=np.uint32)


def _as_vector(vector: AnyVector | None) -> tuple[NDArray[np.float32], NDArray[np.uint32] | None]:
    """Values, and indices of a sparse one; None has no values."""
    if vector is None:
        return np.empty(0, np.float32), None
    return _as_sparse(vector) if _is_sparse(vector) else (as_float32(vector, 1), None)


def _as_named(vectors: Mapping[str, AnyVector | None] | None) -> list[tuple[Any, ...]]:
    return [(name, *_as_vector(vector)) for name, vector in mapping("vectors", vectors).items()]


def _stored(vector: Any) -> Any:
    """A sparse vector comes from the native module as a pair."""
    return SparseVector(*vector) if isinstance(vector, tuple) else vector


def _point(kind: type[StoredPoint], fields: tuple[Any, ...]) -> Any:
    id, payload, vector, vectors = fields
    return kind(id, payload, vector, {name: _stored(each) for name, each in vectors.items()})


_INDEX = {"index": "hnsw", "m": 32, "ef_construction": 128, "lists": 0, "memory_bytes": 0}
_DENSE = {"kind": "dense", "metric": "cosine", "element": "f32", **_INDEX, "quantization": "scalar"}


def _vector_options(vectors: Mapping[str, Any] | None) -> dict[str, dict[str, Any]]:
    """What named vectors are, every option said: from a dimension, "sparse", or a dict of options."""
    options: dict[str, dict[str, Any]] = {}
    for name, given in mapping("vectors", vectors).items():
        if isinstance(given, str) and given == "sparse" or given == {"kind": "sparse"}:
            options[name] = {"kind": "sparse"}
            continue
        said = mapping(f"vectors[{name!r}]", {"dimension": given} if isinstance(given, (int, np.integer)) else given)
        unknown = sorted(set(said) - {*_DENSE, "dimension"})
        if unknown or "dimension" not in said:
            raise _strata.InvalidArgument(
                f"vectors[{name!r}] is a dimension, \"sparse\", or a dict of dimension, metric, element, quantization, "
                f"{', '.join(_INDEX)}, not {quoted(given)}")
        options[name] = {**_DENSE, **said}
        options[name]["quantization"] = _single(_quantization(options[name]["quantization"]))
    return options


def _said_options(native: dict[str, Any]) -> dict[str, Any]:
    """The same from the native module, which has the index as a tuple."""
    if native["kind"] == "sparse":
        return native
    rest = {key: value for key, value in native.items() if key not in ("index", "quantization")}
    codes = _single(Quantization(*native["quantization"]))
    return {**rest, **dict(zip(_INDEX, native["index"])), "quantization": codes}


def _native_options(options: dict[str, Any]) -> dict[str, Any]:
    if options["kind"] == "sparse":
        return options
    rest = {key: value for key, value in options.items() if key not in _INDEX}
    return {**rest, "index": tuple(options[key] for key in _INDEX), "quantization": tuple(options["quantization"])}


def _as_dict(payload: Any, name: str = "payload") -> dict[str, Any] | None:
    """A dict as it is; a pydantic model by its fields."""
    if payload is None or isinstance(payload, dict):
        return payload
    return payload.model_dump(mode="json") if hasattr(payload, "model_dump") else mapping(name, payload)


class Collection:
    """One collection by name. Its calls belong to the database, transaction or view it came from."""

    def __init__(self, native: _strata.Vector, name: str, handle: _strata.Handle):
        self._native = native
        self._handle = handle
        self.name = name

    def __repr__(self) -> str:
        return f"Collection({self.name!r})"

    def __len__(self) -> int:
        return self.count()

    def __contains__(self, id: str) -> bool:
        return self._native.get(self.name, id, False, False) is not None

    @property
    def info(self) -> CollectionInfo:
        return CollectionInfo.of(self._native.collection(self.name))

    def alter(self, index: str | None = None, m: int | None = None, ef_construction: int | None = None,
              lists: int | None = None, memory_bytes: int | None = None,
              quantization: Quantization | str | None = None, vector: str = "") -> None:
        """Changes how the collection is searched, by its unnamed vector or by the one that `vector` names; what is not
        given stays. What is indexed is searched as before until its new index stands, in the background: `db.compact()`
        waits for it."""
        found = self.info
        before: tuple[Any, ...] = found[6:11]
        codes_before = found.quantization
        if options := found.vectors.get(vector or found.default_vector):
            before = tuple(options.get(key, value) for key, value in _INDEX.items())
            codes_before = options.get("quantization", Quantization())
        given = (index, m, ef_construction, lists, memory_bytes)
        wanted = tuple(old if new is None else new for old, new in zip(before, given))
        codes = codes_before if quantization is None else _quantization(quantization)
        self._native.alter_collection(self.name, wanted, tuple(codes), vector)

    def add_vector(self, name: str, options: int | str | Mapping[str, Any]) -> None:
        """Adds a vector to those that points can have: its dimension, a dict of it and of what db.vector takes, or
        "sparse". No point has it yet: `points_without` tells which lack it, `embed_missing` gives it to them."""
        self._native.add_vector(self.name, {each: _native_options(given) for each, given
                                            in _vector_options({name: options}).items()})

    def drop_vector(self, name: str) -> None:
        """Takes a named vector from the collection and from every point. Views of the past keep it as long as the past
        is kept (`history`); then its space comes back."""
        self._native.drop_vector(self.name, name)

    def name_vector(self, name: str) -> None:
        """Gives the unnamed vector a name. It becomes the default one, so nothing changes for who names none."""
        self._native.name_vector(self.name, name)

    def set_default_vector(self, name: str, incomplete: bool = False) -> None:
        """What is meant from now on where no vector is named: the cut-over from one embedding to another, and back.
        FailedPrecondition while points lack it, unless `incomplete`; those are then not found."""
        self._native.set_default_vector(self.name, name, incomplete)

    def points_without(self, vector: str, after: str = "", limit: int = 100,
                       with_vector: bool = False) -> list[StoredPoint]:
        """Up to `limit` (10,000) points that lack a named vector, by id, those after `after`."""
        return [_point(StoredPoint, found)
                for found in self._native.points_without(self.name, vector, after, limit, with_vector)]

    def embed_missing(self, vector: str, embed: Callable[[list[StoredPoint]], ArrayLike], batch: int = 256,
                      progress: Progress | None = None) -> int:
        """Gives `vector` to every point that lacks it, while others search and write; returns to how many.

        embed(points) returns an embedding for each of up to `batch` points; no transaction is open meanwhile. Each
        batch is one commit: whatever ends this, called again it goes on with the points that still lack the vector. One
        that changes while it is embedded is embedded again. progress(done, of those that lacked it at first) is called
        after each batch; False ends this."""
        if self._handle.kind != "database":
            raise _strata.FailedPrecondition(
                "embed_missing commits batch by batch: call it on the database's collection")
        info = self.info
        lacking = info.points - info.points_with.get(vector, 0)
        given, after = 0, ""
        while points := self.points_without(vector, after, batch) or after and self.points_without(vector, "", batch):
            rows = as_float32(embed(points), 2)
            if len(rows) != len(points):
                raise _strata.InvalidArgument(f"embed returned {len(rows)} embeddings for {len(points)} points")
            given += self._give(vector, points, rows)
            after = points[-1].id
            if progress is not None and progress(given, max(given, lacking)) is False:
                break
        return given

    def _give(self, vector: str, points: list[StoredPoint], rows: NDArray[np.float32]) -> int:
        """In one commit, to those that are as they were; where somebody writes the same points, a half after the other.
        Returns to how many."""
        handle = self._handle.begin("repeatable_read", "batch", 60_000, "", 10_000)
        try:
            native = _strata.Vector(handle)
            ids, vectors = [], []
            for point, row in zip(points, rows):
                now = native.get(self.name, point.id, False, False)
                if now is not None and _point(StoredPoint, now).payload == point.payload:
                    ids.append(point.id)
                    vectors.append(_as_named({vector: row}))
            native.set_vectors(self.name, ids, vectors)
            handle.commit()
            return len(ids)
        except _strata.Conflict:
            if len(points) == 1:
                return 0
        finally:
            handle.release()
        half = len(points) // 2
        return self._give(vector, points[:half], rows[:half]) + self._give(vector, points[half:], rows[half:])

    def upsert(self, id: str, vector: ArrayLike | None = None, payload: Filter | None = None, text: str = "",
               vectors: Mapping[str, AnyVector | None] | None = None) -> None:
        """Inserts a point, or replaces the one with this id as a whole.

        vector     None in a collection without an unnamed vector
        vectors    named vectors, those that the point has: an array each, or of a sparse one {index: value}"""
        row = np.empty(0, np.float32) if vector is None else as_float32(vector, 1)
        self._native.upsert(self.name, [id], row[None, :], [_as_dict(payload)], [text],
                            [_as_named(vectors)] if vectors else None)

    def upsert_many(self, ids: Sequence[str], matrix: ArrayLike | None = None,
                    payloads: Sequence[Filter | None] | None = None, texts: Sequence[str] | None = None,
                    vectors: Mapping[str, Sequence[AnyVector | None] | NDArray[np.float32]] | None = None) -> None:
        """Inserts or replaces points: one row of `matrix` each. All of them or none. A float32 matrix in C order is
        read where it is, without a copy. `vectors`: for each name as many vectors as ids, a matrix or a list in which
        None stands for a point that has none."""
        ids = sequence("ids", ids)
        payloads = None if payloads is None else sequence("payloads", payloads)
        texts = None if texts is None else sequence("texts", texts)
        named = {name: list(given) for name, given in mapping("vectors", vectors).items()}
        for name, given in (("payloads", payloads), ("texts", texts), *named.items()):
            if given is not None and len(given) != len(ids):
                raise _strata.InvalidArgument(f"as many {name} as ids are needed: {len(given)} {name}, {len(ids)} ids")
        if not ids:
            return
        rows = np.empty((len(ids), 0), np.float32) if matrix is None else as_float32(matrix, 2)
        self._native.upsert(self.name, ids, rows,
                            None if payloads is None else [_as_dict(payload) for payload in payloads], texts,
                            [_as_named({name: given[i] for name, given in named.items()}) for i in range(len(ids))]
                            if named else None)

    def set_vectors(self, id: str, vectors: Mapping[str, AnyVector | None]) -> None:
        """Replaces these named vectors of a point and nothing else; one that is None is taken away."""
        self._native.set_vectors(self.name, [id], [_as_named(vectors)])

    def set_payload(self, id: str, payload: Filter) -> None:
        self._native.set_payload(self.name, id, _as_dict(payload))

    def delete(self, ids: str | Sequence[str]) -> int:
        """Removes points; returns how many there were."""
        return self._native.remove(self.name, [ids] if isinstance(ids, str) else sequence("ids", ids))

    def get(self, id: str, with_vector: bool = True, for_update: bool = False) -> StoredPoint | None:
        """`for_update`, in a transaction, locks the point until the end, also when it is not there."""
        found = self._native.get(self.name, id, with_vector, for_update)
        return None if found is None else _point(StoredPoint, found)

    def search(self, query: AnyVector, k: int = 10, filter: Filter | None = None, ef: int = 0, exact: bool = False,
               with_vector: bool = False, with_payload: bool = True, min_score: float | None = None,
               using: str = "", probes: int = 0) -> list[Hit]:
        """The k nearest points to `query` that match `filter`, nearest first: min(k, matches) of them.

        `using` names the vector that is searched; only points that have it are found. A sparse one is searched by
        {index: value} or a SparseVector: the greatest dot products, exactly; points whose score is 0 are not found.

        Segments of 10,000 points and more are searched through their graphs: `ef` candidates are kept in view (0: 64;
        at least 1.5 · k), and more of them find more of the true nearest. `exact` compares with every point.
        Of an index "ivf" the `probes` nearest lists are looked into (0: 3 · √lists). `min_score` leaves out what scores
        less; with metric l2 a distance of 2 is a score of -4.
        """
        kind = HitWithVector if with_vector else Hit
        if _is_sparse(query):
            values, indices = _as_sparse(query)
            hits = self._native.search_sparse(self.name, indices, values, k, _as_dict(filter, "filter"), min_score,
                                              with_payload, with_vector, using, kind)
            return _with_stored_vectors(hits) if with_vector else hits
        return self._native.search(self.name, as_float32(query, 1), k, _as_dict(filter, "filter"), ef, probes, exact,
                                   min_score, with_payload, with_vector, using, kind)

    def search_many(self, queries: ArrayLike, k: int = 10, filter: Filter | None = None, ef: int = 0,
                    exact: bool = False, with_vector: bool = False, with_payload: bool = True,
                    min_score: float | None = None, using: str = "", probes: int = 0) -> list[list[Hit]]:
        """`search` for each row of `queries` [count, dimension], up to 10,000, on one view: a list for each. Where the
        points are compared one by one, they are read once for many queries."""
        return self._native.search_many(self.name, as_float32(queries, 2), k, _as_dict(filter, "filter"), ef, probes,
                                        exact, min_score, with_payload, with_vector, using,
                                        HitWithVector if with_vector else Hit)

    def search_words(self, query: str, k: int = 10, filter: Filter | None = None, with_vector: bool = False,
                     with_payload: bool = True, min_score: float | None = None) -> list[Hit]:
        """The k best points by their words (BM25); the collection was created with words=True."""
        return self._native.search_words(self.name, query, k, _as_dict(filter, "filter"), min_score, with_payload,
                                         with_vector, HitWithVector if with_vector else Hit)

    def query(self, vector: AnyVector | None = None, words: str = "", *, like: Sequence[Example] = (),
              unlike: Sequence[Example] = (), recommend: str = "average_vector", fusion: str = "rrf",
              weights: tuple[float, float] = (1, 1), diversity: float = 0, candidates: int = 0, k: int = 10,
              filter: Filter | None = None, ef: int = 0, exact: bool = False, min_score: float | None = None,
              with_vector: bool = False, with_payload: bool = True, using: str = "",
              also: Mapping[str, AnyVector] | None = None,
              also_weights: Mapping[str, float] | None = None, probes: int = 0) -> list[QueryHit]:
        """The k best points for a question with one side or more, best first.

        One side goes by `vector`, or by examples: `like` and `unlike` are ids of stored points, which are then left out
        of the answer, or vectors. `recommend` is "average_vector" (near to twice the average of `like` less that of
        `unlike`) or "best_score" (the nearest example decides). The other side goes by `words`.
        `also` has further sides: what is near by other vectors, by their names. `vector`, examples and diversity go by
        the vector that `using` names.
        With several, the rankings are fused: "rrf" (1 / (60 + rank)), "dbsf" (the place of a score within mean ± 3σ of
        its side) or "weighted" (between the least and the greatest score of its side), each times its weight: `weights`
        of vector and words, `also_weights` of the further sides, 1 where nothing is said.
        `diversity` 0 to 1 chooses points that are less like those chosen before (MMR). Fusion and diversity look at
        `candidates` points of each side (0: 4 · k, at least 100). The rest is as in `search`."""
        asked = _asked(vector, words, like, unlike, recommend, fusion, weights, diversity, candidates, also,
                       also_weights)
        return _with_standings(asked, with_vector, self._native.query(
            self.name, asked, k, _as_dict(filter, "filter"), ef, probes, exact, min_score, with_payload, with_vector,
            using, QueryHit))

    def query_groups(self, group_by: str, vector: AnyVector | None = None, words: str = "", *, groups: int = 10,
                     size: int = 3, like: Sequence[Example] = (), unlike: Sequence[Example] = (),
                     recommend: str = "average_vector", fusion: str = "rrf", weights: tuple[float, float] = (1, 1),
                     candidates: int = 0, filter: Filter | None = None, ef: int = 0, exact: bool = False,
                     min_score: float | None = None, with_vector: bool = False, with_payload: bool = True,
                     using: str = "", also: Mapping[str, AnyVector] | None = None,
                     also_weights: Mapping[str, float] | None = None, probes: int = 0) -> list[Group]:
        """As `query`, in groups: for each value of the field `group_by` its `size` best points; the groups of the best
        points first, min(groups, different values) of them. A point whose field is a list is in the group of each item.
        With several sides, groups are what there is among the candidates."""
        asked = _asked(vector, words, like, unlike, recommend, fusion, weights, 0, candidates, also, also_weights)
        found = self._native.query_groups(self.name, asked, group_by, groups, size, _as_dict(filter, "filter"), ef,
                                          probes, exact, min_score, with_payload, with_vector, using, QueryHit)
        return [Group(value, _with_standings(asked, with_vector, hits)) for value, hits in found]

    def facets(self, field: str, filter: Filter | None = None, limit: int = 10) -> list[Facet]:
        """The values of a field and how many points that match hold each, the most frequent first."""
        return [Facet(*facet) for facet in self._native.facets(self.name, field, _as_dict(filter, "filter"), limit)]

    def count(self, filter: Filter | None = None) -> int:
        return self._native.count(self.name, _as_dict(filter, "filter"))

    def scroll(self, filter: Filter | None = None, after: str | tuple[Any, str] = "", with_vector: bool = False,
               page: int = 1000, order_by: str | None = None, descending: bool = False) -> Iterator[StoredPoint]:
        """Every point by id, fetched by pages.

        With `order_by`, by the value of a field: numbers, then texts, then what holds neither, which stays last when
        `descending`; points of equal value by id. Each is an OrderedPoint; after one of them, a scroll goes on with
        `after=(point.at, point.id)`."""
        if order_by is not None:
            yield from self._scroll_by(filter, after, with_vector, page, order_by, descending)
            return
        while True:
            points = self._native.scroll(self.name, after, page, _as_dict(filter, "filter"), with_vector)
            yield from (_point(StoredPoint, point) for point in points)
            if len(points) < page:
                return
            after = points[-1][0]

    def _scroll_by(self, filter: Filter | None, after: str | tuple[Any, str], with_vector: bool, page: int,
                   order_by: str, descending: bool) -> Iterator[OrderedPoint]:
        place = None if after == "" else after
        if place is not None and not (isinstance(place, tuple) and len(place) == 2):
            raise _strata.InvalidArgument(f"after is a pair with order_by, (point.at, point.id), not {quoted(after)}")
        while True:
            points = self._native.scroll_by(self.name, order_by, descending, place, page,
                                            _as_dict(filter, "filter"), with_vector)
            for fields, at in points:
                point = _point(OrderedPoint, fields)
                point.at = at
                yield point
            if len(points) < page:
                return
            place = (points[-1][1], points[-1][0][0])

    def import_from(self, path: str | os.PathLike[str], *, format: str = "",
                    points: str | os.PathLike[str] | None = None, id_field: str = "", vector_field: str = "",
                    source_collection: str = "", text_field: str = "", metric: str = "", batch: int = 1000,
                    resume: bool = False, dry_run: bool = False,
                    progress: Callable[[int, int], bool | None] | None = None) -> ImportReport:
        """Takes in what another vector store's file holds; makes the collection when it is not there.

        path                     a .npy of two axes, an index file of faiss or hnswlib, JSON of Qdrant's API, or a
                                 folder with vectors.npy and points.jsonl, Parquet,
                                 a persistent directory of Chroma
        format                   npy, faiss, hnswlib, parquet, qdrant, chroma; "": what the content says
        points                   ids and payloads for rows or integer labels: a .npy, or JSON lines {"id", "payload",
                                 "label"}; None: path.points.jsonl where that is, else ids are the labels' digits
        id_field, vector_field   qdrant, parquet: the field or column that is the id; which of several named vectors
        source_collection        chroma: which of its collections; "": the only one
        text_field               the payload's field whose words search_words finds the point by
        metric                   cosine, l2, inner_product; "": the file's, else the collection's
        batch                    points in one commit, 1 … 100,000
        resume                   pass over points that are there, as after an import that ended early
        progress                 called with points done and points in the file; False cancels

        What cannot be kept is left out and told in `remarks`. Raises FailedPrecondition for another dimension or
        metric than the collection's, Corruption for a file that ends early, Unsupported for an index without vectors.
        """
        report = _strata.import_vectors(self._handle, self.name, checked_path("path", path), format,
                                        "" if points is None else checked_path("points", points), id_field,
                                        vector_field, source_collection, text_field, metric, batch, resume, dry_run,
                                        progress)
        return ImportReport(*report[:7], [Remark(*remark) for remark in report[7]], report[8])

    def export_to(self, path: str | os.PathLike[str], *, format: str = "npy", filter: Filter | None = None,
                  vector: str = "", progress: Progress | None = None) -> ExportReport:
        """Writes the points as other vector stores read them, from one state, in the order of their ids.

        format   npy: a new folder with vectors.npy (float32) and points.jsonl · faiss: an IndexIDMap2 over an
                 IndexFlat, with path.points.jsonl beside · qdrant: bodies of its upsert, one a line ·
                 parquet: columns id, vector, payload (JSON)
        filter   only points that meet this condition
        vector   the named one, of the points that have it
        """
        files, count, remarks = _strata.export_vectors(self._handle, self.name, checked_path("path", path), format,
                                                       _as_dict(filter, "filter"), vector, progress)
        return ExportReport(files, count, [Remark(*remark) for remark in remarks])


def _asked(vector: AnyVector | None, words: str, like: Sequence[Example], unlike: Sequence[Example], recommend: str,
           fusion: str, weights: tuple[float, float], diversity: float, candidates: int,
           also: Mapping[str, AnyVector] | None, also_weights: Mapping[str, float] | None) -> dict[str, Any]:
    """A query for the native module: plain things and arrays."""
    def examples(name: str, given: Sequence[Example]) -> list[Any]:
        return [each if isinstance(each, str) else as_float32(each, 1) for each in sequence(name, given)]
    pair = sequence("weights", weights)
    if len(pair) != 2:
        raise _strata.InvalidArgument(f"weights are two numbers, (vector, words), not {quoted(weights)}")
    sides, side_weights = mapping("also", also), mapping("also_weights", also_weights)
    for name in side_weights:
        if name not in sides:
            raise _strata.InvalidArgument(f"also_weights has {quoted(name)}, which is no side of also")
    values, indices = (None, None) if vector is None else _as_vector(vector)
    return {"vector": values, "indices": indices, "words": words, "like": examples("like", like),
            "unlike": examples("unlike", unlike), "recommend": recommend, "fusion": fusion, "vector_weight": pair[0],
            "words_weight": pair[1], "diversity": diversity, "candidates": candidates,
            "also": [(name, *_as_vector(side), side_weights.get(name, 1)) for name, side in sides.items()]}


def _with_stored_vectors(hits: list[Any]) -> list[Any]:
    for hit in hits:
        hit.vector = _stored(hit.vector)
    return hits


def _with_standings(asked: dict[str, Any], with_vector: bool, hits: list[QueryHit]) -> list[QueryHit]:
    names = [side[0] for side in asked["also"]]
    for hit in hits:
        hit.by_vector = None if hit.by_vector is None else Standing(*hit.by_vector)
        hit.by_words = None if hit.by_words is None else Standing(*hit.by_words)
        hit.by_also = {name: None if side is None else Standing(*side) for name, side in zip(names, hit.by_also)}
    return _with_stored_vectors(hits) if with_vector else hits


def _quantization(given: Quantization | str) -> Quantization:
    return given if isinstance(given, Quantization) else Quantization(given)


def _single(quantization: Quantization) -> Quantization:
    """As it is kept, in four bytes, and told again."""
    return quantization._replace(recall_min=round(float(np.float32(quantization.recall_min)), 6))


class VectorStore:
    """`db.vector("notes", dimension=384)` is a collection, made on first use; `db.vector.collections()` lists them."""

    def __init__(self, handle: _strata.Handle):
        self._native = _strata.Vector(handle)
        self._handle = handle

    def __call__(self, name: str, dimension: int | None = None, metric: str = "cosine", words: bool = False,
                 element: str = "f32", index: str = "hnsw", m: int = 32, ef_construction: int = 128, lists: int = 0,
                 memory_bytes: int = 0, quantization: Quantization | str = "scalar",
                 vectors: Mapping[str, Any] | None = None, default_vector: str = "") -> Collection:
        """A collection by name. With `dimension` or `vectors` it is created when it does not exist; when it exists with
        other options: AlreadyExists.

        element            what vectors are kept as: f32 as given; f16, bf16 rounded, half the space; int8 whole numbers
                           -128 ... 127; binary 0 and 1. Given and given back as float32; scores are of what is kept
        index              hnsw: a search graph over many points; ivf: lists of points that lie near each other,
                           cheaper to make and to keep, slower to search; flat: every search compares with all
        lists              of ivf, 1 ... 65,536; 0: about 4 · √points
        m, ef_construction of the graph: links a point chooses, 4 ... 128, and the effort to find them, m ... 1,024
        memory_bytes       how much of its files may lie in memory, codes and graphs at least; 0: as the database
                           allows
        quantization       the codes that the graph is walked by: a Quantization, or its kind alone
        vectors            named vectors beside the unnamed one, or with no dimension instead of it: of each name its
                           dimension, a dict of it and the options above, or "sparse"; a point may have any of them
        default_vector     with no dimension: the one of them that is meant wherever none is named"""
        if dimension is not None or vectors:
            self._ensure(name, dimension or 0, metric, words, element, (index, m, ef_construction, lists, memory_bytes),
                         _quantization(quantization), _vector_options(vectors), default_vector)
        return Collection(self._native, name, self._handle)

    def _ensure(self, name: str, dimension: int, metric: str, words: bool, element: str, index: tuple[Any, ...],
                quantization: Quantization, vectors: dict[str, dict[str, Any]], default_vector: str) -> None:
        try:
            found = CollectionInfo.of(self._native.collection(name))
            there = (found[1:4], found.element, found[6:11], _single(found.quantization), found.vectors,
                     found.default_vector)
            wanted = ((dimension, metric, words), element, index, _single(quantization), vectors, default_vector)
            if there == wanted:
                return
        except _strata.NotFound:
            pass
        self._native.create_collection(name, dimension, metric, words, element, index, tuple(quantization),
                                       {each: _native_options(options) for each, options in vectors.items()},
                                       default_vector)

    def collections(self) -> list[CollectionInfo]:
        return [CollectionInfo.of(info) for info in self._native.collections()]

    def drop(self, name: str) -> None:
        self._native.drop_collection(name)
