"""What a saved page has for its first screen: which words drew on which, and three discoveries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args

from ...errors import ConfigError
from ..contract.answers import Answering, ModelAnswer
from ..contract.first_screen.answers import AlignmentAnswer, DiscoveryAnswer
from ..contract.questions import DiscoveryKind
from ..contract.saved_page import SavedPage


@dataclass(frozen=True)
class FirstScreen:
    """The answers to ``alignment`` and ``discovery``.

    Attributes:
        alignment: None of a recording.
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
        if model["kind"] == "recording":
            return cls(None, [])
        answer = explorer.answer("alignment", {"run": request})
        discoveries: list[DiscoveryAnswer] = []
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
