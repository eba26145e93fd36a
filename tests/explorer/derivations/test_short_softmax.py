from __future__ import annotations

import numpy as np
import pytest

from clearhead.explorer.derivations.short_softmax import LARGEST, LONG, shorten_softmax

EXPRESSION = "np.exp(z - z.max())[t] / np.exp(z - z.max()).sum()"


@pytest.mark.parametrize("token", [0, 17, 9_999])
@pytest.mark.parametrize("hidden", [0, 9_000])
def test_the_value_is_that_of_the_whole_row(token: int, hidden: int) -> None:
    row = 3 * np.random.default_rng(1).standard_normal(10_000)
    row[:hidden] = -np.inf
    short = shorten_softmax(EXPRESSION, {"z": row, "t": token})
    assert LARGEST <= short.operands["z"].size <= LARGEST + 1
    assert short.operands["z"][short.operands["t"]] == row[token]
    value = eval(short.expression, {"np": np, **short.operands})
    expected = np.exp(row[token] - row.max()) / np.exp(row - row.max()).sum()
    assert value == pytest.approx(expected, rel=1e-9)
    assert short.notes["rest"] == {
        "key": "restOfSum",
        "name": str(10_000 - short.operands["z"].size),
    }


def test_what_is_short_or_no_softmax_of_one_number_stays_as_it_is() -> None:
    row = np.arange(float(LONG))
    for expression, operands in (
        (EXPRESSION, {"z": row, "t": 3}),
        ("np.exp(z - z.max()).sum()", {"z": np.arange(999.0)}),
        ("a @ b", {"a": np.arange(999.0), "b": np.arange(999.0)}),
    ):
        short = shorten_softmax(expression, operands)
        assert short.expression == expression
        assert short.operands is operands
        assert not short.notes
