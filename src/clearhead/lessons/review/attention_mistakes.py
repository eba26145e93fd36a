"""The mistakes that attention may have, by the aspect in which it goes wrong."""

from __future__ import annotations

import itertools
from typing import Any

from .subject import Mistake

INPUTS = ("query", "key", "value")

_KEEPDIMS = Mistake(
    "no keepdims",
    "The rows of weights do not sum to one: the sums of the rows are laid along the wrong axis, so "
    "entry (i, j) is divided by the sum of row j.",
    "Write `.sum(axis=-1, keepdims=True)`.",
)
_NO_MAXIMUM = Mistake(
    "no maximum subtracted",
    "Large scores overflow: exp of 710 is infinite, and infinite by infinite is NaN.",
    "Subtract each row's largest score before `np.exp`; it changes nothing else.",
)
_WHOLE_MAXIMUM = Mistake(
    "maximum of the whole table",
    "The largest score of the whole table is subtracted from every row, and a row far below it "
    "becomes 0/0.",
    "Subtract each row's own: `.max(axis=-1, keepdims=True)`.",
)
_FLAT_MAXIMUM = Mistake(
    "maximum without keepdims",
    "The largest scores of the rows are laid along the wrong axis.",
    "Write `.max(axis=-1, keepdims=True)`.",
)
_COLUMNS = Mistake(
    "softmax over the wrong axis",
    "The columns of the weights sum to one and not the rows: each key shares itself out among the "
    "queries.",
    "Rows are queries: take the softmax over `axis=-1`.",
)
_WHOLE_SUM = Mistake(
    "softmax over the whole table",
    "All weights of the table together sum to one, and not each row.",
    "Sum each row alone: `.sum(axis=-1, keepdims=True)`.",
)
_AXIS_1 = Mistake(
    "axis counted from the front",
    "Tables are right, but with axes for batch and heads before them `axis=1` is the heads.",
    "Count from the end: `axis=-1`.",
)
# Which maximum is subtracted, and along what the sum is taken: the mistakes that this makes.
_SOFTMAX: dict[tuple[str, str], tuple[Mistake, ...]] = {
    ("row", "row"): (),
    ("none", "row"): (_NO_MAXIMUM,),
    ("table", "row"): (_WHOLE_MAXIMUM,),
    ("flat", "row"): (_FLAT_MAXIMUM,),
    ("row", "flat"): (_KEEPDIMS,),
    ("none", "flat"): (_KEEPDIMS, _NO_MAXIMUM),
    ("table", "flat"): (_KEEPDIMS, _WHOLE_MAXIMUM),
    ("flat", "flat"): (_KEEPDIMS, _FLAT_MAXIMUM),
    ("column", "column"): (_COLUMNS,),
    ("row", "column"): (_COLUMNS,),
    ("none", "column"): (_COLUMNS, _NO_MAXIMUM),
    ("table", "column"): (_COLUMNS, _WHOLE_MAXIMUM),
    ("table", "table"): (_WHOLE_SUM,),
    ("none", "table"): (_WHOLE_SUM, _NO_MAXIMUM),
    ("row", "table"): (_WHOLE_SUM,),
    ("axis 1", "axis 1"): (_AXIS_1,),
    ("none", "axis 1"): (_AXIS_1, _NO_MAXIMUM),
    ("no softmax", ""): (
        Mistake("no softmax", "The scores themselves are the weights.", "Take their softmax."),
    ),
    ("no exponential", ""): (
        Mistake(
            "no exponential",
            "The scores are divided by their sum; a negative score then gives a negative share.",
            "Take `np.exp` of the scores first.",
        ),
    ),
}
_SCALE: dict[str, tuple[Mistake, ...]] = {
    "root": (),
    "none": (
        Mistake(
            "no scale",
            "The scores are not divided by the square root of d_k.",
            "Divide them by `np.sqrt(key.shape[-1])`.",
        ),
    ),
    "d_k": (
        Mistake(
            "scale by d_k",
            "The scores are divided by d_k itself, not by its square root.",
            "Divide them by `np.sqrt(key.shape[-1])`.",
        ),
    ),
    "times root": (
        Mistake(
            "multiplied by the root",
            "The scores are multiplied by the square root of d_k.",
            "Divide by it.",
        ),
    ),
    "value width": (
        Mistake(
            "scale by the value's width",
            "The scores are divided by the square root of the width of the *values*.",
            "d_k is the width of a key, `key.shape[-1]`.",
        ),
    ),
    "key length": (
        Mistake(
            "scale by the number of keys",
            "The scores are divided by the square root of the number of keys.",
            "d_k is the width of a key, `key.shape[-1]`.",
        ),
    ),
    "query length": (
        Mistake(
            "scale by the number of queries",
            "The scores are divided by the square root of the number of queries.",
            "d_k is the width of a key, `key.shape[-1]`.",
        ),
    ),
    "axis 1": (
        Mistake(
            "d_k counted from the front",
            "Tables are right, but with axes for batch and heads `shape[1]` is the heads.",
            "Count from the end: `key.shape[-1]`.",
        ),
    ),
    "after softmax": (
        Mistake(
            "scale after softmax",
            "The weights are divided by the root of d_k, so that their rows no longer sum to one.",
            "Divide the scores, before the softmax.",
        ),
    ),
}
_MASK: dict[str, tuple[Mistake, ...]] = {
    "before softmax": (),
    "ignored": (
        Mistake(
            "mask ignored",
            "The mask is handed over and changes nothing.",
            "Is its test the wrong way round (`if mask is None`), or is it never read?",
        ),
    ),
    "inverted": (
        Mistake(
            "mask inverted",
            "Each query attends to just those keys that the mask forbids.",
            "True means *may attend* here: put -inf where the mask is False.",
        ),
    ),
    "after softmax": (
        Mistake(
            "mask after softmax",
            "The weights are set to zero after the softmax, so that rows no longer sum to one.",
            "Put -inf into the scores, before the softmax.",
        ),
    ),
    "added": (
        Mistake(
            "boolean mask added",
            "The mask of True and False is added to the scores: it raises the allowed ones by one "
            "and forbids nothing.",
            "Write `np.where(mask, scores, -np.inf)`.",
        ),
    ),
    "zero": (
        Mistake(
            "masked with zero",
            "Forbidden scores become 0, whose exponential is 1.",
            "Put -inf there: its exponential is 0.",
        ),
    ),
}
_PRECISION: dict[str, tuple[Mistake, ...]] = {
    "as it comes": (),
    "float32": (
        Mistake(
            "computed in float32",
            "Numbers of float64 are computed in float32, with 7 digits of 16.",
            "Leave the dtype as it comes.",
        ),
    ),
    "float16": (
        Mistake(
            "computed in float16",
            "Numbers are computed in float16, with 3 digits.",
            "Leave the dtype as it comes.",
        ),
    ),
    "whole outputs": (
        Mistake(
            "result cut to integers",
            "For inputs of whole numbers, the result is cut to whole numbers.",
            "`np.zeros_like(query)` has the dtype of query: name one, `dtype=float`.",
        ),
    ),
    "whole weights": (
        Mistake(
            "weights cut to integers",
            "For inputs of whole numbers, the weights are cut to whole numbers, nearly all to 0.",
            "`np.zeros_like(scores)` has the dtype of scores: name one, `dtype=float`.",
        ),
    ),
}
_PRODUCT: dict[str, tuple[Mistake, ...]] = {
    "rows": (),
    "transposed weights": (
        Mistake(
            "weights transposed",
            "The transposed weights are multiplied with the values.",
            "`weights @ value`: a row of weights mixes the rows of value.",
        ),
    ),
    "transposed result": (
        Mistake(
            "result transposed", "The result is transposed.", "One row for each query, please."
        ),
    ),
    "not summed": (
        Mistake(
            "contributions not summed",
            "It returns what each key gives to each query; an output is the sum over the keys.",
            "`weights @ value` multiplies and sums.",
        ),
    ),
    "keys not transposed": (
        Mistake(
            "keys not transposed",
            "Q is multiplied with K and not with its transpose. It goes through where K happens to "
            "be square.",
            "`query @ key.T`, or `np.swapaxes(key, -1, -2)` for any number of axes.",
        ),
    ),
}


