"""The opening picture of a recording: which head, which tokens, what flows through all layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

import clearhead
from clearhead.errors import ShapeError
from clearhead.explorer.offline.first_screen import FirstScreen
from clearhead.explorer.recordings import alignment
from clearhead.explorer.recordings.alignment import TOKENS, aligned
from clearhead.explorer.recordings.bounds import check_window
from clearhead.explorer.recordings.explorer import RecordingExplorer
from clearhead.head_kinds import HeadSums, HeadWeights
from clearhead.maps import AttentionMap, Source
from clearhead.maps.rollout import rollout

SHARP = 200.0
WHOLE = ((0, 1), (0, 1), (0, 6), (0, 6))


def looking_at(keys: list[list[int]], length: int, **how: Any) -> AttentionMap:
    """A map in which query i of head h looks at key keys[h][i] alone."""
    at = torch.eye(length)
    query = torch.stack([at[torch.tensor(row)] for row in keys])[None] * SHARP
    return AttentionMap.of(query, at.expand(1, len(keys), -1, -1), **how)


def ask(recorded: Any, start: int = 0, **how: Any) -> dict[str, Any]:
    return RecordingExplorer(recorded, **how).answer("alignment", {"run": {}, "start": start}).json


def test_a_head_that_looks_elsewhere_comes_before_one_that_stays_where_it_is() -> None:
    n = 8
    previous = [0, *range(n - 1)]
    own, first, sink = list(range(n)), [0] * n, [4] * n
    apart = [5, 6, 5, 6, 1, 2, 3, 3]
    one = looking_at([previous, own, first, sink, apart], n)
    found = ask({"layers.0.attention": one}, tokens=list("abcdefgh"))
    assert (found["part"], found["measure"]) == ("self", "elsewhere")
    assert found["heads"][0]["head"] == 4
    assert [score["head"] for score in found["heads"]][1] == 3  # a token in the middle, for all
    assert [score["score"] for score in found["heads"]][2:] == pytest.approx([0, 0, 0])
    assert found["keys"] == found["queries"]
    assert found["queries"][2] == {"text": "c", "start": 2, "stop": 3}
    np.testing.assert_allclose(found["weights"], one.weights[0, 4].numpy(), rtol=1e-6)
    assert (found["trials"], found["of"], found["crossing"]) == (5, 5, None)


def test_cross_attention_comes_first_and_its_measure_is_that_of_the_map() -> None:
    torch.manual_seed(0)
    model = nn.Transformer(16, 2, 2, 2, 32, batch_first=True).eval()
    with torch.no_grad(), clearhead.record(model) as recording:
        model(3 * torch.randn(2, 6, 16), 3 * torch.randn(2, 4, 16))
    explorer = RecordingExplorer(recording)
    found = explorer.answer("alignment", {"run": {"sentence": 1}}).json
    assert (found["part"], found["measure"], len(found["heads"])) == ("cross", "aligned", 4)
    for score in found["heads"]:
        weights = recording[f"decoder.layers.{score['layer']}.multihead_attn"].weights[1].numpy()
        expected = HeadSums.of(HeadWeights.of(weights, weights > 0, cross=True)).scores()["aligned"]
        assert score["score"] == pytest.approx(expected[score["head"]], rel=1e-5)
    kinds = explorer.answer("head_kinds", {"run": {"sentence": 1}, "part": "cross"}).json
    best = found["heads"][0]
    measured = kinds["layers"][best["layer"]][best["head"]]["measures"]["aligned"]
    assert best["score"] == pytest.approx(measured, rel=1e-5)
    assert [one["text"] for one in found["queries"]] == ["0", "1", "2", "3"]  # numbered
    assert len(found["keys"]) == 6
    assert "flow" not in found


def test_words_that_cross_are_named() -> None:
    one = looking_at([[0, 2, 1]], 3, source=Source(kind="cross"))
    assert ask({"cross": one})["crossing"] == [1, 2]


def test_a_text_of_few_tokens_has_nothing_elsewhere() -> None:
    one = looking_at([[0, 0], [1, 1]], 2)
    found = ask({"a": one})
    assert found["measure"] == "peak"
    assert found["heads"][0]["score"] == pytest.approx(1)


@pytest.mark.parametrize("causal", [False, True])
def test_a_long_text_is_shown_in_a_window(causal: bool) -> None:
    torch.manual_seed(1)
    n = 500
    maps = {f"layers.{layer}.attention": AttentionMap.of(
        2 * torch.randn(1, 3, n, 8), torch.randn(1, 3, n, 8), causal=causal)
        for layer in range(3)}  # fmt: skip
    for start, first in ((0, 0), (100, 100), (499, n - TOKENS)):
        found = ask(maps, start)
        assert [one["start"] for one in found["queries"]] == list(range(first, first + TOKENS))
        assert found["keys"] == found["queries"]
        best = found["heads"][0]
        window = slice(first, first + TOKENS)
        one = maps[f"layers.{best['layer']}.attention"]
        expected = one.weights[0, best["head"], window, window].numpy()
        np.testing.assert_allclose(found["weights"], expected, rtol=1e-5, atol=1e-9)
        flow = rollout(list(maps.values()), list(range(first, first + TOKENS)))[0, :, window]
        np.testing.assert_allclose(found["flow"], flow.numpy(), rtol=1e-5, atol=1e-9)
    with pytest.raises(ShapeError, match=r"has 500 queries, so start must be between 0 and 499"):
        ask(maps, 500)


def test_what_would_take_long_is_left_out_from_the_first_layer_on(monkeypatch) -> None:
    maps = {f"layers.{n}.attention": looking_at([[3, 3, 0, 1, 1, 2]], 6) for n in range(4)}
    one = maps["layers.0.attention"]
    monkeypatch.setattr(alignment, "WORK", 2 * check_window(one, "weights", WHOLE, "") + 1)
    monkeypatch.setattr(alignment, "FLOW_WORK", 1)
    found = ask(maps)
    assert sorted(score["layer"] for score in found["heads"]) == [2, 3]
    assert (found["trials"], found["of"]) == (2, 4)
    assert "flow" not in found


def test_steps_with_a_cache_show_what_stands_before_them() -> None:
    draw = torch.Generator().manual_seed(3)
    one = AttentionMap.of(
        torch.randn(1, 2, 1, 8, generator=draw), torch.randn(1, 2, 100, 8, generator=draw),
        causal=True, causal_offset=79,
    )  # fmt: skip
    found = ask({"a": one})
    assert len(found["queries"]) == 1
    assert [word["start"] for word in found["keys"]] == list(range(80 - TOKENS, 80))
    assert "flow" not in found


class Twice(nn.Module):
    """Layers that are run twice: two passes in one recording."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.MultiheadAttention(8, 2, batch_first=True) for _ in "ab")

    def forward(self, x: Tensor) -> Tensor:
        for layer in (*self.layers, *self.layers):
            x = x + layer(x, x, x, need_weights=False)[0]
        return x


def test_two_passes_are_no_stack_to_flow_through() -> None:
    torch.manual_seed(0)
    model = Twice().eval()
    with torch.no_grad(), clearhead.record(model) as recording:
        model(torch.randn(1, 6, 8))
    assert "flow" not in ask(recording)


@given(st.integers(0, 2**32 - 1), st.integers(3, 9), st.integers(3, 9))
def test_the_score_lies_between_0_and_1(seed: int, queries: int, keys: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.full(keys, 0.2), (2, queries))
    places = rng.random((queries, keys)) < 0.7
    scores = aligned(weights, places)
    assert (scores >= 0).all()
    assert (scores <= 1 + 1e-9).all()


def test_a_saved_page_has_it(monkeypatch) -> None:
    explorer = RecordingExplorer({"a": looking_at([[3, 3, 0, 1, 1, 2]], 6)})
    model = explorer.answer("model").json
    screen = FirstScreen.of(explorer, model, {})
    assert screen.alignment == explorer.answer("alignment", {"run": {}}).json
    assert screen.discoveries == []

    def refuse(*_: Any) -> None:
        raise ShapeError("too long")

    monkeypatch.setattr(explorer, "answer", refuse)
    assert FirstScreen.of(explorer, model, {}).alignment is None
