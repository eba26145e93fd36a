"""A long product in a program is its largest terms and a remainder, and the same number."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.explorer.derivations.short_product import shorten_product
from clearhead.explorer.derivations.short_softmax import LARGEST, LONG
from clearhead.explorer.derivations.snippet import snippet
from tests.explorer.word_tables import labels


def test_the_value_is_that_of_the_whole_product() -> None:
    rng = np.random.default_rng(1)
    d, w = rng.standard_normal(10_000) ** 9, rng.standard_normal(10_000)
    short = shorten_product("d @ w", {"d": d, "w": w})
    assert short.expression == "d @ w + rest"
    assert short.operands["d"].size == short.operands["w"].size == LARGEST
    terms = np.abs(d * w)
    assert np.abs(short.operands["d"] * short.operands["w"]).min() >= np.sort(terms)[-LARGEST]
    value = eval(short.expression, {**short.operands})
    assert value == pytest.approx(d @ w, rel=1e-9)
    assert short.notes["rest"] == {"key": "restOfProduct", "name": str(10_000 - LARGEST)}
    operands = [{"symbol": name, "label": {"key": "gradientRow"}} for name in "dw"]
    derivation = {"expression": "d @ w", "operands": operands}
    text = snippet(derivation, d @ w, {"d": d, "w": w}, labels=labels("en"))
    assert len(text) < 4_000
    exec(text, {"print": lambda value: None})


@pytest.mark.parametrize(
    ("expression", "operands"),
    [
        ("d @ w", {"d": np.arange(float(LONG)), "w": np.arange(float(LONG))}),
        ("d @ w", {"d": np.ones((999, 2)), "w": np.ones(2)}),
        ("d @ w + b", {"d": np.ones(999), "w": np.ones(999), "b": 1.0}),
    ],
)
def test_what_is_short_or_more_than_a_product_stays_as_it_is(expression, operands) -> None:
    short = shorten_product(expression, operands)
    assert (short.expression, short.operands, short.notes) == (expression, operands, {})
