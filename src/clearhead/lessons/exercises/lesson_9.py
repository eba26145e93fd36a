"""A circuit: exercises 9.1 to 9.5."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...shapes import Array
from .._answers import call, compare, read_array, read_function, read_number, read_text
from .._exercise import Off, exercise
from .._text import text

PRICES = (0.3, 0.2, 1.1)  # of exercise 9.2: without A, without B, without both
DIFFERENCES = (-8.0, 6.0, -1.0)  # of exercise 9.3: the first run, the second, the patched one


@exercise(
    "9.1",
    asks=text('"predicting" or "reading"', '"predicting" ou "reading"'),
    right=text(
        "A word that is read has been written already; the source of the next one is wanted.",
        "Uma palavra que se lê já foi escrita; o que se procura é a origem da próxima.",
    ),
)
def rows_of_counterparts(answer: Any, *, predicting: Array, reading: Array) -> None:
    """The rows in which the best head finds more counterparts."""
    best = {"predicting": float(np.max(predicting)), "reading": float(np.max(reading))}
    rows = read_text(answer, best)
    if best[rows] < max(best.values()):
        raise Off(
            text(
                "In those rows the best head finds {share:.0%} of the counterparts.",
                "Nessas linhas, a melhor cabeça encontra {share:.0%} das correspondentes.",
                share=best[rows],
            )
        )


@exercise(
    "9.2",
    asks=text("a number", "um número"),
    right=text(
        "Had they nothing to do with each other, both would cost the sum.",
        "Se não tivessem nada a ver uma com a outra, as duas custariam a soma.",
    ),
)
def price_of_standing_in(answer: Any) -> None:
    """What both cost beyond the sum."""
    first, second, both = PRICES
    number = read_number(answer)
    if np.isclose(number, both):
        raise Off(
            text(
                "That is all that is lost; 0.3 and 0.2 of it each costs alone.",
                "Isso é tudo o que se perde; 0,3 e 0,2 disso cada uma custa sozinha.",
            )
        )
    hint = text(
        "Had the two nothing to do with each other, what would both cost?",
        "Se as duas não tivessem nada a ver uma com a outra, quanto custariam juntas?",
    )
    compare(np.array(number), np.array(both - first - second), hint)


@exercise(
    "9.3",
    asks=text("a share, between 0 and 1", "uma parcela, entre 0 e 1"),
    right=text(
        "The patch went 7 of 14: half of the way.", "O remendo andou 7 de 14: metade do caminho."
    ),
)
def share_of_a_patch(answer: Any) -> None:
    """The way that the patch went, of the whole."""
    first, second, patched = DIFFERENCES
    right = (patched - first) / (second - first)
    number = read_number(answer)
    if np.isclose(number, 100 * right):
        raise Off(
            text(
                "That is in per cent; a share lies between 0 and 1.",
                "Isso é em por cento; uma parcela fica entre 0 e 1.",
            )
        )
    compare(
        np.array(number),
        np.array(right),
        text(
            "How far is it from -8 to 6, and from -8 to -1?",
            "Qual é a distância de -8 a 6, e de -8 a -1?",
        ),
    )


@exercise(
    "9.4",
    asks=text(
        "the name of your function of (output, head)", "o nome da sua função de (output, head)"
    ),
    right=text(
        "It says the same at every position, and what it got is as it was.",
        "Ela diz o mesmo em todas as posições, e o que recebeu continua como era.",
    ),
)
def own_mean_ablation(answer: Any) -> None:
    """One head's output becomes its mean over positions, in a copy."""
    function = read_function(answer)
    output = np.random.default_rng(0).normal(size=(1, 4, 5, 3))
    for head in (0, 2):
        right = output.copy()
        right[:, head] = right[:, head].mean(axis=-2, keepdims=True)
        mine = output.copy()
        result = read_array(call(lambda x, h: (function(x, h), x), mine, head)[0])
        if result.shape == output.shape:
            others = [other for other in range(4) if other != head]
            if not np.array_equal(result[:, others], output[:, others]):
                raise Off(text("Other heads have changed, too.", "Outras cabeças também mudaram."))
            if np.allclose(result[:, head], 0):
                raise Off(
                    text(
                        "It says zero; the mean over its positions is asked for.",
                        "Ela diz zero; pede-se a média sobre as suas posições.",
                    )
                )
            if np.allclose(result[:, head], output[:, head].mean()):
                raise Off(
                    text(
                        "The mean is over positions; each of the head's columns has its own.",
                        "A média é sobre as posições; cada coluna da cabeça tem a sua.",
                    )
                )
        compare(
            result,
            right,
            text(
                "Head {head} of 4, at 5 positions.", "Cabeça {head} de 4, em 5 posições.", head=head
            ),
            tell=True,
        )
        argument = output.copy()
        function(argument, head)
        if not np.array_equal(argument, output):
            raise Off(
                text(
                    "It writes over what it got: begin with output.copy().",
                    "Ela escreve por cima do que recebeu: comece com output.copy().",
                )
            )


@exercise(
    "9.5",
    asks=text("(layer, head)", "(camada, cabeça)"),
    right=text(
        "For these links, and with the others in place.",
        "Para estes elos, e com as outras no lugar.",
    ),
)
def dearest_head_of_self_attention(
    answer: Any,
    *,
    price: Callable[[Sequence[tuple[int, int]], str], float],
    layers: int,
    heads: int,
) -> None:
    """The head whose removal costs most, measured anew."""
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
    prices = {
        (i, j): float(price([(i, j)], "self_attention"))
        for i in range(layers)
        for j in range(heads)
    }
    if prices[layer, head] < max(prices.values()):
        raise Off(
            text(
                "It costs {price:.3f} nats; another costs more.",
                "Ela custa {price:.3f} nats; outra custa mais.",
                price=prices[layer, head],
            )
        )
