"""The measures of an attention whose queries and keys were not stored."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch

from clearhead.errors import ConfigError
from clearhead.maps.measures.per_position import Entropy, Sink
from clearhead.maps.storage.provenance import Source
from clearhead.maps.storage.summary_map import SummaryMap

ENTROPY, SINK = torch.rand(1, 2, 3), torch.rand(1, 2, 3)
SUMMARY = SummaryMap((1, 2, 3, 4), Source(module="a"), {Entropy(): ENTROPY, Sink(1): SINK})


def test_results_come_by_measure_or_by_name():
    assert SUMMARY.measure("entropy", Sink(1)) == {"entropy": ENTROPY, Sink(1): SINK}
    assert SUMMARY.measure() == {Entropy(): ENTROPY, Sink(1): SINK}
    assert SUMMARY.entropy() is ENTROPY
    assert SUMMARY.sink() is SINK
    assert repr(SUMMARY) == (
        "SummaryMap(1, 2, 3, 4) of self-attention of a: Entropy(), Sink(count=1)"
    )


@pytest.mark.parametrize("ask", [lambda: SUMMARY.measure("received"), lambda: SUMMARY.received()])
def test_what_was_not_measured_is_refused_with_what_was(ask):
    with pytest.raises(ConfigError) as error:
        ask()
    assert str(error.value) == (
        "Received() of 'a' was not measured during the recording, and queries and keys were not "
        "kept. Measured were: Entropy(), Sink(count=1). Record with summaries=[..., Received()], "
        "or without summaries to ask for anything later."
    )


def test_other_settings_of_a_measure_are_another_measure():
    with pytest.raises(ConfigError, match=r"Sink\(count=2\) of 'a' was not measured"):
        SUMMARY.measure(Sink(2))


def test_what_needs_queries_and_keys_is_no_attribute():
    with pytest.raises(AttributeError, match="A SummaryMap keeps measures and no 'dense'"):
        SUMMARY.dense()
    assert not hasattr(SUMMARY, "_anything")


def test_copies_and_pickles_are_the_same():
    for twin in (copy.deepcopy(SUMMARY), pickle.loads(pickle.dumps(SUMMARY))):
        assert twin.shape == SUMMARY.shape
        assert torch.equal(twin.entropy(), ENTROPY)
