"""A safetensors file gives its numbers, or one error; what it says is never taken at its word."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import SafetensorError

from clearhead.file_reading import FileProblem
from clearhead.tensor_file import TensorFile
from tests.strangers import DEEP, ODD, SPOILT, edits, split, spoilt, tensor_bytes

DTYPES = [
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64"),
]
SMALL = {
    "a": torch.arange(6, dtype=torch.float32).reshape(2, 3),
    "b": torch.tensor([1.0, -2.5], dtype=torch.bfloat16),
    "c.d": torch.tensor([True, False, True]),
    "e": torch.zeros(0, 4, dtype=torch.int64),
}
CONTENT = safetensors.torch.save(SMALL, {"note": "by a friend"})


def read_all(path):
    with TensorFile(path) as file:
        return {name: file.read(name) for name in file}


def reason_of(content, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(FileProblem) as error_info:
        read_all(path)
    assert "\n" not in str(error_info.value)
    assert str(error_info.value).startswith(f"Cannot read {path}: ")
    return error_info.value.reason


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (1,), (3, 2), (0,), (2, 0, 3), (1, 1, 1, 1, 1, 5)])
def test_every_type_and_shape_is_read_as_the_library_reads_it(dtype, shape, tmp_path):
    numbers = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    safetensors.numpy.save_file({"x": numbers, "y": np.ones(3, np.float32)}, tmp_path / "file")
    tensor = read_all(tmp_path / "file")["x"]
    assert tensor.dtype == numbers.dtype
    assert tensor.shape == numbers.shape
    np.testing.assert_array_equal(tensor, numbers)
    assert tensor.flags.writeable
    assert tensor.flags.aligned
    assert tensor.flags.c_contiguous


@given(st.lists(st.integers(0, (1 << 16) - 1), max_size=9))
def test_bfloat16_is_widened_by_bits(bits):
    numbers = torch.tensor(bits, dtype=torch.int32).to(torch.uint16).view(torch.bfloat16)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        safetensors.torch.save_file({"x": numbers}, path)
        with TensorFile(path) as file:
            wide, same, raw = file.read("x"), file.read_torch("x"), file.raw("x")
    assert wide.dtype == np.float32
    np.testing.assert_array_equal(wide, numbers.float().numpy())
    assert same.dtype == torch.bfloat16
    assert torch.equal(same.view(torch.uint16), numbers.view(torch.uint16))
    assert raw.tolist() == bits


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(), (3, 2), (0,), (2, 0, 3)])
def test_floats_are_looked_at_where_they_lie(dtype, shape, tmp_path):
    numbers = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    safetensors.numpy.save_file({"x": numbers}, tmp_path / "file")
    with TensorFile(tmp_path / "file") as file:
        view = file.view("x")
    assert (view.dtype, view.shape) == (numbers.dtype, shape)
    np.testing.assert_array_equal(view, numbers)
    assert view.flags.writeable == (numbers.size == 0)
    assert view.flags.aligned


def test_a_view_takes_no_memory_and_two_share_a_map(tmp_path):
    safetensors.numpy.save_file({"x": np.ones(1 << 18), "y": np.ones(1 << 18)}, tmp_path / "file")
    tracemalloc.start()
    try:
        with TensorFile(tmp_path / "file") as file:
            views = [file.view("x"), file.view("y")]
        assert tracemalloc.get_traced_memory()[1] < 1 << 16
    finally:
        tracemalloc.stop()
    bases = [view.base.base if isinstance(view.base, np.ndarray) else view.base for view in views]
    assert bases[0].obj is bases[1].obj
    assert sum(view.sum() for view in views) == 1 << 19


@pytest.mark.parametrize("name", SMALL)
def test_what_cannot_be_looked_at_in_place_is_read(name, tmp_path):
    (tmp_path / "file").write_bytes(CONTENT)
    with TensorFile(tmp_path / "file") as file:
        np.testing.assert_array_equal(file.view(name), file.read(name))


@pytest.mark.parametrize("before", [1, 2, 3])
def test_numbers_in_an_odd_place_are_copied(before, tmp_path):
    numbers = np.arange(4, dtype=np.float32)
    header = {
        "a": {"dtype": "U8", "shape": [before], "data_offsets": [0, before]},
        "x": {"dtype": "F32", "shape": [4], "data_offsets": [before, before + 16]},
    }
    content = tensor_bytes(header, bytes(before) + numbers.tobytes())
    (tmp_path / "file").write_bytes(content)
    with TensorFile(tmp_path / "file") as file:
        view = file.view("x")
    assert view.flags.aligned
    np.testing.assert_array_equal(view, numbers)


def test_a_file_that_was_cut_after_its_header_was_read_is_not_mapped(tmp_path):
    safetensors.numpy.save_file({"x": np.ones(1 << 20)}, tmp_path / "file")
    with TensorFile(tmp_path / "file") as file:
        os.truncate(tmp_path / "file", 1 << 21)
        with pytest.raises(FileProblem, match="it became shorter"):
            file.view("x")
        with pytest.raises(FileProblem, match="it became shorter"):
            file.read_as("x", np.float32)


def test_a_file_that_cannot_be_mapped_says_so(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise OSError("no device for it")

    safetensors.numpy.save_file({"x": np.ones(3)}, tmp_path / "file")
    monkeypatch.setattr("clearhead.tensor_file.mmap.mmap", refuse)
    with TensorFile(tmp_path / "file") as file, pytest.raises(FileProblem, match="cannot be map"):
        file.view("x")


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 16, 21])
@pytest.mark.parametrize("stored", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_are_read_in_another_type_block_by_block(size, stored, dtype, tmp_path, monkeypatch):
    monkeypatch.setattr("clearhead.tensor_file._BLOCK", 8)
    numbers = torch.randn(size, generator=torch.Generator().manual_seed(0)).to(stored)
    safetensors.torch.save_file({"before": torch.ones(3), "x": numbers}, tmp_path / "file")
    with TensorFile(tmp_path / "file") as file:
        array = file.read_as("x", dtype)
    assert array.dtype == dtype
    np.testing.assert_array_equal(array, numbers.double().numpy().astype(dtype))


def test_what_is_no_float_is_not_read_as_one(tmp_path):
    (tmp_path / "file").write_bytes(CONTENT)
    refusal = pytest.raises(FileProblem, match=r"'c\.d' is of type bool; read here are float16, ")
    with TensorFile(tmp_path / "file") as file, refusal:
        file.read_as("c.d", np.float32)


@pytest.mark.parametrize("name", SMALL)
def test_tensors_of_pytorch_come_back(name, tmp_path):
    (tmp_path / "file").write_bytes(CONTENT)
    with TensorFile(tmp_path / "file") as file:
        tensor = file.read_torch(name)
        assert file.metadata == {"note": "by a friend"}
        assert list(file.tensors[name].shape) == list(SMALL[name].shape)
        assert sorted(file) == sorted(SMALL)
        assert len(file) == 4
        assert name in file
        assert "x" not in file
    assert tensor.dtype == SMALL[name].dtype
    assert torch.equal(tensor, SMALL[name])


@pytest.mark.parametrize(
    "dtype",
    [torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e8m0fnu],
    ids=lambda dtype: str(dtype),
)
def test_float8_is_refused_by_its_name(dtype, tmp_path):
    content = safetensors.torch.save({"x": torch.ones(4).to(dtype), "y": torch.ones(2)})
    name = str(dtype).removeprefix("torch.")
    assert reason_of(content, tmp_path) == (
        f"its tensor 'x' is of type {name}, which is not read here; convert it to float32, "
        f"float16 or bfloat16"
    )
    with TensorFile(tmp_path / "file") as file:
        assert file.read("y").tolist() == [1, 1]
        with pytest.raises(FileProblem, match="convert it to float32"):
            file.read_torch("x")


@pytest.mark.parametrize(
    ("raw", "name", "size"),
    [("F4", "float4_e2m1", 4), ("F6_E2M3", "float6_e2m3", 6), ("F6_E3M2", "float6_e3m2", 6)],
)
def test_numbers_of_less_than_a_byte_are_refused_by_their_name(raw, name, size, tmp_path):
    header = {"x": {"dtype": raw, "shape": [2, 4], "data_offsets": [0, size]}}
    assert f"its tensor 'x' is of type {name}, which" in reason_of(
        tensor_bytes(header, bytes(size)), tmp_path
    )
    header["x"]["shape"] = [2, 5]
    assert "does not fit to the" in reason_of(tensor_bytes(header, bytes(size)), tmp_path)


def one(dtype="F32", shape=(2,), offsets=(0, 8), **more):
    return {"x": {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}, **more}


def another(begin, end):
    return {"dtype": "U8", "shape": [end - begin], "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    ("header", "numbers", "reason"),
    [
        (one("F99"), 8, "is of type 'F99', which is not known here"),
        (one("O"), 8, "is of type 'O', which is not known here"),
        (one("\x1b[2J"), 8, r"is of type '\x1b[2J', which is not known here"),
        (one(shape=(3,)), 8, "of type float32 and shape [3] does not fit to the 8 bytes"),
        (one(shape=(1 << 40, 1 << 40)), 8, "does not fit to the 8 bytes"),
        (one(shape=(-2,)), 8, "'shape' of 'x' of the header, [0] is -2; it must be from 0"),
        (one(shape=(10**30,)), 8, "must be from 0"),
        (one(shape=(0, 1 << 50), offsets=(0, 0)), 0, "holds no number and has the shape"),
        (one(shape=(1,) * 32 + (2,)), 8, "has 33 axes; at most 32 are read"),
        (one(offsets=(0, 8, 8)), 8, "not a begin and an end"),
        (one(offsets=(8, 0)), 8, "not a begin and an end"),
        (one(offsets=(0, 1 << 50), shape=(1 << 48,)), 8, "was not copied whole, or is damaged"),
        (one(), 7, "its tensors have 8 bytes by the header, and the file holds 7"),
        (one(), 9, "its tensors have 8 bytes by the header, and the file holds 9"),
        (one(offsets=(1, 9)), 9, "'x' and the header have a gap between them"),
        (one(y=another(7, 12)), 12, "its tensor 'y' and 'x' overlap"),
        (one(y=another(0, 8)), 8, "overlap"),
        (one(y=another(9, 12)), 12, "its tensor 'y' and 'x' have a gap between them"),
        (one("BOOL", (2,), (0, 2)), b"\x01\x02", "holds bytes other than 0 and 1"),
        (one(__metadata__={"a": 1}), 8, "'a' of '__metadata__' of the header is a whole number"),
        (one(__metadata__=[]), 8, "'__metadata__' of the header is a list, not an object"),
        ({"x": 3}, 0, "'x' of the header is a whole number, not an object"),
        ({"x": {}}, 0, "'x' of the header lacks 'dtype'"),
        (b"[]", 0, "its header is no JSON object, so it is no safetensors file"),
        (b"", 0, "its header is no JSON object"),
        (b"{", 0, "in its header: it is not valid JSON"),
        (b'{"x":1,"x":2}', 0, "in its header: it has the key 'x' twice"),
        (b'{"x":' + DEEP.encode(), 0, "in its header: it is nested more than 64 levels deep"),
        (b'{"\xff":1}', 0, "in its header: it is not UTF-8"),
        (b'{"\\ud800":1}', 0, "in its header: it holds half a character"),
    ],
)
def test_what_does_not_fit_is_refused(header, numbers, reason, tmp_path):
    numbers = numbers if isinstance(numbers, bytes) else bytes(numbers)
    tensor = reason_of(tensor_bytes(header, numbers), tmp_path)
    assert reason in tensor
    assert "\x1b" not in tensor


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it has 0 bytes and no header, so it is no safetensors file"),
        (b"1234567", "it has 7 bytes and no header"),
        (b"\xff" * 99, "its header would have 18,446,744,073,709,551,615 bytes, and the file has"),
        (tensor_bytes({})[:-1], "its header would have 2 bytes, and the file has 9"),
    ],
)
def test_what_is_no_safetensors_file(content, reason, tmp_path):
    assert reason in reason_of(content, tmp_path)


def test_a_file_without_a_tensor_is_one(tmp_path):
    (tmp_path / "file").write_bytes(tensor_bytes({"__metadata__": {"a": "b"}}))
    with TensorFile(tmp_path / "file") as file:
        assert list(file) == []
        assert file.metadata == {"a": "b"}


@pytest.mark.parametrize("how", [*SPOILT, "pipe"])
def test_spoilt_files(how, tmp_path):
    (tmp_path / "file").write_bytes(CONTENT)
    with spoilt(tmp_path / "file", how) as path, pytest.raises(FileProblem):
        TensorFile(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(FileProblem, match="there is no such file") as error:
        TensorFile(tmp_path / "absent")
    assert error.value.missing


def test_a_file_that_becomes_shorter(tmp_path):
    content = safetensors.torch.save({"x": torch.zeros(1 << 16)})
    (tmp_path / "file").write_bytes(content)
    with TensorFile(tmp_path / "file") as file:
        (tmp_path / "file").write_bytes(content[:-20])
        with pytest.raises(FileProblem, match="it became shorter while it was read"):
            file.read("x")


@pytest.mark.parametrize("shape", [[1 << 40], [1 << 20, 1 << 20], [0, 1 << 60], [1 << 62, 4]])
def test_nothing_is_allocated_that_the_file_does_not_hold(shape, tmp_path):
    tracemalloc.start()
    for end in (8, 1 << 42):
        reason_of(tensor_bytes(one(shape=shape, offsets=(0, end)), bytes(8)), tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def is_right_or_refused(content):
    """Our reader's tensors are the library's own, or there is one error."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(content)
        with contextlib.suppress(FileProblem), TensorFile(path) as file:
            ours = {name: file.read_torch(name) for name in file}
            try:
                theirs = safetensors.torch.load(content)
            except SafetensorError:  # JSON that Python reads and Rust does not: -0, say
                header, numbers = split(content)
                theirs = safetensors.torch.load(tensor_bytes(header, numbers))
            assert ours.keys() == theirs.keys()
            for name, tensor in ours.items():
                assert tensor.dtype == theirs[name].dtype
                assert tensor.shape == theirs[name].shape
                assert (
                    tensor.numpy(force=True).tobytes() == theirs[name].numpy().tobytes()
                    if (tensor.dtype != torch.bfloat16)
                    else torch.equal(tensor.view(torch.int16), theirs[name].view(torch.int16))
                )


