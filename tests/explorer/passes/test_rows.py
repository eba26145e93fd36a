"""Rows of a batch are the text itself, each as its watcher changes it."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.explorer.contract.questions import RunQuestion
from clearhead.explorer.passes import rows
from clearhead.explorer.passes.edited_engine import Editor
from clearhead.explorer.passes.rows import (
    batches,
    hidden_rows,
    memories_of,
    word_log_probabilities,
)


def test_rows_without_a_change_are_the_run(explorer):
    run = explorer.run(RunQuestion(text="Where is the old house?", target="le vieil"))
    model, editor = run.reference, Editor({})
    memories = memories_of(model, run.source, editor)
    places, words = [0, 2], [run.predicted[0], run.predicted[2]]
    for memory in (None, memories):
        hidden = hidden_rows(model, run.source, run.target, editor, 3, memory)
        assert hidden.shape == (3, len(run.target), run.config.d_model)
        found = word_log_probabilities(model, hidden, places, words, editor)
        expected = np.tile(run.log_probabilities[places], (3, 1))
        np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("most", [1, 100_000, 2**22])
def test_batches_cover_all_rows_in_order(explorer, monkeypatch, most):
    monkeypatch.setattr(rows, "MOST_NUMBERS", most)
    parts = list(batches(7, explorer.models.config, 4, 10))
    assert [at for part in parts for at in range(part.start, part.stop)] == list(range(7))
    if most == 1:
        assert len(parts) == 7
