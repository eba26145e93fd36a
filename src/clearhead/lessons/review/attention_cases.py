"""What a function `attention(query, key, value, mask=None)` is tried on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...reference import attention, causal_mask
from ...tensor_file import TensorFile
from .._text import NOTHING, Text, text
from ..exercises.lesson_1 import KEY, QUERY, VALUE
from .subject import Array, Case

Tables = tuple[Array, Array, Array]
"""Query, key and value."""

ONNX_CASES: dict[str, Text] = {
    "attention_4d": NOTHING,
    "attention_4d_diff_heads_sizes": NOTHING,
    "attention_4d_attn_mask_bool": NOTHING,
    "attention_4d_attn_mask_bool_4d": NOTHING,
    "attention_4d_attn_mask": (
        text(
            "A mask of floating numbers is *added* to the scaled scores, in ONNX and in PyTorch.",
            "Uma máscara de números de ponto flutuante é *somada* às pontuações "
            "escaladas, no ONNX e no PyTorch.",
        )
    ),
    "attention_23_boolmask_fullymasked_row_nan_robustness": (
        text(
            "A query that may attend to nothing has no weights and the output "
            "zero. Softmax of a row of nothing but -inf is NaN: set such rows to "
            "zero.",
            "Uma consulta que não pode olhar para nada não tem pesos, e a sua "
            "saída é zero. A softmax de uma linha que só tem -inf é NaN: ponha "
            "zero nessas linhas.",
        )
    ),
}
"""Cases of the ONNX operator Attention, and what to do when one alone is off."""
_ADVICE = {
    "large": text(
        "Subtract each row's largest score before the exponential.",
        "Subtraia a maior pontuação de cada linha antes da exponencial.",
    ),
    "apart": text(
        "Subtract each row's own largest score.",
        "Subtraia de cada linha a maior pontuação dela mesma.",
    ),
    "whole": text(
        "`scores / root` makes a new array of floats; `scores /= root` cannot "
        "put them into one of integers.",
        "`scores / root` cria um novo array de ponto flutuante; `scores /= "
        "root` não pode pô-los em um de inteiros.",
    ),
}
ONNX_FILE = Path(__file__).with_name("onnx_attention.safetensors")


def attention_cases() -> list[Case]:
    """Return the cases: numbers of the lessons, odd shapes, masks, extremes, and ONNX's."""
    return [*_basic(), *_batches(), *_of_onnx()]


def _basic() -> Iterator[Case]:
    generator = np.random.default_rng(7)

    def tables(queries: int, keys: int, width: int, value: int) -> Tables:
        shapes = ((queries, width), (keys, width), (keys, value))
        query, key, values = (generator.normal(size=shape) for shape in shapes)
        return query, key, values

    odd, square = tables(2, 5, 6, 3), tables(4, 4, 6, 3)
    yield _case(text("the numbers of lesson 1", "os números da lição 1"), (QUERY, KEY, VALUE))
    yield _case(
        text(
            "2 queries and 5 keys of width 6, values of width 3",
            "2 consultas e 5 chaves de largura 6, valores de largura 3",
        ),
        odd,
    )
    yield _case(
        text(
            "4 tokens of width 6, values of width 3",
            "4 tokens de largura 6, valores de largura 3",
        ),
        square,
    )
    yield _case(text("5 queries and 1 key", "5 consultas e 1 chave"), tables(5, 1, 6, 3))
    yield _case(
        text("a causal mask for 4 tokens", "uma máscara causal para 4 tokens"),
        square,
        causal_mask(4),
    )
    yield _case(
        text(
            "a mask for 2 queries and 5 keys, 2 of them padding",
            "uma máscara para 2 consultas e 5 chaves, 2 delas de preenchimento",
        ),
        odd,
        np.tile([True, True, True, False, False], (2, 1)),
    )
    yield from _numbers_of_other_sizes(*square)
    yield _case(
        text("the numbers of lesson 1 as integers", "os números da lição 1 como inteiros"),
        (QUERY.astype(int), KEY.astype(int), VALUE.astype(int)),
        advice=_ADVICE["whole"],
    )
    small = (odd[0].astype("f4"), odd[1].astype("f4"), odd[2].astype("f4"))
    yield _case(text("numbers of float32", "números float32"), small)


def _numbers_of_other_sizes(query: Array, key: Array, value: Array) -> Iterator[Case]:
    """Yield cases whose exponentials overflow where the largest score is not subtracted."""
    yield _case(
        text("scores of a size of 1,000", "pontuações da ordem de 1.000"),
        (query * 100, key * 10, value),
        advice=_ADVICE["large"],
    )
    # A row far above the others: seen from its largest score they are nothing.
    factors = np.array([[0.1], [-0.2], [4000.0], [0.3]])
    yield _case(
        text(
            "a row of scores far above the others",
            "uma linha de pontuações muito acima das outras",
        ),
        (query * factors, key, value),
        advice=_ADVICE["apart"],
    )


def _case(name: Text, tables: Tables, mask: Array | None = None, advice: Text = NOTHING) -> Case:
    right = attention(*tables, mask=mask)
    tolerance = 1e-5 if tables[0].dtype == np.float32 else 1e-9
    return Case(name, tables, right, mask, advice=advice, tolerance=tolerance)


def _batches() -> list[Case]:
    generator = np.random.default_rng(8)
    shapes = ((2, 3, 4, 6), (2, 3, 5, 6), (2, 3, 5, 7))
    query, key, value = (generator.normal(size=shape) for shape in shapes)
    right = attention(query, key, value)
    advice = text(
        "`key.T` reverses all axes: `np.swapaxes(key, -1, -2)` exchanges the last two.",
        "`key.T` inverte todos os eixos: `np.swapaxes(key, -1, -2)` troca os dois últimos.",
    )
    name = text("a batch of 2 with 3 heads, in 4 axes", "um lote de 2 com 3 cabeças, em 4 eixos")
    return [Case(name, (query, key, value), right, is_basic=False, advice=advice)]


def _of_onnx() -> list[Case]:
    cases = []
    with TensorFile(ONNX_FILE) as file:
        for name, advice in ONNX_CASES.items():
            query, key, value, output = (file.read(f"{name}.{part}") for part in "QKVY")
            mask = file.read(f"{name}.attn_mask") if f"{name}.attn_mask" in file else None
            right = (output, attention(query, key, value, mask=mask)[1])
            title = text("the ONNX case {name}", "o caso do ONNX {name}", name=name)
            arguments = (query, key, value)
            cases.append(Case(title, arguments, right, mask, False, advice, tolerance=1e-5))
    return cases
