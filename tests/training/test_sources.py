"""The files of a run: missing, unreadable, changed or gone is told, with the way out."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from clearhead.errors import CheckpointError, ClearheadError, CorpusError
from clearhead.training import sources
from clearhead.training.loop import Trainer
from clearhead.training.settings import Settings
from clearhead.training.sources import changed_source, check_files, model_folder, note_sources
from tests.strangers import SPOILT, edits, refusal, spoilt


def test_missing_files_are_named_with_their_setting(table: dict[str, Any], tmp_path: Path) -> None:
    run = tmp_path / "run"
    table["data"]["development"] = str(tmp_path / "a.tsv") + "," + str(tmp_path / "absent.fr")
    (tmp_path / "a.tsv").write_text("x\n")
    with pytest.raises(CorpusError, match=r"no corpus file .*absent\.fr, which data\.development"):
        Trainer(Settings.from_dict(table), run)
    table["data"]["corpus"][0]["path"] = str(tmp_path / "absent.tsv")
    with pytest.raises(CorpusError, match=r"absent\.tsv, which data\.corpus\[0\]\.path names"):
        Trainer(Settings.from_dict(table), run)
    assert not run.exists()  # a first start that fails leaves nothing


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_refused_at_once(
    table: dict[str, Any], tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "corpus.tsv"
    if kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    table["data"]["corpus"][0]["path"] = str(path)
    with pytest.raises(CorpusError, match=r"which is (a folder|no plain file)\. Name a file"):
        check_files(Settings.from_dict(table))


def test_a_hub_is_not_looked_for_on_the_disk(table: dict[str, Any]) -> None:
    table["data"]["corpus"][0]["path"] = "hub:some/set"
    check_files(Settings.from_dict(table))


def saved_once(settings: Settings, run: Path) -> None:
    """A run with one checkpoint."""
    trainer = Trainer(settings, run)
    plan = trainer.data.corpus.epoch(0, trainer.options.batch_tokens)[:1]
    trainer._step(trainer._micro_batches.of_step(1, plan))
    trainer.progress.step = 1  # what is saved before the first step binds nobody
    trainer._save()
    trainer.lock.release()


def test_a_file_that_changed_since_the_run_began(table: dict[str, Any], tmp_path: Path) -> None:
    settings, run = Settings.from_dict(table), tmp_path / "run"
    saved_once(settings, run)
    for name, change, words in (
        ("train", "gone", r"train\.tsv, which data\.corpus\[0\]\.path names"),
        ("train", "more", r"train\.tsv \(data\.corpus\[0\]\.path\) had [\d,]+ bytes and now has"),
        ("train", "other", r"train\.tsv \(data\.corpus\[0\]\.path\) has other content of the same"),
        ("development", "other", r"development\.tsv \(data\.development\) has other content"),
    ):
        path = tmp_path / f"{name}.tsv"
        before, status = path.read_text(), path.stat()
        if change == "gone":
            path.unlink()
        else:
            path.write_text(before + "one\tone\n" if change == "more" else before[:-2] + "x\n")
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        with pytest.raises(CorpusError, match=words) as error_info:
            Trainer(settings, run)
        if change != "gone":
            assert "Put back the file that it was begun with to go on" in str(error_info.value)
            assert "another folder with --run" in str(error_info.value)
        path.write_text(before)  # another time, the same content
        Trainer(settings, run).lock.release()


def test_before_the_first_checkpoint_a_changed_corpus_is_prepared_anew(
    table: dict[str, Any], tmp_path: Path
) -> None:
    settings = Settings.from_dict(table)
    first = Trainer(settings, tmp_path / "run")
    first.lock.release()
    pairs = len(first.data.corpus.source_lengths)
    with (tmp_path / "train.tsv").open("a") as file:
        file.write("one more\tplus un\n")
    second = Trainer(settings, tmp_path / "run")
    assert len(second.data.corpus.source_lengths) == pairs + 1


def test_large_files_are_read_again_only_where_their_time_has_changed(
    tiny: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "_ALWAYS_HASHED", 0)
    note_sources(tmp_path, tiny)
    path = tmp_path / "train.tsv"
    text, status = path.read_text(), path.stat()
    path.write_text(text[:-2] + "x\n")
    assert "other content" in (changed_source(tmp_path, tiny) or "")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert changed_source(tmp_path, tiny) is None


def test_a_run_of_an_earlier_version_is_checked_by_its_token_stores(
    tiny: Settings, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    Trainer(tiny, run).lock.release()
    (run / "sources.json").unlink()
    assert changed_source(run, tiny) is None
    path = tmp_path / "train.tsv"
    path.write_text(path.read_text() + "one\tone\n")
    assert "train.tsv (data.corpus[0].path) has other content" in (changed_source(run, tiny) or "")


@pytest.mark.parametrize("content", ["{", "[1]", '{"data.development": {}}', "null"])
def test_a_damaged_note(tiny: Settings, tmp_path: Path, content: str) -> None:
    (tmp_path / "sources.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"Cannot read .*sources\.json.*put it back"):
        changed_source(tmp_path, tiny)


@pytest.mark.parametrize("how", [*SPOILT, "pipe"])
def test_a_spoilt_note(tiny: Settings, tmp_path: Path, how: str) -> None:
    note_sources(tmp_path, tiny)
    with spoilt(tmp_path / "sources.json", how):
        message = refusal(CheckpointError, lambda: changed_source(tmp_path, tiny))
    assert message is not None
    assert "It says what the run was made from; put it back" in message


def test_every_member_of_the_note_replaced_by_values_of_every_type(
    tiny: Settings, tmp_path: Path
) -> None:
    note_sources(tmp_path, tiny)
    path = tmp_path / "sources.json"
    refusals = 0
    for _, changed in edits(json.loads(path.read_text())):
        path.write_text(json.dumps(changed))
        refusals += refusal(CheckpointError, lambda: changed_source(tmp_path, tiny)) is not None
    assert refusals > 40


def test_models_by_name_and_by_folder(tmp_path: Path) -> None:
    assert (model_folder("en-fr") / "config.json").is_file()
    assert model_folder(str(tmp_path)) == tmp_path
    with pytest.raises(ClearheadError, match=r"training\.initial = 'en-xx' is neither a bundled"):
        model_folder("en-xx")


def test_the_note_holds_size_and_hash(tiny: Settings, tmp_path: Path) -> None:
    note_sources(tmp_path, tiny)
    rows = json.loads((tmp_path / "sources.json").read_text())
    assert set(rows) == {"data.corpus[0].path", "data.development"}
    assert rows["data.development"]["size"] == (tmp_path / "development.tsv").stat().st_size
    assert len(rows["data.development"]["sha256"]) == 64
