"""What a multi-head attention is tried on, and the mistakes that it may have.

It is called `multi_head_attention(x, W_query, W_key, W_value, W_output, num_heads)`, where x is
Float["length d_model"] and each matrix Float["d_model d_model"], multiplied from the right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...reference import attention
from .._text import text
from .subject import Array, Candidate, Case, Mistake, Results

Split = Callable[[Array, int], Array]
Merge = Callable[[Array], Array]


def split(x: Array, heads: int) -> Array:
    """Cut columns into heads: Float["length d_model"] to Float["heads length head_dim"]."""
    return x.reshape(len(x), heads, -1).transpose(1, 0, 2)


def merge(x: Array) -> Array:
    """Put heads side by side: Float["heads length head_dim"] to Float["length d_model"]."""
    return x.transpose(1, 0, 2).reshape(x.shape[1], -1)


def compute(
    x: Array, query: Array, key: Array, value: Array, output: Array, heads: int, *,
    split_by: Split = split, merge_by: Merge = merge, roles: tuple[int, int, int] = (0, 1, 2),
    is_transposed: bool = False, has_output: bool = True, scale: str = "head", mean: bool = False,
) -> Results:  # fmt: skip
    """Compute multi-head attention, in the right way or in that of a mistake."""
    matrices = [w.T if is_transposed else w for w in (query, key, value, output)]
    parts = [split_by(x @ matrix, heads) for matrix in matrices[:3]]
    width = {"head": parts[0].shape[-1], "model": x.shape[-1], "none": 1}[scale]
    chosen_parts = [parts[role] for role in roles]
    mixed, weights = attention(*chosen_parts, scale=1 / np.sqrt(width))
    joint = merge_by(mixed)
    result = joint @ matrices[3] if has_output else joint
    return result, weights.mean(axis=0) if mean else weights


def multi_head_cases() -> list[Case]:
    """Return 5 tokens with 2 heads, with 4, and with 1."""
    generator = np.random.default_rng(11)
    x = generator.normal(size=(5, 8))
    matrices = tuple(generator.normal(size=(4, 8, 8)) / np.sqrt(8))
    return [
        Case(
            text(
                "5 tokens of width 8 and {heads} heads",
                "5 tokens de largura 8 e {heads} cabeças",
                heads=heads,
            ),
            arguments,
            compute(*arguments),
        )
        for heads in (2, 4, 8)
        for arguments in [(x, *matrices, heads)]
    ]


def _split_without_transpose(x: Array, heads: int) -> Array:
    return x.reshape(heads, len(x), -1)


def _merge_without_transpose(x: Array) -> Array:
    return x.reshape(x.shape[1], -1)


_NO_SPLIT = Mistake(
    text("split without transpose", "divisão sem transpose"),
    text(
        "The columns are cut into heads by a reshape alone, which mixes the "
        "tokens: the first head gets the first tokens.",
        "As colunas são divididas em cabeças só com um reshape, que mistura os "
        "tokens: a primeira cabeça fica com os primeiros tokens.",
    ),
    text(
        "`x.reshape(length, heads, head_dim).transpose(1, 0, 2)`.",
        "Escreva `x.reshape(length, heads, head_dim).transpose(1, 0, 2)`.",
    ),
)
_NO_MERGE = Mistake(
    text("merge without transpose", "junção sem transpose"),
    text(
        "The heads are put side by side by a reshape alone, which mixes the tokens.",
        "As cabeças são postas lado a lado só com um reshape, que mistura os tokens.",
    ),
    text(
        "`x.transpose(1, 0, 2).reshape(length, d_model)`.",
        "Escreva `x.transpose(1, 0, 2).reshape(length, d_model)`.",
    ),
)
_ORDER = Mistake(
    text("order of query, key and value", "ordem de consulta, chave e valor"),
    text(
        "Query, key and value are mixed up.",
        "Consulta, chave e valor estão trocados.",
    ),
    text("The order is query, key, value.", "A ordem é consulta, chave, valor."),
)
_ONE_WIDE_HEAD = Mistake(
    text("one wide head", "uma só cabeça larga"),
    text(
        "num_heads changes nothing: it computes one head as wide as the model.",
        "num_heads não muda nada: ela calcula uma só cabeça, tão larga quanto o modelo.",
    ),
    text(
        "Cut the columns of query, key and value into num_heads groups.",
        "Divida as colunas de consulta, chave e valor em num_heads grupos.",
    ),
)
_MISTAKES: list[tuple[tuple[Mistake, ...], dict[str, Any]]] = [
    ((_NO_SPLIT,), {"split_by": _split_without_transpose}),
    ((_NO_MERGE,), {"merge_by": _merge_without_transpose}),
    (
        (_NO_SPLIT, _NO_MERGE),
        {"split_by": _split_without_transpose, "merge_by": _merge_without_transpose},
    ),
    (
        (
            Mistake(
                text("no output matrix", "sem matriz de saída"),
                text(
                    "The heads are put side by side, but not mixed.",
                    "As cabeças são postas lado a lado, mas não misturadas.",
                ),
                text("Multiply with W_output at the end.", "Multiplique por W_output no fim."),
            ),
        ),
        {"has_output": False},
    ),
    (
        (
            Mistake(
                text("matrices transposed", "matrizes transpostas"),
                text(
                    "It multiplies with the transposed matrices.",
                    "Ela multiplica pelas matrizes transpostas.",
                ),
                text("`x @ W`, not `x @ W.T`.", "`x @ W`, e não `x @ W.T`."),
            ),
        ),
        {"is_transposed": True},
    ),
    (
        (
            Mistake(
                text("scale by d_model", "escala por d_model"),
                text(
                    "The scores are divided by the root of d_model.",
                    "As pontuações são divididas pela raiz de d_model.",
                ),
                text(
                    "Each head is only d_model / num_heads wide: divide by the root of that.",
                    "Cada cabeça só tem d_model / num_heads de largura: divida pela raiz disso.",
                ),
            ),
        ),
        {"scale": "model"},
    ),
    (
        (
            Mistake(
                text("no scale", "sem escala"),
                text(
                    "The scores are not divided by the root of a head's width.",
                    "As pontuações não são divididas pela raiz da largura de uma cabeça.",
                ),
                text(
                    "Divide them by `np.sqrt(d_model // num_heads)`.",
                    "Divida-as por `np.sqrt(d_model // num_heads)`.",
                ),
            ),
        ),
        {"scale": "none"},
    ),
    (
        (
            Mistake(
                text("heads averaged", "média das cabeças"),
                text(
                    "It returns the mean of the heads' weights.",
                    "Ela devolve a média dos pesos das cabeças.",
                ),
                text(
                    "There is one table of weights for each head.",
                    "Há uma tabela de pesos para cada cabeça.",
                ),
            ),
        ),
        {"mean": True},
    ),
    *[
        ((_ORDER,), {"roles": roles})
        for roles in ((0, 2, 1), (1, 0, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1))
    ],
]
"""The mistakes of each candidate, and how `compute` makes them."""


def multi_head_candidates() -> Iterator[Candidate]:
    """Yield multi-head attention with one mistake, or with both of a reshape without transpose."""
    for mistakes, options in _MISTAKES:
        yield Candidate(mistakes, _bind(options))
    yield Candidate((_ONE_WIDE_HEAD,), _one_wide_head)


def _bind(options: dict[str, Any]) -> Callable[..., Results]:
    return lambda *inputs: compute(*inputs, **options)


def _one_wide_head(
    x: Array, query: Array, key: Array, value: Array, output: Array, heads: int
) -> Results:
    return compute(x, query, key, value, output, 1)
