"""What is left of a map when only its measures were kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError
from .measures.base import Measure
from .measures.per_position import as_measure
from .provenance import Source


class SummaryMap:
    """The measures of one attention that was recorded with ``summaries=[...]``.

    Attributes:
        shape: (batch, heads, query_len, key_len).
        source: where it came from.
        results: what was measured, by measure.
    """

    def __init__(
        self,
        shape: tuple[int, int, int, int],
        source: Source,
        results: Mapping[Measure, Any],
    ) -> None:
        self.shape, self.source, self.results = shape, source, dict(results)

    def measure(self, *measures: Measure | str) -> dict[Any, Any]:
        """The results of these measures, by what was asked; of all that were kept without any.

        Raises:
            ConfigError: one of them was not measured.
        """
        if not measures:
            return dict(self.results)
        return {asked: self._result(asked) for asked in measures}

    def _result(self, asked: Measure | str) -> Any:
        measure = as_measure(asked)
        if measure not in self.results:
            kept = ", ".join(repr(measure) for measure in self.results)
            raise ConfigError(
                f"{measure!r} of {self.source.module!r} was not measured during the recording, and "
                f"queries and keys were not kept. Measured were: {kept}. Record with "
                f"summaries=[..., {measure!r}], or without summaries to ask for anything later."
            )
        return self.results[measure]

    def __getattr__(self, name: str) -> Any:
        """A measure by its name as an AttentionMap has it: entropy(), received(), ..."""
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            as_measure(name)
        except ConfigError:
            raise AttributeError(
                f"A SummaryMap keeps measures and no {name!r}: record without summaries=."
            ) from None
        return lambda: self._result(name)

    def __repr__(self) -> str:
        kept = ", ".join(repr(measure) for measure in self.results)
        return f"SummaryMap{self.shape} of {self.source}: {kept}"
