"""What a function that can be reviewed is: its cases, and the mistakes that it may make."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from .._text import NOTHING, Text, text

Array = NDArray[Any]
Results = tuple[Array, ...]
"""What a function returns: the result, and for attention the weights beside it."""


@dataclass(frozen=True)
class Mistake:
    """A mistake that has a name.

    Attributes:
        name: a few words: "no keepdims".
        finding: what the learner's function does, a sentence.
        advice: what to do instead.
    """

    name: Text
    finding: Text
    advice: Text = NOTHING


@dataclass(frozen=True)
class Candidate:
    """A function with mistakes made on purpose.

    Attributes:
        mistakes: which.
        compute: from the arguments of a case to what a learner with these mistakes would return.
        dtype: in which results come, where that is the mistake; empty elsewhere.
    """

    mistakes: tuple[Mistake, ...]
    compute: Callable[..., Results]
    dtype: str = ""


@dataclass(frozen=True)
class Case:
    """Arguments, and what is right for them.

    Attributes:
        name: completes "for": "the numbers of lesson 1".
        arguments: by position.
        right: the result, and what may be returned beside it.
        mask: for functions with a mask, in which cases it is handed over.
        is_basic: whether a function must serve it; what serves more serves batches, too.
        advice: what to do when this case alone is off.
        tolerance: relative and absolute.
    """

    name: Text
    arguments: tuple[Any, ...]
    right: Results
    mask: Array | None = None
    is_basic: bool = True
    advice: Text = NOTHING
    tolerance: float = 1e-9


@dataclass(frozen=True)
class Subject:
    """A function that can be reviewed.

    Attributes:
        name: which it has in the learner's file; "my_" may stand before it.
        signature: as it is called.
        cases: makes them.
        candidates: yields functions with mistakes, the likeliest first.
        others: more names under which it is looked for.
        parts: what it returns, in words: the result first.
    """

    name: str
    signature: str
    cases: Callable[[], list[Case]]
    candidates: Callable[[], Iterator[Candidate]]
    others: tuple[str, ...] = ()
    parts: tuple[Text, ...] = (text("result", "resultado"),)

    def names(self) -> list[str]:
        """Return every name under which it is looked for."""
        return [f"{before}{name}" for before in ("", "my_") for name in (self.name, *self.others)]


@dataclass(frozen=True)
class Outcome:
    """What the learner's function did in one case.

    Attributes:
        values: what it returned, empty when it returned nothing that can be compared.
        problem: why there is nothing to compare; empty when there is.
        line: of the learner's file where an error was raised, and its text.
        changes: arguments that it changed, by position.
        is_steady: whether a second call returned the same.
        is_skipped: whether the function has no place for the mask of the case.
    """

    values: Results = ()
    problem: Text = NOTHING
    line: tuple[int, str] | None = None
    changes: tuple[int, ...] = ()
    is_steady: bool = True
    is_skipped: bool = False


@dataclass(frozen=True)
class Review:
    """The learner's file, as it ran.

    Attributes:
        outcomes: for each function that it defines, by the subject's name, one for each case.
        names: under which each of them stands in the file.
        functions: the names of all functions of the file.
        problem: why the file did not run to its end; empty when it did.
        line: of the file at which it stopped, and its text.
    """

    outcomes: Mapping[str, list[Outcome]] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    functions: tuple[str, ...] = ()
    problem: Text = NOTHING
    line: tuple[int, str] | None = None
