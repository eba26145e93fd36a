"""A folder is complete or absent."""

from __future__ import annotations

import pytest

from clearhead.errors import ConfigError
from clearhead.export.model_folder import new_folder


def test_it_appears_when_the_block_ends(tmp_path):
    with new_folder(tmp_path / "a/model") as draft:
        (draft / "file").write_text("text")
        assert not (tmp_path / "a/model").exists()
    assert (tmp_path / "a/model/file").read_text() == "text"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["model"]


def test_nothing_is_left_of_one_that_failed(tmp_path):
    with pytest.raises(ZeroDivisionError), new_folder(tmp_path / "model"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_there_stays(kind, tmp_path):
    place = tmp_path / "model"
    if kind == "file":
        place.write_text("mine")
    else:
        place.mkdir()
        (place / "mine").write_text("mine")
    with pytest.raises(ConfigError, match="Name a new folder"), new_folder(place):
        pass
    assert "mine" in (place.read_text() if kind == "file" else (place / "mine").read_text())


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "model").mkdir()
    with new_folder(tmp_path / "model") as draft:
        (draft / "file").write_text("text")
    assert (tmp_path / "model/file").exists()
