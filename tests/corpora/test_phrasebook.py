"""The sentence pairs that the project wrote itself."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from clearhead.text.corpus import read_pairs

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "configs/phrasebook"
FILES = sorted(FOLDER.glob("*.en-fr.tsv"))


def letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def test_the_pairs_made_by_rule_are_what_the_rules_make() -> None:
    done = subprocess.run(
        [sys.executable, FOLDER / "by_rule.py"], capture_output=True, check=True, encoding="utf-8"
    )
    assert done.stdout == (FOLDER / "by_rule.en-fr.tsv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("english", "french"),
    [
        ("seventy-one", "soixante et onze"),
        ("eighty", "quatre-vingts"),
        ("ninety-nine", "quatre-vingt-dix-neuf"),
        ("two hundred", "deux cents"),
        ("eighty thousand", "quatre-vingt mille"),
        ("the twenty-first time", "la vingt et unième fois"),
        ("the ninth time", "la neuvième fois"),
    ],
)
def test_hard_numbers(english: str, french: str) -> None:
    pairs = dict(read_pairs(FOLDER / "by_rule.en-fr.tsv"))
    assert pairs[english] == french


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_line_is_a_pair_of_its_own_and_in_nothing_that_is_measured(path: Path) -> None:
    everyday = tomllib.loads((ROOT / "tests/translation/everyday.toml").read_text("utf-8"))
    measured = {letters(text) for group in everyday.values() for text in group}
    pairs = list(read_pairs(path))
    assert len(pairs) > 300
    assert len({pair.source for pair in pairs}) == len(pairs)
    for source, target in pairs:
        assert letters(source) not in measured, source
        assert (source.strip(), target.strip()) == (source, target)
        assert source != ""
        assert "  " not in target, target
        assert "’" not in source + target, target
