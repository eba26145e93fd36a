"""What a saved page has for its first screen: which words drew on which, and three discoveries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args

from ...errors import ClearheadError, ConfigError
from ..contract.answers import Ability, Answering, ModelAnswer
from ..contract.first_screen.answers import AlignmentAnswer, DiscoveryAnswer
from ..contract.questions import DiscoveryKind
from ..contract.saved_page import SavedPage


@dataclass(frozen=True)
class FirstScreen:
    """The answers to ``alignment`` and ``discovery``.

    Attributes:
        alignment: None of a recording whose heads cannot be compared.
        discoveries: those that there are.
    """

    alignment: AlignmentAnswer | None
    discoveries: list[DiscoveryAnswer]

    @classmethod
    def of(cls, explorer: Answering, model: ModelAnswer, request: Mapping[str, Any]) -> FirstScreen:
        """Ask for the answers of a run.

        Args:
            explorer: answers questions.
            model: its answer to ``model``.
            request: of the run.
        """
        discoveries: list[DiscoveryAnswer] = []
        if model["kind"] == "recording":  # which cannot be run again, so nothing is tried
            try:
                json = explorer.answer("alignment", {"run": request}).json
            except ClearheadError:  # some recordings are too long, or cannot be computed with
                return cls(None, discoveries)
            return cls(cast("AlignmentAnswer", json), discoveries)
        answer = explorer.answer("alignment", {"run": request})
        for kind in get_args(DiscoveryKind.__value__):
            try:
                json = explorer.answer("discovery", {"run": request, "kind": kind}).json
            except ConfigError:  # this text, or this model, leaves nothing to try
                continue
            discoveries.append(cast("DiscoveryAnswer", json))
        return cls(cast("AlignmentAnswer", answer.json), discoveries)

    def add_to(self, page: SavedPage) -> None:
        """Put the answers into a page."""
        if self.alignment is not None:
            page["alignment"] = self.alignment
            page["discoveries"] = self.discoveries


def model_of_a_file(model: ModelAnswer, request: Mapping[str, Any]) -> ModelAnswer:
    """Return what a model is in a file, which cannot compute.

    It is without what needs another pass for each position, and of the checkpoints of a training
    run it has the one that the file shows.
    """
    abilities: list[Ability] = [one for one in model["abilities"] if one != "lens"]
    in_file: ModelAnswer = {**model, "abilities": abilities}
    if "checkpoints" in model:
        step = request["checkpoint"]
        in_file["checkpoints"] = [one for one in model["checkpoints"] if one["step"] == step]
    return in_file
