"""SummaryMap: the measures of an attention whose queries and keys were not stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import ConfigError
from ..measures.base import Measure
from ..measures.per_position import as_measure
from .provenance import Source


class SummaryMap:
    """The measures of one attention that was recorded with ``summaries=[...]``.

    Attributes:
        shape: (batch, heads, query_len, key_len).
        source: where it came from.
        results: the result of each measure.
    """

    def __init__(
        self,
        shape: tuple[int, int, int, int],
        source: Source,
        results: Mapping[Measure, Any],
    ) -> None:
        self.shape, self.source, self.results = shape, source, dict(results)

    def measure(self, *measures: Measure | str) -> dict[Any, Any]:
        """Return the results of these measures, or of all that there are.

        Raises:
            ConfigError: one of them was not measured.
        """
        if not measures:
            return dict(self.results)
        return {measure: self._result(measure) for measure in measures}

    def _result(self, name_or_measure: Measure | str) -> Any:
        measure = as_measure(name_or_measure)
        if measure not in self.results:
            measures = ", ".join(repr(measure) for measure in self.results)
            raise ConfigError(
                f"{measure!r} of {self.source.module!r} was not measured during the recording, and "
                f"queries and keys were not kept. Measured were: {measures}. Record with "
                f"summaries=[..., {measure!r}], or without summaries to ask for anything later."
            )
        return self.results[measure]

    def __getattr__(self, name: str) -> Any:
        """Return a method of an AttentionMap that computes a measure: entropy(), received(), ..."""
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
        measures = ", ".join(repr(measure) for measure in self.results)
        return f"SummaryMap{self.shape} of {self.source}: {measures}"
