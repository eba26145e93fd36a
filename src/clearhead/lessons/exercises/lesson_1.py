"""Attention by hand: exercises 1.1 to 1.5."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...reference import attention, softmax
from .._answers import Array, call, compare, read_array, read_function, read_number
from .._exercise import Off, exercise
from .._text import Text, text

X = np.array([[1.0, 0, 1, 0], [0, 2, 0, 2], [1, 1, 1, 1]])
W_QUERY = np.array([[1, 0, 1], [1, 0, 0], [0, 0, 1], [0, 1, 1]])
W_KEY = np.array([[0, 0, 1], [1, 1, 0], [0, 1, 0], [1, 1, 0]])
W_VALUE = np.array([[0, 2, 0], [0, 3, 0], [1, 0, 3], [1, 1, 0]])
QUERY, KEY, VALUE = X @ W_QUERY, X @ W_KEY, X @ W_VALUE
"""The numbers of lesson 1: three tokens, one row each."""


@exercise(
    "1.1",
    asks=text(
        "a copy of W_key with one other entry", "uma cópia de W_key com uma entrada diferente"
    ),
    right=text(
        "Keys changed and queries did not, so rows and columns no longer mirror each other.",
        "As chaves mudaram e as consultas não: linhas e colunas já não se espelham.",
    ),
)
def key_matrix_without_symmetry(answer: Any) -> None:
    """Any one entry will do that makes the table of scores differ from its transpose."""
    matrix = read_array(answer, W_KEY.shape)
    changes = int(np.sum(matrix != W_KEY))
    if changes == 0:
        raise Off(
            text(
                "It is W_key as it was. Copy it with W_key.copy(), change an entry of "
                "the copy, and if W_key itself has changed, run its cell again.",
                "É W_key como era. Copie-a com W_key.copy(), mude uma entrada da cópia "
                "e, se a própria W_key mudou, execute de novo a célula dela.",
            )
        )
    if changes > 1:
        raise Off(
            text(
                "One entry may change; in yours {changes} have.",
                "Só uma entrada pode mudar; na sua mudaram {changes}.",
                changes=changes,
            )
        )
    scores = QUERY @ (X @ matrix).T
    if np.array_equal(scores, scores.T):
        place = [int(i[0]) for i in np.nonzero(matrix != W_KEY)]
        raise Off(
            text(
                "With another entry at {place} the table of scores is still symmetric. "
                "Try one more.",
                "Com outra entrada em {place}, a tabela de pontuações continua "
                "simétrica. Tente outra.",
                place=place,
            )
        )


@exercise(
    "1.2",
    asks=text("one of the four divisors", "um dos quatro divisores"),
    right=text(
        "The larger the divisor, the smaller the differences of scores, and the flatter the row.",
        "Quanto maior o divisor, menores as diferenças entre as pontuações, e "
        "mais nivelada a linha.",
    ),
)
def divisor_of_flat_weights(answer: Any) -> None:
    """The divisor of the four whose weights are closest to one third each."""
    divisors = (0.5, 1.0, float(np.sqrt(3)), 10.0)
    divisor = read_number(answer)
    offered = [one for one in divisors if np.isclose(one, divisor, rtol=0, atol=0.01)]
    if not offered:
        raise Off(
            text(
                "Choose one of 0.5, 1, np.sqrt(3) and 10; yours is {divisor:g}.",
                "Escolha entre 0.5, 1, np.sqrt(3) e 10; a sua resposta é {divisor:g}.",
                divisor=divisor,
            )
        )

    def largest(by: float) -> float:
        return float(softmax(QUERY @ KEY.T / by).max())

    if largest(offered[0]) > min(map(largest, divisors)):
        raise Off(
            text(
                "Divided by {divisor:.3g}, the largest weight of the table is "
                "{largest:.0%}; another of the four brings it closer to a third.",
                "Com o divisor {divisor:.3g}, o maior peso da tabela é {largest:.0%}; "
                "outro dos quatro o deixa mais perto de um terço.",
                divisor=divisor,
                largest=largest(offered[0]),
            )
        )


@exercise(
    "1.3",
    asks=text("three numbers", "três números"),
    right=text(
        "A weight of one on value 2 and of zero on the others: the mean is value 2 itself.",
        "Um peso de um no valor 2 e de zero nos outros: a média é o próprio valor 2.",
    ),
)
def output_of_all_attention(answer: Any) -> None:
    """The output for the weights (0, 1, 0)."""
    numbers = read_array(answer, (3,))
    for row, name in (
        (QUERY[1], text("query 2", "a consulta 2")),
        (KEY[1], text("key 2", "a chave 2")),
        (X[1, :3], text("token 2", "o token 2")),
    ):
        if np.array_equal(numbers, row):
            raise Off(
                text(
                    "That is {name}. What a token has to give is its value.",
                    "Isso é {name}. O que um token tem a entregar é o seu valor.",
                    name=name,
                )
            )
    if np.array_equal(numbers, VALUE[0]):
        raise Off(
            text(
                "That is value 1. It gives its attention to token 2, not to itself.",
                "Isso é o valor 1. O token dá a sua atenção ao token 2, não a si mesmo.",
            )
        )
    compare(
        numbers,
        np.array([0.0, 1, 0]) @ VALUE,
        text("The weights are 0, 1 and 0.", "Os pesos são 0, 1 e 0."),
    )


@exercise(
    "1.4",
    asks=text("two indices, (query, key)", "dois índices, (consulta, chave)"),
    right=text(
        "First the query, who receives; then the key, who gives; and Python counts from 0.",
        "Primeiro a consulta, que recebe; depois a chave, que dá; e o Python conta a partir de 0.",
    ),
)
def place_of_contribution(answer: Any) -> None:
    """The indices of what value 3 gives to token 2, negative ones included."""
    place = read_array(answer, (2,))
    if place.dtype.kind not in "iu":
        raise Off(text("Indices are whole numbers.", "Índices são números inteiros."))
    query, key = (int(index) % 3 if -3 <= index < 3 else int(index) for index in place)
    if (query, key) == (2, 1):
        raise Off(
            text(
                "That is what value 2 gives to token 3: the query, who receives, comes first.",
                "Isso é o que o valor 2 dá ao token 3: a consulta, que recebe, vem primeiro.",
            )
        )
    if (query, key) == (2, 3):
        raise Off(
            text(
                "Token 2 and value 3 they are, but Python counts from 0.",
                "São o token 2 e o valor 3, mas o Python conta a partir de 0.",
            )
        )
    if (query, key) != (1, 2):
        raise Off(
            text(
                "That is row {token} of tokens and {value} of values, counted from 1.",
                "Isso é a linha {token} dos tokens e {value} dos valores, contando a partir de 1.",
                token=query + 1,
                value=key + 1,
            )
        )


@exercise(
    "1.5",
    asks=text("the name of your function", "o nome da sua função"),
    right=text(
        "It serves square tables and others. `clearhead check FILE` tries it harder.",
        "Serve para tabelas quadradas e outras. `clearhead check --language pt "
        "ARQUIVO` a testa mais a fundo.",
    ),
)
def own_attention(answer: Any) -> None:
    """A function of query, key and value that returns the outputs and the weights."""
    function = read_function(answer)
    generator = np.random.default_rng(0)
    wide = [generator.normal(size=shape) for shape in ((2, 6), (5, 6), (5, 3))]
    for tables, about in (
        ((QUERY, KEY, VALUE), text("For Q, K and V of the lesson", "Para Q, K e V da lição")),
        (
            tuple(wide),
            text(
                "For 2 queries and 5 keys of width 6, with values of width 3",
                "Para 2 consultas e 5 chaves de largura 6, com valores de largura 3",
            ),
        ),
    ):
        _compare_pair(call(function, *tables), attention(*tables), about)


def _compare_pair(result: Any, right: tuple[Array, Array], about: Text) -> None:
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise Off(
            text(
                "It should return two things, the outputs and the weights: `return "
                "output, weights`.",
                "Ela deveria devolver duas coisas, as saídas e os pesos: `return output, weights`.",
            )
        )
    output, weights = (read_array(part) for part in result)
    if (output.shape, weights.shape) == (right[1].shape, right[0].shape) and np.allclose(
        output, right[1]
    ):
        raise Off(
            text(
                "It returns the weights first; the outputs are to come first.",
                "Ela devolve os pesos primeiro; primeiro devem vir as saídas.",
            )
        )
    if weights.shape == right[1].shape and not np.allclose(weights.sum(axis=-1), 1):
        raise Off(
            text(
                "{about}, its rows of weights do not sum to one: {sums}. Have you "
                "written keepdims=True?",
                "{about}, as linhas de pesos não somam um: {sums}. Você escreveu keepdims=True?",
                about=about,
                sums=weights.sum(axis=-1).round(3),
            )
        )
    compare(
        weights,
        right[1],
        text("That is of the weights. {about}.", "Isso é nos pesos. {about}.", about=about),
        tell=True,
    )
    compare(
        output,
        right[0],
        text("That is of the outputs. {about}.", "Isso é nas saídas. {about}.", about=about),
        tell=True,
    )
