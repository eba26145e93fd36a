"""Recordings on disk."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import save_file
from torch.nn.functional import scaled_dot_product_attention as sdpa

from clearhead.errors import TraceError
from clearhead.maps.recording_reading import load_recording
from clearhead.maps.topk import TopK
from tests.maps.attending import Calls, recorded

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
    assert type(one.scoring.allowed) is type(other.scoring.allowed)
    assert type(one.scoring.bias) is type(other.scoring.bias)


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


def damaged(tmp_path, how):
    model = attending(MASKS["ranges"])
    path = recorded(model, model).save(tmp_path / "one")
    content = path.read_bytes()
    if how == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif how == "text":
        path.write_text("not a recording")
    elif how == "missing":
        path.unlink()
    elif how == "foreign":
        save_file({"weight": torch.ones(2)}, path)
    elif how == "newer":
        save_file({}, path, {"clearhead.recording": json.dumps({"format": 99})})
    elif how == "tensors":
        length = int.from_bytes(content[:8], "little")
        described = json.loads(content[8 : 8 + length])["__metadata__"]
        save_file({"x": torch.ones(1)}, path, described)
    return path


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("cut", "It is missing or damaged"),
        ("text", "It is missing or damaged"),
        ("missing", "It is missing or damaged"),
        ("foreign", "but not a recording"),
        ("newer", "has format 99, and this version of clearhead reads format 1"),
        ("tensors", "its description does not fit its tensors"),
    ],
)
def test_what_is_no_recording_is_an_error_that_says_so(how, words, tmp_path):
    path = damaged(tmp_path, how)
    with pytest.raises(TraceError, match=words) as error:
        load_recording(path)
    assert str(path) in str(error.value)
