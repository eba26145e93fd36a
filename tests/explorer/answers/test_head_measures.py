"""The page is told of the measures that its contract names, and of the kind by these."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np

from clearhead.explorer.answers.head_measures import measured_heads
from clearhead.explorer.contract.first_screen.head_kinds import HeadKind, HeadMeasure
from clearhead.head_kinds import KINDS, MEASURES, HeadWeights, PlaceWeights


def test_the_contract_has_names_of_the_definition() -> None:
    assert set(get_args(HeadMeasure.__value__)) <= set(MEASURES)
    assert set(get_args(HeadKind.__value__)) <= set(KINDS)


def test_the_measures_are_those_that_the_contract_names() -> None:
    weights = np.eye(6)[None, [0, 0, 1, 2, 3, 4]]
    whole = HeadWeights.of(weights, np.ones((1, 6, 6), bool), cross=False)
    places = {"local": PlaceWeights(np.ones((1, 6)), np.ones((1, 6), int))}
    (head,) = measured_heads(replace(whole, places=places))
    assert head["kind"] == "previous"
    assert set(head["measures"]) <= set(get_args(HeadMeasure.__value__))
    assert head["measures"]["previous"] == 1
