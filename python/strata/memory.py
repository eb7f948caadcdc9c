"""Memory: one remembered thing, in every store, under one id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from numpy.typing import ArrayLike

from . import _strata
from .arguments import mapping, number, quoted, sequence
from .times import Moment, moment_object, moment_us, to_datetime
from .vector import as_float32

Tags = Mapping[str, float] | Iterable[str]
Links = Mapping[str, str | Sequence[str]] | Iterable[tuple[str, str] | tuple[str, str, Mapping[str, Any]]]


class MemoryTag(NamedTuple):
    key: str
    value: str
    weight: float


class MemoryLink(NamedTuple):
    type: str
    target: str
    properties: dict[str, Any]


class StoredAtom(NamedTuple):
    """One version of a memory."""

    id: str
    text: str
    modality: str
    tags: list[MemoryTag]
    links: list[MemoryLink]
    valid_from: datetime | str | None  # ISO 8601 text before the year 1 and after 9999
    valid_to: datetime | str | None
    source: str
    metadata: dict[str, Any]
    snapshot: str
    version: int
    lsn: int
    created_at: datetime
    forgotten: bool


class Why(NamedTuple):
    """The rank and score in each store that spoke for a memory; rank 1 is best, 0: it was not among the candidates."""

    vector_rank: int
    vector_score: float
    words_rank: int
    words_score: float
    hops: int
    path: list[str]


class Recalled(NamedTuple):
    id: str
    score: float
    text: str
    metadata: dict[str, Any]
    why: Why


class ForgetReceipt(NamedTuple):
    """Enough to prove that it was forgotten; `hash` is over the other fields."""

    id: str
    lsn: int
    time: datetime
    removed: dict[str, int]
    hash: str


class SnapshotInfo(NamedTuple):
    id: str
    hash: str
    parent: str
    notes: str
    created_at: datetime
    lsn: int


class Disagreement(NamedTuple):
    id: str
    store: str
    what: str
    repaired: bool


class AgreementReport(NamedTuple):
    atoms: int
    present: dict[str, int]
    disagreements: list[Disagreement]


class EmbedderInfo(NamedTuple):
    model: str
    dimension: int


_ATOM_FIELDS = frozenset("id text modality tags links embedding valid_from valid_to source metadata snapshot "
                         "activation".split())


def _tags(tags: Tags | None) -> list[tuple[str, str, float]]:
    """{"ci": 0.9}, ["ci", "team=infra"], or (key, value, weight) as a memory has them."""
    if tags is None:
        return []
    weighted = tags.items() if isinstance(tags, Mapping) else ((tag, 1.0) for tag in sequence("tags", tags))
    result = []
    for tag, weight in weighted:
        if isinstance(tag, str):
            key, _, value = tag.partition("=")
        elif isinstance(tag, tuple) and len(tag) == 3:
            key, value, weight = tag
        else:
            raise _strata.InvalidArgument(f'a tag is "key", "key=value" or (key, value, weight), not {quoted(tag)}')
        result.append((key, value, number(f"the weight of tag {quoted(key)}", weight)))
    return result


def _links(links: Links | None) -> list[tuple[str, str, dict[str, Any]]]:
    """{"caused_by": id or [ids]}, or (type, target[, properties])."""
    if links is None:
        return []
    if not isinstance(links, Mapping):
        return [_link(link) for link in sequence("links", links)]
    return [(type, target, {}) for type, targets in links.items()
            for target in ([targets] if isinstance(targets, str) else sequence(f"the targets of {type!r}", targets))]


def _link(link: Any) -> tuple[str, str, dict[str, Any]]:
    if not isinstance(link, (tuple, list)) or len(link) not in (2, 3):
        raise _strata.InvalidArgument(f"a link is (type, target) or (type, target, properties), not {quoted(link)}")
    return link[0], link[1], mapping("the properties of a link", link[2] if len(link) > 2 else None)


def _atom(fields: Mapping[str, Any]) -> dict[str, Any]:
    fields = mapping("a memory", fields)
    for name in fields:
        if name not in _ATOM_FIELDS:
            raise _strata.InvalidArgument(f"a memory has no field {name!r}; it has {', '.join(sorted(_ATOM_FIELDS))}")
    atom = {name: value for name, value in fields.items() if value is not None}
    atom["tags"] = _tags(fields.get("tags"))
    atom["links"] = _links(fields.get("links"))
    for name in ("valid_from", "valid_to"):
        atom[name] = moment_us(fields.get(name))
    for name in ("embedding", "activation"):
        if fields.get(name) is not None:
            atom[name] = as_float32(fields[name], 1)
    return atom


def _recall_fields(text: str, k: int, tags: str | Iterable[str], filter: Mapping[str, Any] | None, near: str,
                   hops: int, link_types: str | Iterable[str], valid_at: Moment | None,
                   as_of: int | str | datetime | None, embedding: ArrayLike | None, with_text: bool) -> dict[str, Any]:
    return {
        "text": text, "k": k, "tags": [tags] if isinstance(tags, str) else sequence("tags", tags),
        "filter": mapping("filter", filter), "near": near,
        "hops": hops, "link_types": [link_types] if isinstance(link_types, str)
        else sequence("link_types", link_types),
        "valid_at": moment_us(valid_at), "as_of": as_of, "with_text": with_text,
        "embedding": None if embedding is None else as_float32(embedding, 1),
    }


def _stored(fields: dict[str, Any]) -> StoredAtom:
    fields["tags"] = [MemoryTag(*tag) for tag in fields["tags"]]
    fields["links"] = [MemoryLink(*link) for link in fields["links"]]
    for name in ("valid_from", "valid_to"):
        fields[name] = None if fields[name] is None else moment_object(fields[name])
    fields["created_at"] = to_datetime(fields["created_at"])
    return StoredAtom(**fields)


def _recalled(fields: tuple[Any, ...]) -> Recalled:
    *found, why = fields
    return Recalled(*found, Why(*why))


def _snapshot(fields: tuple[Any, ...]) -> SnapshotInfo:
    id, hash, parent, notes, created_at, lsn = fields
    return SnapshotInfo(id, hash, parent, notes, to_datetime(created_at), lsn)


class _Remembers:
    """remember and remember_many; where they commit is the subclass's."""

    def _remember(self, atoms: list[dict[str, Any]]) -> list[str]:
        raise NotImplementedError

    def remember(self, text: str, *, id: str = "", tags: Tags | None = None, links: Links | None = None,
                 valid_from: Moment | None = None, valid_to: Moment | None = None, source: str = "",
                 embedding: ArrayLike | None = None, metadata: Mapping[str, Any] | None = None,
                 activation: ArrayLike | None = None, modality: str = "text", snapshot: str = "") -> str:
        """One memory in every store. Returns its id; an id that exists gets a new version."""
        return self._remember([_atom({
            "text": text, "id": id, "tags": tags, "links": links, "valid_from": valid_from, "valid_to": valid_to,
            "source": source, "embedding": embedding, "metadata": mapping("metadata", metadata),
            "activation": activation, "modality": modality, "snapshot": snapshot})])[0]

    def remember_many(self, memories: Iterable[str | Mapping[str, Any]]) -> list[str]:
        """Many memories, all or none: texts, or dicts with the parameters of remember. Links may be mutual."""
        return self._remember([_atom({"text": memory} if isinstance(memory, str) else memory) for memory in memories])


