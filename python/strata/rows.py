"""What SQL gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from . import _strata
from .arguments import mapping, sequence

if TYPE_CHECKING:
    import polars
    import pyarrow

Parameters = Sequence[Any] | Mapping[str, Any]


class Rows:
    """Rows as tuples, with the names of their columns. Consumers of Arrow (pyarrow, polars, duckdb, pandas) take it as
    it is: __arrow_c_stream__ asks the store for columns, of the same state, and hands them over without a copy."""

    def __init__(self, columns: list[str], rows: list[tuple[Any, ...]], arrow: Callable[[], _strata.ArrowTable]):
        self.columns = columns
        self._rows = rows
        self._arrow = arrow

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index):
        return self._rows[index]

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self._rows)

    def __eq__(self, other: object) -> bool:
        return self._rows == (other._rows if isinstance(other, Rows) else other)

    def __repr__(self) -> str:
        return f"Rows({', '.join(self.columns)}: {len(self)} rows)"

    def dicts(self) -> list[dict[str, Any]]:
        return [dict(zip(self.columns, row)) for row in self._rows]

    def one(self) -> tuple[Any, ...]:
        """The only row."""
        if len(self._rows) != 1:
            raise _strata.NotFound(f"expected one row, there are {len(self._rows)}")
        return self._rows[0]

    def scalar(self) -> Any:
        """The only value of the only row."""
        row = self.one()
        if len(row) != 1:
            raise _strata.InvalidArgument(f"expected one column, there are {len(row)}")
        return row[0]

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._arrow().__arrow_c_stream__(requested_schema)

    def arrow(self) -> pyarrow.Table:
        import pyarrow

        return pyarrow.RecordBatchReader.from_stream(self).read_all()

    def polars(self) -> polars.DataFrame:
        import polars

        return polars.DataFrame(self._arrow())


def as_parameters(parameters: Parameters | None) -> Parameters | None:
    if parameters is None:
        return None
    if isinstance(parameters, Mapping):
        return {name: _as_sql(value) for name, value in mapping("parameters", parameters).items()}
    return [_as_sql(value) for value in sequence("parameters", parameters)]


def _as_sql(value: Any) -> Any:
    """What SQL answers can be asked for: the objects that have no kind of their own go in as their text."""
    if isinstance(value, (date, time)) and not isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, (Decimal, UUID)) else value


def query_rows(store: Callable[[_strata.Handle], Any], handle: _strata.Handle, sql: str,
               parameters: Parameters | None) -> Rows:
    """Runs a query; the Rows know which state they are of. On the database that is an LSN: when a commit came in
    between, the query is asked again in a view, so that there is no doubt."""
    parameters = as_parameters(parameters)
    if handle.kind != "database":
        native = store(handle)
        return Rows(*native.query(sql, parameters), lambda: native.query_arrow(sql, parameters))

    lsn = handle.visible_lsn()
    found = store(handle).query(sql, parameters)
    if handle.visible_lsn() != lsn:
        view = handle.view(None)
        try:
            lsn, found = view.view_lsn(), store(view).query(sql, parameters)
        finally:
            view.release()

    def arrow() -> _strata.ArrowTable:
        then = handle.view(lsn)
        try:
            return store(then).query_arrow(sql, parameters)
        finally:
            then.release()

    return Rows(*found, arrow)
