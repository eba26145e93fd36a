"""Joins the segments of a text: sentences with their translations, and the text between."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..rules.reading import Action
from ..translation import Segment, Translation
from .segments import Piece
from .sentence import Sentence


def assemble(
    text: str,
    plan: Sequence[Piece | Sentence],
    rows: Mapping[Sentence, Sequence[tuple[Segment, ...]]],
    n_best: int,
    in_target: Callable[[str], str] = str,
) -> Translation:
    """Return the translation of a text, and with n best more than one, its alternatives.

    Args:
        text: the whole text.
        plan: its pieces in order, sentences among them.
        rows: the n best translations of each sentence.
        n_best: how many translations to return, where there are as many.
        in_target: writes the marks around and before a sentence as the target has them.
    """
    ranks = max((len(rows[part]) for part in plan if isinstance(part, Sentence)), default=1)
    translations: list[Translation] = []
    for rank in range(min(ranks, n_best)):
        segments: list[Segment] = []
        for part in plan:
            if isinstance(part, Piece):
                segments.append(_segment_between(part, in_target))
            else:
                # A sentence with fewer translations repeats its last one.
                segments += rows[part][min(rank, len(rows[part]) - 1)]
        translations.append(Translation(text, tuple(segments)))
    if n_best == 1:
        return translations[0]
    return Translation(text, translations[0].segments, tuple(translations))


def _segment_between(piece: Piece, in_target: Callable[[str], str]) -> Segment:
    """Return the segment of a piece that is no sentence, with the action of its rule."""
    if not piece.rule:
        return Segment(piece.text, piece.text)
    text = piece.text if piece.rule == "protected" else in_target(piece.text)
    change = "kept as it is" if text == piece.text else f"written {text.strip()} in the target"
    return Segment(piece.text, text, actions=(Action(piece.rule, change),))
