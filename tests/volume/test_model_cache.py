"""A model in the cache is whole, verified and the right one, whoever writes it at the same time."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest

from clearhead.config import TransformerConfig
from clearhead.errors import ConfigError
from clearhead.files import draft_folder
from clearhead.volume.model_cache import cache_folder, fingerprint, stored_model

CONFIG = TransformerConfig(vocab_size=9, d_model=8)


def test_the_folder_is_the_users(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "clearhead" / "ctranslate2"
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for value in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert cache_folder() == tmp_path / "home/.cache/clearhead/ctranslate2"


def test_the_hash_is_of_all_that_decides():
    weights = {"a": np.ones((2, 3), np.float32), "b": np.zeros(3, np.float32)}
    base = fingerprint(CONFIG, weights, ["x", "y"])
    assert base == fingerprint(CONFIG, dict(reversed(weights.items())), ["x", "y"])
    changed = {**weights, "a": weights["a"] + np.float32(1e-7)}
    others = [
        fingerprint(TransformerConfig(vocab_size=9, d_model=8, norm_epsilon=1e-6), weights, "xy"),
        fingerprint(CONFIG, changed, ["x", "y"]),
        fingerprint(CONFIG, {**weights, "a": weights["a"].T}, ["x", "y"]),
        fingerprint(CONFIG, weights, ["y", "x"]),
    ]
    assert len({base, *others}) == 5


class Writer:
    """Writes a file, and counts how often."""

    def __init__(self, content="weights"):
        self.content, self.times = content, 0

    def __call__(self, folder):
        self.times += 1
        (folder / "model.bin").write_text(self.content)


def verify(folder):
    assert (folder / "model.bin").exists()
    return {"sources": 1}


def test_it_is_written_once_and_again_when_it_is_damaged(cache):
    write = Writer()
    folder = stored_model("m-int8", write, verify)
    assert folder == cache / "m-int8"
    assert stored_model("m-int8", write, verify) == folder
    assert write.times == 1
    for damage in (
        lambda: (folder / "model.bin").write_text("weight"),
        lambda: (folder / "model.bin").unlink(),
        lambda: (folder / "clearhead.json").write_text("{}"),
    ):
        damage()
        before = write.times
        stored_model("m-int8", write, verify)
        assert write.times == before + 1
        assert (folder / "model.bin").read_text() == "weights"
    assert [path.name for path in cache.iterdir()] == ["m-int8"]


def test_what_is_not_right_is_not_kept(cache):
    def refuse(folder):
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        stored_model("m", Writer(), refuse)
    assert list(cache.iterdir()) == []


def test_two_at_once_both_get_a_whole_one(cache):
    barrier, folders = threading.Barrier(2), []

    def write(folder):
        barrier.wait(10)  # both have found nothing, and both write
        (folder / "model.bin").write_text("weights")

    def one():
        folders.append(stored_model("m", write, verify))

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert folders == [cache / "m"] * 2
    assert [path.name for path in cache.iterdir()] == ["m"]


def test_what_a_killed_process_left_is_removed_whatever_the_clock_says(cache):
    killed, other = cache / ".m.abcdefgh.part", cache / ".n.abcdefgh.part"
    for path in (killed, other):
        path.mkdir(parents=True)
        (path / "model.bin").write_text("half")
        os.utime(path, (time.time() + 90_000,) * 2)
    with draft_folder(cache / "m") as draft:  # of a process that lives
        stored_model("m", Writer(), verify)
        assert draft.exists()
    assert (killed.exists(), other.exists()) == (False, True)


def test_a_folder_that_cannot_be_written_to_is_named(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(ConfigError, match="Set XDG_CACHE_HOME to a folder that can"):
        stored_model("m", Writer(), verify)
