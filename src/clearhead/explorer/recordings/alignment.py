"""The first picture of a recording: one head's weights between the tokens of a window.

A recording cannot be run again, so words cannot be hidden to measure costs; heads are compared by
their weights alone. The score for cross-attention is

    aligned = sum over keys of max over queries of weights[query, key] / min(queries, keys)

For self-attention it is the same, restricted to weights on keys that are neither the first nor the
last, nor the query's own or its neighbours, and to the queries and keys that have such weights. So
a head that attends to the previous token, or parks its weight at an end, is not chosen for that. If
almost no weight is left (a text of few tokens), the score is the mean of the rows' largest weights.
The first formula is the measure ``aligned`` of `clearhead.head_kinds`, applied here to the window
that is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ...errors import ShapeError
from ...shapes import Array, Bool, Float
from ..contract.first_screen.answers import AlignmentAnswer, HeadScore, Word
from ..contract.questions import Window
from ..discoveries.alignment import crossing_of, peak
from .bounds import check_window, picture_work
from .modules import Labels, Module
from .rows import Rows
from .steps import values

if TYPE_CHECKING:
    from ...maps.attention_map import AttentionMap

TOKENS = 20  # shown of a side that is not shown completely
WHOLE = 32  # a side of at most this length is shown completely
WORK = 2 * 10**10  # multiply-adds for all heads that are compared: about a second
LEAST = 0.05  # if the best head scores less, the mean of largest weights is used
FLOW_WORK = 10**10  # the same for the rollout

Measure = Literal["aligned", "elsewhere", "peak"]


@dataclass(frozen=True, eq=False)
class Candidate:
    """The compared heads of one part.

    Attributes:
        layers: the layers that were compared, each with its weights, Float["heads queries keys"].
        measure: the measure of the comparison.
        heads: the heads, the best first.
    """

    layers: list[tuple[Module, Array]]
    measure: Measure
    heads: list[HeadScore]


def alignment_of(
    of_rows: Rows, modules: Sequence[Module], labels: Labels, row: int, start: int
) -> AlignmentAnswer:
    """Answer ``alignment`` of a recording.

    A part with cross-attention is chosen if there is one. Of several parts of a kind, the one whose
    best head has the largest score is chosen.

    Args:
        of_rows: the maps of single rows.
        modules: all modules of the recording.
        labels: names of their positions.
        row: of the batch.
        start: the first query that is shown; a part with fewer queries is shown from its last
            window on.

    Raises:
        ShapeError: no part has that many queries.
    """
    longest = max(module.map.shape[2] for module in modules)
    if start >= longest:
        raise ShapeError(
            f"alignment: the recording's longest sequence has {longest:,} queries, so start must "
            f"be between 0 and {longest - 1:,}; it is {start:,}."
        )
    kind = "cross" if any(module.kind == "cross" for module in modules) else "self"
    parts: dict[str, list[Module]] = {}
    for module in modules:
        if module.kind == kind:
            parts.setdefault(module.part, []).append(module)
    candidates = [
        _compare(of_rows, layers, row, start, WORK // len(parts)) for layers in parts.values()
    ]
    best = max(candidates, key=lambda one: (one.measure != "peak", one.heads[0]["score"]))
    layers = parts[best.layers[0][0].part]
    return _answer(best, layers, of_rows, labels, row, start)


def _answer(
    best: Candidate, layers: list[Module], of_rows: Rows, labels: Labels, row: int, start: int
) -> AlignmentAnswer:
    head = best.heads[0]
    module, weights = next(each for each in best.layers if each[0].layer == head["layer"])
    chosen_weights = weights[head["head"]].astype(np.float64)
    _, _, queries, keys = _window(of_rows.map_of(module, row), start, cross=module.kind == "cross")
    answer: AlignmentAnswer = {
        "part": module.part,
        "heads": best.heads,
        "measure": best.measure,
        "trials": len(best.heads),
        "of": sum(layer.map.shape[1] for layer in layers),
        "keys": _words(labels.of(module, "key", row), keys),
        "queries": _words(labels.of(module, "query", row), queries),
        "weights": chosen_weights.tolist(),
        "crossing": crossing_of(chosen_weights) if module.kind == "cross" else None,
    }
    flow = _flow(of_rows, layers, row, queries, keys)
    if flow is not None:
        answer["flow"] = flow.tolist()
    return answer


def _compare(of_rows: Rows, layers: Sequence[Module], row: int, start: int, most: int) -> Candidate:
    """Compare the heads of a part's last layers, as many as ``most`` multiply-adds allow."""
    cross = layers[0].kind == "cross"
    weights: list[tuple[Module, Array]] = []
    work = 0
    for module in reversed(layers):
        one = of_rows.map_of(module, row)
        window = _window(one, start, cross=cross)
        work += check_window(one, "weights", window, f"{module.path}.weights")
        if weights and work > most:
            break
        weights.append((module, values(one, "weights", window)[0]))
    weights.reverse()
    measure: Measure = "aligned" if cross else "elsewhere"
    scores = [_score(of_rows.map_of(one, row), array, start, cross) for one, array in weights]
    if max(of_heads.max() for of_heads in scores) < LEAST:
        measure = "peak"
        scores = [peak(array, range(array.shape[-1])) for _, array in weights]
    heads: list[HeadScore] = [
        {"layer": module.layer, "head": head, "score": min(float(score), 1.0)}
        for (module, _), of_heads in zip(weights, scores, strict=True)
        for head, score in enumerate(of_heads)
    ]
    return Candidate(weights, measure, sorted(heads, key=lambda one: -one["score"]))


