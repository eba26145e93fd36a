"""What is fast, and why: exercises 6.1 to 6.5."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._answers import call, compare, read_array, read_function, read_number
from .._exercise import Off, exercise
from .._text import text
from .lesson_8 import look_at_steps

OPERATIONS, BYTES = 100e9, 40e9  # a second, of the machine of exercise 6.1
HEADS, WIDTH, LENGTH = 8, 64, 2048  # of exercises 6.2 and 6.4


@exercise(
    "6.1",
    asks=text("a number of rows", "um número de linhas"),
    right=text(
        "A number of the matrix is four bytes, and serves each row with two operations.",
        "Um número da matriz são quatro bytes, e serve a cada linha com duas operações.",
    ),
)
def rows_at_the_ridge(answer: Any) -> None:
    """The least whole number with 2 r / 4 operations a byte or more than the machine's ratio."""
    rows, ridge = read_number(answer), OPERATIONS / BYTES
    least = int(np.ceil(ridge * 4 / 2))
    if np.isclose(rows, ridge) or np.isclose(rows, np.ceil(ridge)):
        raise Off(
            text(
                "That is in operations a byte; a number has four bytes and is used twice a row.",
                "Isso é em operações por byte; um número tem quatro bytes e é usado "
                "duas vezes por linha.",
            )
        )
    if rows != least:
        side = text("less", "menos") if rows < least else text("more", "mais")
        raise Off(
            text(
                "With {rows:g} rows it is {intensity:g} operations a byte; the "
                "machine's two ceilings meet at {ridge:g}. It is {side} than needed.",
                "Com {rows:g} linhas são {intensity:g} operações por byte; os dois "
                "tetos da máquina se encontram em {ridge:g}. É {side} que o necessário.",
                rows=rows,
                intensity=2 * rows / 4,
                ridge=ridge,
                side=side,
            )
        )


@exercise(
    "6.2",
    asks=text("a number", "um número"),
    right=text(
        "For each head, query and key: so many multiplications and additions as a key is wide.",
        "Para cada cabeça, consulta e chave: tantas multiplicações e somas quanto é larga a chave.",
    ),
)
def operations_of_scores(answer: Any) -> None:
    """2 heads length^2 width."""
    number, right = read_number(answer), 2.0 * HEADS * LENGTH**2 * WIDTH
    for factor, why in (
        (
            0.5,
            text(
                "A multiplication and an addition count as two.",
                "Uma multiplicação e uma soma contam como duas.",
            ),
        ),
        (1 / HEADS, text("That is of one head.", "Isso é de uma só cabeça.")),
        (
            1 / WIDTH,
            text(
                "Each score is a dot product of 64 numbers.",
                "Cada pontuação é um produto escalar de 64 números.",
            ),
        ),
        (1 / LENGTH, text("Every query meets every key.", "Cada consulta encontra cada chave.")),
        (2, text("The product with V is not asked for.", "O produto com V não está em questão.")),
    ):
        if np.isclose(number, factor * right, rtol=1e-3):
            raise Off(why)
    if not np.isclose(number, right, rtol=1e-3):
        raise Off(
            text(
                "How many scores are there, and what does one of them take?",
                "Quantas pontuações há, e quanto custa uma delas?",
            )
        )


@exercise(
    "6.3",
    asks=text(
        "the name of your function of an iterator over (score, value)",
        "o nome da sua função de um iterador sobre (score, value)",
    ),
    right=text(
        "When a larger score comes, what was there is shrunk to the new measure.",
        "Quando vem uma pontuação maior, o que já estava ali é encolhido para a nova medida.",
    ),
)
def own_streamed_attention(answer: Any) -> None:
    """Softmax over a stream (Milakov and Gimelshein 2018), beside the formula for a whole row."""
    function = read_function(answer)
    for scores in ([1.0, -2.0, 0.5, 3.0], [-5.0, 1000.0, 999.0], [-900.0], [3.0, 2.0, 1.0]):
        row, values = np.array(scores), np.sin(np.arange(3.0 * len(scores))).reshape(-1, 3)
        weights = np.exp(row - row.max())
        right = weights / weights.sum() @ values
        stream = list(zip(scores, values, strict=True))
        output = read_array(call(lambda pairs: function(iter(pairs)), stream))
        if output.shape == right.shape and not np.isfinite(output).all():
            raise Off(
                text(
                    "For scores {scores} it is {output}: subtract the largest score so far.",
                    "Para as pontuações {scores} sai {output}: subtraia a maior pontuação até ali.",
                    scores=scores,
                    output=output,
                )
            )
        compare(
            output,
            right,
            text("For scores {scores}.", "Para as pontuações {scores}.", scores=scores),
            tell=True,
        )


@exercise(
    "6.4",
    asks=text("a share, between 0 and 1", "uma parcela, entre 0 e 1"),
    right=text(
        "The diagonal and what is below it: a little more than half.",
        "A diagonal e o que está abaixo dela: um pouco mais que a metade.",
    ),
)
def share_of_causal_pairs(answer: Any) -> None:
    """(L + 1) / 2 L."""
    right = np.tri(LENGTH, dtype=bool).mean()
    compare(
        np.array(read_number(answer)),
        np.array(right),
        text("Count the diagonal.", "Conte a diagonal."),
        atol=1e-3,
    )


@exercise(
    "6.5",
    asks=text(
        "the name of your function of (query, key, value, state)",
        "o nome da sua função de (query, key, value, state)",
    ),
    right=text(
        "No mask is needed: what must not be seen is not there yet.",
        "Não é preciso máscara: o que não pode ser visto ainda não está lá.",
    ),
)
def own_cached_step(answer: Any) -> None:
    """Step by step, beside causal attention over all positions."""
    look_at_steps(answer)
