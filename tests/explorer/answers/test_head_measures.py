"""The page is told of the measures that its contract names, and of the kind by these."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np

from clearhead.explorer.answers import head_measures
from clearhead.explorer.answers.head_measures import measured_heads, model_copying
from clearhead.explorer.contract.first_screen.head_kinds import HeadKind, HeadMeasure
from clearhead.head_kinds import KINDS, MEASURES, HeadWeights, PlaceWeights
from clearhead.reference import Transformer
from tests.reference.models import random_weights, small_config


def test_the_contract_has_names_of_the_definition() -> None:
    assert get_args(HeadMeasure.__value__) == MEASURES
    assert get_args(HeadKind.__value__) == KINDS


def test_the_measures_are_those_that_the_contract_names() -> None:
    weights = np.eye(6)[None, [0, 0, 1, 2, 3, 4]]
    whole = HeadWeights.of(weights, np.ones((1, 6, 6), bool), cross=False)
    places = {"local": PlaceWeights(np.ones((1, 6)), np.ones((1, 6), int))}
    (head,) = measured_heads(replace(whole, places=places), np.array([0.25]))
    assert head["kind"] == "previous"
    assert set(head["measures"]) <= set(get_args(HeadMeasure.__value__))
    assert head["measures"]["previous"] == 1
    assert head["copying"] == 0.25
    assert measured_heads(whole)[0]["copying"] is None


def test_a_model_without_such_a_way_has_no_copying_scores(monkeypatch) -> None:
    for place, count in (("before", 2), ("after", 0)):
        config = small_config(encoder_layers=0, norm_place=place)
        model = Transformer(config, random_weights(config))
        assert len(model_copying(model)) == count
    monkeypatch.setattr(head_measures, "MULTIPLY_ADDS", 1)
    config = small_config(encoder_layers=0)
    assert not model_copying(Transformer(config, random_weights(config)))
