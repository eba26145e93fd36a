"""What a function `attention(query, key, value, mask=None)` is tried on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...reference import attention, causal_mask
from ...tensor_file import TensorFile
from ..exercises.lesson_1 import KEY, QUERY, VALUE
from .subject import Array, Case

ONNX_CASES = {
    "attention_4d": "",
    "attention_4d_diff_heads_sizes": "",
    "attention_4d_attn_mask_bool": "",
    "attention_4d_attn_mask_bool_4d": "",
    "attention_4d_attn_mask": (
        "A mask of floating numbers is *added* to the scaled scores, in ONNX and in PyTorch."
    ),
    "attention_23_boolmask_fullymasked_row_nan_robustness": (
        "A query that may attend to nothing has no weights and the output zero. Softmax of a row "
        "of nothing but -inf is NaN: set such rows to zero."
    ),
}
"""Cases of the ONNX operator Attention, and what to do when one alone is off."""
_ADVICE = {
    "scores of a size of 1,000": "Subtract each row's largest score before the exponential.",
    "a row of scores far above the others": "Subtract each row's own largest score.",
    "the numbers of lesson 1 as integers": "`scores / root` makes a new array of floats; "
    "`scores /= root` cannot put them into one of integers.",
}
ONNX_FILE = Path(__file__).with_name("onnx_attention.safetensors")


def attention_cases() -> list[Case]:
    """Return the cases: numbers of the lessons, odd shapes, masks, extremes, and ONNX's."""
    return [*_basic(), *_batches(), *_of_onnx()]


def _basic() -> list[Case]:
    generator = np.random.default_rng(7)

    def tables(queries: int, keys: int, width: int, value: int) -> tuple[Array, Array, Array]:
        shapes = ((queries, width), (keys, width), (keys, value))
        query, key, values = (generator.normal(size=shape) for shape in shapes)
        return query, key, values

    odd, square = tables(2, 5, 6, 3), tables(4, 4, 6, 3)
    padded = np.tile([True, True, True, False, False], (2, 1))
    large = (square[0] * 100, square[1] * 10, square[2])
    # A row far above the others: seen from its largest score they are nothing.
    apart = (square[0] * np.array([[0.1], [-0.2], [4000.0], [0.3]]), square[1], square[2])
    small = (odd[0].astype("f4"), odd[1].astype("f4"), odd[2].astype("f4"))
    lesson = (QUERY, KEY, VALUE)
    whole = (QUERY.astype(int), KEY.astype(int), VALUE.astype(int))
    cases = [
        ("the numbers of lesson 1", lesson, None, 1e-9),
        ("2 queries and 5 keys of width 6, values of width 3", odd, None, 1e-9),
        ("4 tokens of width 6, values of width 3", square, None, 1e-9),
        ("5 queries and 1 key", tables(5, 1, 6, 3), None, 1e-9),
        ("a causal mask for 4 tokens", square, causal_mask(4), 1e-9),
        ("a mask for 2 queries and 5 keys, 2 of them padding", odd, padded, 1e-9),
        ("scores of a size of 1,000", large, None, 1e-9),
        ("a row of scores far above the others", apart, None, 1e-9),
        ("the numbers of lesson 1 as integers", whole, None, 1e-9),
        ("numbers of float32", small, None, 1e-5),
    ]
    return [
        Case(
            name,
            arguments,
            attention(*arguments, mask=mask),
            mask,
            advice=_ADVICE.get(name, ""),
            tolerance=tolerance,
        )
        for name, arguments, mask, tolerance in cases
    ]


def _batches() -> list[Case]:
    generator = np.random.default_rng(8)
    shapes = ((2, 3, 4, 6), (2, 3, 5, 6), (2, 3, 5, 7))
    query, key, value = (generator.normal(size=shape) for shape in shapes)
    right = attention(query, key, value)
    advice = "`key.T` reverses all axes: `np.swapaxes(key, -1, -2)` exchanges the last two."
    name = "a batch of 2 with 3 heads, in 4 axes"
    return [Case(name, (query, key, value), right, is_basic=False, advice=advice)]


def _of_onnx() -> list[Case]:
    cases = []
    with TensorFile(ONNX_FILE) as file:
        for name, advice in ONNX_CASES.items():
            query, key, value, output = (file.read(f"{name}.{part}") for part in "QKVY")
            mask = file.read(f"{name}.attn_mask") if f"{name}.attn_mask" in file else None
            right = (output, attention(query, key, value, mask=mask)[1])
            title = f"the ONNX case {name}"
            arguments = (query, key, value)
            cases.append(Case(title, arguments, right, mask, False, advice, tolerance=1e-5))
    return cases
