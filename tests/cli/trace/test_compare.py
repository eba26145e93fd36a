"""What is said of the fast models is measured, not assumed."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.cli.trace._compare import differences
from clearhead.translation.checkpoint import read_checkpoint
from clearhead.translation.walkthrough import Walkthrough, walk_through
from tests.translation.conftest import write_checkpoint


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return read_checkpoint(write_checkpoint(tmp_path_factory.mktemp("models") / "random"))


def test_a_difference_is_the_largest_of_all_positions_and_tokens(checkpoint, monkeypatch):
    engine = checkpoint.engine(np.float64)
    walkthrough = walk_through("I like tea.", checkpoint, engine, target="la gare")
    logits = walkthrough.trace(keep="logits")["logits"].value[0]
    (cached, before), (_, layers) = differences(checkpoint, walkthrough, logits)
    assert cached == "NumPy, float32, key-value cache"
    assert 0 < before < 1e-3
    assert 0 < layers < 1e-3

    correct = Walkthrough.token_by_token

    def wrong_at_one_place(self, engine):
        log_probs = correct(self, engine)
        log_probs[1, 7] += np.float32(0.25)
        return log_probs

    monkeypatch.setattr(Walkthrough, "token_by_token", wrong_at_one_place)
    (_, after), _ = differences(checkpoint, walkthrough, logits)
    assert after == pytest.approx(0.25, abs=1e-3)
