"""A recording from a stranger gives numbers that can be looked at, or is refused in one line."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn.functional import scaled_dot_product_attention as sdpa

from clearhead.errors import ClearheadError, TraceError
from clearhead.maps.attention_map import AttentionMap
from clearhead.maps.measures.per_position import Diagonal, Mass, Pooled, Received, Sink
from clearhead.maps.measures.topk import TopK
from clearhead.maps.recording.file._format import HEADER
from clearhead.maps.recording.reading import load_recording
from clearhead.maps.recording.recording import Recording
from clearhead.maps.scores.scoring import Scoring
from tests.maps.attending import Calls, recorded, recording_of
from tests.strangers import DEEP, SPOILT, edits, refusal, split, spoilt, tensor_bytes

torch.manual_seed(0)
Q, K = torch.randn(2, 4, 5, 8), torch.randn(2, 2, 7, 8)
HOLES = torch.rand(2, 1, 5, 7) > 0.3
RELATIVE = torch.randn(11)[torch.arange(5)[:, None] - torch.arange(7) + 6].expand(4, 5, 7)
MEASURES = [
    *("entropy", "lse", "distance"),
    *(Sink(2), Diagonal(-1), Received(), Pooled(2, 3), Mass([(0, 2)], [(1, 7)]), TopK(3)),
]


def attending(mask=None):
    return Calls(lambda: sdpa(Q, K, K, attn_mask=mask, enable_gqa=True))


def maps(tmp_path):
    """Masks and biases of every kind, sinks and labels, in one file."""
    layers = {}
    for number, mask in enumerate((None, torch.ones(5, 7).tril().bool(), HOLES, RELATIVE)):
        one = number == 1
        scoring = Scoring.of(
            Q,
            K,
            mask=mask,
            softcap=30.0 if one else None,
            sinks=torch.zeros(4) if one else None,
            added_in=torch.float32 if one else None,
        )
        attention_map = AttentionMap(
            Q,
            K,
            scoring,
            value=K + 1 if one else None,
            query_labels=["a", "b", "c", "d", "e"] if one else None,
            key_labels=[list("abcdefg"), list("hijklmn")] if one else None,
        )
        if one:
            attention_map.measure("lse")  # and so its denominators are in the file
        layers[f"layers.{number}"] = attention_map
    return recording_of(layers).save(tmp_path / "maps")


def summaries(tmp_path):
    def attend():
        attending()()
        return torch.sigmoid(Q @ Q.mT) @ Q

    model = Calls(attend)
    return recorded(model, model, summaries=MEASURES).save(tmp_path / "summaries")


def described(path):
    header, numbers = split(path.read_bytes())
    return json.loads(header["__metadata__"][HEADER]), header, numbers


def rewritten(path, description, header, numbers):
    header["__metadata__"][HEADER] = (
        description if isinstance(description, str) else json.dumps(description)
    )
    path.write_bytes(tensor_bytes(header, numbers))
    return path


def look_at(recording: Recording) -> None:
    """What a user does with a recording; an error of ours is an answer too."""
    assert str(recording).replace("\n", "").isprintable()
    for name in recording:
        with contextlib.suppress(ClearheadError):
            assert recording[name] is recording[name, 0]
        for call in range(recording.count_calls(name)):
            for look in (_weights, _measures, _labels):
                with contextlib.suppress(ClearheadError):
                    look(recording[name, call])


def _weights(one: Any) -> None:
    if isinstance(one, AttentionMap):
        assert one.dense().shape == one.shape
        assert one.scores[0, 0].shape == one.shape[2:]
        if one.value is not None:
            assert one.contributions[0].shape == one.shape[1:]


def _measures(one: Any) -> None:
    if isinstance(one, AttentionMap):
        one.measure("entropy", "distance")
    else:
        one.measure()


def _labels(one: Any) -> None:
    if isinstance(one, AttentionMap):
        for rows, size in ((one.query_labels, 2), (one.key_labels, 3)):
            assert rows is None or [len(row) for row in rows] == [one.shape[size]] * one.shape[0]


@pytest.mark.parametrize("write", [maps, summaries], ids=["maps", "summaries"])
def test_every_member_of_the_description_replaced_by_values_of_every_type(write, tmp_path):
    path = write(tmp_path)
    look_at(load_recording(path))
    description, header, numbers = described(path)
    count = refusals = 0
    for name, changed in edits(description):
        rewritten(path, changed, header, numbers)
        message = refusal(TraceError, lambda: look_at(load_recording(path)))
        refusals += message is not None
        count += 1
        assert message is None or str(path) in message, name
    assert count > 600
    assert refusals > count * 0.6


@pytest.mark.parametrize("write", [maps, summaries], ids=["maps", "summaries"])
def test_every_name_of_a_tensor_in_the_place_of_every_other(write, tmp_path):
    """Tensors of the wrong type or shape are met where they are named."""
    path = write(tmp_path)
    description, header, numbers = described(path)
    names = sorted(name for name in header if name != "__metadata__")
    text = json.dumps(description)
    for one in names:
        for other in names:
            rewritten(path, text.replace(f'"{one}"', f'"{other}"'), header, numbers)
            refusal(TraceError, lambda: look_at(load_recording(path)))
    assert len(names) > 6


@pytest.mark.parametrize("how", [*SPOILT, "pipe"])
def test_a_spoilt_file(how, tmp_path):
    path = maps(tmp_path)
    with spoilt(path, how):
        message = refusal(TraceError, lambda: load_recording(path))
    assert "It is missing or damaged, or no recording" in message


@pytest.mark.parametrize(
    ("description", "words"),
    [
        (DEEP, "nested more than 64 levels deep"),
        ("", "it is not valid JSON"),
        ("[]", "the description is a list, not an object"),
        ('{"format": 1, "format": 1}', "it has the key 'format' twice"),
        ('{"format": "1"}', "'format' of the description is a text, not a whole number"),
        ('{"format": NaN}', "it holds NaN"),
    ],
)
def test_a_description_that_is_none(description, words, tmp_path):
    path = maps(tmp_path)
    _, header, numbers = described(path)
    message = refusal(
        TraceError, lambda: load_recording(rewritten(path, description, header, numbers))
    )
    assert words in message


def changed_map(change: Callable[[dict[str, Any], dict[str, torch.Tensor]], object], tmp_path):
    """The message about a recording whose first map and whose tensors were changed."""
    path = maps(tmp_path)
    description, _, _ = described(path)
    tensors = load_file(path)
    change(description, tensors)
    save_file(tensors, path, {HEADER: json.dumps(description)})
    return refusal(TraceError, lambda: look_at(load_recording(path)))


def first(description):
    return description["modules"][1]["calls"][0]["map"]


def of_ranges(description, tensors, side, change):
    name = first(description)["allowed"][side]
    tensors[name] = change(tensors[name])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d, t: of_ranges(d, t, "start", lambda x: x - 1), "not among the 7"),
        (lambda d, t: of_ranges(d, t, "end", lambda x: x + 9), "not among the 7"),
        (lambda d, t: of_ranges(d, t, "end", lambda x: x.float()), "float32, not of int32"),
        (lambda d, t: of_ranges(d, t, "end", lambda x: x[..., :3].clone()), "which does not fit"),
        (lambda d, t: t.update({first(d)["query"]: Q.long()}), "tensor of int64, not of float16"),
        (lambda d, t: t.update({first(d)["query"]: Q[0].clone()}), "which does not fit there"),
        (lambda d, t: t.update({first(d)["key"]: K[:, :0].clone()}), "has no heads, or heads with"),
        (lambda d, t: t.update({first(d)["query"]: Q[:, :, :, :0].clone()}), "without a width"),
        (lambda d, t: t.update({first(d)["query"]: Q[:, :3].clone()}), "cannot share 2 heads"),
        (lambda d, t: t.update({first(d)["sinks"]: torch.zeros(5)}), "which does not fit there"),
        (lambda d, t: t.pop(first(d)["sinks"]), "which is missing"),
        (lambda d, t: first(d).update(scale=1e308 * 10), "it holds Infinity"),
        (lambda d, t: first(d).update(softcap=0), "it must be above 0"),
        (lambda d, t: first(d).update(key_labels=["a"] * 6), "key_labels must be 7 tokens"),
        (lambda d, t: d["modules"].append(d["modules"][0]), "is described twice"),
        (lambda d, t: d["modules"][0].update(calls=[]), "the module 'layers.0' has no call"),
    ],
)  # fmt: skip
def test_tensors_that_do_not_fit_to_their_description(change, words, tmp_path):
    message = changed_map(change, tmp_path)
    assert message is not None
    assert words in message


def test_a_batch_of_nothing_takes_no_memory(tmp_path):
    """A tensor without numbers may have any shape; labels would be repeated for each row."""
    header = {
        "q": {"dtype": "F32", "shape": [10**9, 1, 0, 8], "data_offsets": [0, 0]},
        "__metadata__": {HEADER: json.dumps({"format": 1})},
    }
    (tmp_path / "file").write_bytes(tensor_bytes(header))
    message = refusal(TraceError, lambda: load_recording(tmp_path / "file"))
    assert "holds no number and has the shape" in message


@pytest.mark.parametrize("dtype", ["float8_e4m3fn", "float8_e5m2"])
def test_float8_is_refused_by_its_name(dtype, tmp_path):
    message = changed_map(
        lambda d, t: t.update({first(d)["query"]: Q.to(getattr(torch, dtype))}), tmp_path
    )
    assert f"is of type {dtype}, which is not read here; convert it" in message


def test_float4_is_refused_by_its_name(tmp_path):
    path = maps(tmp_path)
    _, header, numbers = described(path)
    end = len(numbers)
    header["z"] = {"dtype": "F4", "shape": [4], "data_offsets": [end, end + 2]}
    path.write_bytes(tensor_bytes(header, numbers + b"\0\0"))
    message = refusal(TraceError, lambda: load_recording(path))
    assert "is of type float4_e2m1, which is not read here" in message


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_queries_come_back_in_their_own_type(dtype, tmp_path):
    query, key = Q.to(dtype), K.to(dtype)
    model = Calls(lambda: sdpa(query, key, key, enable_gqa=True))
    recording = recorded(model, model, values=True)
    again = load_recording(recording.save(tmp_path / "one"))
    assert again[0].query.dtype == dtype
    assert torch.equal(again[0].query, recording[0].query)
    assert torch.equal(again[0].dense(), recording[0].dense())


def test_names_of_a_stranger_print_no_escapes(tmp_path):
    path = maps(tmp_path)
    description, header, numbers = described(path)
    escape = "\x1b[2J\x9b"
    description["model"] += escape
    description["notes"] = [escape]
    for module in description["modules"]:
        module["name"] += escape
        module["calls"][0]["map"]["source"].update(
            model=escape, module=escape, kernel=escape, kind=escape, notes=[escape]
        )
    description["modules"][0]["calls"] = [{"refused": {"why": escape, "kernel": escape}}]
    recording = load_recording(rewritten(path, description, header, numbers))
    assert str(recording).replace("\n", "").isprintable()
    assert repr(recording[1]).replace("\n", "").isprintable()
    with pytest.raises(TraceError) as error:
        recording[0]
    assert str(error.value).isprintable()
