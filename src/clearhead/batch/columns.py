"""Reads and adds columns of the batches of Ray, Spark, datasets and pandas.

None of these packages is imported to recognise a batch: the module of its type tells the kind.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import ConfigError


def is_table(batch: Any) -> bool:
    """Return whether a batch has named columns: a dict, a DataFrame, an Arrow table."""
    return isinstance(batch, Mapping) or _library(batch) == "pyarrow" or hasattr(batch, "columns")


def column_of(batch: Any, name: str) -> Any:
    """Return a column of a table.

    Raises:
        ConfigError: there is no column of this name.
    """
    names = _names(batch)
    if name not in names:
        raise ConfigError(
            f"There is no column {name!r} in a batch with the columns "
            f"{', '.join(map(repr, names))}. Name one of them: column=..."
        )
    return batch[name]


def values_of(column: Any) -> list[Any]:
    """Return the values of a column as a list; missing values are None.

    Args:
        column: a list, a tuple, a NumPy array, a Series or an Arrow column.

    Raises:
        ConfigError: it is not a column, or has several axes.
    """
    if isinstance(column, str | bytes) or not hasattr(column, "__len__"):
        raise ConfigError(
            f"A batch is a dict of columns, a DataFrame, or one column of texts; "
            f"a {type(column).__name__} came."
        )
    if isinstance(column, np.ndarray) and column.ndim == 2 and column.shape[1] == 1:
        column = column[:, 0]
    if isinstance(column, np.ndarray) and column.ndim != 1:
        raise ConfigError(f"A column of texts has one axis; the array has shape {column.shape}.")
    listed = column.to_pylist() if _library(column) == "pyarrow" else list(column)
    return [None if _is_missing(value) else value for value in listed]


def like(column: Any, values: Sequence[str | None]) -> Any:
    """Return values as a column of the same kind as another one."""
    library = _library(column)
    if library == "pandas":
        pandas = importlib.import_module("pandas")
        return pandas.Series(list(values), index=column.index, dtype=object)
    if library == "pyarrow":
        arrow = importlib.import_module("pyarrow")
        return arrow.array(list(values), type=arrow.string())
    if isinstance(column, np.ndarray):
        array = np.empty(len(values), object)
        array[:] = list(values)
        return array
    return list(values)


def with_columns(batch: Any, columns: Mapping[str, Any]) -> Any:
    """Return a table with additional columns; the given table stays unchanged.

    Raises:
        ConfigError: the table has a column of one of these names.
    """
    for name in columns:
        if name in _names(batch):
            raise ConfigError(
                f"The batch has a column {name!r} already, which would be lost. Name another one "
                f"for the translations: to=..."
            )
    if isinstance(batch, Mapping):
        return {**batch, **columns}
    if _library(batch) == "pyarrow":
        for name, column in columns.items():
            batch = batch.append_column(name, column)
        return batch
    return batch.assign(**columns)


def one_row_like(batch: Any, values: Mapping[str, Any]) -> Any:
    """Return a table of one row, of the same kind as another table."""
    columns = {name: [value] for name, value in values.items()}
    if isinstance(batch, Mapping):
        return columns
    library = _library(batch)
    if library == "pyarrow":
        return importlib.import_module("pyarrow").table(columns)
    return importlib.import_module("pandas").DataFrame(columns)


def _names(batch: Any) -> list[str]:
    if isinstance(batch, Mapping):
        return list(batch)
    return list(batch.column_names if _library(batch) == "pyarrow" else batch.columns)


def _library(value: Any) -> str:
    return type(value).__module__.partition(".")[0]


def _is_missing(value: Any) -> bool:
    """Return whether a value is None, NaN, or the NA of pandas."""
    if value is None:
        return True
    if isinstance(value, float | np.floating):
        return bool(np.isnan(value))
    return type(value).__name__ == "NAType"
