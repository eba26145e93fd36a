"""A trace is saved whole and loaded as it was; a file that is none is refused."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import load_file, save_file
from safetensors.torch import save_file as save_torch

from clearhead.errors import TraceError
from clearhead.reference import Trace, attention
from tests.reference.tracing.runs import small_run
from tests.strangers import DEEP, ODD, SPOILT, edits, refusal, split, spoilt, tensor_bytes


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    trace = Trace(keep="*", replace={"weights": lambda w: w[:, ::-1]})
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    attention(x, x, x, trace=trace)

    trace.save(tmp_path / "trace.safetensors")
    loaded = Trace.load(tmp_path / "trace.safetensors")

    assert loaded.paths == trace.paths
    for ours, theirs in zip(trace, loaded, strict=True):
        np.testing.assert_array_equal(ours.value, theirs.value)
        assert ours.value.dtype == theirs.value.dtype
        assert (ours.axes, ours.formula) == (theirs.axes, theirs.formula)
        assert (ours.of, ours.replaced) == (theirs.of, theirs.replaced)
    assert loaded["weights"].replaced
    assert [path.name for path in tmp_path.iterdir()] == ["trace.safetensors"]


@given(
    hnp.arrays(
        st.sampled_from([np.float16, np.float32, np.float64, np.int64, np.complex64, np.bool_]),
        hnp.array_shapes(min_dims=0, min_side=0, max_side=4),
    )
)
def test_any_array_survives(tmp_path_factory: pytest.TempPathFactory, value: np.ndarray) -> None:
    path = tmp_path_factory.mktemp("trace") / "t"
    trace = Trace()
    trace.step("α/β γ", value.T)

    trace.save(path)

    loaded = Trace.load(path)["α/β γ"].value
    assert loaded.dtype == value.dtype
    np.testing.assert_array_equal(loaded, value.T)


def test_a_loaded_trace_is_read_only_and_cannot_be_recorded_over(tmp_path: Path) -> None:
    path = tmp_path / "t"
    trace = Trace()
    small_run(trace)
    trace.save(path)
    loaded = Trace.load(path)

    with pytest.raises(ValueError, match="read-only"):
        loaded["input"].value[0] = 1
    with pytest.raises(TraceError, match="visited twice"):
        small_run(loaded)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="There is no trace at"):
        Trace.load(tmp_path / "nowhere")


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="is no trace, or it is damaged"):
        Trace.load(tmp_path)


@given(st.data())
def test_a_damaged_file_is_a_trace_error_whatever_byte_it_is(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("trace") / "t"
    trace = Trace()
    small_run(trace)
    trace.save(path)
    content = bytearray(path.read_bytes())
    header = int.from_bytes(content[:8], "little")
    place = data.draw(st.one_of(st.integers(0, 7), st.integers(8 + header, len(content) - 1)))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)

    with pytest.raises(TraceError, match="damaged"):
        Trace.load(path)


@given(st.floats(0, 1, exclude_max=True))
def test_a_file_cut_short(tmp_path_factory: pytest.TempPathFactory, share: float) -> None:
    path = tmp_path_factory.mktemp("trace") / "t"
    trace = Trace()
    small_run(trace)
    trace.save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])

    with pytest.raises(TraceError, match="damaged"):
        Trace.load(path)


def test_a_file_of_something_else(tmp_path: Path) -> None:
    save_file({"embedding.weight": np.zeros(3)}, tmp_path / "model.safetensors")

    with pytest.raises(TraceError, match="a safetensors file, but not a trace"):
        Trace.load(tmp_path / "model.safetensors")


def test_a_later_version(tmp_path: Path) -> None:
    metadata = {"format": "clearhead-trace", "version": "2", "steps": "[]"}
    save_file({"x": np.zeros(1)}, tmp_path / "t", metadata=metadata)

    with pytest.raises(TraceError, match="version 2; this release reads version 1"):
        Trace.load(tmp_path / "t")


@pytest.mark.parametrize(
    "described",
    [
        "{",
        "3",
        "[3]",
        "[{}]",
        json.dumps([{"path": "y"}]),
        json.dumps([{"path": "x", "crc32": 0}]),
    ],
)
def test_a_header_that_does_not_describe_the_values(tmp_path: Path, described: str) -> None:
    metadata = {"format": "clearhead-trace", "version": "1", "steps": described}
    save_file({"x": np.zeros(1)}, tmp_path / "t", metadata=metadata)

    with pytest.raises(TraceError, match="damaged"):
        Trace.load(tmp_path / "t")


def test_the_file_is_plain_safetensors(tmp_path: Path) -> None:
    trace = Trace()
    small_run(trace)
    trace.save(tmp_path / "t")

    assert set(load_file(tmp_path / "t")) == set(trace.paths)


def test_saving_fails_without_touching_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "t"
    trace = Trace()
    small_run(trace)
    trace.save(path)
    before = path.read_bytes()
    unfit = Trace()
    unfit.step("tokens", np.array(["I", "love", "tea"]))

    with pytest.raises(TraceError, match="'tokens' holds <U4, which cannot be saved"):
        unfit.save(path)

    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["t"]


@pytest.mark.parametrize("how", [*SPOILT, "pipe"])
def test_a_spoilt_file(tmp_path: Path, how: str) -> None:
    path = tmp_path / "t"
    trace = Trace()
    small_run(trace)
    trace.save(path)

    with spoilt(path, how):
        assert "is no trace, or it is damaged" in str(refusal(TraceError, lambda: Trace.load(path)))


def test_every_member_of_the_header_replaced_by_values_of_every_type(tmp_path: Path) -> None:
    path = tmp_path / "t"
    trace = Trace()
    small_run(trace)
    trace.save(path)
    header, numbers = split(path.read_bytes())
    steps = json.loads(header["__metadata__"]["steps"])

    def look() -> None:
        loaded = Trace.load(path)
        assert str(loaded).replace("\n", "").isprintable()
        assert loaded.table().replace("\n", "").isprintable()

    refusals = 0
    for _, changed in edits(steps):
        header["__metadata__"]["steps"] = json.dumps(changed)
        path.write_bytes(tensor_bytes(header, numbers))
        refusals += refusal(TraceError, look) is not None
    assert refusals > 100
    for odd in ODD:
        header["__metadata__"]["steps"] = json.dumps(odd)
        path.write_bytes(tensor_bytes(header, numbers))
        assert odd == [] or refusal(TraceError, look)


def test_a_deep_description(tmp_path: Path) -> None:
    metadata = {"format": "clearhead-trace", "version": "1", "steps": DEEP}
    save_file({"x": np.zeros(1)}, tmp_path / "t", metadata=metadata)
    with pytest.raises(TraceError, match="nested more than 64 levels deep"):
        Trace.load(tmp_path / "t")


def test_a_step_that_is_described_again_and_again(tmp_path: Path) -> None:
    path = tmp_path / "t"
    trace = Trace()
    small_run(trace)
    trace.save(path)
    header, numbers = split(path.read_bytes())
    first = json.loads(header["__metadata__"]["steps"])[0]
    header["__metadata__"]["steps"] = json.dumps([first] * 1000)
    path.write_bytes(tensor_bytes(header, numbers))
    with pytest.raises(TraceError, match="is described twice"):
        Trace.load(path)


@pytest.mark.parametrize(
    ("dtype", "words"),
    [
        ("float8_e4m3fn", "'x' is of type float8_e4m3fn, which is not read here; convert"),
        ("float8_e5m2", "'x' is of type float8_e5m2, which is not read here; convert"),
    ],
)
def test_steps_of_types_that_numpy_does_not_have(tmp_path: Path, dtype: str, words: str) -> None:
    write_foreign_trace(tmp_path / "t", torch.ones(3).to(getattr(torch, dtype)))
    with pytest.raises(TraceError, match=words):
        Trace.load(tmp_path / "t")


def test_bfloat16_of_another_program_is_read_as_float32(tmp_path: Path) -> None:
    numbers = torch.tensor([1.0, -2.5, 3.14159]).bfloat16()
    write_foreign_trace(tmp_path / "t", numbers)
    loaded = Trace.load(tmp_path / "t")["x"].value
    assert loaded.dtype == np.float32
    np.testing.assert_array_equal(loaded, numbers.float().numpy())


def write_foreign_trace(path: Path, value: torch.Tensor) -> None:
    """A trace of one step, x, whose value NumPy has no type for."""
    numbers = value.view(torch.uint8).numpy().tobytes()
    step = {"path": "x", "axes": [], "formula": "", "of": [], "replaced": False}
    metadata = {
        "format": "clearhead-trace",
        "version": "1",
        "steps": json.dumps([step | {"crc32": zlib.crc32(numbers)}]),
    }
    save_torch({"x": value}, path, metadata=metadata)
