"""A model writes one side of a corpus, part by part, and nothing that is held out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from clearhead.errors import ConfigError
from clearhead.training.data import preparation_of
from clearhead.training.loop import Trainer
from clearhead.training.pairs import teacher
from clearhead.training.pairs.teacher import check_teachers, taught_settings
from clearhead.training.processes.parallel import Processes
from clearhead.training.settings import Settings
from clearhead.translation.translator import Translator
from tests.translation.small_folder import write_model

Table = dict[str, Any]


class Stand:
    """A stand-in for a teacher, which can be cut off after some calls."""

    def __init__(self, calls: int = 1000) -> None:
        self.calls, self.texts = calls, []

    def __call__(self, texts: list[str]) -> list[str]:
        if not self.calls:
            raise KeyboardInterrupt
        self.calls -= 1
        self.texts += texts
        return [text.upper() for text in texts]


def taught(table: Table, run: Path, stand: Stand) -> list[tuple[str, str]]:
    settings = Settings.from_dict(table)
    new = taught_settings(
        run, settings, settings, preparation_of(settings), Processes(), lambda _: None,
        load=lambda _: stand,
    )  # fmt: skip
    assert new.data.corpus[0].teacher is None
    lines = Path(new.data.corpus[0].path).read_text().splitlines()
    return [tuple(line.split("\t")) for line in lines]  # type: ignore[misc]


def with_teacher(table: Table, **row: Any) -> Table:
    return {**table, "data": table["data"] | {"corpus": [{"teacher": "a model", **row}]}}


def test_targets_are_written_and_what_is_held_out_is_not(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teacher, "PART", 2)
    path = tmp_path / "few.tsv"
    path.write_text("".join(f"text {i}\ttexte {i}\n" for i in range(9)))
    table = with_teacher(table, path=str(path))
    every = [f"text {i}" for i in range(9)]
    with pytest.raises(KeyboardInterrupt):
        taught(table, tmp_path / "run", first := Stand(calls=2))
    assert first.texts == every[:4]
    second = Stand()
    assert taught(table, tmp_path / "run", second) == [(text, text.upper()) for text in every]
    assert second.texts == every[4:]  # it went on after the last whole part
    assert taught(table, tmp_path / "run", third := Stand())
    assert third.texts == []
    assert [path.name for path in (tmp_path / "run/taught").iterdir()] == ["0.tsv"]
    table["data"]["held_out_share"] = 0.5
    some = taught(table, tmp_path / "other", Stand())
    assert 0 < len(some) < 9


def test_sources_are_written_from_targets_or_from_one_side_alone(
    table: Table, tmp_path: Path
) -> None:
    pairs, lines = tmp_path / "few.tsv", tmp_path / "few.txt"
    pairs.write_text("one\tun\ntwo\tdeux\n")
    lines.write_text("un\n\n  deux \n")
    expected = [("UN", "un"), ("DEUX", "deux")]
    for number, path in enumerate((str(pairs), f"lines:{lines}")):
        rows = with_teacher(table, path=path, from_target=True)
        assert taught(rows, tmp_path / f"run{number}", Stand()) == expected


def test_a_run_learns_from_a_model(table: Table, tmp_path: Path) -> None:
    table["training"]["max_steps"] = 4
    Trainer(Settings.from_dict(table), tmp_path / "teacher").train()
    model = tmp_path / "teacher/model"
    row = {"path": str(tmp_path / "train.tsv"), "teacher": str(model)}
    settings = Settings.from_dict(with_teacher(table, **row))
    pupil = Trainer(settings, tmp_path / "pupil")
    source, target = (tmp_path / "pupil/taught/0.tsv").read_text().splitlines()[0].split("\t")
    assert target == Translator.load(model).translate(source, engine="torch").text.strip()
    pupil.train()
    assert Trainer(settings, tmp_path / "pupil").train() == tmp_path / "pupil/model"


def test_each_part_is_translated_in_one_thread_as_if_nothing_had_been_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    translate = teacher._load(str(write_model(tmp_path / "model")))
    before, real, calls = torch.get_num_threads(), Translator.translate, []

    def watched(self: Translator, texts: list[str], **options: Any) -> Any:
        calls.append((torch.get_num_threads(), len(self.engines._answers)))
        return real(self, texts, **options)

    monkeypatch.setattr(Translator, "translate", watched)
    torch.set_num_threads(2)
    try:
        assert translate(["the old house"]) == translate(["the old house"])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert calls == [(1, 0), (1, 0)]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"from_target": True}, "names none. Name a model that translates targets to sources"),
        ({"path": "lines:a.txt"}, "has one side alone. Name a data.corpus[0].teacher"),
        ({"back_translation_tag": True, "held_out": True}, "says that a machine wrote the sources"),
        ({"back_translation_tag": True, "teacher": "m"}, "and data.corpus[0].teacher writes the t"),
        ({"teacher": "m", "held_out": True}, "what is tested with must be written by people"),
    ],
)
def test_what_a_teacher_has_no_use_for_is_refused(
    table: Table, row: dict[str, Any], words: str
) -> None:
    table["data"]["corpus"] = [{"path": "a.tsv", **row}]
    with pytest.raises(ConfigError) as error_info:
        check_teachers(Settings.from_dict(table))
    assert words in str(error_info.value)
