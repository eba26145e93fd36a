"""A name on the hub: stored here, fetched, or refused with the way to get the files.

There is no network in tests. The library is the real one where it looks at what it has stored,
and a stand-in where it would ask the hub.
"""

from __future__ import annotations

import fnmatch
import os
import re
import sys
from pathlib import Path

import pytest

from clearhead.errors import CheckpointError, MissingExtraError
from clearhead.pretrained.fetching import FILES, find_folder
from tests.pretrained import small_family

constants = pytest.importorskip("huggingface_hub.constants")
errors = pytest.importorskip("huggingface_hub.errors")
NAME = "someone/small-model"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty store of the library's, and no way out."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path


def store(cache: Path, revision: str = "main", write=small_family.write) -> Path:
    """Lay out a model as the library stores it: files are links to blobs."""
    model = cache / "models--someone--small-model"
    commit = "0123456789abcdef0123456789abcdef01234567"
    snapshot = model / "snapshots" / commit
    write(snapshot)
    blobs = model / "blobs"
    blobs.mkdir(exist_ok=True)
    for path in sorted(snapshot.iterdir()):
        blob = blobs / f"blob-of-{path.name}"
        path.replace(blob)
        path.symlink_to(os.path.relpath(blob, snapshot))
    (model / "refs").mkdir(exist_ok=True)
    (model / "refs" / revision).write_text(commit)
    return snapshot


def test_a_folder_is_itself(tmp_path):
    assert find_folder(tmp_path) == tmp_path
    assert find_folder(str(tmp_path)) == tmp_path


def test_a_file_is_refused(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"is a file\. A model is a folder"):
        find_folder(tmp_path / "model.safetensors")


@pytest.mark.parametrize("write", [small_family.write, small_family.write_parts])
def test_a_stored_model_opens_without_a_request(cache, write):
    snapshot = store(cache, write=write)
    assert find_folder(NAME) == snapshot


def test_a_stored_revision_opens_by_its_name(cache):
    snapshot = store(cache, revision="v2")
    assert find_folder(f"{NAME}@v2") == snapshot
    with pytest.raises(CheckpointError, match="hf download someone/small-model --revision v3"):
        find_folder(f"{NAME}@v3")


def test_offline_and_not_stored_says_how_to_get_the_files(cache):
    with pytest.raises(CheckpointError) as error_info:
        find_folder(NAME)
    message = str(error_info.value)
    assert message.startswith(f"The model {NAME} is not stored here whole and cannot be fetched: ")
    assert f"hf download {NAME}" in message
    assert "copy the model's folder" in message
    assert message.isprintable()


def test_half_of_a_model_is_not_taken_for_it(cache):
    snapshot = store(cache)
    (cache / "models--someone--small-model" / "blobs" / "blob-of-model.safetensors").unlink()
    assert (snapshot / "model.safetensors").is_symlink()
    with pytest.raises(CheckpointError, match=r"only in part, .* `hf download"):
        find_folder(NAME)


def test_a_part_that_is_missing_is_not_taken_for_the_whole(cache):
    snapshot = store(cache, write=small_family.write_parts)
    (snapshot / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(CheckpointError, match="is stored here only in part"):
        find_folder(NAME)


def test_a_config_alone_is_not_a_model(cache):
    snapshot = store(cache)
    (snapshot / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"No model\.safetensors of .* could be fetched"):
        find_folder(NAME)


class Hub:
    """A stand-in for the library, with a network that answers in a way of its own.

    Args:
        answer: what the hub does: writes files into a folder, or raises.
    """

    def __init__(self, folder: Path, answer) -> None:
        self.folder, self.answer, self.calls = folder, answer, []

    def snapshot_download(self, name, *, revision, allow_patterns, local_files_only):
        self.calls.append((name, revision, local_files_only))
        self.patterns = allow_patterns
        if local_files_only:
            raise errors.LocalEntryNotFoundError("nothing stored")
        self.answer(self.folder)
        return str(self.folder)


def refusal(tmp_path, monkeypatch, answer) -> str:
    stand_in = Hub(tmp_path / "snapshot", answer)
    monkeypatch.setitem(sys.modules, "huggingface_hub", stand_in)
    with pytest.raises(CheckpointError) as error_info:
        find_folder(NAME)
    message = str(error_info.value)
    assert NAME in message
    assert message.isprintable()
    assert stand_in.calls == [(NAME, None, True), (NAME, None, False)]
    return message


def raising(kind, *arguments):
    def answer(folder):
        error = kind.__new__(kind)
        Exception.__init__(error, *arguments)
        raise error

    return answer


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (raising(errors.GatedRepoError, "x"), "is gated: .* `hf auth login`"),
        (raising(errors.RepositoryNotFoundError, "x"), "has no model .* or it is private"),
        (raising(errors.RevisionNotFoundError, "x"), "has no revision"),
        (raising(errors.LocalEntryNotFoundError, "off\nline"), "cannot be fetched: off. Where"),
        (raising(OSError, "disk full"), "cannot be fetched: disk full"),
        (raising(ConnectionError), "cannot be fetched: ConnectionError"),
        (raising(errors.HFValidationError, "odd \x1b name"), r"odd \\x1b name"),
    ],
)
def test_each_failure_is_told_apart(tmp_path, monkeypatch, answer, words):
    assert re.search(words, refusal(tmp_path, monkeypatch, answer))


def test_an_error_of_the_http_client_is_a_network_that_fails(tmp_path, monkeypatch):
    kind = type("ProxyError", (Exception,), {"__module__": "httpx2._exceptions"})
    assert "cannot be fetched: no way" in refusal(tmp_path, monkeypatch, raising(kind, "no way"))


def test_an_error_in_our_own_code_is_not_hidden(tmp_path, monkeypatch):
    stand_in = Hub(tmp_path, raising(ZeroDivisionError))
    monkeypatch.setitem(sys.modules, "huggingface_hub", stand_in)
    with pytest.raises(ZeroDivisionError):
        find_folder(NAME)


def test_what_is_fetched_is_opened(tmp_path, monkeypatch):
    stand_in = Hub(tmp_path / "snapshot", small_family.write)
    monkeypatch.setitem(sys.modules, "huggingface_hub", stand_in)
    assert find_folder(f"{NAME}@v1") == tmp_path / "snapshot"
    assert stand_in.calls[-1] == (NAME, "v1", False)
    assert stand_in.patterns == list(FILES)


def test_a_model_without_safetensors_is_refused_with_the_way_to_convert(tmp_path, monkeypatch):
    def answer(folder):
        small_family.write(folder)
        (folder / "model.safetensors").unlink()

    message = refusal(tmp_path, monkeypatch, answer)
    assert f"AutoModel.from_pretrained('{NAME}').save_pretrained('FOLDER'" in message


def test_a_repository_of_something_else_is_refused(tmp_path, monkeypatch):
    assert "has no config.json" in refusal(tmp_path, monkeypatch, Path.mkdir)


def test_only_what_is_read_is_fetched():
    def matches(name):
        return any(fnmatch.fnmatch(name, pattern) for pattern in FILES)

    for name in ("config.json", "model-00001-of-00012.safetensors", "source.spm", "merges.txt"):
        assert matches(name)
    for name in ("pytorch_model.bin", "tf_model.h5", "onnx/model.onnx", "original/params.json"):
        assert not matches(name)


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError) as error_info:
        find_folder(NAME)
    assert 'pip install "clearhead[hub]"' in str(error_info.value)
    assert f"Fetching the model {NAME} needs" in str(error_info.value)
