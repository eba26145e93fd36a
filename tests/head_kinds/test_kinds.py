"""Kinds of heads, of patterns made by hand whose measures are known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.head_kinds import (
    EVEN,
    SHARE,
    HeadSums,
    HeadWeights,
    PlaceWeights,
    kind_of,
    scored_heads,
)

N = 6
EVERYTHING = np.ones((N, N), bool)
CAUSAL = np.tril(EVERYTHING)


def measured_heads(of: HeadWeights) -> list[dict[str, Any]]:
    heads = scored_heads(HeadSums.of(of))
    return [{"kind": head.kind, "measures": head.scores} for head in heads]


def of_one(weights: np.ndarray, visible: np.ndarray = EVERYTHING, *, cross: bool = False) -> Any:
    visible = visible[: len(weights), : weights.shape[1]]
    (head,) = measured_heads(HeadWeights.of(weights[None], visible[None], cross=cross))
    return head


def looking_at(keys: list[int], share: float = 1.0) -> np.ndarray:
    """Query i gives this share to keys[i], and the rest evenly to all others."""
    weights = np.full((len(keys), N), (1 - share) / (N - 1))
    weights[np.arange(len(keys)), keys] = share
    return weights


def shifted(distance: int, share: float = 1.0) -> np.ndarray:
    return looking_at([min(max(i + distance, 0), N - 1) for i in range(N)], share)


@pytest.mark.parametrize(
    ("kind", "weights"),
    [
        ("previous", shifted(-1)),
        ("next", shifted(1)),
        ("same", shifted(0)),
        ("first", looking_at([0] * N)),
        ("last", looking_at([N - 1] * N)),
    ],
)
def test_a_head_of_one_kind_only_is_wholly_of_that_kind(kind: str, weights: np.ndarray) -> None:
    head = of_one(weights)
    assert head["kind"] == kind
    assert head["measures"][kind] == 1.0
    assert head["measures"]["even"] == 0.0
    shares = [share for name, share in head["measures"].items() if name not in (kind, "even")]
    # One query of a shifted pattern finds no key there and looks at its own or beside it.
    assert max(shares) <= 1 / (N - 1)


def test_half_of_the_weight_makes_a_kind_and_less_does_not() -> None:
    (above, below) = (of_one(shifted(-1, share)) for share in (SHARE, SHARE - 0.01))
    assert above["measures"]["previous"] == pytest.approx(SHARE)
    assert above["kind"] == "previous"
    assert below["kind"] in ("broad", "mixed")


def test_even_weights_are_broad() -> None:
    head = of_one(np.full((N, N), 1 / N))
    assert head["kind"] == "broad"
    assert head["measures"]["even"] == pytest.approx(1)
    assert head["measures"]["previous"] == pytest.approx(1 / N)


def test_two_keys_alike_are_neither_broad_nor_of_one_kind() -> None:
    weights = (shifted(-2) + shifted(2)) / 2
    head = of_one(weights)
    assert head["measures"]["even"] < EVEN
    assert head["kind"] == "mixed"


def test_a_causal_query_without_a_choice_does_not_count() -> None:
    even = CAUSAL / CAUSAL.sum(axis=1, keepdims=True)
    head = of_one(even, CAUSAL)
    assert head["kind"] == "broad"
    measures = head["measures"]
    assert measures["even"] == pytest.approx(1)  # ln over ln of how many keys each may see
    assert measures["next"] == 0
    assert measures["previous"] == pytest.approx(np.mean([1 / 2, 1 / 3, 1 / 4, 1 / 5, 1 / 6]))
    assert measures["same"] == measures["previous"]  # and not 1 of the first query
    assert measures["first"] == pytest.approx(np.mean([1 / 3, 1 / 4, 1 / 5, 1 / 6]))


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5], [2, 0, 1, 5, 3, 4]])
def test_one_to_one_is_aligned_in_any_order(order: list[int]) -> None:
    head = of_one(looking_at(order), cross=True)
    assert head["kind"] == "aligned"
    assert head["measures"]["aligned"] == 1.0
    assert "previous" not in head["measures"]


def test_a_key_that_all_look_at_counts_once() -> None:
    head = of_one(looking_at([5] * 4), cross=True)
    assert head["measures"]["aligned"] == 1 / 4
    assert head["kind"] == "last"
    assert of_one(looking_at([2] * 4), cross=True)["kind"] == "mixed"


@pytest.mark.parametrize("queries", [1, 2])
def test_of_too_few_queries_nothing_is_said(queries: int) -> None:
    for cross in (False, True):
        assert of_one(shifted(-1)[:queries], cross=cross)["kind"] is None


def test_a_query_that_attends_to_nothing_counts_for_nothing() -> None:
    weights, visible = shifted(-1), EVERYTHING.copy()
    weights[3], visible[3] = 0, False
    head = of_one(weights, visible)
    assert head["measures"]["previous"] == 1
    assert head["measures"]["even"] == 0


def test_new_tokens_after_a_cache_stand_where_they_are() -> None:
    """The last three rows of the whole: the first of them stands at the fourth key."""
    weights = HeadWeights.of(shifted(-1)[None, 3:], EVERYTHING[None, 3:], cross=False)
    rows = np.arange(3)
    positions = weights.positions.copy()
    positions[0, :, 0] = shifted(-1)[3 + rows, 2 + rows]
    late = replace(weights, positions=positions, offset=3)
    assert measured_heads(late)[0]["kind"] == "previous"


@given(
    queries=st.integers(1, 7), keys=st.integers(1, 7), cross=st.booleans(),
    causal=st.booleans(), seed=st.integers(0, 99), heat=st.floats(0.01, 30),
)  # fmt: skip
def test_measures_are_shares(queries, keys, cross, causal, seed, heat) -> None:
    scores = np.random.default_rng(seed).normal(size=(2, queries, keys)) * heat
    visible = np.ones(scores.shape, bool)
    if causal and not cross:
        visible = np.broadcast_to(np.tril(visible[0]), scores.shape)
        scores = np.where(visible, scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    for head in measured_heads(HeadWeights.of(weights, visible, cross=cross)):
        assert all(0 <= share <= 1 for share in head["measures"].values())
        if head["kind"] in head["measures"]:
            assert head["measures"][head["kind"]] >= SHARE
        assert ("aligned" in head["measures"]) <= cross


def near(share: float, keys: int = 30) -> HeadWeights:
    """A head that gives this share, evenly, to the three keys before its own."""
    weights = np.zeros((1, keys, keys))
    for i in range(keys):
        inside = np.isin(np.arange(i + 1), range(i - 3, i)) if i >= 3 else np.ones(i + 1, bool)
        weights[0, i, : i + 1] = np.where(inside, share / 3, (1 - share) / max((~inside).sum(), 1))
    weights /= weights.sum(axis=-1, keepdims=True)
    visible = np.tril(np.ones((1, keys, keys), bool))
    whole = HeadWeights.of(weights, visible, cross=False)
    rows, columns = np.indices((keys, keys))
    close = (np.abs(rows - columns) <= 4) & visible[0]
    sums = (weights * close).sum(axis=-1)
    return replace(whole, places={"local": PlaceWeights(sums, close.sum(axis=-1)[None])})


def test_what_looks_near_is_local_where_no_one_place_has_half() -> None:
    (head,) = scored_heads(HeadSums.of(near(0.9)))
    assert head.kind == "local"
    assert head.scores["previous"] < SHARE < head.scores["local"]
    assert scored_heads(HeadSums.of(near(0.1)))[0].kind != "local"


def test_queries_that_see_little_beyond_the_near_keys_do_not_make_a_head_local() -> None:
    """Five keys are near; a query counts from twenty on, and of 19 queries none does."""
    assert "local" not in scored_heads(HeadSums.of(near(0.9, keys=19)))[0].scores
    assert HeadSums.of(near(0.9, keys=30)).counts["local"] == [11]


@given(
    scores=st.dictionaries(
        st.sampled_from(["previous", "first", "induction", "local"]), st.floats(0, 1)
    ),
    even=st.floats(0, 1),
    data=st.data(),
)
def test_the_margin_is_how_far_scores_may_move(scores, even, data) -> None:
    scores = {**scores, "even": even}
    kind, margin = kind_of(scores, 9)
    assert margin >= 0
    move = st.floats(-margin / 2.01, margin / 2.01)  # of two scores towards each other
    moved = {name: min(max(score + data.draw(move), 0), 1) for name, score in scores.items()}
    if margin > 1e-9:
        assert kind_of(moved, 9)[0] == kind