class TransactionMemory(_Remembers):
    """What a transaction remembers, committed with everything else in it."""

    def __init__(self, memory: Memory, handle: _strata.Handle):
        self._memory = memory
        self._handle = handle

    def _remember(self, atoms: list[dict[str, Any]]) -> list[str]:
        return self._memory._native.remember(atoms, self._handle)


class Memory(_Remembers):
    def __init__(self, handle: _strata.Handle, embedder: str | None):
        self._native = _strata.open_memory(handle, embedder or "", 3_600_000)

    def _remember(self, atoms: list[dict[str, Any]]) -> list[str]:
        return self._native.remember(atoms, None)

    def recall(self, text: str = "", k: int = 10, *, tags: str | Iterable[str] = (),
               filter: Mapping[str, Any] | None = None, near: str = "", hops: int = 0,
               link_types: str | Iterable[str] = (), valid_at: Moment | None = None,
               as_of: int | str | datetime | None = None, embedding: ArrayLike | None = None,
               with_text: bool = True) -> list[Recalled]:
        """The memories that answer to `text`, by meaning, words and links, best first.

        tags        every one must be there: "ci" or "team=infra"       filter   over metadata, source, modality
        near, hops  only what links reach from `near`; without it, neighbours of the best join in
        valid_at    only what was true then        as_of   as the database was then: an LSN, a time or a tag
        """
        fields = _recall_fields(text, k, tags, filter, near, hops, link_types, valid_at, as_of, embedding, with_text)
        return [_recalled(found) for found in self._native.recall(fields)]

    def why(self, id: str, text: str = "", *, embedding: ArrayLike | None = None, near: str = "", hops: int = 0,
            as_of: int | str | datetime | None = None) -> Recalled:
        """Why this memory answers to that question, whatever its rank."""
        fields = _recall_fields(text, 10, (), None, near, hops, (), None, as_of, embedding, True)
        return _recalled(self._native.why(id, fields))

    def get(self, id: str, as_of: int | str | datetime | None = None) -> StoredAtom | None:
        stored = self._native.get(id, as_of)
        return None if stored is None else _stored(stored)

    def history(self, id: str) -> list[StoredAtom]:
        """Every version, newest first; forgotten ones keep their times and lose their content."""
        return [_stored(version) for version in self._native.history(id)]

    def forget(self, id: str, receipt: bool = False) -> ForgetReceipt | None:
        """Removes a memory from every store in one commit."""
        id, lsn, time, removed, hash = self._native.forget(id)
        return ForgetReceipt(id, lsn, to_datetime(time), removed, hash) if receipt else None

    def snapshot(self, id: str, notes: str = "") -> SnapshotInfo:
        """Names the present set of memories; view(as_of=id) shows it."""
        return _snapshot(self._native.snapshot(id, notes))

    def snapshots(self) -> list[SnapshotInfo]:
        return [_snapshot(info) for info in self._native.snapshots()]

    def count(self) -> int:
        return self._native.count()

    def check_agreement(self, repair: bool = False) -> AgreementReport:
        """Does every store hold its part of every memory, and nothing else?"""
        atoms, present, disagreements = self._native.check_agreement(repair)
        return AgreementReport(atoms, present, [Disagreement(*found) for found in disagreements])

    @property
    def embedder(self) -> EmbedderInfo:
        return EmbedderInfo(*self._native.embedder())
