"""Where two runs part: at which step, in which tensor, and by which setting."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from clearhead.cli.train import command
from clearhead.errors import CheckpointError
from clearhead.json_fields import with_checksum
from clearhead.training.loop import Trainer
from clearhead.training.measures.verification import verify
from clearhead.training.settings import Settings

Table = dict[str, Any]


def run(table: Table, folder: Path, **options: Any) -> Path:
    settings = Settings.from_dict({**table, "training": {**table["training"], **options}})
    Trainer(settings, folder).train()
    return folder


@pytest.fixture
def table(table: Table) -> Table:
    return {**table, "training": table["training"] | {"translated_pairs": 0, "best": "none"}}


def test_runs_of_the_same_bits_agree_and_others_part(table: Table, tmp_path: Path) -> None:
    first = run(table, tmp_path / "first")
    second = run(table, tmp_path / "second")
    same = verify(first, second)
    assert same.agree
    assert same.sentences() == [
        "Same weights to the bit at all 3 steps that both runs measured, up to step 12."
    ]
    # Weights fall to 0 a little from step 8 on, as by a fault of the machine.
    third = Trainer(Settings.from_dict(table), tmp_path / "third")
    take = third._step

    def spoil(micro_batches: Any) -> None:
        take(micro_batches)
        if third.progress.step == 7:
            third.model.encoder.layers[0].feed_forward.up.weight.data[:, 0] *= 1.001

    third._step = spoil  # type: ignore[method-assign]
    third.train()
    parted = verify(first, tmp_path / "third")
    assert (parted.same_until, parted.parted_at) == (4, 8)
    assert "encoder.layers.0.feed_forward.up.weight" in parted.tensors
    assert parted.first_log_difference is not None
    assert parted.first_log_difference[0] == 8
    sentences = parted.sentences()
    assert sentences[0].startswith("The runs part: at step 8 ")
    assert sentences[0].endswith("They are the same up to step 4.")

    result = CliRunner().invoke(command, ["--verify", str(first), str(tmp_path / "third")])
    assert result.exit_code == 1
    assert result.output.splitlines() == sentences
    assert CliRunner().invoke(command, ["--verify", str(first), str(second)]).exit_code == 0


def test_another_setting_is_named(table: Table, tmp_path: Path) -> None:
    first = run(table, tmp_path / "first", max_steps=4)
    second = run(table, tmp_path / "second", max_steps=4, label_smoothing=0.2)
    parted = verify(first, second)
    assert (parted.same_until, parted.parted_at) == (None, 4)
    assert parted.settings == {"training.label_smoothing": (0.1, 0.2)}
    assert "Another setting: training.label_smoothing is 0.1 and 0.2." in parted.sentences()


def test_other_files_machines_and_lengths_are_named(table: Table, tmp_path: Path) -> None:
    first = run(table, tmp_path / "first", max_steps=4)
    second = run(table, tmp_path / "second", max_steps=8)
    assert verify(first, second).sentences()[1:] == [
        "The first has measured up to step 4 and the second up to step 8; of the steps after the "
        "earlier one nothing is compared.",
        "Another setting: training.max_steps is 4 and 8.",
    ]
    state = second / "step-00000008/progress.json"
    progress = json.loads(state.read_text())
    progress["machine"] |= {"torch": "2.0\x1b", "processes": 3}
    del progress["crc32"]
    state.write_text(json.dumps(with_checksum(progress)))
    machines = verify(first, second).sentences()[-2:]
    assert machines[0].startswith("Another machine: torch 2.")
    assert machines[0].endswith("and 2.0\\x1b.")
    assert machines[1] == "They were begun with 1 and 3 processes, which changes no bits."
    # The same settings in two folders, of which one has another line.
    train = Path(table["data"]["corpus"][0]["path"])
    lines = train.read_text().splitlines(keepends=True)
    train.write_text("".join([lines[1], *lines[1:]]))
    other = run(table, tmp_path / "other", max_steps=4)
    parted = verify(first, other)
    assert parted.parted_at == 4
    assert parted.sentences()[-1] == (
        "Another content: the files that data.corpus[0].path names are not the same."
    )
    table["data"]["corpus"][0]["passes"] = 2.0
    assert verify(first, run(table, tmp_path / "more", max_steps=4)).settings == {
        "data.corpus[0].passes": (1.0, 2.0)
    }


def test_what_cannot_be_compared_is_said(table: Table, tmp_path: Path) -> None:
    first = run(table, tmp_path / "first", max_steps=4)
    with pytest.raises(CheckpointError, match=r"is no run: there is no .*log\.jsonl"):
        verify(first, tmp_path / "nothing")
    other = run(table, tmp_path / "other", max_steps=3, evaluate_every=3)
    with pytest.raises(CheckpointError, match=r"no step in common \(steps 4 to 4 and 3 to 3\)"):
        verify(first, other)
    (other / "log.jsonl").write_text('{"kind": "train", "step": 1}\n')
    with pytest.raises(CheckpointError, match="has no hashes of weights"):
        verify(first, other)
