"""The array store: numpy in, numpy out."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _strata
from .arguments import quoted, sequence


class DatasetInfo(NamedTuple):
    name: str
    dtype: str
    row_shape: list[int]
    rows: int
    parts: int
    attributes: dict[str, Any]


class RowRange(NamedTuple):
    """Rows begin … end (exclusive)."""

    begin: int
    end: int


def _numbers(rows: ArrayLike, dtype: str) -> NDArray[Any]:
    """Python's numbers as `dtype`; what NumPy would make fit by taking a part of it is refused."""
    try:
        given = np.asarray(rows)
        array = np.asarray(rows, dtype=dtype)
        whole = np.dtype(dtype).kind in "iu"
        if given.dtype.kind in "biuf" and not (whole and given.dtype.kind == "f" and (array != given).any()):
            return array
    except (TypeError, ValueError, OverflowError):
        pass
    raise _strata.InvalidArgument(f"rows are numbers of type {dtype}, not {quoted(rows)}")


class Dataset:
    """One dataset by name: it grows along its first axis. ds[5] is a row, ds[10:20] are rows; both own their memory."""

    def __init__(self, native: _strata.Array, name: str):
        self._native = native
        self.name = name

    def __repr__(self) -> str:
        return f"Dataset({self.name!r})"

    @property
    def info(self) -> DatasetInfo:
        return DatasetInfo(*self._native.dataset(self.name))

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.info.dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        info = self.info
        return (info.rows, *info.row_shape)

    @property
    def attributes(self) -> dict[str, Any]:
        return self.info.attributes

    def set_attribute(self, name: str, value: Any) -> None:
        """None takes the attribute away."""
        self._native.set_attribute(self.name, name, value)

    def append(self, rows: ArrayLike, key: str = "") -> int:
        """Appends one row or many; returns the index of the first. An array must have the dataset's dtype; Python
        numbers take it. An array in C order is read where it is."""
        info = self.info
        array = rows if isinstance(rows, np.ndarray) else _numbers(rows, info.dtype)
        array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
        if array.ndim == len(info.row_shape):
            array = array.reshape((1, *array.shape))
        return self._native.append(self.name, array.dtype.name, array, key)

    def __len__(self) -> int:
        return self.info.rows

    def __getitem__(self, index: int | slice) -> NDArray[Any]:
        rows = len(self)
        if isinstance(index, slice):
            begin, end, step = index.indices(rows)
            if step < 0:
                raise _strata.InvalidArgument(f"rows are read forwards: the step is {step}")
            return self._native.read(self.name, begin, max(begin, end))[::step]
        try:
            index = operator.index(index)
        except TypeError:
            raise _strata.InvalidArgument(f"a row is named by a whole number or a slice, not {quoted(index)}") from None
        if not -rows <= index < rows:
            raise IndexError(f'row {index} of dataset "{self.name}", which has {rows}')
        return self._native.read(self.name, index % rows, index % rows + 1)[0]

    def find(self, key: str) -> list[RowRange]:
        """The rows that were appended under this key."""
        return [RowRange(*found) for found in self._native.find(self.name, key)]

    def clear_rows(self, begin: int, end: int) -> None:
        """Overwrites rows with zeros; the indexes of the others stay."""
        self._native.clear_rows(self.name, begin, end)


class ArrayStore:
    """`db.array("activations", dtype="float32", row_shape=(64,))` is a dataset, created on first use."""

    def __init__(self, handle: _strata.Handle):
        self._native = _strata.Array(handle)

    def __call__(self, name: str, dtype: Any = None, row_shape: Sequence[int] = (), chunk_rows: int = 0,
                 gzip_level: int = 0, shuffle: bool = False, fletcher32: bool = True) -> Dataset:
        """A dataset by name. With `dtype` it is created when it does not exist; when it exists with another type or
        shape: AlreadyExists."""
        if dtype is not None:
            try:
                type_name = np.dtype(dtype).name
            except TypeError:
                raise _strata.InvalidArgument(f"dtype is a type of numpy's, not {quoted(dtype)}") from None
            self._ensure(name, type_name, sequence("row_shape", row_shape), chunk_rows, gzip_level, shuffle, fletcher32)
        return Dataset(self._native, name)

    def _ensure(self, name: str, dtype: str, row_shape: list[int], *options: Any) -> None:
        try:
            found = DatasetInfo(*self._native.dataset(name))
            if (found.dtype, found.row_shape) == (dtype, row_shape):
                return
        except _strata.NotFound:
            pass
        self._native.create_dataset(name, dtype, row_shape, *options)

    def datasets(self) -> list[DatasetInfo]:
        return [DatasetInfo(*info) for info in self._native.datasets()]

    def drop(self, name: str) -> None:
        self._native.drop_dataset(name)
