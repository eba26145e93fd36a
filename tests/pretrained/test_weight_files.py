"""One file or many parts, whole or not; other formats are refused with the way to convert them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import safetensors.numpy

from clearhead.errors import CheckpointError
from clearhead.pretrained.weight_files import INDEX, WHOLE, open_weights
from tests.pretrained import small_family
from tests.strangers import DEEP

PART = "model-00002-of-00002.safetensors"


def refusal(folder):
    with pytest.raises(CheckpointError) as error_info, open_weights(folder):
        pass
    message = str(error_info.value)
    assert message.isprintable()
    assert str(folder) in message
    return message


@pytest.mark.parametrize("write", [small_family.write, small_family.write_parts])
def test_every_tensor_is_where_its_file_says(tmp_path, write):
    write(tmp_path)
    arrays = small_family.tensors()
    with open_weights(tmp_path) as files:
        assert files.places.keys() == arrays.keys()
        for name, array in arrays.items():
            assert files.tensor(name).shape == array.shape
            np.testing.assert_array_equal(files.file(name).read(name), array)


def test_the_whole_file_comes_before_parts(tmp_path):
    small_family.write_parts(tmp_path)
    small_family.write(tmp_path, {"a": np.ones(1, np.float32)})
    with open_weights(tmp_path) as files:
        assert list(files.places) == ["a"]


def edit_index(folder, **places):
    index = json.loads((folder / INDEX).read_text())
    index["weight_map"] |= places
    (folder / INDEX).write_text(json.dumps(index))


def test_a_missing_part_is_named_with_the_way_to_get_it(tmp_path):
    small_family.write_parts(tmp_path)
    (tmp_path / PART).unlink()
    assert f"{tmp_path / PART} are missing" in refusal(tmp_path)
    assert "hf download" in refusal(tmp_path)


def test_a_link_to_no_file_is_a_download_cut_short(tmp_path):
    small_family.write(tmp_path)
    (tmp_path / WHOLE).unlink()
    (tmp_path / WHOLE).symlink_to(tmp_path / "blob")
    assert "was not fetched whole" in refusal(tmp_path)


def test_a_note_of_git_lfs_is_known(tmp_path):
    small_family.write(tmp_path)
    (tmp_path / WHOLE).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:1\n")
    assert "git lfs pull" in refusal(tmp_path)


def test_a_part_that_was_cut_is_refused(tmp_path):
    small_family.write_parts(tmp_path)
    content = (tmp_path / PART).read_bytes()
    (tmp_path / PART).write_bytes(content[:-5])
    assert "was not copied whole" in refusal(tmp_path)


def test_the_index_must_be_right(tmp_path):
    small_family.write_parts(tmp_path)
    edit_index(tmp_path, another=PART)
    assert f"places the tensor 'another' in {PART}, which does not hold it" in refusal(tmp_path)


def test_a_tensor_in_two_parts_is_refused(tmp_path):
    small_family.write_parts(tmp_path)
    arrays = safetensors.numpy.load_file(tmp_path / PART)
    arrays["model.layer0.fused"] = np.ones(2, np.float32)
    safetensors.numpy.save_file(arrays, tmp_path / PART)
    assert "both hold the tensor 'model.layer0.fused'" in refusal(tmp_path)


@pytest.mark.parametrize(
    "part", ["../x.safetensors", "/etc/passwd", "a/b.safetensors", "..", "x.bin", "", "a\\b"]
)
def test_the_index_names_files_of_its_folder_alone(tmp_path, part):
    small_family.write_parts(tmp_path)
    edit_index(tmp_path, words=part)
    assert "which is no safetensors file of this folder" in refusal(tmp_path)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"weight_map": {}}', '{"weight_map": {"a": 1}}', DEEP]
)
def test_a_damaged_index_is_refused(tmp_path, content):
    small_family.write_parts(tmp_path)
    (tmp_path / INDEX).write_text(content)
    assert f"Cannot read the index of the weights {tmp_path / INDEX}: " in refusal(tmp_path)


def test_parts_without_an_index_say_so(tmp_path):
    small_family.write_parts(tmp_path)
    (tmp_path / INDEX).unlink()
    assert f"and no {INDEX}" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pytorch_model.bin", "safe_serialization=True"),
        ("pytorch_model-00001-of-00002.bin", "which can run any program"),
        ("consolidated.00.pth", "which can run any program"),
        ("tf_model.h5", "from_tf=True"),
        ("flax_model.msgpack", "from_flax=True"),
        ("model.Q4.gguf", "from which GGUF files are made"),
        ("adapter_model.safetensors", "merge_and_unload"),
    ],
)
def test_other_formats_are_refused_with_the_way_to_convert(tmp_path, name, words):
    (tmp_path / name).write_bytes(b"x")
    message = refusal(tmp_path)
    assert f"are {name}: " in message
    assert words in message


@pytest.mark.parametrize(
    ("architectures", "name"),
    [
        (["GPT2LMHeadModel"], "GPT2LMHeadModel"),
        ([], "AutoModel"),
        (None, "AutoModel"),
        (["x; import os"], "AutoModel"),
    ],
)
def test_the_way_to_convert_names_the_class_of_the_config(tmp_path, architectures, name):
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    (tmp_path / "config.json").write_text(json.dumps({"architectures": architectures}))
    assert f"from transformers import {name}; {name}.from_pretrained('" in refusal(tmp_path)


def test_a_folder_without_weights_says_so(tmp_path):
    assert f"there is no {WHOLE} and no {INDEX}" in refusal(tmp_path)
