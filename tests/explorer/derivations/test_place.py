"""A declared rule at one step of one model: templates become paths, and names numbers."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.explorer.derivations._place import StepPlace
from clearhead.reference.tracing.step import Step
from clearhead.reference.tracing.step_kind import ALL, Operand, Rule, axis, linear
from tests.reference.models import small_config

LAYER = "encoder.layers.1"


def place(path: str, *of: str, **config: object) -> StepPlace:
    settings = {"num_heads": 4, "num_kv_heads": 2, "d_model": 16} | config
    return StepPlace(Step(path, np.zeros(1), of=of), small_config(**settings))


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("{scope}.scores", f"{LAYER}.self_attention.scores"),
        ("{of[1]}", "b"),
        ("weights/{side}_positions.weight", "weights/source_positions.weight"),
        ("logits", "logits"),
    ],
)
def test_a_template_is_a_path_of_the_step(template: str, path: str) -> None:
    assert place(f"{LAYER}.self_attention.scaled", "a", "b").path(template) == path


@pytest.mark.parametrize(
    ("path", "norm_place", "before"),
    [
        ("encoder.layers.0.input", "before", "encoder.embedded"),
        ("decoder.layers.1.input", "before", "decoder.layers.0.feed_forward_residual"),
        ("decoder.layers.1.input", "after", "decoder.layers.0.feed_forward_norm.output"),
    ],
)
def test_a_layer_reads_the_one_before(path: str, norm_place: str, before: str) -> None:
    assert place(path, norm_place=norm_place).path("{before}") == before


@pytest.mark.parametrize(("tied", "matrix"), [(True, "embedding"), (False, "output")])
def test_logits_are_made_by_the_output_matrix(tied: bool, matrix: str) -> None:
    assert place("logits", tied_embeddings=tied).path("{output_matrix}") == matrix


def index_of(entry: object, **config: object) -> object:
    rule = Rule("x", (Operand("x", "word", "{scope}.x", (entry,)),))
    (operand,) = place(f"{LAYER}.y", **config).derivation(rule).operands
    assert operand.path == f"{LAYER}.x"
    return operand.index[0]


def test_names_of_sizes_become_numbers() -> None:
    assert index_of(3) == 3
    assert index_of(ALL) == ALL
    assert index_of(axis(3, plus="minus_pairs")) == {"axis": 3, "plus": -2}  # heads are 4 wide
    assert index_of(axis(1, floordiv="group")) == {"axis": 1, "floordiv": 2}
    assert index_of(axis(1, floordiv="group"), num_kv_heads=4) == {"axis": 1}
    total = {"sum": [axis(1, times="head_dim"), axis(3)]}
    assert index_of(total) == {"sum": [{"axis": 1, "times": 4}, {"axis": 3}]}
    token = {"value_of": {"path": "{scope}.tokens", "index": [axis(0)]}}
    assert index_of(token) == {"value_of": {"path": f"{LAYER}.tokens", "index": [{"axis": 0}]}}


@pytest.mark.parametrize(
    ("bias", "expression", "symbols"), [(True, "x @ w + b", "xwb"), (False, "x @ w", "xw")]
)
def test_a_model_without_biases_has_none_in_its_rules(
    bias: bool, expression: str, symbols: str
) -> None:
    rule = linear("{scope}.up", Operand("x", "word", "{of[0]}"), axis(2))
    derivation = place(f"{LAYER}.feed_forward.up", "x", bias=bias).derivation(rule)
    assert derivation.expression == expression
    assert [operand.symbol for operand in derivation.operands] == list(symbols)


def test_constants_are_those_of_the_config_and_conditions_have_numbers() -> None:
    rule = Rule(
        "d",
        (Operand("d", "word", constant="d_model"), Operand("i", "word", position=axis(2))),
        when={"axis": 3, "floordiv": "pairs", "mod": 2, "equals": 1},
    )
    derivation = place(f"{LAYER}.y").derivation(rule)
    assert [operand.constant for operand in derivation.operands] == [16, None]
    assert derivation.operands[1].scalar == {"axis": 2}
    assert derivation.when == {"axis": 3, "floordiv": 2, "mod": 2, "equals": 1}
