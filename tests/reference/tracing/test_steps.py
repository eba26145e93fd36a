"""What a step means is declared once: every recorded step has a kind, and the kind fits it."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clearhead.reference.tracing.steps
from clearhead.config import TransformerConfig
from clearhead.reference import Trace, Transformer, attention
from clearhead.reference.tracing import step_kind
from clearhead.reference.tracing.steps import kind_of, kinds
from tests.reference.models import (
    image_configs,
    random_ids,
    random_pixels,
    random_weights,
    wide_configs,
)
from tests.reference.tracing.rules import RuleReader


def check(trace: Trace) -> None:
    for step in trace:
        kind = kind_of(step.path, step.formula)
        assert kind is not None, step
        assert step.axes == kind.axes_of(step.value.ndim)
        names = tuple(path.rpartition(".")[2] for path in step.of)
        assert not kind.of or names == kind.of


@settings(max_examples=20)
@given(config=wide_configs())
def test_every_step_of_any_model_is_declared(config: TransformerConfig) -> None:
    rng, trace = np.random.default_rng(0), Trace(keep="*")
    Transformer(config, random_weights(config)).forward(
        random_ids(rng, config, 1, 3) if config.encoder_layers else None,
        random_ids(rng, config, 1, 4) if config.decoder_layers else None,
        trace=trace,
    )
    check(trace)


@settings(max_examples=40)
@given(config=wide_configs(), seed=st.integers(0, 99))
def test_every_number_of_any_model_is_what_its_rule_says(
    config: TransformerConfig, seed: int
) -> None:
    rng, trace, weights = np.random.default_rng(seed), Trace(), random_weights(config, seed)
    source = random_ids(rng, config, 1, 5) if config.encoder_layers else None
    target = random_ids(rng, config, 1, 5) if config.decoder_layers else None
    if config.embedding.skip_padding:  # which hides nothing where every position is real
        for ids in filter(lambda ids: ids is not None, (source, target)):
            ids[0, 1] = config.pad_id
    mask = np.ones((1, 5), bool)
    Transformer(config, weights).forward(source, target, mask=mask, trace=trace)
    check_rules(trace, config, weights, rng)


@settings(max_examples=20)
@given(config=image_configs(), seed=st.integers(0, 99))
def test_every_number_of_a_model_of_images_is_what_its_rule_says(
    config: TransformerConfig, seed: int
) -> None:
    rng, trace, weights = np.random.default_rng(seed), Trace(), random_weights(config, seed)
    model = Transformer(config, weights)
    model.forward(pixels=random_pixels(rng, config), trace=trace)
    check(trace)
    check_rules(trace, config, weights, rng)


def check_rules(
    trace: Trace, config: TransformerConfig, weights: dict, rng: np.random.Generator
) -> None:
    """Numbers of every step, here and there, are those of the rules."""
    reader = RuleReader(trace, config, weights)
    for step in trace:
        if step.name in ("tokens", "token_type_ids", "pixels", "bias"):
            assert not reader.rules(step)
            continue
        for _ in range(2):
            index = tuple(int(rng.integers(size)) for size in step.shape)
            ours = reader.value(step, index)
            assert np.isclose(ours, step.value[index], rtol=1e-9, atol=1e-9), (step, index, ours)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"softcap": 2.0},
        {"scale": 0.3},
        {"mask": np.zeros((3, 3))},
        {"softcap": 2.0, "mask": np.zeros((3, 3))},
        {"past_key": np.ones((1, 2, 4, 8)), "past_value": np.ones((1, 2, 4, 8))},
    ],
)
def test_every_step_of_attention_alone_is_declared(options: dict) -> None:
    x, trace = np.ones((1, 2, 3, 8)), Trace(keep="*")
    attention(x, x, x, trace=trace, **options)
    check(trace)


def test_a_name_and_a_formula_are_one_kind() -> None:
    pairs = [(kind.name, kind.formula) for kind in kinds()]
    assert len(pairs) == len(set(pairs))


def test_a_step_of_a_users_own_has_no_kind() -> None:
    trace = Trace()
    trace.step("mine", np.ones(2), "x + 1", axes=("length",))
    assert kind_of("mine", trace["mine"].formula) is None
    assert trace["mine"].axes == ("length",)


def test_operands_have_exactly_one_source() -> None:
    for kind in kinds():
        for rule in kind.rules:
            for operand in rule.operands:
                places = (operand.path, operand.position, operand.constant)
                assert sum(place not in ("", None) for place in places) == 1, operand


def test_the_declaration_needs_nothing_but_the_standard_library() -> None:
    folder = Path(clearhead.reference.tracing.steps.__file__).parent
    for path in (*folder.glob("*.py"), Path(step_kind.__file__)):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                raise AssertionError(f"{path.name} imports {node.names[0].name}")
            if isinstance(node, ast.ImportFrom) and not node.level:
                assert node.module in {"__future__", "collections.abc", "dataclasses", "types",
                                       "typing"}  # fmt: skip
