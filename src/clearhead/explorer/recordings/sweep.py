"""Answers the page's questions about the result of a sweep, alone or beside a recording."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from ...errors import ConfigError
from ...sweeps.result_file import MEMBERS, read_result
from ..contract.answers import Answer, ModelAnswer
from ..contract.meaning.sweep import SweepAnswer
from ..contract.questions import Question
from ..contract.reading import QUESTIONS, read_question
from ..contract.values import LIMITS


class SweepExplorer:
    """The result of a sweep, in the form that the page asks for.

    Args:
        sweep: the result of `sweep_answer`.
        name: its name on the page; by default, the class of the model.
    """

    def __init__(self, sweep: SweepAnswer, name: str = "") -> None:
        self._sweep, self._name = sweep, name or sweep["model"]

    def answer(self, name: str, params: Mapping[str, Any] | Question | None = None) -> Answer:
        """Answer ``model`` or ``sweep``.

        Raises:
            ConfigError: the result of a sweep cannot answer the question, or a parameter is
                invalid.
        """
        if name not in ("model", "sweep"):
            raise ConfigError(
                f"The result of a sweep cannot answer {name!r}: it holds what edits did to a "
                "number, and no model to run again. It answers model, sweep."
            )
        read_question(QUESTIONS[name], {} if params is None else params)
        if name == "sweep":
            return Answer(self._sweep)
        answer: ModelAnswer = {
            "kind": "sweep",
            "name": self._name,
            "languages": None,
            "config": None,
            "parameters": None,
            "parts": [],
            "abilities": ["sweep"],
            "limits": {"characters": 0, "tokens": 0, "numbers": LIMITS.numbers},
            "special": None,
            "provenance": {"model": self._sweep["model"], "notes": self._sweep["notes"]},
        }
        return Answer(answer)


def is_sweep(what: object) -> bool:
    """Return whether an object is the result of a sweep, or looks like the name of its file."""
    if isinstance(what, str | Path):
        return Path(what).suffix == ".json"
    return all(hasattr(what, name) for name in MEMBERS)


def open_sweep(what: Any) -> SweepAnswer:
    """Return the result of a sweep, or its file, in the form of an answer.

    Args:
        what: a `clearhead.Sweep`, or the name of a file that `Sweep.save` wrote.

    Raises:
        ConfigError: the file cannot be read or is not one, or it has too many numbers for the page.
    """
    if isinstance(what, str | Path):
        return sweep_answer(read_result(what))
    return sweep_answer({name: getattr(what, name) for name in MEMBERS})


def sweep_answer(members: Mapping[str, Any], numbers: int = LIMITS.numbers) -> SweepAnswer:
    """Return the members of a result in the form of an answer.

    Args:
        members: as `clearhead.sweeps.result_file.read_result` returns them.
        numbers: the most numbers of one answer.

    Raises:
        ConfigError: there are more numbers.
    """
    values = members["values"]
    if values.size > numbers:
        raise ConfigError(
            f"This sweep has {values.size:,} numbers, and the page shows {numbers:,} at once. "
            "Sweep fewer modules, or name the queries and keys of edges that matter."
        )
    to, tokens = members["to"], members["tokens"]
    sides = ("edited", "source", "decoder")
    answer = {
        **{name: members[name] for name in ("model", "over", "edit", "measure")},
        "to": None if to is None else {**to, "freeze": list(to.get("freeze", ()))},
        "before": float(members["before"]),
        "target": None if members["target"] is None else float(members["target"]),
        "axes": [
            {"name": name, "entries": list(entries)} for name, entries in members["axes"].items()
        ],
        "values": [x if math.isfinite(x) else None for x in values.ravel().tolist()],
        "tokens": {side: list(tokens[side]) if side in tokens else None for side in sides},
        "notes": list(members["notes"]),
    }
    return cast("SweepAnswer", answer)
