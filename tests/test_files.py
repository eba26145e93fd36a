"""Files that a library writes have the permissions of any other new file."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from clearhead.files import (
    draft_folder,
    exchange,
    lock_file,
    open_whole,
    whole_file,
    write_whole,
    write_with_usual_mode,
)


def write(path: Path) -> None:
    save_file({"x": np.arange(3)}, path)


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_a_new_file_follows_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        write_with_usual_mode(tmp_path / "x.safetensors", write)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x.safetensors").stat().st_mode) == 0o666 & ~umask
    assert load_file(tmp_path / "x.safetensors")["x"].tolist() == [0, 1, 2]


def test_an_existing_file_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.touch()
    path.chmod(0o640)
    write_with_usual_mode(path, write)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_file_takes_its_name_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("earlier")
    with open_whole(path) as file:
        file.write(b"later")
        file.flush()
        assert path.read_text() == "earlier"
    assert path.read_text() == "later"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError])
def test_a_failure_leaves_the_earlier_file_and_nothing_else(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("earlier")

    def write_half() -> None:
        with open_whole(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        write_half()
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_permissions_are_the_files_own_or_the_usual_ones(tmp_path: Path, mask: int) -> None:
    path = tmp_path / "notes.txt"
    before = os.umask(mask)
    try:
        write_whole(path, "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
    path.chmod(0o640)
    write_whole(path, b"newer")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    path = tmp_path / "link"
    path.symlink_to("there/notes.txt")
    write_whole(path, "été")
    assert path.is_symlink()
    assert (tmp_path / "there" / "notes.txt").read_text("utf-8") == "été"


def test_errors_name_the_file_that_was_asked_for(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing, open_whole(tmp_path / "no" / "x"):
        pass
    assert missing.value.filename == str(tmp_path / "no" / "x")
    with pytest.raises(IsADirectoryError, match="It is a folder") as folder, open_whole(tmp_path):
        pass
    assert folder.value.filename == str(tmp_path)
    with pytest.raises(OSError, match="No space left") as full, whole_file(tmp_path / "x"):
        raise RuntimeError("I/O error: No space left on device (os error 28)")
    assert full.value.filename == str(tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_drafts_of_processes_that_were_killed_are_removed_and_no_others(tmp_path: Path) -> None:
    dead = tmp_path / ".notes.txt.abcd1234.part"
    alike = tmp_path / ".notes.txt.of_mine.part"  # no name that is drawn: eight characters
    for folder in (dead, alike):
        folder.mkdir()
        (folder / "notes.txt").write_text("half")
    with draft_folder(tmp_path / "notes.txt") as alive:
        assert not dead.exists()
        write_whole(tmp_path / "notes.txt", "new")
        assert alive.is_dir()  # its process lives: it has the lock
    assert sorted(path.name for path in tmp_path.iterdir()) == [alike.name, "notes.txt"]
    assert (alike / "notes.txt").read_text() == "half"


@pytest.mark.skipif(sys.platform != "linux", reason="renameat2 is a call of Linux")
def test_two_folders_exchange_their_names(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    assert exchange(tmp_path / "a", tmp_path / "b")
    assert [(tmp_path / "a" / "b").exists(), (tmp_path / "b" / "a").exists()] == [True, True]
    with pytest.raises(FileNotFoundError):
        exchange(tmp_path / "a", tmp_path / "missing")


def test_a_file_is_locked_once(tmp_path: Path) -> None:
    with (tmp_path / "x").open("ab") as first, (tmp_path / "x").open("ab") as second:
        assert lock_file(first)
        assert not lock_file(second)
        first.close()
        assert lock_file(second)
