"""The object store: bytes under the SHA-256 of their content. An address is 64 hexadecimal digits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple

from . import _strata
from .arguments import quoted, text

Content = bytes | bytearray | memoryview | str


class ObjectInfo(NamedTuple):
    address: str
    bytes: int
    stored_bytes: int
    compression: str
    references: int


class CollectReport(NamedTuple):
    objects: int
    bytes: int


def as_bytes(content: Content) -> bytes:
    """Text as UTF-8; a buffer as its bytes."""
    if isinstance(content, str):
        return text("content", content).encode()
    if isinstance(content, (bytearray, memoryview)):
        return bytes(content)
    if not isinstance(content, bytes):
        raise _strata.InvalidArgument(f"content is bytes or str, not {quoted(content)}")
    return content


def _method(file: Any, name: str) -> Callable[[Any], Any]:
    method = getattr(file, name, None)
    if not callable(method):
        raise _strata.InvalidArgument(f"file is a file object with {name}(), not {quoted(file)}")
    return method


class ObjectStore:
    def __init__(self, handle: _strata.Handle):
        self._native = _strata.Object(handle)

    def put(self, content: Content, owner: str = "", compression: str = "automatic") -> str:
        """Stores content, refers to it (a pin, or `owner`), and returns its address."""
        return self._native.put(as_bytes(content), owner, compression)

    def put_stream(self, file: BinaryIO, owner: str = "", compression: str = "automatic") -> str:
        """As put, of a file object read to its end; it may be larger than memory."""
        return self._native.put_stream(_method(file, "read"), owner, compression)

    def get(self, address: str) -> bytes:
        return self._native.get(address)

    def get_stream(self, address: str, file: BinaryIO) -> None:
        """Writes the content into a file object. An exception means that what was written must not be trusted."""
        self._native.get_stream(address, _method(file, "write"))

    def exists(self, address: str) -> bool:
        return self._native.exists(address)

    __contains__ = exists

    def info(self, address: str) -> ObjectInfo:
        return ObjectInfo(*self._native.info(address))

    def list(self, after: str | None = None, page: int = 1000) -> Iterator[ObjectInfo]:
        """Every object by address, fetched by pages."""
        while True:
            infos = self._native.list(after, page)
            yield from (ObjectInfo(*info) for info in infos)
            if len(infos) < page:
                return
            after = infos[-1][0]

    def count(self) -> int:
        return self._native.count()

    def remove(self, address: str) -> None:
        """Ends the pin of `put`."""
        self._native.remove(address)

    def release(self, owner: str) -> int:
        """Ends every reference of this owner; returns how many there were."""
        return self._native.release(owner)

    def collect(self) -> CollectReport:
        """Removes what nothing refers to."""
        return CollectReport(*self._native.collect())
