"""Our system makes as many steps as the others."""

from __future__ import annotations

from benchmarks.translation.systems import TARGET_TOKENS, random_sources, random_weights
from clearhead.config import TransformerConfig
from clearhead.engine.reference_engine import ReferenceEngine
from clearhead.search.search import search
from clearhead.search.settings import SearchSettings

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


def test_our_target_has_as_many_steps_as_the_others():
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
