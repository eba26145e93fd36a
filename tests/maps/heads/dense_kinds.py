"""Scores of heads by their formulas, in float64, of whole weights and loops over places."""

from __future__ import annotations

from typing import Any

import numpy as np


def scores(
    weights: np.ndarray, visible: np.ndarray, *, cross: bool, ids: Any = None, offset: int = 0,
    text: Any = None, ends: Any = None,
) -> dict[str, float]:  # fmt: skip
    """The scores of one head.

    weights, visible: ["queries keys"]; text: False for padding; ends: the first and the last key.
    """
    queries, keys = weights.shape
    begin, end = ends or (0, keys - 1)
    text = [True] * queries if text is None else text
    sums: dict[str, list[float]] = {}
    for i in range(queries):
        sees, place, row = int(visible[i].sum()), i + offset, weights[i]
        if sees < 2 or not text[i]:
            continue
        logs = [w * np.log(w) for w in row if w > 0]
        sums.setdefault("even", []).append(-sum(logs) / np.log(sees))
        if cross or place >= begin + 2:
            sums.setdefault("first", []).append(row[begin])
        if cross or place <= end - 2:
            sums.setdefault("last", []).append(row[end])
        if cross:
            continue
        for name, key in (("previous", place - 1), ("next", place + 1), ("same", place)):
            if begin <= key <= end:
                sums.setdefault(name, []).append(row[key])
        several = {"local": [j for j in range(keys) if abs(j - place) <= 4]}
        if ids is not None:
            earlier = [j for j in range(min(place, keys)) if place < keys and ids[j] == ids[place]]
            several["duplicate"] = earlier
            several["induction"] = [j + 1 for j in earlier if j + 1 < place]
        for name, places in several.items():
            inside = [j for j in places if visible[i, j]]
            if inside and sees >= 4 * len(inside):
                sums.setdefault(name, []).append(sum(row[j] for j in places))
    least = {"even": 1}
    means = {n: float(np.mean(x)) for n, x in sums.items() if len(x) >= least.get(n, 2)}
    rows = [i for i in range(queries) if text[i]]
    seeing = sum(bool(visible[i].any()) for i in rows)
    attendable = int(visible[rows].any(axis=0).sum())
    if cross and min(seeing, attendable) >= 3:
        means["aligned"] = weights[rows].max(axis=0).sum() / min(seeing, attendable)
    return means
