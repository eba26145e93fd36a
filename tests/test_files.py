"""Files that a library writes have the permissions of any other new file."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from clearhead.files import write_with_usual_mode


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
