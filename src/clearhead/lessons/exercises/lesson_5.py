"""Looking into a model: exercises 5.1 to 5.6.

Most are about the recording in the pupil's notebook, which hands over what they need.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._answers import Array, call, compare, read_array, read_function, read_number
from .._exercise import Off, exercise
from .._text import NOTHING, text


@exercise(
    "5.1",
    asks=text("a number", "um número"),
    right=text(
        "ln 2, and in general ln n for n tokens that share evenly.",
        "ln 2 e, em geral, ln n para n tokens que dividem por igual.",
    ),
)
def entropy_of_two(answer: Any) -> None:
    """The natural logarithm of 2."""
    number, shares = read_number(answer), np.array([0.5, 0.5])
    if np.isclose(number, 1):
        raise Off(
            text(
                "That is in bits; the lesson counts with natural logarithms, in nats.",
                "Isso é em bits; a lição conta com logaritmos naturais, em nats.",
            )
        )
    if np.isclose(number, math.log(0.5), atol=5e-3):
        raise Off(
            text(
                "An entropy is not negative: there is a minus before the sum.",
                "Uma entropia não é negativa: há um menos antes da soma.",
            )
        )
    hint = text(
        "Minus the sum of w ln w, over two weights of one half.",
        "Menos a soma de w ln w, sobre dois pesos de um meio.",
    )
    compare(np.array(number), -(shares * np.log(shares)).sum(), hint, atol=5e-3)


@exercise(
    "5.2",
    asks=text(
        "the name of your function of a table of weights",
        "o nome da sua função de uma tabela de pesos",
    ),
    right=text(
        "0 ln 0 counts as 0: a causal mask makes many weights of exactly zero.",
        "0 ln 0 conta como 0: uma máscara causal produz muitos pesos exatamente iguais a zero.",
    ),
)
def own_entropy(answer: Any, *, rows: Any) -> None:
    """The entropy of each row of a table, zeros included."""
    function, weights = read_function(answer), np.asarray(rows, dtype=float)
    entropy = read_array(call(function, rows))
    if np.isnan(entropy).any():
        raise Off(
            text(
                "It is NaN where a weight is exactly 0, since 0 times -inf is no number.",
                "Sai NaN onde um peso é exatamente 0, já que 0 vezes -inf não é um número.",
            )
        )
    if entropy.size == 1 and len(weights) > 1:
        raise Off(
            text(
                "One entropy for each row, please: sum over the last axis alone.",
                "Uma entropia para cada linha, por favor: some só no último eixo.",
            )
        )
    logarithms = np.log(weights, out=np.zeros_like(weights), where=weights > 0)
    compare(entropy, -(weights * logarithms).sum(axis=-1), NOTHING, atol=1e-3, tell=True)


@exercise(
    "5.3",
    asks=text("(layer, head)", "(camada, cabeça)"),
    right=text(
        "The mirror image of the head that looks back, and as blind to what the words mean.",
        "A imagem espelhada da cabeça que olha para trás, e igualmente cega "
        "para o que as palavras significam.",
    ),
)
def head_of_the_next_token(
    answer: Any, *, towards_next: Callable[[int, int], float], layers: int, heads: int
) -> None:
    """The head with the largest mean weight next to the diagonal."""
    place = read_array(answer, (2,))
    if place.dtype.kind not in "iu":
        raise Off(
            text(
                "The numbers of a layer and of a head are whole.",
                "Os números de uma camada e de uma cabeça são inteiros.",
            )
        )
    layer, head = int(place[0]), int(place[1])
    if not (0 <= layer < layers and 0 <= head < heads):
        raise Off(
            text(
                "There are layers 0 to {layer} and heads 0 to {head}; layer first.",
                "Há camadas de 0 a {layer} e cabeças de 0 a {head}; primeiro a camada.",
                layer=layers - 1,
                head=heads - 1,
            )
        )
    weight = towards_next(layer, head)
    if weight < max(towards_next(i, j) for i in range(layers) for j in range(heads)):
        raise Off(
            text(
                "That head gives {weight:.2f} to the next token; another gives more.",
                "Essa cabeça dá {weight:.2f} ao token seguinte; outra dá mais.",
                weight=weight,
            )
        )


@exercise(
    "5.4",
    asks=text("a number", "um número"),
    right=text(
        "Each query gives away one, and we divided by how many there are.",
        "Cada consulta entrega um, e dividimos por quantas há.",
    ),
)
def sum_of_what_is_received(answer: Any, *, shares: Any) -> None:
    """The sum over tokens, in each layer the same."""
    table = read_array(shares)
    number = read_number(answer)
    if np.isclose(number, table.shape[-1]):
        raise Off(
            text(
                "So many queries there are; and we divided by their number.",
                "Essa é a quantidade de consultas; e dividimos por ela.",
            )
        )
    compare(
        np.array(number),
        np.array(table.sum(axis=-1).mean()),
        text("How much does one query give away?", "Quanto uma consulta entrega?"),
        atol=1e-3,
    )


@exercise(
    "5.5",
    asks=text(
        "the name of your function of (tables, place)", "o nome da sua função de (tables, place)"
    ),
    right=text(
        "From the last layer back to the first, a vector is enough.",
        "Da última camada de volta à primeira, basta um vetor.",
    ),
)
def own_rollout(answer: Any, *, tables: Sequence[Any]) -> None:
    """Half stays, half follows the mean of the heads (Abnar and Zuidema 2020)."""
    function = read_function(answer)
    arrays = [read_array(table).astype(float) for table in tables]
    for place in (0, len(arrays[0]) // 2):
        shares = read_array(call(function, tables, place)).astype(float)
        if shares.ndim == 1 and not np.isclose(shares.sum(), 1, atol=1e-3):
            raise Off(
                text(
                    "The shares of position {place} sum to {sum:.3f}, and not to 1.",
                    "As parcelas da posição {place} somam {sum:.3f}, e não 1.",
                    place=place,
                    sum=shares.sum(),
                )
            )
        other_way = _rollout(arrays[::-1], place)
        if shares.shape == other_way.shape and np.allclose(shares, other_way, atol=1e-5):
            raise Off(
                text(
                    "It begins at the first layer; begin at the last, and go back.",
                    "Ela começa na primeira camada; comece na última e venha voltando.",
                )
            )
        compare(
            shares,
            _rollout(arrays, place),
            text("Position {place}.", "Posição {place}.", place=place),
            atol=1e-5,
            tell=True,
        )


def _rollout(tables: Sequence[Array], place: int) -> Array:
    shares = np.eye(len(tables[0]))[place]
    for table in reversed(tables):
        shares = shares / 2 + shares @ table / 2
    return shares


@exercise(
    "5.6",
    asks=text(
        "two truth values, (in this model, in GPT-2)",
        "dois valores lógicos, (neste modelo, no GPT-2)",
    ),
    right=text(
        "An encoder reads the whole sentence; a causal mask lets no token see what comes after.",
        "Um codificador lê a frase inteira; uma máscara causal não deixa token "
        "nenhum ver o que vem depois.",
    ),
)
def whether_earlier_weights_change(answer: Any, *, changes: tuple[bool, bool]) -> None:
    """As the notebook has measured."""
    values = read_array(answer, (2,))
    if values.dtype != bool:
        raise Off(text("Answer with True and False.", "Responda com True e False."))
    for value, right, model in zip(
        values,
        changes,
        (text("this model", "Neste modelo"), text("GPT-2", "No GPT-2")),
        strict=True,
    ):
        if bool(value) != bool(right):
            raise Off(
                text(
                    "Of {model} it is not so: may its earlier tokens see a later one?",
                    "{model} não é assim: os tokens anteriores podem ver um posterior?",
                    model=model,
                )
            )
