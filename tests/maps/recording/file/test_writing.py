"""Recordings on disk."""

from __future__ import annotations

import json

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention as sdpa

from clearhead.maps.attention_map import AttentionMap
from clearhead.maps.measures.topk import TopK
from clearhead.maps.recording.reading import load_recording
from clearhead.maps.scores.scoring import Scoring
from tests.maps.attending import Calls, recorded, recording_of

torch.manual_seed(0)
Q, K = torch.randn(2, 4, 5, 8), torch.randn(2, 2, 7, 8)
HOLES = torch.rand(2, 1, 5, 7) > 0.3
RELATIVE = torch.randn(11)[torch.arange(5)[:, None] - torch.arange(7) + 6].expand(4, 5, 7)
MASKS = {
    "none": None,
    "ranges": torch.ones(5, 7).tril().bool(),
    "holes": HOLES,
    "relative": RELATIVE,
    "bias": torch.randn(2, 4, 5, 7),
}


def attending(mask):
    return Calls(lambda: sdpa(Q, K, K, attn_mask=mask, enable_gqa=True))


@pytest.mark.parametrize("kind", MASKS)
def test_a_recording_comes_back(kind, tmp_path):
    model = attending(MASKS[kind])
    recording = recorded(model, model, values=True)
    path = recording.save(tmp_path / "one.safetensors")
    again = load_recording(path)
    assert again.keys() == recording.keys()
    assert str(again) == str(recording)
    one, other = recording[0], again[0]
    assert one.source == other.source
    assert torch.equal(one.dense(), other.dense())
    assert torch.equal(one.value, other.value)
    assert type(one.scoring.mask) is type(other.scoring.mask)
    assert type(one.scoring.bias) is type(other.scoring.bias)


@pytest.mark.parametrize("measure_first", [False, True])
@pytest.mark.parametrize("size", [1.0, 4e4])
def test_rows_far_from_zero_come_back_with_every_digit(measure_first, size, tmp_path):
    mask = torch.zeros(5, 7)
    mask[2] = -1e9
    model = Calls(lambda: sdpa(Q * size, K, K, attn_mask=mask, enable_gqa=True))
    recording = recorded(model, model)
    before = recording[0].measure("entropy", "received") if measure_first else {}
    again = load_recording(recording.save(tmp_path / "one"))
    one, other = recording[0], again[0]
    assert (other.known_denominators is not None) == measure_first
    assert torch.equal(one.dense(), other.dense())
    assert torch.equal(one.column(3), other.column(3))
    assert torch.equal(one.lse, other.lse)
    for name, result in before.items():
        assert torch.equal(other.measure(name)[name], result)
    torch.testing.assert_close(other.dense().sum(-1), torch.ones(2, 4, 5), rtol=0, atol=1e-6)
    twice = load_recording(again.save(tmp_path / "two"))[0]
    assert torch.equal(twice.column(3), one.column(3))


def test_the_dtype_in_which_a_mask_was_added_comes_back(tmp_path):
    scoring = Scoring.of(Q.half(), K.half(), mask=torch.full((5, 7), -6e4), added_in=torch.float16)
    recording = recording_of({"layer": AttentionMap(Q.half(), K.half(), scoring)})
    again = load_recording(recording.save(tmp_path / "one"))
    assert again["layer"].scoring.added_in == torch.float16
    even = torch.full((2, 4, 5, 7), 1 / 7)
    torch.testing.assert_close(again["layer"].dense(), even, rtol=0, atol=1e-7)


def test_summaries_refusals_and_several_calls_come_back(tmp_path):
    def attend():
        attending(None)()
        attending(HOLES)()
        return torch.sigmoid(Q @ Q.mT) @ Q

    model = Calls(attend)
    recording = recorded(model, model, summaries=["entropy", TopK(3)])
    again = load_recording(recording.save(tmp_path / "one"))
    assert again.refusals == recording.refusals
    for call in (0, 1):
        one, other = recording[0, call], again[0, call]
        assert other.results.keys() == one.results.keys()
        assert torch.equal(one.entropy(), other.entropy())
        assert torch.equal(one.results[TopK(3)].indices, other.results[TopK(3)].indices)


def test_masks_that_layers_share_are_written_once(tmp_path):
    model = Calls(lambda: [sdpa(Q, Q, Q, attn_mask=HOLES[..., :5]) for _ in range(8)])
    recording = recorded(model, model)
    path = recording.save(tmp_path / "one")
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    assert sum(entry.get("dtype") == "BOOL" for entry in header.values()) == 1
    assert len(load_recording(path).calls(0)) == 8
