"""Pairs that are left out of training, counted by the filter that left them out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clearhead.errors import ConfigError
from clearhead.text.corpus import Pair
from clearhead.training.loop import Trainer
from clearhead.training.pairs.filters import FILTERS, pair_filter
from clearhead.training.settings import Settings


@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [
        ("The cat sleeps on the mat.", "Le chat dort sur le tapis.", None),
        ("No.", "Non, merci.", None),
        ("Good.", "Il est bon de savoir que tout va bien ici.", "length ratio"),
        ("The cat sleeps here now.", "The cat sleeps here now.", "copy"),
        ("we saw an old house there", "nous saw an old house there", "copy"),
        ("Stop here.", "Stop here.", None),  # a sign may be the same
        ("Anna Karenina by Leo Tolstoy", "Anna Karenina de Leo Tolstoy", None),
        ("The cat sleeps on it.", "Il dort.", None),
        ("Le chat est sur la table.", "Le chat dort sur une chaise.", "wrong language"),
    ],
)
def test_each_filter_has_its_reason(source: str, target: str, reason: str | None) -> None:
    find = pair_filter(FILTERS, ("en", "fr"))
    assert find is not None
    assert find(Pair(source, target)) == reason
    back = pair_filter(FILTERS, ("fr", "en"))
    assert back is not None
    assert back(Pair(target, source)) == reason


def test_wrong_languages_need_to_know_the_right_ones() -> None:
    assert pair_filter((), (None, None)) is None
    with pytest.raises(ConfigError, match=r"the right ones: set data\.source_language"):
        pair_filter(("wrong language",), (None, None))


def test_a_run_counts_what_it_leaves_out(
    table: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (tmp_path / "train.tsv").open("a") as file:
        file.write("one\t" + "two " * 10 + "\n")
    table["data"]["filters"] = ["length ratio", "copy"]
    trainer = Trainer(Settings.from_dict(table), tmp_path / "run")
    trainer.lock.release()
    skipped = trainer.data.facts["corpora"][0]["skipped"]
    assert skipped["by the filter length ratio"] == 1
    assert "by the filter length ratio" in capsys.readouterr().err
