"""Train a small translator: exercises 4.1 to 4.5.

Three of them are about what the pupil's notebook has trained and measured, which it hands over.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...shapes import Array
from .._answers import call, compare, read_array, read_function, read_number, read_text
from .._exercise import Off, exercise
from .._text import text

START, END, VOCABULARY = 1, 2, 400


@exercise(
    "4.1",
    asks=text("the name of your function", "o nome da sua função"),
    right=text(
        "Place by place, what is read and what has to be said next.",
        "Lugar por lugar, o que se lê e o que se tem a dizer em seguida.",
    ),
)
def shift_by_one(answer: Any) -> None:
    """Start and text; text and end."""
    function = read_function(answer)
    for ids in ([7, 8, 9], [5]):
        pair = call(function, list(ids))
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise Off(
                text(
                    "It should return two lists: `return reads, says`.",
                    "Ela deveria devolver duas listas: `return reads, says`.",
                )
            )
        reads, says = ([int(i) for i in read_array(list(row))] for row in pair)
        if (says, reads) == ([START, *ids], [*ids, END]):
            raise Off(
                text(
                    "Both are right, and the wrong way round: first what is read.",
                    "As duas estão certas, mas trocadas: primeiro o que se lê.",
                )
            )
        if reads == [START, *ids, END]:
            raise Off(
                text(
                    "The end token is never read: nothing comes after it.",
                    "O token de fim nunca é lido: nada vem depois dele.",
                )
            )
        if says == [START, *ids, END]:
            raise Off(
                text(
                    "The start token is never said: it stands there from the beginning.",
                    "O token de início nunca é dito: ele está ali desde o começo.",
                )
            )
        if len(reads) != len(says):
            raise Off(
                text(
                    "For {ids} the lists have {reads} and {says} ids; place by place they "
                    "belong together.",
                    "Para {ids}, as listas têm {reads} e {says} ids; lugar por lugar, elas "
                    "devem casar.",
                    ids=ids,
                    reads=len(reads),
                    says=len(says),
                )
            )
        if (reads, says) != ([START, *ids], [*ids, END]):
            raise Off(
                text(
                    "For {ids} yours are {reads} and {says}.",
                    "Para {ids}, as suas são {reads} e {says}.",
                    ids=ids,
                    reads=reads,
                    says=says,
                )
            )


@exercise(
    "4.2",
    asks=text("a number", "um número"),
    right=text(
        "Minus the logarithm of 1/400: it knows nothing, and knows that.",
        "Menos o logaritmo de 1/400: ele não sabe nada, e sabe disso.",
    ),
)
def loss_of_knowing_nothing(answer: Any) -> None:
    """ln 400."""
    number = read_number(answer)
    if math.isclose(number, math.log2(VOCABULARY), abs_tol=0.01):
        raise Off(
            text(
                "That is in bits; a loss is counted with the natural logarithm.",
                "Isso é em bits; uma perda se conta com o logaritmo natural.",
            )
        )
    if math.isclose(number, -math.log(VOCABULARY), abs_tol=0.01):
        raise Off(
            text(
                "The loss is *minus* the logarithm of a probability, which is below 0.",
                "A perda é *menos* o logaritmo de uma probabilidade, que fica abaixo de 0.",
            )
        )
    right = -math.log(1 / VOCABULARY)
    compare(
        np.array(number),
        np.array(right),
        text(
            "Minus the logarithm of which probability?", "Menos o logaritmo de que probabilidade?"
        ),
        atol=5e-3,
    )


@exercise(
    "4.3",
    asks=text("the name of your function", "o nome da sua função"),
    right=text(
        "It writes what the library's greedy search writes.",
        "Ela escreve o que escreve a busca gulosa da biblioteca.",
    ),
)
def own_greedy_search(answer: Any, *, translator: Any, texts: Sequence[str]) -> None:
    """Translations by the pupil's search, beside the library's with a beam of one."""
    function, tokenizer = read_function(answer), translator.tokenizer
    for sentence in texts:
        ids = [int(i) for i in read_array(list(call(function, tokenizer.encode(sentence))))]
        right = translator.translate(sentence, beam_size=1).text
        if END in ids:
            raise Off(
                text(
                    "The end token is no piece of the translation: leave it out.",
                    "O token de fim não faz parte da tradução: deixe-o de fora.",
                )
            )
        ours = tokenizer.decode(ids)
        if ours != right:
            raise Off(
                text(
                    "For {sentence!r} it writes {ours!r}; greedy search of the library {right!r}.",
                    "Para {sentence!r} ela escreve {ours!r}; a busca gulosa da biblioteca, "
                    "{right!r}.",
                    sentence=sentence,
                    ours=ours,
                    right=right,
                )
            )


@exercise(
    "4.4",
    asks=text("a number", "um número"),
    right=text(
        "Foreign words lie below it. What is wrong across the border may still lie above.",
        "As palavras estranhas ficam abaixo dele. O que está errado além da "
        "fronteira ainda pode ficar acima.",
    ),
)
def bound_of_scores(answer: Any, *, right: Array, foreign: Array) -> None:
    """Between the foreign texts and nearly all right translations."""
    bound = read_number(answer)
    above = int(np.sum(np.asarray(foreign) >= bound))
    if above:
        raise Off(
            text(
                "{above} of the foreign texts score {bound:g} or more. The bound must be higher.",
                "{above} dos textos estranhos têm pontuação {bound:g} ou mais. O "
                "limite precisa ser mais alto.",
                above=above,
                bound=bound,
            )
        )
    share = float(np.mean(np.asarray(right) < bound))
    if share > 0.01:
        raise Off(
            text(
                "{share:.0%} of the right translations fall below it. The bound must be lower.",
                "{share:.0%} das traduções certas ficam abaixo dele. O limite precisa "
                "ser mais baixo.",
                share=share,
            )
        )


@exercise(
    "4.5",
    asks=text(
        "the last letters of a French number, in quotation marks",
        "as últimas letras de um número em francês, entre aspas",
    ),
    right=text(
        "No example would show it, and a model cannot know what no example tells it.",
        "Nenhum exemplo a mostraria, e um modelo não tem como saber o que nenhum exemplo lhe diz.",
    ),
)
def ending_of_odd_numbers(answer: Any, *, french: Callable[[int], str]) -> None:
    """An ending of odd numbers alone, below 1,000."""
    ending = read_text(answer)
    even = [n for n in range(0, 1000, 2) if french(n).endswith(ending)]
    if not ending:
        raise Off(text("Every number ends in nothing.", "Em nada termina qualquer número."))
    if even:
        raise Off(
            text(
                "The even number {number} ends in it, too: {word}.",
                "O número par {number} também termina assim: {word}.",
                number=even[0],
                word=french(even[0]),
            )
        )
    if not any(french(n).endswith(ending) for n in range(1, 1000, 2)):
        raise Off(
            text(
                "No number below 1,000 ends in it.", "Nenhum número abaixo de 1.000 termina assim."
            )
        )
