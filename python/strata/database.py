"""The database, its transactions and its views: seven stores through one door."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from types import TracebackType
from typing import Any, NamedTuple

from . import _strata
from .analytics import AnalyticsStore
from .arguments import path as checked_path
from .array import ArrayStore
from .cache import CacheStore
from .graph import GraphStore
from .memory import Memory, TransactionMemory
from .metadata import MetadataStore
from .object import ObjectStore
from .times import Duration, duration_ms, milliseconds, to_datetime
from .vector import VectorStore

AsOf = int | str | datetime | None
Progress = Callable[[int, int], bool | None]


class Tag(NamedTuple):
    name: str
    lsn: int
    time: datetime


class Finding(NamedTuple):
    store: str
    file: str
    offset: int
    what: str
    repaired: bool


class StoreSummary(NamedTuple):
    store: str
    items: int
    hash: str


class CompactReport(NamedTuple):
    objects: int
    bytes: int
    lsn: int


class BackupReport(NamedTuple):
    directory: str
    lsn: int
    bytes: int
    files: int
    seconds: float


class Stores:
    """On the database every call is a transaction of its own; on a transaction calls join it; on a view they read."""

    def __init__(self, handle: _strata.Handle):
        self._handle = handle
        self.vector = VectorStore(handle)
        self.object = ObjectStore(handle)
        self.metadata = MetadataStore(handle)
        self.graph = GraphStore(handle)
        self.analytics = AnalyticsStore(handle)
        self.cache = CacheStore(handle)
        self.array = ArrayStore(handle)


class Transaction(Stores):
    """Commits at the end of its `with`; an exception in there rolls everything back. One thread at a time."""

    def __init__(self, handle: _strata.Handle, database: Database):
        super().__init__(handle)
        self._database = database
        self.lsn: int | None = None  # of the commit, once it has happened

    @cached_property
    def memory(self) -> TransactionMemory:
        """Memories that are remembered in this transaction."""
        return TransactionMemory(self._database.memory, self._handle)

    @property
    def view_lsn(self) -> int:
        """The state it reads."""
        return self._handle.view_lsn()

    @property
    def active(self) -> bool:
        return not self._handle.closed

    def commit(self) -> int:
        """Everything or nothing, over all stores; returns the LSN."""
        try:
            self.lsn = self._handle.commit()
        finally:
            self._handle.release()
        return self.lsn

    def rollback(self) -> None:
        """Also when it has ended already."""
        self._handle.release()

    def savepoint(self, name: str) -> None:
        """Marks what is written so far, in all seven stores; of several of one name the last counts."""
        self._handle.savepoint(name)

    def rollback_to(self, name: str) -> None:
        """Takes back what was written since the savepoint, which stays."""
        self._handle.rollback_to(name)

    def release(self, name: str) -> None:
        """Forgets the savepoint and those after it; what was written stays."""
        self._handle.release_savepoint(name)

    def __enter__(self) -> Transaction:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if kind is not None:
            self.rollback()
        elif self.active:
            self.commit()


class View(Stores):
    """One state of all stores at once; writes are FailedPrecondition. Keeps that state readable until it is closed."""

    @cached_property
    def lsn(self) -> int:
        return self._handle.view_lsn()

    @cached_property
    def commit_time(self) -> datetime:
        """Of its LSN, as far as it is known; else of the one before it."""
        return to_datetime(self._handle.view_time())  # type: ignore[return-value]

    def close(self) -> None:
        self._handle.release()

    def __enter__(self) -> View:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class Database(Stores):
    """What strata.open gives. Any thread may use it; it is closed by `with`, by close() or with its last reference."""

    def __init__(self, handle: _strata.Handle, embedder: str | None = None):
        super().__init__(handle)
        self._embedder = embedder
        self._borrowers: weakref.WeakSet[Transaction | View] = weakref.WeakSet()

    def __repr__(self) -> str:
        return "Database(closed)" if self.closed else f"Database({self.directory!r}, lsn {self.visible_lsn})"

    @cached_property
    def memory(self) -> Memory:
        """remember, recall, forget; opened on first use with the embedder that was given to strata.open."""
        return Memory(self._handle, self._embedder)

    @property
    def closed(self) -> bool:
        return self._handle.closed

    @property
    def directory(self) -> str:
        return self._handle.directory()

    @property
    def visible_lsn(self) -> int:
        """The latest commit that everybody sees."""
        return self._handle.visible_lsn()

    def transaction(self, isolation: str = "repeatable_read", durability: str = "batch", timeout: Duration = 60,
                    idempotency_key: str = "", lock_timeout: Duration = 10) -> Transaction:
        """Begins a transaction. Isolation: read_uncommitted, read_committed, repeatable_read, serializable.
        Durability: off, batch, each. A commit with an idempotency key that was committed before returns that LSN and
        does nothing. lock_timeout: how long a call waits for a key that another transaction has written; 0: it does
        not wait."""
        if self._embedder is not None:
            self.memory  # its places are committed before a transaction that may remember begins
        handle = self._handle.begin(isolation, durability, duration_ms(timeout), idempotency_key,
                                    milliseconds(lock_timeout))
        transaction = Transaction(handle, self)
        self._borrowers.add(transaction)
        return transaction

    def view(self, as_of: AsOf = None) -> View:
        """A state of all stores: an LSN, a time (datetime, "2026-11-20T10:00:00Z"), a tag; None: now."""
        view = View(self._handle.view(as_of))
        self._borrowers.add(view)
        return view

    def tags(self) -> list[Tag]:
        return [Tag(name, lsn, to_datetime(time)) for name, lsn, time in self._handle.tags()]

    def set_tag(self, name: str, lsn: int = 0) -> int:
        """Names an LSN (0: now) and keeps its state readable until the tag is removed."""
        return self._handle.set_tag(name, lsn)

    def remove_tag(self, name: str) -> bool:
        return self._handle.remove_tag(name)

    def checkpoint(self) -> int:
        return self._handle.checkpoint()

    def compact(self, progress: Progress | None = None) -> CompactReport:
        """Removes what nothing refers to, gives back its space, merges vector segments, and waits until the large ones
        have their search graphs; `progress(rows done, rows in all)`. A running database does it by and by."""
        return CompactReport(*_strata.compact(self._handle, progress))

    def statistics(self) -> dict[str, Any]:
        return self._handle.statistics()

    def transactions(self) -> dict[str, Any]:
        """What is under way: "active", a list of transactions by id with isolation, age_ms, view_lsn, writing, bytes,
        keys and, of one that waits for a lock, waits_for (ids), waits_on (store and hash of the key) and waiting_ms;
        "not_shown", how many more there are; "conflicts", the last 32 with time and message; "locks", how many are
        held; "lag", by how many bytes of records each store's files are behind; "counters".
        From any thread, also while others wait."""
        return self._handle.transactions()

    def summarize(self, as_of: AsOf = None) -> list[StoreSummary]:
        """What each store holds; equal databases have equal summaries."""
        return [StoreSummary(*summary) for summary in self._handle.summarize(as_of)]

    def verify(self) -> list[Finding]:
        """Reads every live byte; empty when all is well."""
        return [Finding(*found) for found in self._handle.verify()]

    def backup(self, directory: str | os.PathLike[str], progress: Progress | None = None) -> BackupReport:
        """Copies everything into a new, timestamped folder of `directory` while others go on writing.

        progress(done, total), in bytes, is called now and then; False cancels. It may read and write, but close,
        checkpoint, verify and another backup are FailedPrecondition in there."""
        directory = checked_path("directory", directory)
        made = not os.path.exists(directory)
        try:
            os.makedirs(directory, exist_ok=True)
        except OSError as error:
            raise _strata.IoError(f"create directory {directory}: {error.strerror}") from None
        try:
            return BackupReport(*_strata.backup(self._handle, directory, progress))
        except BaseException:
            if made and not os.listdir(directory):
                os.rmdir(directory)
            raise

    def close(self) -> None:
        """Rolls back what is open and closes the directory, after the calls of other threads. Fine when it is closed.
        FailedPrecondition while another thread is in a call of a transaction or a view, and within a call (from a
        backup's progress, from a file that is read or written): then it stays open."""
        for borrower in list(self._borrowers):
            borrower._handle.release()
        memory = self.__dict__.pop("memory", None)
        if memory is not None:
            memory._native.close()
        self._handle.close()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def open(path: str | os.PathLike[str], *, embedder: str | None = None, **options: Any) -> Database:
    """Opens the database in a directory, creating it when it is none.

    embedder                  of db.memory: "lexical", "none", "command:…", "http://host/v1#model"; None: the one that
                              the database was filled with where it is built in, "lexical" where there is none yet
    create                    False: NotFound when there is no database
    durability                of calls on the database itself: off, batch, each
    history                   how far back view(as_of) reaches, at least: seconds, "7d", a timedelta (a day);
                              0: as far as views and tags need it
    checkpoint_journal_bytes, journal_segment_bytes, cache_bytes, vector_bytes, analytics_bytes,
    metadata_cache_bytes, transaction_bytes_max, store_lag_bytes_max
                              limits, in bytes

    Raises Unavailable when another process has it open.
    """
    if "history" in options:
        options["history_ms"] = milliseconds(options.pop("history"))
    return Database(_strata.open(checked_path("path", path), options), embedder)


def restore(backup: str | os.PathLike[str], directory: str | os.PathLike[str], lsn: int = 0,
            progress: Progress | None = None) -> int:
    """Makes `directory` a database with the backup's content, up to `lsn` (0: all of it); returns where it stands."""
    return _strata.restore(checked_path("backup", backup), checked_path("directory", directory), lsn, progress)


def rebuild(directory: str | os.PathLike[str], store: str) -> StoreSummary:
    """Makes again what one store derived (metadata, analytics), or opens it again and checks it (the others).

    After an error nothing has changed. The database must be closed.
    """
    return StoreSummary(*_strata.rebuild(checked_path("directory", directory), store))


def transactions(directory: str | os.PathLike[str]) -> dict[str, Any]:
    """What `Database.transactions` tells, of a database that another process has open, and "process", who that is.

    That process need not answer, so it may hang. At most 256 transactions and 64 that wait are shown; "not_shown" are
    the others. NotFound: no process has it open. PermissionDenied: it is another user's.
    """
    return _strata.transactions(checked_path("directory", directory))
