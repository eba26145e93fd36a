"""The backward pass by hand: exercises 7.1 to 7.6."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...reference import softmax
from .._answers import call, compare, read_array, read_function, read_number
from .._exercise import Off, exercise
from .._text import text
from .lesson_1 import KEY, QUERY, VALUE

WEIGHTS = softmax(QUERY @ KEY.T / np.sqrt(3))
RATE, WEIGHT, GRADIENT = 0.01, 0.5, 0.002  # of exercise 7.5


@exercise(
    "7.1",
    asks=text("three numbers", "três números"),
    right=text(
        "p - y with the new y, times how much token 1 takes of value 1.",
        "p - y com o novo y, vezes quanto o token 1 leva do valor 1.",
    ),
)
def gradient_of_value_1(answer: Any) -> None:
    """dV = P^T dO, whose first row is P[0, 0] (p - y)."""
    shares = softmax(WEIGHTS[0] @ VALUE)
    by_logits = shares - [1, 0, 0]
    numbers = read_array(answer, (3,))
    for wrong, why in (
        (
            by_logits,
            text(
                "That is p - y itself. How much of value 1 does token 1 take?",
                "Isso é o próprio p - y. Quanto do valor 1 o token 1 leva?",
            ),
        ),
        (
            -WEIGHTS[0, 0] * by_logits,
            text(
                "Its sign is turned: what the model said less what it should.",
                "O sinal está trocado: o que o modelo disse, menos o que deveria ter dito.",
            ),
        ),
        (
            WEIGHTS[0, 0] * (shares - [0, 0, 1]),
            text(
                "That is for word 3; word 1 is right now.",
                "Isso é para a palavra 3; agora a certa é a palavra 1.",
            ),
        ),
    ):
        if np.allclose(numbers, wrong, rtol=0, atol=0.006):
            raise Off(why)
    compare(
        numbers,
        WEIGHTS[0, 0] * by_logits,
        text("p - y with the new y, times a weight.", "p - y com o novo y, vezes um peso."),
        atol=0.01,
    )


@exercise(
    "7.2",
    asks=text("three numbers", "três números"),
    right=text(
        "It sums to 0: what one weight gains, others lose.",
        "A soma é 0: o que um peso ganha, outros perdem.",
    ),
)
def gradient_through_softmax(answer: Any) -> None:
    """The Jacobian of softmax times (2, 6, 2)."""
    weights, by_weights = np.array([0.5, 0.25, 0.25]), np.array([2.0, 6.0, 2.0])
    right = (np.diag(weights) - np.outer(weights, weights)) @ by_weights
    numbers = read_array(answer, (3,))
    if np.allclose(numbers, by_weights - weights @ by_weights):
        raise Off(text("That is dP - m; one factor is missing.", "Isso é dP - m; falta um fator."))
    if np.allclose(numbers, weights * (by_weights - by_weights.mean())):
        raise Off(text("The mean is weighted by the weights.", "A média é ponderada pelos pesos."))
    hint = text(
        "First the mean m, weighted by the weights.", "Primeiro a média m, ponderada pelos pesos."
    )
    if abs(numbers.sum()) >= 0.01:
        hint += text(
            "Yours sums to {sum:.3g}, and dS sums to 0.",
            "O seu soma {sum:.3g}, e dS soma 0.",
            sum=numbers.sum(),
        )
    compare(numbers, right, hint, atol=0.01)


@exercise(
    "7.3",
    asks=text(
        "the name of your function of (d_weights, weights)",
        "o nome da sua função de (d_weights, weights)",
    ),
    right=text(
        "It agrees with the Jacobian of each row.", "Ela concorda com a jacobiana de cada linha."
    ),
)
def own_softmax_back(answer: Any) -> None:
    """Tables of several shapes, against the Jacobian of each row."""
    function = read_function(answer)
    for shape in ((2, 4), (3, 3), (1, 5)):
        generator = np.random.default_rng(shape[0])
        weights, by_weights = softmax(generator.normal(size=shape)), generator.normal(size=shape)
        right = np.array(
            [(np.diag(w) - np.outer(w, w)) @ d for w, d in zip(weights, by_weights, strict=True)]
        )
        hint = text(
            "A table of shape {shape}. The mean is of each row: axis=-1, keepdims=True.",
            "Uma tabela de formato {shape}. A média é a de cada linha: axis=-1, keepdims=True.",
            shape=shape,
        )
        compare(read_array(call(function, by_weights, weights)), right, hint, tell=True)


@exercise(
    "7.4",
    asks=text("a number", "um número"),
    right=text(
        "The mean of three losses is their sum divided by 3.",
        "A média de três perdas é a soma delas dividida por 3.",
    ),
)
def share_of_the_mean(answer: Any) -> None:
    """Three labels."""
    compare(
        np.array(read_number(answer)),
        np.array(3.0),
        text("L is the sum of how many losses?", "L é a soma de quantas perdas?"),
    )


@exercise(
    "7.5",
    asks=text(
        "two numbers: after AdamW, after gradient descent",
        "dois números: depois do AdamW, depois da descida do gradiente",
    ),
    right=text(
        "The first step of AdamW has the length of the rate, however small the gradient is.",
        "O primeiro passo do AdamW tem o comprimento da taxa, por menor que seja o gradiente.",
    ),
)
def first_steps(answer: Any) -> None:
    """AdamW at t = 1 moves by rate times g / |g|."""
    numbers = read_array(answer, (2,))
    right = np.array([WEIGHT - RATE * np.sign(GRADIENT), WEIGHT - RATE * GRADIENT])
    if np.allclose(numbers, right[::-1], rtol=0, atol=1e-6):
        raise Off(
            text(
                "AdamW first, gradient descent second.",
                "Primeiro o AdamW, depois a descida do gradiente.",
            )
        )
    if np.allclose(numbers, 2 * WEIGHT - right, rtol=0, atol=1e-6):
        raise Off(
            text(
                "Against the gradient: a step makes the loss smaller.",
                "Contra o gradiente: um passo diminui a perda.",
            )
        )
    compare(
        numbers,
        right,
        text(
            "In the first step of AdamW g / |g| is 1, or -1.",
            "No primeiro passo do AdamW, g / |g| é 1, ou -1.",
        ),
        atol=5e-6,
    )


@exercise(
    "7.6",
    asks=text("a number", "um número"),
    right=text(
        "Its weight is exactly 0, and dS = P (dP - m).",
        "O peso dela é exatamente 0, e dS = P (dP - m).",
    ),
)
def gradient_of_a_masked_score(answer: Any) -> None:
    """Exactly nothing."""
    weights = softmax(np.where(np.tri(3, dtype=bool), QUERY @ KEY.T, -np.inf))
    compare(
        np.array(read_number(answer)),
        weights[1, 2],
        text("What is the weight of a masked key?", "Qual é o peso de uma chave mascarada?"),
    )
