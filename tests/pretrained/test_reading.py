"""A folder becomes a model, or one clear error: also when its files are cut or bits are flipped."""

from __future__ import annotations

import json
import shutil
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import CheckpointError
from clearhead.pretrained import families
from clearhead.pretrained.reading import read_pretrained
from tests.pretrained import small_family
from tests.pretrained.small_family import SMALL, WHOLE
from tests.strangers import edits, refusal, split, tensor_bytes

INDEX = f"{WHOLE}.index.json"


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    small_family.use(monkeypatch)


def test_a_model_is_all_that_its_folder_says(tmp_path):
    small_family.write(tmp_path, num_beams=3, task_specific_params={"a": 1})
    model = read_pretrained(tmp_path)
    assert model.family is SMALL
    assert model.config.vocab_size == 20
    assert model.weights["embedding.weight"].dtype == np.float32
    assert model.generation == {"max_length": 30, "num_beams": 3}
    assert model.settings["task_specific_params"] == {"a": 1}
    assert model.tasks == {"generate"}
    assert model.folder == tmp_path
    assert read_pretrained(str(tmp_path), dtype="float64").weights["embedding.weight"].dtype == (
        np.float64
    )


def test_parts_and_a_whole_file_are_the_same_model(tmp_path):
    whole = read_pretrained(small_family.write(tmp_path / "whole"))
    parts = read_pretrained(small_family.write_parts(tmp_path / "parts"))
    assert list(whole.weights) == list(parts.weights)
    for name, weight in whole.weights.items():
        np.testing.assert_array_equal(weight, parts.weights[name])


def test_a_mapped_model_takes_no_memory_of_its_own(tmp_path):
    arrays = small_family.tensors()
    arrays["model.words"] = np.ones((1 << 17, small_family.WIDTH), np.float32)  # 4 MB
    small_family.write(tmp_path, arrays, vocab_size=1 << 17)
    tracemalloc.start()
    try:
        model = read_pretrained(tmp_path)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert model.weights["embedding.weight"].nbytes == 1 << 22
    assert most < 1 << 20


def test_a_file_that_is_replaced_leaves_a_mapped_model_as_it_is(tmp_path):
    small_family.write(tmp_path)
    model = read_pretrained(tmp_path)
    before = model.weights["embedding.weight"].copy()
    new = tmp_path / "new"
    new.write_bytes(b"")
    new.replace(tmp_path / WHOLE)
    np.testing.assert_array_equal(model.weights["embedding.weight"], before)


def spoil(folder: Path, name: str, content: bytes) -> str | None:
    """The refusal of a model with one file changed; None where it is read all the same."""
    with tempfile.TemporaryDirectory() as name_of_copy:
        copy = Path(name_of_copy) / "model"
        shutil.copytree(folder, copy)
        (copy / name).write_bytes(content)
        return refusal(CheckpointError, lambda: read_pretrained(copy))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return small_family.write_parts(tmp_path_factory.mktemp("model"))


@given(data=st.data())
@pytest.mark.parametrize("name", ["config.json", INDEX, "model-00001-of-00002.safetensors"])
def test_a_file_with_a_flipped_bit_is_read_or_refused(folder, name, data):
    content = bytearray((folder / name).read_bytes())
    length = len(content) if name.endswith("json") else 8 + int.from_bytes(content[:8], "little")
    content[data.draw(st.integers(0, length - 1))] ^= 1 << data.draw(st.integers(0, 7))
    spoil(folder, name, bytes(content))


@given(data=st.data())
@pytest.mark.parametrize("name", ["config.json", INDEX, "model-00002-of-00002.safetensors"])
def test_a_file_that_was_cut_is_refused(folder, name, data):
    content = (folder / name).read_bytes()
    length = data.draw(st.integers(0, len(content) - 1))
    assert spoil(folder, name, content[:length]) is not None


def test_no_edit_of_a_config_ends_otherwise(folder):
    for name, edited in edits(small_family.config()):
        message = spoil(folder, "config.json", json.dumps(edited).encode())
        if "max_length" not in name:  # it is of no use to this family
            assert message is not None, name


def test_a_header_that_claims_much_takes_no_memory(tmp_path):
    folder = small_family.write(tmp_path)
    header, numbers = split((folder / WHOLE).read_bytes())
    entry = header["model.words"]
    for shape in ([1 << 40, 8], [20, 8, 1 << 40], [20, 0, 1 << 30]):
        header["model.words"] = {**entry, "shape": shape}
        content = tensor_bytes(header, numbers)
        tracemalloc.start()
        try:
            assert spoil(folder, WHOLE, content) is not None
            assert tracemalloc.get_traced_memory()[1] < 1 << 20
        finally:
            tracemalloc.stop()


def test_families_are_asked_for_once_the_config_is_read(tmp_path, monkeypatch):
    small_family.write(tmp_path, model_type="other")
    assert families.families() == (SMALL,)
    with pytest.raises(CheckpointError, match="'other' are not read here"):
        read_pretrained(tmp_path)


@pytest.mark.parametrize(
    "model", ["no such", "a/b/c", "en-fr", "x" * 999, "x\0y", "../a/b", "a/ b"]
)
def test_what_is_no_folder_and_no_name_is_refused(model):
    with pytest.raises(CheckpointError, match="it is no folder, and no name on the hub"):
        read_pretrained(model)
