"""Batches hold every source once, alike lengths together, within the bound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.engine.reference_engine import ReferenceEngine
from clearhead.search.batches import batches, search_batches
from clearhead.search.settings import SearchSettings
from tests.reference.models import random_ids, random_weights, small_config


@given(st.lists(st.integers(1, 60), max_size=60), st.integers(1, 200))
def test_batches(lengths, tokens):
    places = list(batches(lengths, tokens))
    assert sorted(place for batch in places for place in batch) == list(range(len(lengths)))
    for batch in places:
        assert len(batch) == 1 or len(batch) * max(lengths[place] for place in batch) <= tokens
    flat = [lengths[place] for batch in places for place in batch]
    assert flat == sorted(flat, reverse=True)


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_change_nothing_but_the_time(threads):
    config = small_config(vocab_size=90)
    engine = ReferenceEngine.build(config, random_weights(config, 0))
    rng = np.random.default_rng(0)
    sources = [[*random_ids(rng, config, n).tolist(), 2] for n in rng.integers(1, 9, 12)]
    settings, progress = SearchSettings(beam_size=2, max_length=7), []
    together = search_batches(
        engine, sources, settings, batch_tokens=1000, threads=threads, on_progress=progress.append
    )
    alone = search_batches(engine, sources, settings, batch_tokens=1)
    assert [best[0].tokens for best in together] == [best[0].tokens for best in alone]
    assert progress[-1] == 12
    assert len(progress) >= threads
