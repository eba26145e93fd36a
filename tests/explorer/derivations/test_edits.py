"""In a what-if, numbers follow from others or were set by the one who asks."""

from __future__ import annotations

import math

import numpy as np
import pytest

from clearhead.explorer.contract.edits import SetWeight, Steer, changes_of
from clearhead.explorer.derivations.derive import derivations
from clearhead.explorer.derivations.snippet import applicable, operand_values, snippet
from clearhead.reference import Trace, Transformer
from tests.explorer.walked import SAME, Walked, bundled, request
from tests.explorer.word_tables import labels
from tests.reference.models import random_weights, small_config

HEAD = {"part": "decoder", "layer": 1, "head": 0}
# One head at temperature 0.5 and then 3 is beyond one formula: those scores are "set by you".
EDITS = [
    {"kind": "ablate_head", "part": "encoder", "layer": 1, "head": 2},
    {"kind": "set_weight", **HEAD, "query": 2, "key": 1, "value": 0.5, "renormalise": True},
    {"kind": "set_weight", **HEAD, "query": 0, "key": 0, "value": 0.5, "renormalise": True},
    {"kind": "set_weight", **HEAD, "query": 3, "key": 0, "value": 0.9, "renormalise": False},
    {"kind": "mask_token", "position": 1},
    {"kind": "swap_token", "position": 0, "token": 300},
    {"kind": "attention_temperature", **HEAD, "head": 3, "value": 2.0},
    {"kind": "attention_temperature", **HEAD, "head": 2, "value": 0.5},
    {"kind": "attention_temperature", **HEAD, "head": 2, "value": 3.0},
    {"kind": "output_temperature", "value": 0.7},
]


def elements(step: dict, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """Some elements of a step, and some of those that each edit changes."""
    anywhere = [None] * len(step["shape"])
    return [
        tuple(
            int(rng.integers(size)) if place is None else place
            for size, place in zip(step["shape"], places, strict=True)
        )
        for places in [anywhere, *(edit["index"] for edit in step["replaced_at"])]
        for _ in range(3)
    ]


def changed_by(step: dict, index: tuple[int, ...]) -> list[str]:
    """The kinds of the edits that change an element."""
    edits = [
        EDITS[edit["edit"]]
        for edit in step["replaced_at"]
        if all(place in (None, at) for place, at in zip(edit["index"], index, strict=True))
    ]
    return [edit["kind"] + " for all" * edit.get("renormalise", False) for edit in edits]


def test_in_a_what_if_every_number_follows_from_others_or_was_set_by_you() -> None:
    params = {"text": "The cat sleeps on the mat.", "edits": EDITS}
    run, rng = bundled().run(request(**params)), np.random.default_rng(3)
    source = Walked(run.reference, run.trace)
    kinds = set()
    for step in bundled().answer("run", params).json["steps"]:
        if step["path"].endswith((".tokens", ".contributions")):
            continue
        for index in elements(step, rng):
            by = changed_by(step, index)
            derivation = applicable(step["derivations"], index, was_replaced=bool(by))
            you = derivation["expression"] == "set by you"
            kinds.add((" and ".join(by), you))
            if you:
                continue
            operands = operand_values(derivation, index, source.fetch)
            value = eval(derivation["expression"], {"np": np, "math": math, **operands})
            number = run.trace[step["path"]].value[index]
            assert np.isclose(value, number, **SAME), (step["path"], index)
            if by:
                exec(snippet(derivation, number, operands, labels=labels()), {})
    assert kinds == {
        ("", False),
        ("ablate_head", True),
        ("set_weight", True),
        ("set_weight for all", False),
        ("mask_token", True),
        ("attention_temperature", False),
        ("attention_temperature and attention_temperature", True),
        ("output_temperature", False),
    }


@pytest.mark.parametrize(("renormalise", "by_you"), [(False, True), (True, False)])
def test_weights_that_share_what_a_set_one_leaves_are_not_set_by_you(
    renormalise: bool, by_you: bool
) -> None:
    edit = {"kind": "set_weight", "part": "cross", "layer": 0, "head": 1, "query": 1, "key": 2}
    edit |= {"value": 0.999, "renormalise": renormalise}
    params = {"text": "The cat sleeps.", "edits": [edit]}
    run = bundled().run(request(**params))
    path = "decoder.layers.0.cross_attention.weights"
    [step] = [
        step for step in bundled().answer("run", params).json["steps"] if step["path"] == path
    ]
    source = Walked(run.reference, run.trace)
    for key in range(step["shape"][3]):
        touched = renormalise or key == 2
        index = (0, 1, 1, key)
        derivation = applicable(step["derivations"], index, was_replaced=touched)
        if by_you and touched:
            assert derivation["expression"] == "set by you"
            continue
        operands = operand_values(derivation, index, source.fetch)
        value = eval(derivation["expression"], {"np": np, **operands})
        assert np.isclose(value, run.trace[path].value[index], **SAME)


@pytest.mark.parametrize("lead", [0.0, 5.0, 20.0, 600.0])
def test_what_is_left_is_shared_to_the_last_digit_even_where_one_weight_was_all(
    lead: float,
) -> None:
    config = small_config(encoder_layers=1, decoder_layers=0)
    place = {"part": "encoder", "layer": 0, "head": 1, "query": 2, "key": 3}
    edit = SetWeight(**place, value=0.25, renormalise=True)
    path = "encoder.layers.0.self_attention"

    def ahead(masked: np.ndarray) -> np.ndarray:
        masked[0, 1, 2] = [1.0, 0.5, -0.5, lead, 0.0]
        return masked

    [change] = changes_of([edit], config)[f"{path}.weights"]
    trace = Trace(replace={f"{path}.masked": ahead, f"{path}.weights": lambda x: change(x, None)})
    reference = Transformer(config, random_weights(config))
    reference.forward(np.array([[5, 6, 7, 8, 9]]), trace=trace)
    run, step = Walked(reference, trace), trace[f"{path}.weights"]
    edited = [each.to_json() for each in derivations(step, trace, config, [edit])]
    for key in range(5):
        index = (0, 1, 2, key)
        operands = operand_values(edited[0], index, run.fetch)
        value = eval(edited[0]["expression"], {"np": np, **operands})
        assert np.isclose(value, step.value[index], rtol=1e-9, atol=0.0)
    assert step.value[0, 1, 2].sum() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("sides", [(2, 2), (0, 2), (2, 0)])
def test_a_steered_stream_says_what_was_added(sides: tuple[int, int]) -> None:
    config = small_config(encoder_layers=sides[0], decoder_layers=sides[1], tied_embeddings=False)
    edit = Steer(layer=1, token=7, value=-3.0)
    weights = random_weights(config)
    (path,) = edit.paths(config)
    [change] = changes_of([edit], config, weights)[path]
    trace = Trace(replace={path: lambda x: change(x, None)})
    reference = Transformer(config, weights)
    ids = np.array([[5, 6, 8]])
    reference.forward(ids if sides[0] else None, ids if sides[1] else None, trace=trace)
    run, step = Walked(reference, trace), trace[path]
    derivation = derivations(step, trace, config, [edit])[0].to_json()
    assert derivation["when"] == {"replaced": True, "index": [None, None, None]}
    for index in np.ndindex(*step.shape):
        operands = operand_values(derivation, index, run.fetch)
        value = eval(derivation["expression"], {"np": np, **operands})
        assert np.isclose(value, step.value[index], **SAME)
