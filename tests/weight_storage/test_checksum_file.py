"""What stands beside weights that state no checksums is held against them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from clearhead.errors import CheckpointError
from clearhead.tensor_header import CHECKSUMS
from clearhead.translation.checkpoint import bundled_models, find_model, read_checkpoint
from clearhead.weight_storage.checksum_file import NAME, open_weights, write_checksums
from tests.translation.small_folder import write_model


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def refusal(folder: Path) -> str:
    with pytest.raises(CheckpointError) as error:
        read_checkpoint(folder)
    return str(error.value)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model = write_model(tmp_path / "model")
    content = json.loads((model / "config.json").read_text())
    content |= {"languages": {"source": "en", "target": "fr"}, "provenance": {"steps": 3}}
    (model / "config.json").write_text(json.dumps(content))
    return model


def test_every_file_of_the_model_is_told_from_another(folder: Path) -> None:
    assert write_checksums(folder) == folder / NAME
    before = read_checkpoint(folder)
    for name, old, new, words in (
        ("config.json", '"norm_epsilon": 1e-05', '"norm_epsilon": 1e-06', '"model" in config.json'),
        ("config.json", '"steps": 3', '"steps": 4', "the provenance in config.json"),
        ("config.json", '"target": "fr"', '"target": "fa"', "what config.json says beside"),
        ("tokenizer.json", '"padding":null', '"padding": null', "tokenizer.json is not what"),
        (NAME, '"tokenizer": ', '"tokenizer": 1', "checksums.json beside it: the file is not what"),
    ):
        text = (folder / name).read_text("utf-8")
        assert old in text, (name, old)
        (folder / name).write_text(text.replace(old, new), "utf-8")
        assert words in refusal(folder)
        (folder / name).write_text(text, "utf-8")
    flip(folder / "model.safetensors", -3)
    assert "is not what was written: the checksum is another one" in refusal(folder)
    flip(folder / "model.safetensors", -3)
    assert read_checkpoint(folder).provenance == before.provenance


def test_without_it_they_are_read_as_they_are(folder: Path) -> None:
    flip(folder / "model.safetensors", -3)
    read_checkpoint(folder)


@pytest.mark.parametrize("content", ["", "[]", '{"others": 3}', '{"others": {"config": "x"}}'])
def test_something_else_in_its_place_is_refused(folder: Path, content: str) -> None:
    (folder / NAME).write_text(content)
    assert "Cannot read the weights" in refusal(folder)


def test_files_that_have_checksums_need_none(tmp_path: Path) -> None:
    from clearhead.export.conversion import convert

    convert(read_checkpoint(write_model(tmp_path / "a")), tmp_path / "b", "float32")
    with pytest.raises(CheckpointError, match=r"needs no checksums\.json"):
        write_checksums(tmp_path / "b")
    with pytest.raises(CheckpointError, match="There are no checksums for"):
        write_checksums(tmp_path)


def test_each_bundled_model_has_checksums_and_they_are_right(tmp_path: Path) -> None:
    for name in bundled_models():
        there = find_model(name)
        with open_weights(there / "model.safetensors") as file:
            assert all(file.checksums.of(tensor) is not None for tensor in file)
            is_beside = CHECKSUMS not in file.metadata
        if is_beside:
            shutil.copytree(there, tmp_path / name)
            (tmp_path / name / NAME).unlink()
            assert write_checksums(tmp_path / name).read_text() == (there / NAME).read_text()