@given(st.data())
def test_any_change_of_the_bytes_gives_the_right_tensors_or_our_error(data):
    content = bytearray(CONTENT)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        count = data.draw(st.integers(0, 3))
        content[place : place + count] = data.draw(
            st.binary(max_size=4)
            | st.sampled_from([b"0", b"9", b"-", b'"', b"{", b"}", b",", b"e"])
        )
    is_right_or_refused(bytes(content))


@given(st.data())
def test_any_change_of_the_header_alone_as_well(data):
    """The length is made to fit again, so that the change itself is met."""
    length = int.from_bytes(CONTENT[:8], "little")
    header, numbers = bytearray(CONTENT[8 : 8 + length].rstrip()), CONTENT[8 + length :]
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(header) - 1))
        count = data.draw(st.integers(0, 3))
        header[place : place + count] = data.draw(
            st.sampled_from([b"", b"0", b"7", b"-", b'"', b"{}", b"[", b"]", b",", b"1e3", b"null"])
            | st.binary(max_size=3)
        )
    is_right_or_refused(tensor_bytes(bytes(header), numbers))


def test_every_member_of_the_header_replaced_by_values_of_every_type():
    header, numbers = split(CONTENT)
    count = 0
    for _, changed in edits(header):
        is_right_or_refused(tensor_bytes(changed, numbers))
        count += 1
    assert count > 250


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_a_header_that_is_no_object(odd):
    is_right_or_refused(tensor_bytes(json.dumps(odd).encode()))
