"""What is said of the fast models is measured, not assumed."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.cli.trace._compare import differences
from clearhead.cli.trace._subject import Subject
from clearhead.engine.reference_engine import ReferenceEngine
from tests.tasks import tiny_models as tiny
from tests.translation.conftest import write_checkpoint


@pytest.fixture(scope="module")
def subjects(tmp_path_factory):
    folder = str(write_checkpoint(tmp_path_factory.mktemp("models") / "random"))
    return {
        "ours": Subject(folder, "I like tea.", "la gare"),
        "a translator": Subject(str(tiny.folder_of("t5")), "A cat.", "La maison", task="en-fr"),
        "a decoder": Subject(str(tiny.folder_of("qwen3")), "The old house"),
        "an encoder": Subject(str(tiny.folder_of("bert")), "The old <mask>"),
    }


@pytest.mark.parametrize("kind", ["ours", "a translator", "a decoder", "an encoder"])
def test_both_fast_models_are_close_to_the_reference(subjects, kind):
    (first, engine), (second, layers) = differences(subjects[kind])
    cache = "one pass" if kind == "an encoder" else "key-value cache"
    assert (first, second) == (f"NumPy, float32, {cache}", "PyTorch, float32, clearhead.nn")
    assert 0 < engine < 1e-3
    assert 0 < layers < 1e-3


def test_a_difference_is_the_largest_of_all_positions_and_tokens(subjects, monkeypatch):
    begin = ReferenceEngine.begin

    def wrong_at_one_place(self, sources):
        decoding = begin(self, sources)
        correct, steps = decoding.advance, []

        def advance(tokens, parents):
            log_probs = correct(tokens, parents)
            steps.append(tokens)
            log_probs[0, 7] += np.float32(0.25 if len(steps) == 2 else 0)
            return log_probs

        decoding.advance = advance
        return decoding

    monkeypatch.setattr(ReferenceEngine, "begin", wrong_at_one_place)
    (_, engine), _ = differences(subjects["ours"])
    assert engine == pytest.approx(0.25, abs=1e-3)
