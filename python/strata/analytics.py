"""The analytics store: append-only tables and SQL over them (DuckDB's dialect)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from . import _strata
from .arguments import mapping, quoted, sequence
from .rows import Rows, query_rows


class TableInfo(NamedTuple):
    name: str
    columns: dict[str, str]
    rows: int


class AnalyticsStore:
    def __init__(self, handle: _strata.Handle):
        self._handle = handle
        self._native = _strata.Analytics(handle)

    def create_table(self, table: str, columns: Mapping[str, str]) -> None:
        """Declares a table: names to boolean, integer, real, text, bytes or timestamp. Fine when it exists so."""
        self._native.create_table(table, mapping("columns", columns))

    def drop_table(self, table: str) -> None:
        self._native.drop_table(table)

    def tables(self) -> list[TableInfo]:
        return [TableInfo(*info) for info in self._native.tables()]

    def append(self, table: str, rows: Mapping[str, Any] | Iterable[Sequence[Any] | Mapping[str, Any]]) -> None:
        """Appends one row by column names (a dict), or many: dicts, or sequences in declared order. All or none.
        A column that a dict does not name is null."""
        if isinstance(rows, Mapping):
            self._native.append_row(table, dict(rows))
            return
        rows = sequence("rows", rows)
        if any(isinstance(row, Mapping) for row in rows):
            rows = self._in_declared_order(table, rows)
        if rows:
            self._native.append_rows(table, [sequence("a row", row) for row in rows])

    def _in_declared_order(self, table: str, rows: list[Any]) -> list[list[Any]]:
        columns = next((info.columns for info in self.tables() if info.name == table), None)
        if columns is None:
            raise _strata.NotFound(f'there is no table "{table}"')
        for row in rows:
            if not isinstance(row, Mapping):
                raise _strata.InvalidArgument("rows are all dicts or all sequences")
            for name in row:
                if name not in columns:
                    raise _strata.InvalidArgument(f'table "{table}" has no column "{name}"')
        return [[row.get(column) for column in columns] for row in rows]

    def erase(self, table: str, column: str, value: Any) -> int:
        """Removes the rows whose column equals the value; returns how many."""
        return self._native.erase(table, column, value)

    def query(self, sql: str, parameters: Sequence[Any] | None = None) -> Rows:
        """One statement that reads. Parameters: a list for ?; there are no names."""
        if isinstance(parameters, Mapping):
            raise _strata.InvalidArgument(f"parameters is a list for ?, in order, not {quoted(parameters)}")
        return query_rows(_strata.Analytics, self._handle, sql, parameters)