def _score(
    one: AttentionMap, weights: Float[Array, "heads queries keys"], start: int, cross: bool
) -> Float[Array, "heads"]:
    if cross:
        return aligned(weights, np.ones(weights.shape[1:], bool))
    _, _, queries, keys = _window(one, start, cross=cross)
    own = np.arange(*queries)[:, None] + one.query_offset
    key = np.arange(*keys)[None]
    elsewhere = (np.abs(own - key) > 1) & (key > 0) & (key < one.shape[3] - 1)
    return aligned(weights, elsewhere)


def aligned(
    weights: Float[Array, "heads queries keys"], places: Bool[Array, "queries keys"]
) -> Float[Array, "heads"]:
    """Return how far each query of a head attends to a key of its own, among some places.

    Args:
        weights: of the heads.
        places: the weights that count.

    Returns:
        1 if each query with such a place attends to a single key, and no two to the same; 0 if no
        place has any weight.
    """
    at_places = np.where(places, weights, 0.0).astype(np.float64)
    open_places: Array = np.any(at_places > 0, axis=0)
    most = min(int(np.any(open_places, axis=axis).sum()) for axis in (0, 1))
    score: Array = at_places.max(axis=1).sum(axis=-1) / max(most, 1)
    return score


def _window(one: AttentionMap, start: int, *, cross: bool) -> Window:
    """Return the queries and keys of a map that are shown, as a window with all its axes.

    In self-attention, keys are the same tokens as the queries, and if these are few (the steps of
    a cache), also those before them. In cross-attention, the keys lie at the same relative place in
    their sequence as the queries in theirs.
    """
    _, heads, queries, keys = one.shape
    first, last = 0, queries
    if queries > WHOLE:
        first = min(start, queries - TOKENS)
        last = first + TOKENS
    if keys <= WHOLE:
        begin, end = 0, keys
    elif cross:
        begin = round(first * (keys - TOKENS) / max(queries - TOKENS, 1))
        begin = min(begin, keys - TOKENS)
        end = begin + TOKENS
    else:
        end = min(last + one.query_offset, keys)
        begin = max(end - TOKENS, 0)
    return (0, 1), (0, heads), (first, last), (begin, end)


def _words(names: Sequence[str], span: tuple[int, int]) -> list[Word]:
    """Return each token as a word of its own, without the mark of a preceding space."""
    return [
        {"text": names[place].lstrip("▁Ġ") or names[place], "start": place, "stop": place + 1}
        for place in range(*span)
    ]


def _flow(
    of_rows: Rows,
    layers: Sequence[Module],
    row: int,
    queries: tuple[int, int],
    keys: tuple[int, int],
) -> Float[Array, "queries keys"] | None:
    """Return the rollout: the last layer's attention through all layers; None if unavailable.

    The rollout is that of Abnar and Zuidema 2020. It needs one pass over one stack of
    self-attention whose layers have as many queries as keys, and it is left out if it would take
    too long.
    """
    from ...maps.rollout import rollout

    called_again = {module.path.partition("#")[0] for module in layers if "#" in module.path}
    if called_again and len({module.path.partition("#")[0] for module in layers}) > 1:
        return None  # several passes were recorded
    maps = [of_rows.map_of(module, row) for module in layers]
    square = all(one.shape[2] == one.shape[3] for one in maps)
    if layers[0].kind == "cross" or len(layers) < 2 or not square:
        return None
    if sum(picture_work(one) for one in maps) > FLOW_WORK:
        return None
    rows = rollout(maps, list(range(*queries)))[0, :, slice(*keys)]
    flow: Array = rows.detach().cpu().double().numpy()
    return flow
