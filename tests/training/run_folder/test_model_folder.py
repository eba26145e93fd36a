"""A finished model is put in place, and what others have beside it stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from clearhead.training.run_folder import _model_folder
from clearhead.training.run_folder._model_folder import model_draft, remove_model_drafts


def write(folder: Path, text: str) -> None:
    with model_draft(folder) as draft:
        for name in ("config.json", "model.safetensors", "tokenizer.json"):
            (draft / name).write_text(text)


def test_folders_and_files_of_others_stay(tmp_path: Path) -> None:
    for name in ("model.old", "model.part"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "thesis.txt").write_text(name)
    write(tmp_path / "model", "first")
    (tmp_path / "model/README.md").write_text("mine")
    (tmp_path / "model/figures").mkdir()
    (tmp_path / "model/figures/a.txt").write_text("mine")
    write(tmp_path / "model", "second")
    remove_model_drafts(tmp_path / "model")
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*")} == {
        "model.old", "model.old/thesis.txt", "model.part", "model.part/thesis.txt",
        "model/README.md", "model/figures/a.txt", "model/config.json",
        "model/model.safetensors", "model/tokenizer.json",
    }  # fmt: skip
    assert (tmp_path / "model/config.json").read_text() == "second"


def test_nothing_in_a_draft_is_the_only_one_of_its_kind(tmp_path: Path, monkeypatch) -> None:
    """A process that is killed after the exchange leaves a draft, which is removed whole."""
    write(tmp_path / "model", "first")
    (tmp_path / "model/README.md").write_text("mine")
    (tmp_path / "model/figures").mkdir()
    (tmp_path / "model/figures/a.txt").write_text("mine")
    (tmp_path / "model/link").symlink_to("README.md")
    real = _model_folder.exchange

    def exchange_and_end(draft: Path, folder: Path) -> bool:
        assert (draft / "README.md").samefile(folder / "README.md")
        return real(draft, folder) and (_ for _ in ()).throw(KeyboardInterrupt)

    monkeypatch.setattr(_model_folder, "exchange", exchange_and_end)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "model", "second")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert (tmp_path / "model/config.json").read_text() == "second"
    assert (tmp_path / "model/figures/a.txt").read_text() == "mine"
    assert os.readlink(tmp_path / "model/link") == "README.md"


def test_where_names_cannot_be_exchanged(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(_model_folder, "exchange", lambda first, second: False)
    test_folders_and_files_of_others_stay(tmp_path)


def test_a_failure_leaves_the_model_that_was_there(tmp_path: Path) -> None:
    write(tmp_path / "model", "first")

    def write_half() -> None:
        with model_draft(tmp_path / "model") as draft:
            (draft / "config.json").write_text("half")
            raise OSError(28, "full")

    with pytest.raises(OSError, match="full"):
        write_half()
    assert (tmp_path / "model/config.json").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_file_in_the_way_stays(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("mine")
    with pytest.raises(OSError, match="model"):
        write(tmp_path / "model", "first")
    assert (tmp_path / "model").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "model").symlink_to(tmp_path / "disk")
    write(tmp_path / "model", "first")
    assert (tmp_path / "model").is_symlink()
    assert (tmp_path / "disk/config.json").read_text() == "first"


def test_permissions_are_the_usual_ones(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(tmp_path / "model", "first")
    finally:
        os.umask(before)
    assert (tmp_path / "model").stat().st_mode & 0o777 == 0o750


def test_what_a_kill_left_is_removed_but_for_files_of_others(tmp_path: Path) -> None:
    for name in (".model.a.draft", ".model.b.draft"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("half")
    (tmp_path / ".model.b.draft/README.md").write_text("mine")
    (tmp_path / ".model.abcdefgh.part").mkdir()
    (tmp_path / ".model.abcdefgh.part/tokenizer.json").write_text("half")
    remove_model_drafts(tmp_path / "model")
    assert [path.name for path in tmp_path.rglob("*")] == [".model.b.draft", "README.md"]


def test_files_of_a_model_of_transformers_are_replaced_too(tmp_path: Path) -> None:
    """Those of the new model stay, and what others have in folders of both."""
    for text in ("first", "second"):
        with model_draft(tmp_path / "model") as draft:
            for name in ("config.json", "vocab.json", "clearhead.json", "1_Pooling/config.json"):
                (draft / name).parent.mkdir(exist_ok=True)
                (draft / name).write_text(text)
        (tmp_path / "model/1_Pooling/notes.txt").write_text("mine")
    contents = {
        str(path.relative_to(tmp_path / "model")): path.read_text()
        for path in (tmp_path / "model").rglob("*")
        if path.is_file()
    }
    assert contents.pop("1_Pooling/notes.txt") == "mine"
    assert len(contents) == 4
    assert set(contents.values()) == {"second"}
