"""The metadata store: rows and SQL (SQLite's dialect)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from . import _strata
from .arguments import mapping, sequence
from .rows import Parameters, Rows, as_parameters, query_rows


class ExecuteResult(NamedTuple):
    rows_changed: int
    last_insert_rowid: int  # of the row an insert put in last; 0: it put in none


class MetadataStore:
    def __init__(self, handle: _strata.Handle):
        self._handle = handle
        self._native = _strata.Metadata(handle)

    def execute(self, sql: str, parameters: Parameters | None = None) -> ExecuteResult:
        """One statement that writes or defines. Parameters: a list for ?, a dict for :name."""
        return ExecuteResult(*self._native.execute(sql, as_parameters(parameters)))

    def query(self, sql: str, parameters: Parameters | None = None) -> Rows:
        """One statement that reads."""
        return query_rows(_strata.Metadata, self._handle, sql, parameters)

    def put_row(self, table: str, row: Mapping[str, Any]) -> None:
        """Inserts a row, or replaces the one with its primary key. The value strata.COMMIT_LSN becomes its LSN."""
        self._native.put_row(table, mapping("row", row))

    def get_row(self, table: str, key: Mapping[str, Any], for_update: bool = False) -> dict[str, Any] | None:
        """`for_update`, in a transaction, locks the row until the end, also when it is not there."""
        return self._native.get_row(table, mapping("key", key), for_update)

    def remove_row(self, table: str, key: Mapping[str, Any]) -> bool:
        return self._native.remove_row(table, mapping("key", key))

    def migrate(self, component: str, migrations: Mapping[int, str] | Iterable[tuple[int, str]]) -> None:
        """Brings a schema to the last of these versions; those already applied are skipped."""
        pairs = list(migrations.items()) if isinstance(migrations, Mapping) else sequence("migrations", migrations)
        self._native.migrate(component, [(version, sql) for version, sql in pairs])

    def set(self, key: str, value: Any) -> None:
        """A setting by name."""
        self._native.set(key, value)

    def get(self, key: str) -> Any:
        return self._native.get(key)
