"""The files of a model's folder: which they are, their hash, their stamp."""

from __future__ import annotations

import pytest

from clearhead.errors import CheckpointError
from clearhead.translation import model_files as files
from clearhead.translation.directions.discovery import find_model
from tests.translation.small_folder import write_model


def test_a_model_of_ours_has_three_files_whatever_lies_beside_them(tmp_path):
    folder = write_model(tmp_path / "m")
    (folder / "notes.txt").write_text("beside it")
    names = [path.name for path in files.model_files(folder)]
    assert names == ["config.json", "model.safetensors", "tokenizer.json"]


def test_the_hash_is_of_names_and_contents(tmp_path):
    first, second = (write_model(tmp_path / name) for name in "ab")
    digest = files.files_hash(first)
    assert len(digest) == 64
    assert files.files_hash(second) == digest
    content = bytearray((second / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (second / "model.safetensors").write_bytes(content)
    assert files.files_hash(second) != digest
    (first / "config.json").rename(first / "other.json")
    assert not files.is_whole(first)
    assert files.files_hash(first) != digest


def test_a_file_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    folder = write_model(tmp_path / "m")
    gone = folder / "gone.json"
    monkeypatch.setattr(files, "model_files", lambda folder: [gone])
    with pytest.raises(CheckpointError, match=r"gone\.json cannot be read: No such file"):
        files.files_hash(folder)


def test_a_bundled_model_has_its_name_elsewhere_and_others_their_path(tmp_path):
    assert files.name_elsewhere(find_model("en-fr")) == "en-fr"
    folder = write_model(tmp_path / "en-fr")
    assert files.name_elsewhere(folder) == str(folder)


def test_of_someone_elses_model_all_files_count_that_it_may_be_read_from(tmp_path):
    folder = tmp_path / "theirs"
    folder.mkdir()
    names = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    for name in [*names, "notes.md"]:
        (folder / name).write_text("{}")
    assert [path.name for path in files.model_files(folder)] == names
