"""The same surface, awaited: each call runs on a thread of asyncio's, where the engine holds no GIL.

    async with await strata.open_async("notes.strata") as db:        # also: async with strata.open_async(...) as db
        async with db.transaction() as tx:
            await tx.metadata.execute(...)
        async for point in (await db.vector("notes")).scroll(): ...
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from typing import Any

from . import database as _sync
from .array import Dataset
from .memory import Memory, TransactionMemory
from .vector import Collection

_END = object()


async def _call(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    return _awaited(await asyncio.to_thread(function, *args, **options))


def _awaited(result: Any) -> Any:
    """Objects that have calls of their own are awaited, too; values are values."""
    return AsyncObject(result) if isinstance(result, (Collection, Dataset, Memory, TransactionMemory)) else result


async def _pages(iterator: Iterator[Any]) -> AsyncIterator[Any]:
    while (item := await asyncio.to_thread(next, iterator, _END)) is not _END:
        yield item


class AsyncObject:
    """A store, collection or dataset: `await db.object.put(…)`, `db.vector("notes")`, `async for … in x.scroll()`.
    What [] and len() answer comes from `await dataset.read(slice)` and `await dataset.length()`."""

    _ITERATORS = frozenset({"scroll", "list"})

    def __init__(self, target: Any):
        self._target = target

    def __repr__(self) -> str:
        return f"Async{self._target!r}"

    def __getattr__(self, name: str) -> Any:
        kind = getattr(type(self._target), name, None)
        if isinstance(kind, property):
            return _call(getattr, self._target, name)
        member = getattr(self._target, name)
        if not callable(member):
            return member
        if name in self._ITERATORS:
            return lambda *args, **options: _pages(member(*args, **options))
        return lambda *args, **options: _call(member, *args, **options)

    def __call__(self, *args: Any, **options: Any) -> Awaitable[Any]:
        return _call(self._target, *args, **options)

    def read(self, index: int | slice) -> Awaitable[Any]:
        return _call(self._target.__getitem__, index)

    def length(self) -> Awaitable[int]:
        return _call(self._target.__len__)


class _AsyncStores:
    """The stores of a database, transaction or view, each awaited."""

    _inner: Any

    def __getattr__(self, name: str) -> Any:
        if name in {"vector", "object", "metadata", "graph", "analytics", "cache", "array"}:
            return AsyncObject(getattr(self._inner, name))
        if name == "memory":
            return _LazyMemory(self._inner)
        if name.startswith("_"):
            raise AttributeError(name)
        kind = getattr(type(self._inner), name, None)
        if callable(kind):
            return lambda *args, **options: _call(getattr(self._inner, name), *args, **options)
        return getattr(self._inner, name)


class _LazyMemory:
    """The memory is opened by its first call, on that call's thread."""

    def __init__(self, stores: Any):
        self._stores = stores

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        def call(*args: Any, **options: Any) -> Any:
            member = getattr(self._stores.memory, name)
            return member(*args, **options) if callable(member) else member

        return lambda *args, **options: _call(call, *args, **options)


class AsyncTransaction(_AsyncStores):
    """`async with db.transaction() as tx`: commits at the end, rolls back on an exception."""

    def __init__(self, begin: Callable[[], _sync.Transaction]):
        self._begin = begin

    async def __aenter__(self) -> AsyncTransaction:
        self._inner = await asyncio.to_thread(self._begin)
        return self

    async def savepoint(self, name: str) -> None:
        await asyncio.to_thread(self._inner.savepoint, name)

    async def rollback_to(self, name: str) -> None:
        await asyncio.to_thread(self._inner.rollback_to, name)

    async def release(self, name: str) -> None:
        await asyncio.to_thread(self._inner.release, name)

    async def __aexit__(self, *exception: Any) -> None:
        await asyncio.to_thread(self._inner.__exit__, *exception)


class AsyncView(_AsyncStores):
    """`async with db.view(as_of=lsn) as then`"""

    def __init__(self, make: Callable[[], _sync.View]):
        self._make = make

    async def __aenter__(self) -> AsyncView:
        self._inner = await asyncio.to_thread(self._make)
        return self

    async def __aexit__(self, *exception: Any) -> None:
        await asyncio.to_thread(self._inner.close)


class AsyncDatabase(_AsyncStores):
    def __init__(self, inner: _sync.Database):
        self._inner = inner

    def transaction(self, **options: Any) -> AsyncTransaction:
        return AsyncTransaction(lambda: self._inner.transaction(**options))

    def view(self, as_of: _sync.AsOf = None) -> AsyncView:
        return AsyncView(lambda: self._inner.view(as_of))

    async def close(self) -> None:
        await asyncio.to_thread(self._inner.close)

    async def __aenter__(self) -> AsyncDatabase:
        return self

    async def __aexit__(self, *exception: Any) -> None:
        await self.close()


class Opening:
    """What open_async gives: awaited it is the database; in `async with` it is closed at the end."""

    def __init__(self, path: str | os.PathLike[str], options: dict[str, Any]):
        self._path = path
        self._options = options

    async def _open(self) -> AsyncDatabase:
        self._database = AsyncDatabase(await asyncio.to_thread(lambda: _sync.open(self._path, **self._options)))
        return self._database

    def __await__(self) -> Generator[Any, None, AsyncDatabase]:
        return self._open().__await__()

    async def __aenter__(self) -> AsyncDatabase:
        return await self._open()

    async def __aexit__(self, *exception: Any) -> None:
        await self._database.close()


def open_async(path: str | os.PathLike[str], **options: Any) -> Opening:
    """As strata.open, awaited."""
    return Opening(path, options)
