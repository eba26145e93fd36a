"""A map as a table in long form, for pandas: a row per link between a query and a key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..errors import ConfigError, require
from ..shapes import Array
from .measures.topk import TopK
from .storage.indexing import window
from .storage.numpy_arrays import to_array
from .storage.stored_attention import StoredAttention

if TYPE_CHECKING:
    from pandas import DataFrame

ALL = slice(None)
MOST_ROWS = 1_000_000
ENTRIES = 1 << 22  # of a map in memory at a time


def to_dataframe(
    attention_map: StoredAttention,
    *,
    batch: int | Sequence[int] | None = None,
    heads: int | Sequence[int] | None = None,
    queries: slice = ALL,
    keys: slice = ALL,
    topk: int | None = None,
    most_rows: int = MOST_ROWS,
) -> DataFrame:
    """Make a table with a row per link that the mask allows, with its weight.

    Columns: ``batch``, ``head``, ``query``, ``key`` (positions in the whole map), ``query_token``
    and ``key_token`` where the map has labels, and ``weight``. Links that the mask forbids have no
    row: they are not weights of zero.

    Args:
        attention_map: whose weights.
        batch, heads: which sequences and heads; None for all.
        queries, keys: a window of the map, slices in steps of 1.
        topk: only this many of the largest weights of each query, largest first; for long maps,
            whose table of all links would not fit in memory. It excludes a window of keys.
        most_rows: a guard: a larger table is refused before it is made.

    Raises:
        ConfigError: the table would be larger than `most_rows`, or a choice that does not exist.
        MissingExtraError: pandas is not installed.
    """
    require("pandas", extra="frames", purpose="A table of weights")
    shape, key_len = attention_map.query.shape, attention_map.key.shape[2]
    batch_rows, head_list = _indices("batch", batch, shape[0]), _indices("heads", heads, shape[1])
    rows, columns = window(queries, shape[2], "queries"), window(keys, key_len, "keys")
    _check_topk(topk, len(columns) == key_len)
    per_query = len(columns) if topk is None else min(topk, len(columns))
    _check_rows(len(batch_rows) * len(head_list), len(rows), per_query, most_rows, topk)
    if topk is not None:
        return _frame(attention_map, [_largest(attention_map, batch_rows, head_list, rows, topk)])
    parts = [
        _links(attention_map, item, head_list, part, columns)
        for item in batch_rows
        for part in _parts(rows, len(columns) * len(head_list))
    ]
    return _frame(attention_map, parts)


def _check_topk(topk: int | None, every_key: bool) -> None:
    """Check that ``topk`` is a count, and takes the largest of all keys."""
    if topk is not None and not every_key:
        raise ConfigError(
            "topk takes the largest of all keys of a query; leave out either it or keys."
        )
    if topk is not None and topk < 1:
        raise ConfigError(f"topk counts keys, so it is at least 1; {topk} came.")


def _largest(
    attention_map: StoredAttention, batch: list[int], heads: list[int], rows: range, topk: int
) -> dict[str, Array]:
    """Return the largest weights of each query, as columns of the table."""
    top = attention_map.result_of(TopK(topk))
    values, keys = (to_array(x)[np.ix_(batch, heads, rows)] for x in (top.values, top.indices))
    item, head, query, rank = np.nonzero(keys >= 0)
    return {
        "batch": np.asarray(batch)[item],
        "head": np.asarray(heads)[head],
        "query": query + rows.start,
        "key": keys[item, head, query, rank],
        "weight": values[item, head, query, rank],
    }


def _links(
    attention_map: StoredAttention, item: int, heads: list[int], rows: range, columns: range
) -> dict[str, Array]:
    """Return all links of some queries of one sequence, as columns of the table."""
    head_indices = torch.tensor(heads, device=attention_map.query.device)
    queries, keys = slice(rows.start, rows.stop), slice(columns.start, columns.stop)
    one = slice(item, item + 1)
    denominators = attention_map.denominators.at(queries, one, head_indices)
    scores = attention_map.scores_at(queries, keys, one, head_indices, denominators)
    visible = scores[0] > -torch.inf
    weights = denominators.weights(scores)[0]
    head, query, key = torch.nonzero(visible, as_tuple=True)
    return {
        "batch": np.full(len(head), item),
        "head": to_array(head_indices[head]),
        "query": to_array(query + rows.start),
        "key": to_array(key + columns.start),
        "weight": to_array(weights[visible]),
    }


def _frame(attention_map: StoredAttention, parts: Sequence[dict[str, Array]]) -> DataFrame:
    """Join columns into a table, with tokens where the map has labels."""
    import pandas

    columns: dict[str, Any] = {
        name: np.concatenate([part[name] for part in parts])
        for name in ("batch", "head", "query", "key")
    }
    for name, labels in (("query", attention_map.query_labels), ("key", attention_map.key_labels)):
        if labels is not None:
            columns[f"{name}_token"] = np.array(labels, dtype=object)[
                columns["batch"], columns[name]
            ]
    columns["weight"] = np.concatenate([part["weight"] for part in parts])
    frame = pandas.DataFrame(columns)
    return frame.sort_values(["batch", "head", "query"], kind="stable", ignore_index=True)


def _check_rows(maps: int, queries: int, per_query: int, most: int, topk: int | None) -> None:
    """Refuse a table of more rows than ``most``."""
    rows = maps * queries * per_query
    if rows > most:
        smaller = "a smaller topk, " if topk is not None else "topk=8, "
        raise ConfigError(
            f"The table would have up to {rows:,} rows ({maps} × {queries:,} queries × "
            f"{per_query:,} keys), more than the {most:,} of most_rows. Ask for {smaller}fewer "
            "heads, a window (queries=slice(0, 100)), or a larger most_rows."
        )


def _indices(name: str, choice: int | Sequence[int] | None, count: int) -> list[int]:
    """Return which sequences or heads are in the table, counted from the first."""
    listed = range(count) if choice is None else [choice] if isinstance(choice, int) else choice
    for index in listed:
        if not -count <= index < count:
            raise ConfigError(
                f"{name}: {index} does not exist; there are {count}, 0 to {count - 1}."
            )
    return [index % count for index in listed]


def _parts(rows: range, width: int) -> list[range]:
    """Part the rows so that a bounded number of links is in memory at a time."""
    step = max(ENTRIES // width, 1)
    return [rows[start : start + step] for start in range(0, len(rows), step)]
