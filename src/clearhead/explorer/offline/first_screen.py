"""The first screen of a saved page: the alignment of words, and three discoveries."""

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
        alignment: None for a recording whose heads cannot be compared.
        discoveries: those that were found.
    """

    alignment: AlignmentAnswer | None
    discoveries: list[DiscoveryAnswer]

    @classmethod
    def of(cls, explorer: Answering, model: ModelAnswer, request: Mapping[str, Any]) -> FirstScreen:
        """Ask for the answers about a run.

        Args:
            explorer: answers questions.
            model: its answer to ``model``.
            request: of the run.
        """
        discoveries: list[DiscoveryAnswer] = []
        if model["kind"] == "recording":  # it cannot be run again, so nothing can be tried
            try:
                json = explorer.answer("alignment", {"run": request}).json
            except ClearheadError:  # some recordings are too long, or lack what is needed
                return cls(None, discoveries)
            return cls(cast("AlignmentAnswer", json), discoveries)
        answer = explorer.answer("alignment", {"run": request})
        for kind in get_args(DiscoveryKind.__value__):
            try:
                json = explorer.answer("discovery", {"run": request, "kind": kind}).json
            except ConfigError:  # this text or this model offers nothing to try
                continue
            discoveries.append(cast("DiscoveryAnswer", json))
        return cls(cast("AlignmentAnswer", answer.json), discoveries)

    def add_to(self, page: SavedPage) -> None:
        """Add the answers to a page."""
        if self.alignment is not None:
            page["alignment"] = self.alignment
            page["discoveries"] = self.discoveries


def model_of_a_file(model: ModelAnswer, request: Mapping[str, Any]) -> ModelAnswer:
    """Return the answer to ``model`` for a saved page, which cannot compute.

    It lacks the abilities that need another pass for each position. For a training run, it lists
    only the checkpoint in the file.
    """
    abilities: list[Ability] = [one for one in model["abilities"] if one != "lens"]
    in_file: ModelAnswer = {**model, "abilities": abilities}
    if "checkpoints" in model:
        step = request["checkpoint"]
        in_file["checkpoints"] = [one for one in model["checkpoints"] if one["step"] == step]
    return in_file
