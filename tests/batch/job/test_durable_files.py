"""Whole files, their locks, and errors that name them."""

from __future__ import annotations

import errno
import os

import pytest

from clearhead.batch.job import durable_files as durable
from clearhead.errors import ConfigError


def test_a_file_is_written_under_another_name_and_synced_with_its_folder(tmp_path, monkeypatch):
    events = []
    real_sync, real_replace = os.fsync, os.replace

    def note_sync(descriptor):
        events.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        real_sync(descriptor)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(
        os, "replace", lambda *names: (events.append("replace"), real_replace(*names))
    )
    durable.write_durably(tmp_path / "a", b"content")
    assert (tmp_path / "a").read_bytes() == b"content"
    assert events == [str(tmp_path / ".a.draft"), "replace", str(tmp_path)]
    assert os.listdir(tmp_path) == ["a"]


def test_an_error_names_the_file_unless_it_names_one(tmp_path):
    with pytest.raises(OSError, match="No space") as error, durable.errors_about(tmp_path / "a"):
        raise OSError(errno.ENOSPC, "No space left")
    assert error.value.filename == str(tmp_path / "a")
    with pytest.raises(OSError, match="No") as error, durable.errors_about(tmp_path / "a"):
        raise OSError(errno.ENOENT, "No such file", "b")
    assert error.value.filename == "b"


def test_a_lock_is_for_one_and_a_removed_file_is_made_again(tmp_path):
    path = tmp_path / "lock"
    with durable.lock(path, task="at work"):
        with (
            pytest.raises(ConfigError, match="Another process is at work in"),
            durable.lock(path, task="at work"),
        ):
            pass
        path.unlink()
        with durable.lock(path, task="at work"):
            pass  # of another file, which has the name now
    with durable.lock(path, task="at work"):
        pass
