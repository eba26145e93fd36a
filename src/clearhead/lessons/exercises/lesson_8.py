"""A small GPT: exercises 8.1 to 8.5."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from ...reference import attention, causal_mask
from ...shapes import Array
from .._answers import call, compare, read_array, read_function, read_number, read_text
from .._exercise import Off, exercise
from .._text import text

PEOPLE, VERBS, THINGS = 12, 3, 30  # of exercise 8.1


@exercise(
    "8.1",
    asks=text("a number", "um número"),
    right=text(
        "12 * 3 * 12 * 30 stories, all equally likely. What follows from them adds nothing.",
        "12 * 3 * 12 * 30 histórias, todas igualmente prováveis. O que decorre "
        "delas não acrescenta nada.",
    ),
)
def chance_of_a_story(answer: Any) -> None:
    """The logarithm of the number of equally likely stories."""
    stories = PEOPLE * VERBS * PEOPLE * THINGS
    right = math.log(stories)
    number = read_number(answer)
    for wrong, why in (
        (
            math.log(PEOPLE * VERBS * (PEOPLE - 1) * THINGS),
            text("Whom can a person give to now?", "A quem uma pessoa pode dar agora?"),
        ),
        (
            math.log(PEOPLE * VERBS * PEOPLE * 12),
            text("There are 30 things now.", "Agora são 30 coisas."),
        ),
        (
            math.log(PEOPLE * PEOPLE * THINGS),
            text("The verb is chance, too: one of three.", "O verbo também é acaso: um de três."),
        ),
        (
            math.log2(stories),
            text(
                "That is in bits; nats are natural logarithms.",
                "Isso é em bits; nats são logaritmos naturais.",
            ),
        ),
        (
            stories,
            text(
                "So many stories; nats are the logarithm.",
                "Tantas são as histórias; os nats são o logaritmo.",
            ),
        ),
    ):
        if math.isclose(number, wrong, rel_tol=1e-3):
            raise Off(why)
    if not math.isclose(number, right, rel_tol=1e-3):
        raise Off(
            text(
                "Count the equally likely stories, and take the logarithm.",
                "Conte as histórias igualmente prováveis e tire o logaritmo.",
            )
        )


@exercise(
    "8.2",
    asks=text("a position, counted from 0", "uma posição, contada a partir de 0"),
    right=text(
        "The position itself reads the token, and none before it does.",
        "A própria posição lê o token, e nenhuma antes dela o lê.",
    ),
)
def first_changed_position(answer: Any, *, changes: Any) -> None:
    """As the notebook has measured: the largest change of a logit at each position."""
    first = int(read_array(changes).nonzero()[0][0])
    number = read_number(answer)
    if number < first:
        raise Off(
            text(
                "If that position changed, it would have seen the future.",
                "Se essa posição mudasse, ela teria visto o futuro.",
            )
        )
    if number > first:
        raise Off(
            text(
                "An earlier one changes already. What does a position read: itself, too?",
                "Uma anterior já muda. O que lê uma posição: também a si mesma?",
            )
        )


@exercise(
    "8.3",
    asks=text(
        "the name of your function step(q, k, v, past)", "o nome da sua função step(q, k, v, past)"
    ),
    right=text(
        "What is not yet in the past cannot be seen, so there is no mask.",
        "O que ainda não está no passado não pode ser visto; por isso não há máscara.",
    ),
)
def own_cache(answer: Any) -> None:
    """Six steps, one position each, beside causal attention over all."""
    look_at_steps(answer)


def look_at_steps(answer: Any) -> None:
    """Hold a function of one query, key, value and the past against causal attention over all.

    Raises:
        Off: an output differs, or it does not return two things.
    """
    function = read_function(answer)
    query, key, value = np.random.default_rng(1).normal(size=(3, 6, 4))
    right, _ = attention(query, key, value, mask=causal_mask(6))
    past: Any = None
    for i in range(len(query)):
        pair = call(function, query[i], key[i], value[i], past)
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise Off(
                text(
                    "It should return two things: the output and the new past.",
                    "Ela deveria devolver duas coisas: a saída e o novo passado.",
                )
            )
        output, past = read_array(pair[0]), pair[1]
        hint = text(
            "That is at step {step}, counted from 0.",
            "Isso é no passo {step}, contando a partir de 0.",
            step=i,
        )
        if i == 0 and not np.allclose(output, value[0]):
            hint += text(
                "The first position reads itself alone: its output is its value.",
                "A primeira posição só lê a si mesma: a saída dela é o seu valor.",
            )
        compare(output.reshape(-1), right[i], hint, tell=True)


def nucleus(probabilities: Array, share: float) -> Array:
    """Keep the fewest tokens whose probabilities sum to a share (Holtzman et al. 2020)."""
    order = np.argsort(-probabilities, kind="stable")
    count = int(np.searchsorted(np.cumsum(probabilities[order]), share - 1e-12)) + 1
    rest = np.zeros_like(probabilities)
    rest[order[:count]] = probabilities[order[:count]]
    return rest / rest.sum()


@exercise(
    "8.4",
    asks=text(
        "the name of your function of (probabilities, p)",
        "o nome da sua função de (probabilities, p)",
    ),
    right=text(
        "The likeliest token is always among them, however small p is.",
        "O token mais provável está sempre entre eles, por menor que seja p.",
    ),
)
def own_nucleus(answer: Any) -> None:
    """Several distributions and shares."""
    function = read_function(answer)
    probabilities = np.array([0.1, 0.4, 0.05, 0.3, 0.15])
    for share in (0.6, 0.3, 0.75, 1.0):
        result, right = (
            read_array(call(function, probabilities, share)),
            nucleus(probabilities, share),
        )
        if result.shape == right.shape:
            if not (result > 0).any():
                raise Off(
                    text(
                        "For p = {p} nothing is left; the likeliest token always stays.",
                        "Com p = {p} não sobra nada; o token mais provável fica sempre.",
                        p=share,
                    )
                )
            if not np.isclose(result.sum(), 1):
                raise Off(
                    text(
                        "For p = {p} the new probabilities sum to {sum:.3g}, not to 1.",
                        "Com p = {p}, as novas probabilidades somam {sum:.3g}, e não 1.",
                        p=share,
                        sum=result.sum(),
                    )
                )
        about = text(
            "Probabilities {probabilities} and p = {p}.",
            "Probabilidades {probabilities} e p = {p}.",
            probabilities=probabilities.tolist(),
            p=share,
        )
        compare(result, right, about, tell=True)


@exercise(
    "8.5",
    asks=text("a text that the model goes on with", "um texto que o modelo continua"),
    right=text(
        "The last word follows the thing of the first sentence, whoever has it.",
        "A última palavra acompanha a coisa da primeira frase, seja de quem for.",
    ),
)
def prompt_for_a_harp(answer: Any, *, gpt: Any) -> None:
    """One sentence and most of the next, to which the pupil's model adds the word *harp*."""
    prompt = read_text(answer)
    names = sorted({"Ann", "Tom"} & set(re.findall(r"\w+", prompt)))
    if names:
        raise Off(
            text("Somebody in it is called {name}.", "Alguém nele se chama {name}.", name=names[0])
        )
    if prompt.count(".") != 1 or prompt.endswith("."):
        raise Off(
            text(
                "It should have one full stop, and end before the last word of what follows it.",
                "Ele deveria ter um único ponto final e parar antes da última palavra "
                "do que vem depois dele.",
            )
        )
    word = gpt.generate(prompt, max_new_tokens=1).text
    if word.strip() != "harp":
        raise Off(
            text(
                "After that the model says {word!r}.",
                "Depois disso o modelo diz {word!r}.",
                word=word,
            )
        )
