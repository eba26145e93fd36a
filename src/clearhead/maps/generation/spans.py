"""Spans of a text by name: in tokens, or in characters with a tokenizer's offsets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...errors import ConfigError, ShapeError
from ...shapes import Float, Int

Spans = Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class NamedSpans:
    """Named spans of a batch, at places of their own in each row.

    Attributes:
        names: of the spans.
        places: (first, end) of each span in tokens, for each row; the end is not included.
    """

    names: tuple[str, ...]
    places: tuple[tuple[tuple[int, int], ...], ...]

    @classmethod
    def of(
        cls,
        spans: Spans | Sequence[Spans],
        batch: int,
        length: int,
        offsets: Any = None,
    ) -> NamedSpans:
        """Check spans, and find their tokens.

        Args:
            spans: (first, end) by name, the end not included; or such a mapping for each row.
            batch: the number of rows.
            length: the number of tokens that there are.
            offsets: the tokens' (first, end) in characters, as a tokenizer returns them with
                ``return_offsets_mapping=True``, for one row or each; spans are then of characters.

        Raises:
            ConfigError: a span is empty, or goes beyond the text; names differ between rows.
            ShapeError: there are more or fewer mappings or offsets than rows.
        """
        rows = [spans] * batch if isinstance(spans, Mapping) else list(spans)
        if len(rows) != batch:
            raise ShapeError(
                f"Give one mapping of spans, or one for each of the {batch} rows; {len(rows)} came."
            )
        names = tuple(rows[0])
        if not names or any(set(row) != set(names) for row in rows):
            raise ConfigError(
                "Give at least one span, and the same names in each row; got "
                f"{[sorted(row) for row in rows]}."
            )
        if offsets is not None:
            of_rows = _offsets_of_rows(offsets, batch)
            rows = [
                {name: tokens_of_characters(name, row[name], of_row) for name in names}
                for row, of_row in zip(rows, of_rows, strict=True)
            ]
        places = tuple(tuple(_checked(name, row[name], length) for name in names) for row in rows)
        return cls(names, places)

    def shares(
        self, columns: slice, dtype: torch.dtype, device: torch.device
    ) -> Float[Tensor, "batch columns spans"]:
        """Return 1 where a token lies in a span, else 0.

        Args:
            columns: the tokens; a slice with both ends.
            dtype, device: of the result.
        """
        places: Int[Tensor, "batch spans 2"] = torch.tensor(self.places, device=device)
        first, end = places.unbind(-1)
        token = torch.arange(columns.start, columns.stop, device=device)[:, None]
        return ((token >= first[:, None]) & (token < end[:, None])).to(dtype)


def tokens_of_characters(
    name: str, span: Sequence[int], offsets: Sequence[Sequence[int]]
) -> tuple[int, int]:
    """Return the tokens that overlap a span of characters.

    Args:
        name: of the span.
        span: (first, end) in characters.
        offsets: (first, end) of each token in characters; empty for special tokens and padding.

    Raises:
        ConfigError: none has.
    """
    first, end = _pair(name, span)
    inside = [
        place for place, (start, stop) in enumerate(offsets) if start < end and first < stop > start
    ]
    if not inside:
        raise ConfigError(
            f"No token has characters of the span {name!r}, ({first}, {end}); the text's "
            f"tokens end at character {max((stop for _, stop in offsets), default=0)}."
        )
    return inside[0], inside[-1] + 1


def _offsets_of_rows(offsets: Any, batch: int) -> list[list[list[int]]]:
    """Return the offsets of each row."""
    table = torch.as_tensor(offsets)
    if table.ndim == 2:
        table = table.expand(batch, *table.shape)
    if table.ndim != 3 or table.shape[-1] != 2 or table.shape[0] != batch:
        raise ShapeError(
            "offsets are (first, end) for each token, [length, 2] or [batch, length, 2] with batch "
            f"{batch}; got {list(table.shape)}."
        )
    rows: list[list[list[int]]] = table.tolist()
    return rows


def _pair(name: str, span: Sequence[int]) -> tuple[int, int]:
    if len(span) != 2:
        raise ConfigError(f"A span is (first, end); {name!r} is {span!r}.")
    return int(span[0]), int(span[1])


def _checked(name: str, span: Sequence[int], length: int) -> tuple[int, int]:
    """Return a span in tokens, if it lies within the text."""
    first, end = _pair(name, span)
    if not 0 <= first < end <= length:
        raise ConfigError(
            f"The span {name!r}, ({first}, {end}), is not within the {length} tokens that can be "
            f"read: 0 <= first < end <= {length}."
        )
    return first, end
