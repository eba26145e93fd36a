"""What a function `layer_norm(x, weight, bias)` is tried on, and the mistakes that it may have."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ...reference import layer_norm
from .._text import Text, text
from .subject import Array, Candidate, Case, Mistake

EPSILON = 1e-5


def layer_norm_cases() -> list[Case]:
    """Return tables of two shapes, a row of equal numbers, and a batch."""
    generator = np.random.default_rng(10)
    weight, bias = generator.normal(size=(2, 6))
    square = generator.normal(size=(6, 6)) * 3 + 1
    even = square.copy()
    even[2] = 4.0
    tables = [
        (text("a table of 6 by 6", "uma tabela de 6 por 6"), square),
        (text("2 tokens of width 6", "2 tokens de largura 6"), square[:2]),
        (
            text("a token whose numbers are all equal", "um token cujos números são todos iguais"),
            even,
        ),
        (
            text(
                "numbers as small as epsilon's root",
                "números tão pequenos quanto a raiz de épsilon",
            ),
            square / 1000,
        ),
    ]
    cases = [
        Case(name, (x, weight, bias), (layer_norm(x, weight, bias),), tolerance=1e-7)
        for name, x in tables
    ]
    batch = generator.normal(size=(2, 3, 6))
    right = (layer_norm(batch, weight, bias),)
    name = text("a batch of 2, in 3 axes", "um lote de 2, em 3 eixos")
    return [*cases, Case(name, (batch, weight, bias), right, is_basic=False)]


def _norm(x: Array, *, axis: int | None = -1, keepdims: bool = True, ddof: int = 0,
          power: float = 0.5, epsilon: float = EPSILON, is_centred: bool = True,
          outside: float = 0.0) -> Array:  # fmt: skip
    mean = x.mean(axis=axis, keepdims=keepdims) if is_centred else 0.0
    variance = np.var(x, axis=axis, ddof=ddof, keepdims=keepdims)
    if not is_centred:
        variance = np.mean(x**2, axis=axis, keepdims=keepdims)
    return (x - mean) / ((variance + epsilon) ** power + outside)


_ADVICE = text(
    "`(x - mean) / np.sqrt(variance + 1e-5)` for each token, then times weight, plus bias.",
    "`(x - mean) / np.sqrt(variance + 1e-5)` para cada token, depois vezes weight, mais bias.",
)
_MISTAKES: list[tuple[Text, Text, Callable[[Array, Array, Array], Array]]] = [
    (
        text("no keepdims", "sem keepdims"),
        text(
            "Means and deviations are laid along the wrong axis.",
            "Médias e desvios são alinhados com o eixo errado.",
        ),
        lambda x, w, b: _norm(x, keepdims=False) * w + b,
    ),
    (
        text("norm over the whole table", "normalização da tabela inteira"),
        text(
            "All tokens share one mean and one deviation.",
            "Todos os tokens têm em comum uma só média e um só desvio.",
        ),
        lambda x, w, b: _norm(x, axis=None) * w + b,
    ),
    (
        text("norm over the wrong axis", "normalização no eixo errado"),
        text(
            "Each column is normed over the tokens; a token's vector is to be normed by itself.",
            "Cada coluna é normalizada ao longo dos tokens; o vetor de um token "
            "deve ser normalizado por si.",
        ),
        lambda x, w, b: _norm(x, axis=0) * w + b,
    ),
    (
        text("variance without its root", "variância sem a raiz"),
        text(
            "It divides by the variance, not by its square root.",
            "Ela divide pela variância, e não pela raiz quadrada dela.",
        ),
        lambda x, w, b: _norm(x, power=1.0) * w + b,
    ),
    (
        text("mean not subtracted", "média sem subtrair"),
        text(
            "The mean is not subtracted (that is RMS norm).",
            "A média não é subtraída (isso é a normalização RMS).",
        ),
        lambda x, w, b: _norm(x, is_centred=False) * w + b,
    ),
    (
        text("deviation with n - 1", "desvio com n - 1"),
        text(
            "The variance is divided by n - 1 and not by n (ddof=1).",
            "A variância é dividida por n - 1, e não por n (ddof=1).",
        ),
        lambda x, w, b: _norm(x, ddof=1) * w + b,
    ),
    (
        text("no epsilon", "sem épsilon"),
        text(
            "A token whose numbers are all equal is divided by zero: nothing is "
            "added to the variance.",
            "Um token cujos números são todos iguais é dividido por zero: nada é "
            "somado à variância.",
        ),
        lambda x, w, b: _norm(x, epsilon=0.0) * w + b,
    ),
    (
        text("epsilon outside of the root", "épsilon fora da raiz"),
        text(
            "Epsilon is added to the deviation and not to the variance.",
            "O épsilon é somado ao desvio, e não à variância.",
        ),
        lambda x, w, b: _norm(x, epsilon=0.0, outside=EPSILON) * w + b,
    ),
    (
        text("no weight and no bias", "sem weight e sem bias"),
        text("Weight and bias are not used.", "weight e bias não são usados."),
        lambda x, w, b: _norm(x),
    ),
    (
        text("no bias", "sem bias"),
        text("The bias is not added.", "O bias não é somado."),
        lambda x, w, b: _norm(x) * w,
    ),
    (
        text("no weight", "sem weight"),
        text("The weight is not used.", "O weight não é usado."),
        lambda x, w, b: _norm(x) + b,
    ),
    (
        text("bias before weight", "bias antes de weight"),
        text(
            "The bias is added before the weight is multiplied.",
            "O bias é somado antes da multiplicação por weight.",
        ),
        lambda x, w, b: (_norm(x) + b) * w,
    ),
]
"""Name and finding of each mistake, and layer norm with it."""


def layer_norm_candidates() -> Iterator[Candidate]:
    """Yield layer norm with one mistake."""
    for name, finding, compute in _MISTAKES:
        yield Candidate((Mistake(name, finding, _ADVICE),), _bind(compute))


def _bind(compute: Callable[[Array, Array, Array], Array]) -> Callable[..., tuple[Array, ...]]:
    return lambda x, weight, bias: (compute(x, weight, bias),)
