"""What a function `softmax(x)` is tried on, and the mistakes that it may have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...reference import softmax
from .._text import text
from .subject import Array, Candidate, Case, Mistake, Results

_KEEPDIMS = Mistake(
    text("no keepdims", "sem keepdims"),
    text(
        "The rows of weights do not sum to one: the sums of the rows are laid "
        "along the wrong axis, so entry (i, j) is divided by the sum of row j.",
        "As linhas de pesos não somam um: as somas das linhas são alinhadas "
        "com o eixo errado, e assim a entrada (i, j) é dividida pela soma da "
        "linha j.",
    ),
    text("Write `.sum(axis=-1, keepdims=True)`.", "Escreva `.sum(axis=-1, keepdims=True)`."),
)
_NO_MAXIMUM = Mistake(
    text("no maximum subtracted", "sem subtrair o máximo"),
    text(
        "Large scores overflow: exp of 710 is infinite, and infinite by infinite is NaN.",
        "Pontuações grandes transbordam: exp de 710 é infinito, e infinito sobre infinito é NaN.",
    ),
    text(
        "Subtract each row's largest score before `np.exp`; it changes nothing else.",
        "Subtraia a maior pontuação de cada linha antes de `np.exp`; nada mais muda com isso.",
    ),
)
_WHOLE_MAXIMUM = Mistake(
    text("maximum of the whole table", "máximo da tabela inteira"),
    text(
        "The largest score of the whole table is subtracted from every row, "
        "and a row far below it becomes 0/0.",
        "De todas as linhas se subtrai a maior pontuação da tabela inteira, e "
        "uma linha muito abaixo dela vira 0/0.",
    ),
    text(
        "Subtract each row's own: `.max(axis=-1, keepdims=True)`.",
        "Subtraia de cada linha a dela: `.max(axis=-1, keepdims=True)`.",
    ),
)
_FLAT_MAXIMUM = Mistake(
    text("maximum without keepdims", "máximo sem keepdims"),
    text(
        "The largest scores of the rows are laid along the wrong axis.",
        "As maiores pontuações das linhas são alinhadas com o eixo errado.",
    ),
    text("Write `.max(axis=-1, keepdims=True)`.", "Escreva `.max(axis=-1, keepdims=True)`."),
)
_COLUMNS = Mistake(
    text("softmax over the wrong axis", "softmax no eixo errado"),
    text(
        "The columns of the weights sum to one and not the rows: each key "
        "shares itself out among the queries.",
        "São as colunas dos pesos que somam um, e não as linhas: cada chave se "
        "reparte entre as consultas.",
    ),
    text(
        "Rows are queries: take the softmax over `axis=-1`.",
        "As linhas são consultas: tire a softmax em `axis=-1`.",
    ),
)
_WHOLE_SUM = Mistake(
    text("softmax over the whole table", "softmax da tabela inteira"),
    text(
        "All weights of the table together sum to one, and not each row.",
        "São todos os pesos da tabela juntos que somam um, e não cada linha.",
    ),
    text(
        "Sum each row alone: `.sum(axis=-1, keepdims=True)`.",
        "Some cada linha por si: `.sum(axis=-1, keepdims=True)`.",
    ),
)
_AXIS_1 = Mistake(
    text("axis counted from the front", "eixo contado a partir da frente"),
    text(
        "Tables are right, but with axes for batch and heads before them `axis=1` is the heads.",
        "Tabelas saem certas, mas com eixos de lote e cabeças na frente `axis=1` são as cabeças.",
    ),
    text("Count from the end: `axis=-1`.", "Conte a partir do fim: `axis=-1`."),
)
# Which maximum is subtracted, and along what the sum is taken: the mistakes that this makes.
SOFTMAX_MISTAKES: dict[tuple[str, str], tuple[Mistake, ...]] = {
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
        Mistake(
            text("no softmax", "sem softmax"),
            text("The scores themselves are the weights.", "As próprias pontuações são os pesos."),
            text("Take their softmax.", "Tire a softmax delas."),
        ),
    ),
    ("no exponential", ""): (
        Mistake(
            text("no exponential", "sem exponencial"),
            text(
                "The scores are divided by their sum; a negative score then gives a "
                "negative share.",
                "As pontuações são divididas pela soma delas; uma pontuação negativa "
                "dá então uma parcela negativa.",
            ),
            text("Take `np.exp` of the scores first.", "Tire antes o `np.exp` das pontuações."),
        ),
    ),
}


def softmax_cases() -> list[Case]:
    """Return tables, extremes, and a batch."""
    generator = np.random.default_rng(9)
    square, odd = generator.normal(size=(4, 4)), generator.normal(size=(2, 5))
    apart = np.array([[0.0, 1.0, 2.0], [3000.0, 3001.0, 3000.5]])
    masked = np.where(np.tri(4, dtype=bool), square, -np.inf)
    basic = [
        (text("a table of 4 by 4", "uma tabela de 4 por 4"), square),
        (text("a table of 2 by 5", "uma tabela de 2 por 5"), odd),
        (text("scores of a size of 1,000", "pontuações da ordem de 1.000"), square * 1000),
        (
            text(
                "a row of scores far above the others",
                "uma linha de pontuações muito acima das outras",
            ),
            apart,
        ),
        (
            text(
                "a table with -inf where a mask forbids",
                "uma tabela com -inf onde uma máscara proíbe",
            ),
            masked,
        ),
        (text("whole numbers", "números inteiros"), np.array([[1, 2, 3], [3, 2, 1], [0, 0, 5]])),
    ]
    cases = [Case(name, (x,), (softmax(x),)) for name, x in basic]
    batch = generator.normal(size=(2, 3, 4, 5))
    name, advice = (
        text("a batch of 2 with 3 heads, in 4 axes", "um lote de 2 com 3 cabeças, em 4 eixos"),
        text("Count axes from the end: `axis=-1`.", "Conte os eixos a partir do fim: `axis=-1`."),
    )
    return [*cases, Case(name, (batch,), (softmax(batch),), is_basic=False, advice=advice)]


def softmax_candidates() -> Iterator[Candidate]:
    """Yield softmax with each mistake that attention's may have."""
    for choice, mistakes in SOFTMAX_MISTAKES.items():
        if mistakes:
            yield Candidate(mistakes, _bind(choice))
    yield Candidate(
        (
            Mistake(
                text("result cut to integers", "resultado cortado em inteiros"),
                text(
                    "For whole numbers the result is cut to whole numbers.",
                    "Para números inteiros, o resultado é cortado em números inteiros.",
                ),
                text(
                    "`np.zeros_like(x)` has the dtype of x: name one, `dtype=float`.",
                    "`np.zeros_like(x)` tem o dtype de x: indique um, `dtype=float`.",
                ),
            ),
        ),
        lambda x: (softmax(x).astype(x.dtype),),
    )


def softmax_with(scores: Array, maximum: str, total: str) -> Array:
    """Return softmax, its maximum and its sum as the keys of `SOFTMAX_MISTAKES` name them."""
    if maximum == "no softmax":
        return scores
    if maximum == "no exponential":
        return scores / scores.sum(axis=-1, keepdims=True)
    exponentials = np.exp(scores - _along(np.max, scores, maximum))
    return exponentials / _along(np.sum, exponentials, total)


def _along(function: Callable[..., Any], x: Array, how: str) -> Any:
    """Return the maximum or the sum: of each row, as a column or flat, of columns, or of all."""
    if how == "none":
        return 0.0
    if how == "table":
        return function(x)
    if how == "flat":
        return function(x, axis=-1)
    return function(x, axis={"row": -1, "column": -2, "axis 1": 1}[how], keepdims=True)


def _bind(choice: tuple[str, str]) -> Callable[..., Results]:
    def compute(x: Array) -> Results:
        return (softmax_with(x, *choice),)

    return compute
