"""The vector store: collections of points, searched by nearness and by words."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _strata
from .arguments import mapping, path as checked_path, sequence

Filter = Mapping[str, Any]


class Hit(NamedTuple):
    """A point that was found; larger scores are nearer. Unpacks as (id, score, payload)."""

    id: str
    score: float
    payload: dict[str, Any]


class HitWithVector(Hit):
    """As Hit, still three fields, with the stored embedding beside them."""

    vector: NDArray[np.float32]


class StoredPoint(NamedTuple):
    id: str
    payload: dict[str, Any]
    vector: NDArray[np.float32] | None


class CollectionInfo(NamedTuple):
    name: str
    dimension: int
    metric: str
    words: bool
    points: int


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
        return CollectionInfo(*self._native.collection(self.name))

    def upsert(self, id: str, vector: ArrayLike, payload: Filter | None = None, text: str = "") -> None:
        """Inserts a point, or replaces the one with this id."""
        self._native.upsert(self.name, [id], as_float32(vector, 1)[None, :], [_as_dict(payload)], [text])

    def upsert_many(self, ids: Sequence[str], matrix: ArrayLike, payloads: Sequence[Filter | None] | None = None,
                    texts: Sequence[str] | None = None) -> None:
        """Inserts or replaces points: one row of `matrix` each. All of them or none. A float32 matrix in C order is
        read where it is, without a copy."""
        ids = sequence("ids", ids)
        payloads = None if payloads is None else sequence("payloads", payloads)
        texts = None if texts is None else sequence("texts", texts)
        for name, given in (("payloads", payloads), ("texts", texts)):
            if given is not None and len(given) != len(ids):
                raise _strata.InvalidArgument(f"as many {name} as ids are needed: {len(given)} {name}, {len(ids)} ids")
        if not ids:
            return
        self._native.upsert(self.name, ids, as_float32(matrix, 2),
                            None if payloads is None else [_as_dict(payload) for payload in payloads],
                            texts)

    def set_payload(self, id: str, payload: Filter) -> None:
        self._native.set_payload(self.name, id, _as_dict(payload))

    def delete(self, ids: str | Sequence[str]) -> int:
        """Removes points; returns how many there were."""
        return self._native.remove(self.name, [ids] if isinstance(ids, str) else sequence("ids", ids))

    def get(self, id: str, with_vector: bool = True, for_update: bool = False) -> StoredPoint | None:
        """`for_update`, in a transaction, locks the point until the end, also when it is not there."""
        found = self._native.get(self.name, id, with_vector, for_update)
        return None if found is None else StoredPoint(*found)

    def search(self, query: ArrayLike, k: int = 10, filter: Filter | None = None, ef: int = 0, exact: bool = False,
               with_vector: bool = False, with_payload: bool = True) -> list[Hit]:
        """The k nearest points to `query` that match `filter`, nearest first: min(k, matches) of them.

        Segments of 10,000 points and more are searched through their graphs: `ef` candidates are kept in view (0: 64;
        at least 1.5 · k), and more of them find more of the true nearest. `exact` compares with every point.
        """
        return self._native.search(self.name, as_float32(query, 1), k, _as_dict(filter, "filter"), ef, exact,
                                   with_payload, with_vector, HitWithVector if with_vector else Hit)

    def search_words(self, query: str, k: int = 10, filter: Filter | None = None, with_vector: bool = False,
                     with_payload: bool = True) -> list[Hit]:
        """The k best points by their words (BM25); the collection was created with words=True."""
        return self._native.search_words(self.name, query, k, _as_dict(filter, "filter"), with_payload, with_vector,
                                         HitWithVector if with_vector else Hit)

    def count(self, filter: Filter | None = None) -> int:
        return self._native.count(self.name, _as_dict(filter, "filter"))

    def scroll(self, filter: Filter | None = None, after: str = "", with_vector: bool = False,
               page: int = 1000) -> Iterator[StoredPoint]:
        """Every point by id, fetched by pages."""
        while True:
            points = self._native.scroll(self.name, after, page, _as_dict(filter, "filter"), with_vector)
            yield from (StoredPoint(*point) for point in points)
            if len(points) < page:
                return
            after = points[-1][0]


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
                  progress: Callable[[int, int], bool | None] | None = None) -> ExportReport:
        """Writes the points as other vector stores read them, from one state, in the order of their ids.

        format   npy: a new folder with vectors.npy (float32) and points.jsonl · faiss: an IndexIDMap2 over an
                 IndexFlat, with path.points.jsonl beside · qdrant: bodies of its upsert, one a line ·
                 parquet: columns id, vector, payload (JSON)
        filter   only points that meet this condition
        """
        files, count, remarks = _strata.export_vectors(self._handle, self.name, checked_path("path", path), format,
                                                       _as_dict(filter, "filter"), progress)
        return ExportReport(files, count, [Remark(*remark) for remark in remarks])


class VectorStore:
    """`db.vector("notes", dimension=384)` is a collection, made on first use; `db.vector.collections()` lists them."""

    def __init__(self, handle: _strata.Handle):
        self._native = _strata.Vector(handle)
        self._handle = handle

    def __call__(self, name: str, dimension: int | None = None, metric: str = "cosine",
                 words: bool = False) -> Collection:
        """A collection by name. With `dimension` it is created when it does not exist; when it exists with other
        options: AlreadyExists."""
        if dimension is not None:
            self._ensure(name, dimension, metric, words)
        return Collection(self._native, name, self._handle)

    def _ensure(self, name: str, dimension: int, metric: str, words: bool) -> None:
        try:
            found = CollectionInfo(*self._native.collection(name))
            if (found.dimension, found.metric, found.words) == (dimension, metric, words):
                return
        except _strata.NotFound:
            pass
        self._native.create_collection(name, dimension, metric, words)

    def collections(self) -> list[CollectionInfo]:
        return [CollectionInfo(*info) for info in self._native.collections()]

    def drop(self, name: str) -> None:
        self._native.drop_collection(name)
