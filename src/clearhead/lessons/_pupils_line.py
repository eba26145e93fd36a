"""Which line of a pupil's own code raised an error, out of a traceback that goes on below it."""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Line:
    """A line of a pupil's file or cell.

    Attributes:
        number: counted from 1.
        text: the line, without blanks at its ends.
    """

    number: int
    text: str


def line_of_error(error: BaseException, of: Callable[..., Any] | str) -> Line | None:
    """Return the deepest line of the pupil's code on the way to an error.

    Args:
        error: which was raised.
        of: the pupil's function, or the name of the file with the pupil's code.

    Returns:
        None where no line of that code is on the way (the function was called wrongly, or was
        not written in Python).
    """
    name = of if isinstance(of, str) else getattr(getattr(of, "__code__", None), "co_filename", "")
    for frame, number in reversed(list(traceback.walk_tb(error.__traceback__))):
        if frame.f_code.co_filename == name:
            return Line(number, linecache.getline(name, number).strip())
    return None
