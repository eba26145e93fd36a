"""Kinds of heads of a recording: what the same weights give when they are whole."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from clearhead.errors import ShapeError
from clearhead.explorer.answers.head_measures import measured_heads
from clearhead.explorer.recordings import bounds
from clearhead.explorer.recordings.explorer import RecordingExplorer
from clearhead.explorer.recordings.head_kinds import measure_heads
from clearhead.head_kinds import HeadWeights
from clearhead.maps import AttentionMap


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("cross", [False, True])
def test_tiles_give_what_whole_weights_give(causal: bool, cross: bool) -> None:
    torch.manual_seed(0)
    keys = 9 if cross else 12
    one = AttentionMap.of(
        3 * torch.randn(1, 4, 12, 8), torch.randn(1, 2, keys, 8), causal=causal and not cross
    )
    weights = one.weights[0].double().numpy()
    names = list("abcabdabcabd")[:keys]
    ids = np.array([ord(name) for name in names])
    whole = HeadWeights.of(weights, weights > 0, cross=cross, ids=None if cross else ids)
    measured = measure_heads(one, cross=cross, tokens=names)
    assert ("induction" in measured[0]["measures"]) != cross
    for head, expected in zip(measured, measured_heads(whole), strict=True):
        assert head["kind"] == expected["kind"]
        assert head["measures"] == pytest.approx(expected["measures"], abs=1e-6)


def test_a_recording_is_asked_layer_by_layer(monkeypatch) -> None:
    maps = {
        f"layers.{n}.attention": AttentionMap.of(torch.randn(2, 2, 9, 4), torch.randn(2, 2, 9, 4))
        for n in range(3)
    }
    explorer = RecordingExplorer(maps)
    whole = explorer.answer("head_kinds", {"run": {"sentence": 1}, "part": "self"}).json
    assert np.shape(whole["layers"]) == (3, 2)
    last = explorer.answer(
        "head_kinds", {"run": {"sentence": 1}, "part": "self", "layers": [2, 3]}
    ).json
    assert (last["start"], last["layers"]) == (2, whole["layers"][2:])
    # What is measured already costs nothing; of another row nothing is.
    monkeypatch.setattr(bounds, "MULTIPLY_ADDS", 1)
    assert explorer.answer("head_kinds", {"run": {"sentence": 1}, "part": "self"}).json == whole
    words = r"The kinds of the heads of 'self' would take .* AttentionMap\.measure has no such"
    with pytest.raises(ShapeError, match=words):
        explorer.answer("head_kinds", {"part": "self"})
