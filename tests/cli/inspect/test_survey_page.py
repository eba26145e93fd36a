"""The page of a survey: what it says of heads, of what was not read, and small histograms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from clearhead.cli.inspect._survey_page import _sparks, survey_page
from clearhead.cli.terminal.heatmap import Paper, width_of
from clearhead.surveys.statistics import HeadStatistics
from clearhead.surveys.tables import head_rows
from tests.surveys.readings import text_readings

STATISTICS = HeadStatistics.of("ab", text_readings(4, 30))


def page(statistics, rejects=0, **paper):
    files = [Path("o/heads.json")]
    return "\n".join(survey_page("gpt2", statistics, rejects, files, Paper(80, **paper), 3))


@pytest.mark.parametrize("unicode", [True, False])
def test_it_tells_kinds_means_and_what_was_not_read(unicode):
    words = page(STATISTICS, 5, unicode=unicode)
    assert f"30 texts, {STATISTICS.tokens:,} tokens to " in words
    assert "5 lines rejected" in words
    assert "\nlayers.*\n" in words
    assert "Self-attention of 2 or 3 heads, computed by sdpa math." in words
    assert words.isascii() != unicode
    assert all(width_of(line) <= 80 for line in words.splitlines())
    refusals = STATISTICS.refusals["layers.2", "a mask of # keys"]
    assert f"Not read in {refusals} of 30 texts: layers.2: a mask of # keys." in words
    assert f"The target of {STATISTICS.cut_targets} texts is the beginning" in " ".join(
        words.split()
    )
    mean = STATISTICS.layer("layers.1").measures["distance"].means[1]
    assert f"{mean:.2f}" in words.partition("distance  ")[2]
    assert words.endswith("Written: o/heads.json")


def test_a_head_of_a_kind_has_its_score_and_how_often_it_is_of_it():
    words = page(STATISTICS)
    rows = [row for row in head_rows(STATISTICS) if row.scored.kind in row.scored.scores]
    assert rows
    best = max(rows, key=lambda row: row.scored.scores[row.scored.kind])
    (line,) = (
        line
        for line in words.splitlines()
        if line.startswith(f"{best.scored.scores[best.scored.kind]:.3f} ")
        and f"layer {best.layer.label:>3}  head   {best.head}" in line
    )
    assert line.endswith(f"so in {best.share:4.0%} of texts")


def test_any_value_is_seen_in_a_small_histogram():
    histogram = np.zeros(64, int)
    histogram[[0, 20, 21, 63]] = 1, 500, 500, 250
    assert _sparks(histogram) == "▁    █         ▂"


def test_of_no_text_it_says_why():
    assert "No text was read: all 4 lines were rejected." in page(HeadStatistics(), 4)
    assert "No text was read: there is no line." in page(HeadStatistics())
