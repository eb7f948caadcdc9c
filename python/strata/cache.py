"""The cache store: hot values with a time to live, never on disk."""

from __future__ import annotations

from . import _strata
from .object import Content, as_bytes
from .times import Duration, duration_ms


class CacheStore:
    def __init__(self, handle: _strata.Handle):
        self._native = _strata.Cache(handle)

    def set(self, key: str, value: Content, ttl: Duration | None = None) -> None:
        """ttl: seconds, "1h" or a timedelta; None: until it is evicted."""
        self._native.set(key, as_bytes(value), duration_ms(ttl))

    def get(self, key: str) -> bytes | None:
        return self._native.get(key)

    def remove(self, key: str) -> bool:
        return self._native.remove(key)

    def ttl(self, key: str) -> float | None:
        """Seconds left; infinity without a time to live; None when it is not there."""
        left_ms = self._native.ttl(key)
        if left_ms is None:
            return None
        return float("inf") if left_ms < 0 else left_ms / 1000

    def expire(self, key: str, ttl: Duration) -> bool:
        """Sets the time to live of an entry; False when it is not there."""
        return self._native.expire(key, duration_ms(ttl))

    def clear(self) -> None:
        self._native.clear()

    def clear_expired(self) -> int:
        return self._native.clear_expired()

    def stats(self) -> dict[str, int]:
        return self._native.stats()
