"""A map as a table in long form, for pandas: a row per link between a query and a key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ..errors import ConfigError, require
from .measures.topk import TopK
from .stored_attention import StoredAttention

if TYPE_CHECKING:
    from pandas import DataFrame

Array = np.ndarray[Any, Any]

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
    """A row per link that the mask allows, with its weight.

    Columns: ``batch``, ``head``, ``query``, ``key`` (positions in the whole map), ``query_token``
    and ``key_token`` where the map has labels, and ``weight``. Links that the mask forbids have no
    row: they are not weights of zero.

    Args:
        attention_map: whose weights.
        batch, heads: which sequences and heads; None for all.
        queries, keys: a window of the map, slices in steps of 1.
        topk: only the so many largest weights of each query, largest first; for long maps, whose
            table of all links no memory holds. Not together with a window of keys.
        most_rows: a guard: a larger table is refused before it is made.

    Raises:
        ConfigError: the table would be larger than `most_rows`, or a choice that does not exist.
        MissingExtraError: pandas is not installed.
    """
    require("pandas", extra="frames", purpose="A table of weights")
    shape = attention_map.query.shape
    chosen_batch = _chosen("batch", batch, shape[0])
    chosen_heads = _chosen("heads", heads, shape[1])
    rows = _window("queries", queries, shape[2])
    columns = _window("keys", keys, attention_map.key.shape[2])
    if topk is not None and len(columns) != attention_map.key.shape[2]:
        raise ConfigError(
            "topk takes the largest of all keys of a query; leave out either it or keys."
        )
    if topk is not None and topk < 1:
        raise ConfigError(f"topk counts keys, so it is at least 1; {topk} came.")
    each = len(columns) if topk is None else min(topk, len(columns))
    _guard(len(chosen_batch) * len(chosen_heads), len(rows), each, most_rows, topk)
    if topk is not None:
        return _frame(
            attention_map, [_largest(attention_map, chosen_batch, chosen_heads, rows, topk)]
        )
    parts = [
        _links(attention_map, item, chosen_heads, part, columns)
        for item in chosen_batch
        for part in _parts(rows, len(columns) * len(chosen_heads))
    ]
    return _frame(attention_map, parts)


def _largest(
    attention_map: StoredAttention, batch: list[int], heads: list[int], rows: range, topk: int
) -> dict[str, Array]:
    """The largest weights of each query, as columns of the table."""
    found = attention_map.result_of(TopK(topk))
    values, keys = (_array(x)[np.ix_(batch, heads, rows)] for x in (found.values, found.indices))
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
    """All links of some queries of one sequence, as columns of the table."""
    device = attention_map.query.device
    chosen = torch.tensor(heads, device=device)
    wanted, one = slice(rows.start, rows.stop), slice(item, item + 1)
    denominators = attention_map.denominators.at(wanted, one, chosen)
    scores = attention_map.scores_at(
        wanted, slice(columns.start, columns.stop), one, chosen, denominators
    )
    seen = scores[0] > -torch.inf
    weights = denominators.weights(scores)[0]
    head, query, key = torch.nonzero(seen, as_tuple=True)
    return {
        "batch": np.full(len(head), item),
        "head": _array(chosen[head]),
        "query": _array(query + rows.start),
        "key": _array(key + columns.start),
        "weight": _array(weights[seen]),
    }


def _frame(attention_map: StoredAttention, parts: Sequence[dict[str, Array]]) -> DataFrame:
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


def _guard(maps: int, queries: int, each: int, most: int, topk: int | None) -> None:
    rows = maps * queries * each
    if rows > most:
        smaller = "a smaller topk, " if topk is not None else "topk=8, "
        raise ConfigError(
            f"The table would have up to {rows:,} rows ({maps} × {queries:,} queries × {each:,} "
            f"keys), more than the {most:,} of most_rows. Ask for {smaller}fewer heads, a window "
            "(queries=slice(0, 100)), or a larger most_rows."
        )


def _chosen(name: str, asked: int | Sequence[int] | None, count: int) -> list[int]:
    found = range(count) if asked is None else [asked] if isinstance(asked, int) else asked
    for index in found:
        if not -count <= index < count:
            raise ConfigError(
                f"{name}: {index} does not exist; there are {count}, 0 to {count - 1}."
            )
    return [index % count for index in found]


def _window(name: str, asked: slice, length: int) -> range:
    window = range(length)[asked]
    if window.step != 1 or not len(window):
        raise ConfigError(
            f"{name} must be a slice of at least one position, in steps of 1, of the {length} "
            f"that there are; {asked} came."
        )
    return window


def _parts(rows: range, width: int) -> list[range]:
    step = max(ENTRIES // width, 1)
    return [rows[start : start + step] for start in range(0, len(rows), step)]


def _array(x: Tensor) -> Array:
    found: Array = x.detach().cpu().numpy()
    return found
