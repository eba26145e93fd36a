"""What a report says."""

from __future__ import annotations

import json
from collections import Counter

from clearhead.corpora.recipe import Recipe
from clearhead.corpora.report import CorpusCounts, FileFacts, Report

RECIPE = Recipe.from_dict(
    {
        "corpus": [
            {
                "path": "a|b.tsv",
                "output": "machine",
                "licence": "CC0",
                "attribution": "Ann and\nBob",
                "synthetic": "source",
            }
        ]
    }
)
COUNTS = CorpusCounts(
    read=1300,
    dropped_pairs=Counter({"unequal length": 1200, "double": 2}),
    held_out=8,
    trained=90,
    variants=Counter({"lower": 5, "upper": 4}),
)
REPORT = Report(
    direction="en-fr",
    recipe=RECIPE.to_dict(),
    corpora=((RECIPE.corpus[0], COUNTS, "ab" * 32),),
    outputs=(FileFacts("machine.en-fr.tsv.gz", 99, "cd" * 32),),
    held_out=(),
)


def test_json_has_every_number() -> None:
    content = json.loads(REPORT.to_json())
    assert content["format"] == 1
    assert content["recipe"]["seed"] == 1
    (corpus,) = content["corpora"]
    assert corpus["read"] == 1300 == corpus["kept"] + corpus["held_out"] + 1202
    assert corpus["dropped"] == {"double": 2, "unequal length": 1200}
    assert corpus["variants"] == {"lower": 5, "upper": 4}
    assert corpus["licence"] == "CC0"
    assert content["outputs"] == [
        {"file": "machine.en-fr.tsv.gz", "pairs": 99, "sha256": "cd" * 32}
    ]


def test_markdown_has_tables() -> None:
    lines = REPORT.to_markdown().splitlines()
    assert "Seed 1; 2.00% of the English sentences are held out." in lines
    assert (
        "| a\\|b.tsv | machine | 1,300 | 90 | 9 | 8 | double 2, unequal length 1,200 |"
    ) in lines
    assert (
        f"| a\\|b.tsv | people; English by a machine | CC0 | Ann and Bob | {'ab' * 32} |"
    ) in lines
    assert f"| machine.en-fr.tsv.gz | 99 | {'cd' * 32} |" in lines
