from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks.translation import shortlist
from clearhead.translation.checkpoint import bundled_models

RNG = np.random.default_rng(0)
WORDS = RNG.standard_normal((300, 24)) @ RNG.standard_normal((24, 24)) + 0.5
STATES = RNG.standard_normal((80, 24)) @ RNG.standard_normal((24, 24)) + 1.0
OF = {kind: shortlist.coordinates(kind, WORDS, STATES[:40], STATES) for kind in shortlist.KINDS}


@pytest.mark.parametrize("kind", shortlist.KINDS)
def test_coordinates_give_the_logits_but_for_a_number_of_each_state(kind):
    of = OF[kind]
    difference = STATES @ WORDS.T - (of.x @ of.y.T + of.c)
    np.testing.assert_allclose(difference, difference[:, :1] + np.zeros(300), atol=1e-8)


@pytest.mark.parametrize("kind", shortlist.KINDS)
@pytest.mark.parametrize("numbers", [0, 7, 24])
def test_every_logit_lies_in_its_interval(kind, numbers):
    of = OF[kind]
    middle, half = shortlist.bounds(of, numbers)
    assert (np.abs(of.x @ of.y.T + of.c - middle) <= half + 1e-8).all()


def test_the_likeliest_word_is_always_left_and_more_numbers_leave_fewer():
    counts = [shortlist.words_left(OF["balanced"], numbers) for numbers in (4, 12, 24)]
    assert set(counts[2].tolist()) <= {1, 2}
    assert counts[0].mean() > counts[1].mean() > counts[2].mean()


def test_balanced_coordinates_have_one_covariance(monkeypatch):
    monkeypatch.setattr(shortlist, "LEAST_VARIANCE", 0.0)
    of = shortlist.coordinates("balanced", WORDS, STATES, STATES)
    states, words = np.cov(of.x.T, bias=True), of.y.T @ of.y / len(of.y)
    np.testing.assert_allclose(states, words, atol=1e-8 * np.trace(words))


def test_the_interval_of_the_sum_shrinks_to_nothing():
    # Of probabilities so even that the words that are left out count.
    of = shortlist.coordinates("balanced", WORDS, 0.02 * STATES, 0.02 * STATES)
    widths = [shortlist.width_of_sum(of, numbers, 100).mean() for numbers in (6, 18, 24)]
    assert widths[0] > widths[1] > 0
    assert widths[2] == pytest.approx(0, abs=1e-9)


def test_blocks_of_one_word_leave_as_few_as_their_logits_say():
    of = OF["balanced"]
    assert (shortlist.block_words_left(of, 20) >= shortlist.words_left(of, 24)).all()


def test_prose_is_sentences(tmp_path):
    (tmp_path / "page.md").write_text(
        "# Title\n\nThe engine reads `weights` as [they](x.md) lie\nin memory.\n\n"
        "```python\nThis is code and it is no sentence at all.\n```\n\n| A table | row |\n"
    )
    assert shortlist.prose(tmp_path) == ["The engine reads weights as they lie in memory."]


@pytest.mark.skipif("en-fr" not in bundled_models(), reason="no model is bundled")
def test_it_runs(capsys):
    shortlist.main(["--quick", "--json"])
    result = json.loads(capsys.readouterr().out)
    words, sums = result["tables"]
    assert [len(table["rows"]) for table in (words, sums)] == [7, 4]
