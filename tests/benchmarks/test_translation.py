"""The translation benchmark runs at a tiny size, and its systems compute the same function."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks import translation
from benchmarks.translation_systems import OURS, TARGET_TOKENS, random_weights
from clearhead.config import TransformerConfig
from clearhead.engine.reference_engine import ReferenceEngine
from clearhead.errors import ConfigError

CONFIG = TransformerConfig(
    vocab_size=50,
    d_model=16,
    num_heads=2,
    encoder_layers=2,
    decoder_layers=2,
    feed_forward_dim=24,
    norm_place="after",
    max_length=40,
)


def test_it_runs_and_says_what_it_measured(capsys):
    translation.main(["--quick", "--json", "--threads", "1", "--systems", OURS])
    result = json.loads(capsys.readouterr().out)
    assert {(row["batch"], row["beam"]) for row in result["rows"]} == {(1, 1), (1, 4)}
    for row in result["rows"]:
        assert row["tokens_per_second"] > 0
        assert row["same_tokens"] == 1.0
    assert "load_before" in result["machine"]


@pytest.mark.slow
def test_all_systems_give_the_same_tokens(capsys):
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    pytest.importorskip("ctranslate2")
    names = [OURS, "transformers", "CTranslate2 float32"]
    translation.main(["--quick", "--json", "--threads", "1", "--systems", *names])
    result = json.loads(capsys.readouterr().out)
    found = {(row["system"], row["beam"]): row["same_tokens"] for row in result["rows"]}
    assert found == {(name, beam): 1.0 for name in names for beam in (1, 4)}


@pytest.mark.slow
def test_marian_with_our_weights_gives_our_logits():
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from benchmarks.marian import marian_model

    weights = random_weights(CONFIG)
    rng = np.random.default_rng(0)
    source, target = rng.integers(3, CONFIG.vocab_size, (2, 3, 6))
    ours = ReferenceEngine.build(CONFIG, weights).model.forward(source, target)
    with torch.no_grad():
        theirs = marian_model(CONFIG, weights)(
            input_ids=torch.from_numpy(source), decoder_input_ids=torch.from_numpy(target)
        ).logits.numpy()
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_marian_has_no_model_with_norms_before():
    pytest.importorskip("transformers")
    from benchmarks.marian import marian_config

    with pytest.raises(ConfigError, match=r"layer norms after each sublayer.*got before, layer"):
        marian_config(CONFIG.replace(norm_place="before"))


def test_our_target_has_as_many_steps_as_the_others():
    from benchmarks.translation_systems import random_sources
    from clearhead.translation.search.search import search
    from clearhead.translation.search.settings import SearchSettings

    class Counting:
        """An engine that counts how often it is asked."""

        def __init__(self, engine):
            self.engine, self.steps, self.vocab_size = engine, 0, engine.vocab_size

        def begin(self, sources):
            self.decoding = self.engine.begin(sources)
            return self

        def advance(self, tokens, parents):
            self.steps += 1
            return self.decoding.advance(tokens, parents)

    engine = Counting(ReferenceEngine.build(CONFIG, random_weights(CONFIG)))
    length = TARGET_TOKENS - 1
    settings = SearchSettings(beam_size=4, min_length=length, max_length=length)
    ((best,),) = search(engine, random_sources(CONFIG.vocab_size, 1), settings)
    assert engine.steps == TARGET_TOKENS
    assert len(best.tokens) == length


def test_a_change_in_the_last_place_is_no_difference_and_any_other_is():
    ours = [list(range(TARGET_TOKENS - 1))]
    assert translation.same_tokens(ours, [[*ours[0], 7]]) == 1.0
    assert translation.same_tokens(ours, [[9, *ours[0][1:], 7]]) == 0.0


def test_each_system_is_judged_at_its_best_threads():
    rows = [
        {
            "batch": 1,
            "beam": 1,
            "system": system,
            "threads": threads,
            "tokens_per_second": speed,
            "same_tokens": 1.0,
        }
        for system, threads, speed in (
            (OURS, 1, 30.0),
            (OURS, 2, 20.0),
            ("transformers", 1, 4.0),
            ("transformers", 2, 5.0),
        )
    ]
    facts = {"processor": "p", "cores": 2, "system": "s", "libraries": {}, "quiet": True}
    result = translation.result_of(CONFIG, rows, facts, [])
    assert [found["ratio"] for found in result["ratios"]] == [6.0]
    assert "6.00 times (target 3: reached)" in result["verdicts"][0]
