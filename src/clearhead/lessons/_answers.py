"""Read what a pupil answered, in words a pupil understands when it cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..visible import quoted
from ._exercise import Off
from ._pupils_line import line_of_error
from ._text import NOTHING, Text, text

Array = NDArray[Any]


def read_number(answer: Any) -> float:
    """Return one number; a 0-dimensional or one-element array counts as one.

    Raises:
        Off: it is something else.
    """
    array = read_array(answer)
    if array.size != 1:
        raise Off(
            text(
                "One number is asked for; yours is an array of shape {shape}.",
                "Pede-se um número; a sua resposta é um array de formato {shape}.",
                shape=array.shape,
            )
        )
    number = float(array.reshape(()))
    if np.isnan(number):
        raise Off(text("It is NaN, which is not a number.", "É NaN, que não é um número."))
    return number


def read_array(answer: Any, shape: tuple[int, ...] | None = None) -> Array:
    """Return an answer as an array of numbers or booleans.

    Args:
        answer: an array, a tensor, nested lists or a number.
        shape: which it must have; any, unless it is named.

    Raises:
        Off: it holds something else than numbers, or has another shape.
    """
    if callable(answer):
        raise Off(
            text(
                "Numbers are asked for; yours is a function. Call it, and answer what it returns.",
                "Pedem-se números; a sua resposta é uma função. Chame-a e responda o que ela "
                "devolve.",
            )
        )
    if hasattr(answer, "detach"):  # a tensor of PyTorch
        answer = answer.detach().cpu().numpy()
    try:
        array = np.asarray(answer)
    except ValueError:
        raise Off(
            text(
                "Its rows have different lengths, so it is no table.",
                "As linhas têm comprimentos diferentes, e assim não é uma tabela.",
            )
        ) from None
    if array.dtype.kind not in "biuf":
        raise Off(
            text(
                "Numbers are asked for; yours is {answer}.",
                "Pedem-se números; a sua resposta é {answer}.",
                answer=quoted(answer),
            )
        )
    if shape is not None and array.shape != shape:
        raise Off(_wrong_shape(array.shape, shape))
    return array


def read_text(answer: Any, options: Collection[str] = ()) -> str:
    """Return a text, without blanks at its ends.

    Raises:
        Off: it is no text, or none of the options.
    """
    if not isinstance(answer, str):
        raise Off(
            text(
                "A text in quotation marks is asked for; yours is {answer}.",
                "Pede-se um texto entre aspas; a sua resposta é {answer}.",
                answer=quoted(answer),
            )
        )
    stripped = answer.strip()
    if options and stripped not in options:
        raise Off(
            text(
                "Choose one of {options}; yours is {answer}.",
                "Escolha entre {options}; a sua resposta é {answer}.",
                options=", ".join(map(quoted, options)),
                answer=quoted(stripped),
            )
        )
    return stripped


def read_function(answer: Any) -> Callable[..., Any]:
    """Return a function.

    Raises:
        Off: it is something else, such as what the function returned.
    """
    if not callable(answer):
        raise Off(
            text(
                "The function itself is asked for, its name without parentheses; "
                "yours is of the type {type}.",
                "Pede-se a própria função, o nome dela sem parênteses; "
                "a sua resposta é do tipo {type}.",
                type=type(answer).__name__,
            )
        )
    return answer


def call(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a pupil's function returns for copies of these arguments.

    Raises:
        Off: it raises an error, which is told with the pupil's own line; it returns nothing.
    """
    copies = [np.copy(value) if isinstance(value, np.ndarray) else value for value in arguments]
    shapes = ", ".join(str(getattr(value, "shape", value)) for value in arguments)
    try:
        result = function(*copies)
    except Exception as error:
        line = line_of_error(error, function)
        where = (
            text("(line {number}: {line})", "(linha {number}: {line})", number=line.number,
                 line=line.text)
            if line
            else NOTHING
        )  # fmt: skip
        stop = text(
            "Called with {shapes}, your function stops with {error}",
            "Chamada com {shapes}, a sua função para com {error}",
            shapes=shapes,
            error=f"{type(error).__name__}: {error}",
        )
        raise Off(stop + where) from None
    if result is None:
        raise Off(
            text(
                "Your function returns nothing: is there a `return` at its end?",
                "A sua função não devolve nada: há um `return` no fim dela?",
            )
        )
    return result


def place_of_difference(actual: Array, right: Array) -> tuple[int, ...]:
    """Return the index of the largest difference of two arrays of one shape; a NaN is largest."""
    with np.errstate(invalid="ignore"):
        difference = np.abs(np.asarray(actual, float) - np.asarray(right, float))
    flat = int(np.argmax(np.where(np.isnan(difference), np.inf, difference)))
    return tuple(int(i) for i in np.unravel_index(flat, difference.shape))


def compare(
    actual: Array, right: Array, hint: Text, *, atol: float = 1e-6, tell: bool = False
) -> None:
    """Hold an array against the right one.

    Args:
        actual: the pupil's.
        right: of the same shape, or `Off` says so.
        hint: what to think of.
        atol: absolute tolerance; answers are often rounded.
        tell: name the right number, too. Of an answer it would be the solution.

    Raises:
        Off: they differ, with the place of the largest difference.
    """
    if actual.shape != right.shape:
        raise Off(_wrong_shape(actual.shape, right.shape) + hint)
    if np.allclose(actual, right, rtol=1e-6, atol=atol, equal_nan=True):
        return
    place = place_of_difference(actual, right)
    where = ours = NOTHING
    if place:
        where = text(
            " at {place}, counted from 0,", " em {place}, contando a partir de 0,", place=[*place]
        )
    if tell:
        ours = text("; right is {right:.6g}", "; o certo é {right:.6g}", right=float(right[place]))
    difference = text(
        "Yours is {actual:.6g}{where} and that is off{ours}.",
        "O seu é {actual:.6g}{where} e não está certo{ours}.",
        actual=float(actual[place]),
        where=where,
        ours=ours,
    )
    raise Off(difference + hint)


def _wrong_shape(actual: tuple[int, ...], right: tuple[int, ...]) -> Text:
    return text(
        "Its shape should be {right}; yours is {actual}.",
        "O formato deveria ser {right}; o seu é {actual}.",
        right=right,
        actual=actual,
    )