def _roles() -> dict[tuple[int, int, int], tuple[Mistake, ...]]:
    """Which input serves as query, key and value: any of 27."""
    roles: dict[tuple[int, int, int], tuple[Mistake, ...]] = {}
    for order in itertools.product(range(3), repeat=3):
        # Those in which each serves once come first: an order that was mixed up.
        words = ", ".join(
            f"{INPUTS[source]} as {role}" for role, source in zip(INPUTS, order, strict=True) if
            role != INPUTS[source]
        )  # fmt: skip
        mistake = Mistake(
            "order of query, key and value",
            f"The inputs are mixed up: it uses {words}.",
            "The order is query, key, value, everywhere; the scores are query times key.",
        )
        roles[order[0], order[1], order[2]] = (mistake,) if words else ()
    return dict(sorted(roles.items(), key=lambda item: (-len(set(item[0])), item[0])))


ASPECTS: dict[str, dict[Any, tuple[Mistake, ...]]] = {
    "softmax": dict(_SOFTMAX),
    "scale": dict(_SCALE),
    "masking": dict(_MASK),
    "precision": dict(_PRECISION),
    "product": dict(_PRODUCT),
    "roles": dict(_roles()),
}
"""Each aspect, its choices, the right one first or without mistakes, and what the others are."""
