"""Read what a pupil answered, in words a pupil understands when it cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..visible import quoted
from ._exercise import Off
from ._pupils_line import line_of_error

Array = NDArray[Any]


def read_number(answer: Any) -> float:
    """Return one number; a 0-dimensional or one-element array counts as one.

    Raises:
        Off: it is something else.
    """
    array = read_array(answer)
    if array.size != 1:
        raise Off(f"One number is asked for; yours is an array of shape {array.shape}.")
    number = float(array.reshape(()))
    if np.isnan(number):
        raise Off("It is NaN, which is not a number.")
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
            "Numbers are asked for; yours is a function. Call it, and answer what it returns."
        )
    if hasattr(answer, "detach"):  # a tensor of PyTorch
        answer = answer.detach().cpu().numpy()
    try:
        array = np.asarray(answer)
    except ValueError:
        raise Off("Its rows have different lengths, so it is no table.") from None
    if array.dtype.kind not in "biuf":
        raise Off(f"Numbers are asked for; yours is {quoted(answer)}.")
    if shape is not None and array.shape != shape:
        raise Off(f"Its shape should be {shape}; yours is {array.shape}.")
    return array


def read_text(answer: Any, options: Collection[str] = ()) -> str:
    """Return a text, without blanks at its ends.

    Raises:
        Off: it is no text, or none of the options.
    """
    if not isinstance(answer, str):
        raise Off(f"A text in quotation marks is asked for; yours is {quoted(answer)}.")
    text = answer.strip()
    if options and text not in options:
        raise Off(f"Choose one of {', '.join(map(quoted, options))}; yours is {quoted(text)}.")
    return text


def read_function(answer: Any) -> Callable[..., Any]:
    """Return a function.

    Raises:
        Off: it is something else, such as what the function returned.
    """
    if not callable(answer):
        raise Off(
            "The function itself is asked for, its name without parentheses; "
            f"yours is a {type(answer).__name__}."
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
        where = line_of_error(error, function)
        raise Off(
            f"Called with {shapes}, your function stops with {type(error).__name__}: {error}"
            + (f" (line {where.number}: {where.text})" if where else "")
        ) from None
    if result is None:
        raise Off("Your function returns nothing: is there a `return` at its end?")
    return result


def place_of_difference(actual: Array, right: Array) -> tuple[int, ...]:
    """Return the index of the largest difference of two arrays of one shape; a NaN is largest."""
    with np.errstate(invalid="ignore"):
        difference = np.abs(np.asarray(actual, float) - np.asarray(right, float))
    flat = int(np.argmax(np.where(np.isnan(difference), np.inf, difference)))
    return tuple(int(i) for i in np.unravel_index(flat, difference.shape))


def compare(
    actual: Array, right: Array, hint: str, *, atol: float = 1e-6, tell: bool = False
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
        raise Off(f"Its shape should be {right.shape}; yours is {actual.shape}. {hint}".rstrip())
    if np.allclose(actual, right, rtol=1e-6, atol=atol, equal_nan=True):
        return
    place = place_of_difference(actual, right)
    where = f" at {list(place)}, counted from 0," if place else ""
    ours = f"; right is {float(right[place]):.6g}" if tell else ""
    raise Off(f"Yours is {float(actual[place]):.6g}{where} and that is off{ours}. {hint}".rstrip())
