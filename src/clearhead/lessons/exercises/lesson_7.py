"""The backward pass by hand: exercises 7.1 to 7.6."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...reference import softmax
from .._answers import call, compare, read_array, read_function, read_number
from .._exercise import Off, exercise
from .lesson_1 import KEY, QUERY, VALUE

WEIGHTS = softmax(QUERY @ KEY.T / np.sqrt(3))
RATE, WEIGHT, GRADIENT = 0.01, 0.5, 0.002  # of exercise 7.5


@exercise(
    "7.1",
    asks="three numbers",
    right="p - y with the new y, times how much token 1 takes of value 1.",
)
def gradient_of_value_1(answer: Any) -> None:
    """dV = P^T dO, whose first row is P[0, 0] (p - y)."""
    shares = softmax(WEIGHTS[0] @ VALUE)
    by_logits = shares - [1, 0, 0]
    numbers = read_array(answer, (3,))
    for wrong, why in (
        (by_logits, "That is p - y itself. How much of value 1 does token 1 take?"),
        (
            -WEIGHTS[0, 0] * by_logits,
            "Its sign is turned: what the model said less what it should.",
        ),
        (WEIGHTS[0, 0] * (shares - [0, 0, 1]), "That is for word 3; word 1 is right now."),
    ):
        if np.allclose(numbers, wrong, rtol=0, atol=0.006):
            raise Off(why)
    compare(numbers, WEIGHTS[0, 0] * by_logits, "p - y with the new y, times a weight.", atol=0.01)


@exercise("7.2", asks="three numbers", right="It sums to 0: what one weight gains, others lose.")
def gradient_through_softmax(answer: Any) -> None:
    """The Jacobian of softmax times (2, 6, 2)."""
    weights, by_weights = np.array([0.5, 0.25, 0.25]), np.array([2.0, 6.0, 2.0])
    right = (np.diag(weights) - np.outer(weights, weights)) @ by_weights
    numbers = read_array(answer, (3,))
    if np.allclose(numbers, by_weights - weights @ by_weights):
        raise Off("That is dP - m; one factor is missing.")
    if np.allclose(numbers, weights * (by_weights - by_weights.mean())):
        raise Off("The mean is weighted by the weights.")
    hint = (
        ""
        if abs(numbers.sum()) < 0.01
        else f" Yours sums to {numbers.sum():.3g}, and dS sums to 0."
    )
    compare(numbers, right, f"First the mean m, weighted by the weights.{hint}", atol=0.01)


@exercise(
    "7.3",
    asks="the name of your function of (d_weights, weights)",
    right="It agrees with the Jacobian of each row.",
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
        hint = f"A table of shape {shape}. The mean is of each row: axis=-1, keepdims=True."
        compare(read_array(call(function, by_weights, weights)), right, hint, tell=True)


@exercise("7.4", asks="a number", right="The mean of three losses is their sum divided by 3.")
def share_of_the_mean(answer: Any) -> None:
    """Three labels."""
    compare(np.array(read_number(answer)), np.array(3.0), "L is the sum of how many losses?")


@exercise(
    "7.5",
    asks="two numbers: after AdamW, after gradient descent",
    right="The first step of AdamW has the length of the rate, however small the gradient is.",
)
def first_steps(answer: Any) -> None:
    """AdamW at t = 1 moves by rate times g / |g|."""
    numbers = read_array(answer, (2,))
    right = np.array([WEIGHT - RATE * np.sign(GRADIENT), WEIGHT - RATE * GRADIENT])
    if np.allclose(numbers, right[::-1], rtol=0, atol=1e-6):
        raise Off("AdamW first, gradient descent second.")
    if np.allclose(numbers, 2 * WEIGHT - right, rtol=0, atol=1e-6):
        raise Off("Against the gradient: a step makes the loss smaller.")
    compare(numbers, right, "In the first step of AdamW g / |g| is 1, or -1.", atol=5e-6)


@exercise("7.6", asks="a number", right="Its weight is exactly 0, and dS = P (dP - m).")
def gradient_of_a_masked_score(answer: Any) -> None:
    """Exactly nothing."""
    weights = softmax(np.where(np.tri(3, dtype=bool), QUERY @ KEY.T, -np.inf))
    compare(np.array(read_number(answer)), weights[1, 2], "What is the weight of a masked key?")
