"""Containers carry arrays bit for bit; windows are cut from steps, weights and contributions."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from clearhead.errors import ShapeError, TraceError
from clearhead.explorer.contract.arrays import DTYPES, decode, encode, to_json, windows
from clearhead.explorer.contract.questions import ArrayItem
from clearhead.reference import Trace, Transformer
from tests.reference.models import random_ids, random_weights, small_config

ATTENTION = "decoder.layers.0.cross_attention"


class Pass:
    """A forward pass, without the contributions that a trace keeps only when asked."""

    def __init__(self, keep: str | None = None) -> None:
        config = small_config(num_kv_heads=2, encoder_layers=1, decoder_layers=1)
        rng = np.random.default_rng(0)
        self.reference = Transformer(config, random_weights(config))
        self.trace = Trace(keep=keep)
        source, target = random_ids(rng, config, 1, 5), random_ids(rng, config, 1, 7)
        self.reference.forward(source, target, trace=self.trace)


RUN = Pass()
EVERYTHING = Pass(keep="*")

jsons = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e6, 1e6) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
travelling = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=5, min_side=0))
)


@given(json=jsons, arrays=st.dictionaries(st.text(), travelling, max_size=4))
def test_a_container_gives_back_what_it_was_given(json: object, arrays: dict) -> None:
    content, read = decode(encode(json, arrays))
    assert content == json
    assert list(read) == list(arrays)
    for name, array in arrays.items():
        assert read[name].dtype == array.dtype
        assert read[name].shape == array.shape
        assert read[name].tobytes() == array.tobytes()  # infinities, NaN and all


@given(arrays=st.dictionaries(st.text(), travelling, max_size=4))
def test_the_bytes_of_a_container_are_those_of_its_description(arrays: dict) -> None:
    data = encode({"ü": 1}, arrays)
    (length,) = struct.unpack("<I", data[:4])
    assert (4 + length) % 8 == 0
    header = json.loads(data[4 : 4 + length].decode("utf-8"))
    assert header["json"] == {"ü": 1}
    end = 0
    for entry, (name, array) in zip(header["arrays"], arrays.items(), strict=True):
        assert entry["name"] == name
        assert entry["offset"] == end
        assert end % 8 == 0
        raw = data[4 + length + end :][: array.nbytes]
        assert raw == array.astype(array.dtype.newbyteorder("<")).tobytes()
        end += -(-array.nbytes // 8) * 8
    assert len(data) == 4 + length + end


def test_arrays_in_any_order_of_memory_and_bytes_travel_alike() -> None:
    array = np.arange(12.0).reshape(3, 4)
    expected = encode(None, {"a": array})
    assert encode(None, {"a": np.asfortranarray(array)}) == expected
    assert encode(None, {"a": array.astype(">f8")}) == expected
    assert encode(None, {"a": np.repeat(array, 2, axis=1)[:, ::2]}) == expected


def test_other_types_travel_as_the_nearest_that_does() -> None:
    given_types = {
        "half": np.array([0.5, -2], np.float16),
        "long": np.array([-(2**31), 2**31 - 1], np.int64),
        "bits": np.array([True, False]),
    }
    _, read = decode(encode(None, given_types))
    assert [array.dtype.name for array in read.values()] == ["float32", "int32", "uint8"]
    for name, array in given_types.items():
        np.testing.assert_array_equal(read[name], array)


def test_what_cannot_travel_is_refused_with_its_name() -> None:
    with pytest.raises(ShapeError, match=r"'ids' holds integers beyond 32 bits \(from 0 to 21474"):
        encode(None, {"ids": np.array([0, 2**31])})
    with pytest.raises(ShapeError, match=r"'z' is of type complex128, .* float64, float32, uint8"):
        encode(None, {"z": np.array([1j])})


def test_infinities_are_null_in_json_and_themselves_in_arrays() -> None:
    text = to_json({"a": [-np.inf, {"b": (np.nan, 1.5)}], "c": "é"})
    assert text == '{"a":[null,{"b":[null,1.5]}],"c":"é"}'.encode()
    content, arrays = decode(encode({"a": -np.inf}, {"m": np.array([-np.inf])}))
    assert content == {"a": None}
    assert arrays["m"][0] == -np.inf


WHOLE = encode({"a": 1}, {"x": np.arange(9.0)})


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"abc",
        WHOLE[:20],
        WHOLE[:-8],
        b"\xff\xff\xff\xff" + WHOLE[4:],
        WHOLE.replace(b"float64", b"object_"),
        WHOLE.replace(b'"arrays"', b'"arroys"'),
        struct.pack("<I", 12) + b"[1,2,3]     ",
    ],
)
def test_a_damaged_container_is_said_to_be_one(damaged: bytes) -> None:
    with pytest.raises(TraceError, match="are no container of arrays, or a damaged one"):
        decode(damaged)


# Windows


@st.composite
def spans(draw: st.DrawFn, shape: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    starts = [draw(st.integers(0, size - 1)) for size in shape]
    return tuple(
        (start, draw(st.integers(start + 1, size)))
        for start, size in zip(starts, shape, strict=True)
    )


@given(data=st.data())
def test_a_window_is_that_part_of_its_step_or_weight(data: st.DataObject) -> None:
    step = data.draw(st.sampled_from(list(EVERYTHING.trace)))
    name = data.draw(st.sampled_from(list(RUN.reference.weights)))
    weight = RUN.reference.weights[name]
    items = [
        ArrayItem(path=step.path, window=data.draw(spans(step.shape))),
        ArrayItem(path=f"weights/{name}", window=data.draw(spans(weight.shape))),
        ArrayItem(path=step.path),
    ]
    answer = windows(RUN, items, 10**6)
    for number, whole in enumerate((step.value, weight, step.value)):
        described = answer.json["items"][number]
        place = tuple(slice(*span) for span in described["window"])
        np.testing.assert_array_equal(answer.arrays[str(number)], whole[place])
        assert described["path"] == items[number].path
        assert described["shape"] == list(whole.shape)
        travelled = decode(encode(answer.json, answer.arrays))[1][str(number)]
        assert described["dtype"] == travelled.dtype.name
        if items[number].window is not None:
            assert described["window"] == [list(span) for span in items[number].window]


def test_contributions_that_nobody_kept_are_computed_for_the_window_alone() -> None:
    path = f"{ATTENTION}.contributions"
    assert path not in RUN.trace
    contributions = EVERYTHING.trace[path].value
    window = ((0, 1), (1, 3), (2, 7), (0, 4), (3, 4))
    answer = windows(RUN, [ArrayItem(path=path, window=window)], 40)
    np.testing.assert_array_equal(answer.arrays["0"], contributions[:, 1:3, 2:7, 0:4, 3:4])
    assert answer.json["items"][0]["shape"] == list(contributions.shape)
    np.testing.assert_allclose(
        windows(RUN, [ArrayItem(path=path)], 10**4).arrays["0"].sum(axis=-2),
        RUN.trace[f"{ATTENTION}.output"].value,
        rtol=1e-12,
    )


def test_too_many_numbers_are_refused_before_any_is_cut() -> None:
    items = [
        ArrayItem(path="logits", window=((0, 1), (0, 2), (0, 10))),
        ArrayItem(path="encoder.output"),
    ]
    assert len(windows(RUN, items, 100).arrays) == 2
    with pytest.raises(ShapeError, match="100 numbers were asked for, and at most 99 are sent"):
        windows(RUN, items, 99)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("encoder.outptu", "No step of this run is called 'encoder.outptu'.*encoder.output"),
        ("encoder.layers.7.self_attention.weights", r"encoder\.layers\.0\.self_attention\.weights"),
        ("*", r"No step of this run is called '\*'"),
        ("encoder.*.weights", r"No step of this run is called 'encoder\.\*"),
        ("encoder.contributions", "No step of this run is called 'encoder.contributions'"),
        ("weights/embeding.weight", "no weight called 'embeding.weight'.*: embedding.weight"),
        ("weights/../config.json", r"no weight called '\.\./config\.json'"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(path: str, words: str) -> None:
    with pytest.raises(TraceError, match=words):
        windows(RUN, [ArrayItem(path=path)], 10**6)


@pytest.mark.parametrize(
    ("window", "words"),
    [
        (((0, 1),), r"has 1 axes; the array has 3, its shape being 1 x 5 x 16"),
        (((0, 1), (0, 6), (0, 16)), r"asks for \[0, 6\] of axis 1, which has 5 entries"),
        (((0, 1), (3, 3), (0, 16)), r"needs 0 <= start < stop <= 5"),
    ],
)
def test_a_window_outside_of_its_array_is_refused(
    window: tuple[tuple[int, int], ...], words: str
) -> None:
    with pytest.raises(ShapeError, match=words):
        windows(RUN, [ArrayItem(path="encoder.output", window=window)], 10**6)
