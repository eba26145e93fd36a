"""The kinds of heads in a saved page, for all parts."""

from __future__ import annotations

from typing import cast

from ..contract.answers import Answering
from ..contract.first_screen.head_kinds import HeadKindsAnswer
from ..contract.run_answers import RunAnswer


def saved_kinds(explorer: Answering, run: RunAnswer) -> dict[str, HeadKindsAnswer]:
    """Return the answers to ``head_kinds`` by part.

    Args:
        explorer: answers questions.
        run: the answer to the question ``run``.
    """
    parts = dict.fromkeys(entry["part"] for entry in run["attention"])
    params_of = {part: {"run": run["request"], "part": part} for part in parts}
    return {
        part: cast("HeadKindsAnswer", explorer.answer("head_kinds", params).json)
        for part, params in params_of.items()
    }
