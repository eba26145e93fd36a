"""What a model says at each position, some positions at a time."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.explorer.answers import predictions as module
from clearhead.explorer.answers.predictions import predictions
from clearhead.reference.softmax import log_softmax, softmax


@pytest.mark.parametrize("numbers", [1, 40, 10**6])
def test_positions_are_looked_at_together_as_many_as_fit(monkeypatch, numbers):
    rng = np.random.default_rng(0)
    logits, predicted = rng.standard_normal((7, 20)), [3, 0, 19, 4, 5, 6, 7]
    exact = log_softmax(logits)
    fast = exact.copy()
    fast[5, 2] += 0.25
    windows = []

    def rows(window):
        windows.append(window)
        return logits[window]

    monkeypatch.setattr(module, "NUMBERS", numbers)
    result, largest = predictions(rows, 20, predicted, 18, lambda window: fast[window])
    assert largest == pytest.approx(0.25)
    assert [window.stop - window.start for window in windows] == (
        [1] * 7 if numbers == 1 else [2, 2, 2, 1] if numbers == 40 else [7]
    )
    for place, one in enumerate(result):
        assert one.log_probability == exact[place, predicted[place]]
        named = 20 if predicted[place] == 19 else 18  # that one has no name, and stands there
        best = np.argsort(-softmax(logits)[place, :named])[:10]
        assert one.likeliest.tokens == tuple(best)
        assert one.likeliest.target_token == predicted[place]
