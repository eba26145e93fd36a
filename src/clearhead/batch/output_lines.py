"""Formats the output for one text: a line of JSON, or its translations in columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..visible import json_text

if TYPE_CHECKING:
    from ..translation.translation import Translation


def output_lines(
    number: int, translation: Translation, *, as_json: bool, scores: bool, alignments: bool
) -> Iterator[str]:
    """Yield the output lines of one text.

    Args:
        number: of the text, from 1; it is written before each of several translations.
        translation: of the text.
        as_json: whether to write one JSON object with everything.
        scores: whether to write the log-probability and a tab before each translation.
        alignments: whether to write a tab and source-target pairs after each translation.
    """
    if as_json:
        yield json_text(translation.to_dict())
        return
    for other in translation.alternatives or (translation,):
        columns = [str(number)] if translation.alternatives else []
        if scores:
            columns.append(f"{other.score:.3f}")
        columns.append(other.text)
        if alignments:
            columns.append(" ".join(f"{a}-{b}" for a, b in other.pairs()))
        yield "\t".join(columns)
