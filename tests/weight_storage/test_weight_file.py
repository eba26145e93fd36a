"""Weights come back as they were stored, or are refused by their names."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from clearhead.errors import ConfigError
from clearhead.file_reading import FileProblem
from clearhead.json_fields import Fields
from clearhead.tensor_file import TensorFile
from clearhead.weight_storage.weight_file import (
    STORAGES,
    read_format,
    read_weights,
    store,
    weight_shapes,
)
from tests.strangers import refusal

GENERATOR = np.random.default_rng(0)
WEIGHTS = {
    name: GENERATOR.normal(size=size).astype(np.float32)
    for name, size in {"norm.bias": 5, "up.weight": (300, 7), "x.weight": (3, 70_000)}.items()
}


def read(path, number=2):
    with TensorFile(path) as file:
        return read_weights(file, weight_shapes(file, number))


@pytest.mark.parametrize("storage", STORAGES)
def test_weights_come_back_as_float32(tmp_path, storage):
    content = store(WEIGHTS, storage)
    save_file(dict(content.tensors), tmp_path / "weights")
    weights = read(tmp_path / "weights", content.format)
    assert weights.keys() == WEIGHTS.keys()
    tensors = load_file(tmp_path / "weights")
    for name, array in weights.items():
        expected = tensors[name].astype(np.float32)
        if tensors[name].dtype == np.int8:
            expected *= tensors[name + ".scale"][:, np.newaxis]
        assert array.dtype == np.float32
        assert array.ctypes.data % 4 == 0
        np.testing.assert_array_equal(array, expected)
        error = np.linalg.norm(array - WEIGHTS[name]) / np.linalg.norm(WEIGHTS[name])
        assert error <= {"float32": 0, "float16": 1e-3, "int8": 0.015}[storage]


def test_what_each_storage_is():
    contents = {storage: store(WEIGHTS, storage) for storage in STORAGES}
    assert {storage: content.format for storage, content in contents.items()} == {
        "float32": 1, "float16": 1, "int8": 2,
    }  # fmt: skip
    assert contents["float32"].facts == {}
    assert contents["float16"].facts == {"weights": "float16"}
    facts = contents["int8"].facts
    assert facts["vectors"] == "float32"
    assert 0.005 < facts["largest_row_error"] < 0.02
    assert facts["row"].startswith("x.weight[")  # long rows have larger largest numbers
    tensors = contents["int8"].tensors
    assert {name: str(array.dtype) for name, array in tensors.items()} == {
        "norm.bias": "float32", "up.weight": "int8", "up.weight.scale": "float32",
        "x.weight": "int8", "x.weight.scale": "float32",
    }  # fmt: skip


def test_what_float16_cannot_hold_is_named():
    with pytest.raises(ConfigError, match=r"'b' holds 7e\+04, which is more than float16 can hold"):
        store({"a": np.ones(2, np.float32), "b": np.array([-7e4], np.float32)}, "float16")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "it has format none; this version of clearhead reads formats 1 and 2"),
        ({"format": 3}, "it has format 3;"),
        ({"format": "2"}, "it has format '2';"),
        ({"format": [1]}, r"it has format [1];"),
        ({"format": None}, "it has format none;"),
    ],
)
def test_other_formats(content, words):
    message = refusal(FileProblem, lambda: read_format(Fields(content, "the file")))
    assert message is not None
    assert message.startswith(words)
    assert "a newer one may read it" in message


SCALE = "up.weight.scale"


def with_scale(index, value):
    def change(tensors):
        tensors[SCALE][index] = value

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop(SCALE), "'up.weight' is of type int8 and has no scales: 'up.weight.scal"),
        (lambda t: t.update({SCALE: np.ones(299, np.float32)}), "type float32 and shape (299,)"),
        (lambda t: t.update({SCALE: np.ones((300, 1), np.float32)}), "shape (300, 1); the scales"),
        (lambda t: t.update({SCALE: np.ones(300)}), "is of type float64 and shape (300,); the"),
        (lambda t: t.update({SCALE: np.ones(300, np.float16)}), "is of type float16 and shape"),
        (lambda t: t.update({SCALE: np.ones(300, np.int8)}), "is of type int8 and"),
        (with_scale(7, np.nan), "'up.weight.scale' has the scale nan for row 7; a scale is a num"),
        (with_scale(8, np.inf), "has the scale inf for row 8"),
        (with_scale(0, -1.0), "has the scale -1 for row 0"),
        (with_scale(299, 3e38), "has the scale 3e+38 for row 299; a scale is a number from 0 to"),
        (lambda t: t.update({"norm.bias": np.ones(5, np.int8)}), "(5,); in 8 bits are matrices"),
        (lambda t: t.update({"norm.bias": np.ones(5, np.uint8)}), "of type uint8; read here are"),
        (lambda t: t["norm.bias"].fill(np.inf), "norm.bias holds values that are not finite"),
        (lambda t: t.update({"up.weight": np.ones((2, 2, 2), np.int8)}), "(2, 2, 2); in 8 bits"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused_by_name(tmp_path, change, words):
    path = tmp_path / "weights"
    save_file(dict(store(WEIGHTS, "int8").tensors), path)
    tensors = {name: array.copy() for name, array in load_file(path).items()}
    change(tensors)
    save_file(tensors, path)
    message = refusal(FileProblem, lambda: read(path))
    assert message is not None
    assert words in message


def test_8_bits_are_not_of_format_1(tmp_path):
    save_file(dict(store(WEIGHTS, "int8").tensors), tmp_path / "weights")
    message = refusal(FileProblem, lambda: read(tmp_path / "weights", 1))
    assert message is not None
    assert message.endswith("weights in 8 bits are of format 2.")


def test_a_name_that_ends_like_one_of_scales_is_a_weight(tmp_path):
    """Without a matrix in 8 bits beside it, so that the config's check names it."""
    save_file({"up.weight.scale": np.ones(3, np.float32)}, tmp_path / "weights")
    assert set(read(tmp_path / "weights")) == {"up.weight.scale"}
