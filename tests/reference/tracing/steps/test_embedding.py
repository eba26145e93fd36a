"""The declared rules of embeddings and positions are those of the reference."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.reference.positions import sinusoidal_positions
from clearhead.reference.tracing.step_kind import Rule
from clearhead.reference.tracing.steps import embedding


def value(rule: Rule, **operands: object) -> float:
    assert {operand.symbol for operand in rule.operands} == operands.keys()
    return float(eval(rule.expression, {"np": np}, operands))


@pytest.mark.parametrize("d_model", [4, 6])
def test_even_columns_are_sines_and_odd_ones_cosines(d_model: int) -> None:
    rules = embedding.POSITIONS["interleaved", "start"].rules
    assert [rule.when["equals"] for rule in rules] == [0, 1]
    positions = sinusoidal_positions(5, d_model)
    for (position, column), expected in np.ndenumerate(positions):
        operands = {"p": position, "k": column // 2, "d_model": d_model}
        assert value(rules[column % 2], **operands) == pytest.approx(expected, abs=1e-12)


def test_an_embedding_is_a_row_of_its_matrix() -> None:
    assert set(embedding.EMBEDDING) == {"embedding", "source_embedding", "target_embedding"}
    for matrix, kind in embedding.EMBEDDING.items():
        (operand,) = kind.rules[0].operands
        assert operand.path == f"weights/{matrix}.weight"
        assert kind.formula == f"row of {matrix}"
    assert value(embedding.SCALED_EMBEDDING.rules[0], e=0.5, d_model=16) == 2


@pytest.mark.parametrize("token", ["embedding", "scaled_embedding"])
def test_what_the_layers_read_has_a_position_or_none(token: str) -> None:
    with_position, alone = (
        embedding.EMBEDDED[token, "start", False],
        embedding.EMBEDDED[token, None, False],
    )
    assert value(with_position.rules[0], e=1.0, p=0.25) == 1.25
    assert value(alone.rules[0], e=1.0) == 1.0
    assert with_position.of == (token, "positions")
    assert alone.of == (token,)
