"""The kinds of heads of a recording, module by module."""

from __future__ import annotations

from typing import Any

from ...errors import ConfigError, ShapeError, TraceError
from ...head_kinds import CopyingScores, HeadSums
from ..storage.collection import calls_of
from ..storage.stored_attention import StoredAttention
from .kinds import NO_WEIGHTS, HeadKinds
from .measuring import head_numbers
from .tokens import NO_TOKENS, Texts, key_ids, text_of_queries


def head_kinds(
    maps: Any, *, ids: Texts = None, mask: Texts = None, copying: CopyingScores | None = None
) -> HeadKinds:
    """Find out what kind each head of some maps is, in one pass over the tiles of each map.

    Memory is linear in the length. `clearhead.head_kinds` has the formulas and their sources.

    Args:
        maps: a recording, or maps by name. An attention that could not be read becomes a note; a
            module that was called several times has rows for each call.
        ids: Int["batch length"], the tokens of self-attention, for ``duplicate`` and ``induction``.
            For a model that reads two texts, a mapping from patterns of names: ``{"encoder.*":
            source, "decoder.*": target}``. None compares labels, which a recording with
            ``tokenizer=`` has; without labels the two kinds are left out, and a note says so.
        mask: 1 or True for tokens, 0 or False for padding, as the model takes it, in the same form
            as ``ids``; for cross-attention it is the mask of the queries. With None, keys that the
            attention's own mask hides from all queries are padding.
        copying: the result of `clearhead.copying_scores` for the model; without it a note says that
            copying is not known.

    Raises:
        ConfigError: there are no maps, only summaries were kept, one tensor was passed for two
            texts, or the copying scores are of another model.
        ShapeError: ids or mask are not as long as the text, or the scores are of other heads.
    """
    names = list(maps.keys())
    rows = _Rows(ids, mask, copying, several_texts=any(_has_cross(maps, name) for name in names))
    for name in names:
        try:
            calls = calls_of(maps, name)
        except TraceError as error:
            rows.notes.append(f"not read: {str(error).rstrip('.')}")
        else:
            for number, one in enumerate(calls):
                rows.add(name, name if len(calls) == 1 else f"{name} call {number}", one)
    if not rows.sums:
        raise ConfigError(_nothing(rows.notes))
    if copying is not None and not rows.copies and copying.scores:
        raise ConfigError(
            f"The copying scores are of {', '.join(map(repr, copying.scores))}, none of which is "
            f"among these maps: {', '.join(map(repr, names))}. Give those of the same model."
        )
    why = copying.notes if copying is not None else (NO_WEIGHTS,) * rows.has_self
    notes = (*_short(rows.notes), *why)
    model = getattr(maps, "model", "")
    return HeadKinds(model, rows.attentions, rows.sums, rows.texts, notes, rows.copies)


class _Rows:
    """The rows of the table in the making: one for each call of an attention.

    Args:
        ids, mask, copying: as `head_kinds` takes them.
        several_texts: whether the model reads two texts, as one with cross-attention does.

    Attributes:
        attentions: ``"self"`` or ``"cross"``, by row.
        sums: the sums that scores are computed from, by row.
        copies: the copying scores, by row, of the modules that have them.
        texts: the largest batch.
        notes: remarks on what is missing.
    """

    def __init__(
        self, ids: Texts, mask: Texts, copying: CopyingScores | None, *, several_texts: bool
    ) -> None:
        self._ids, self._mask, self._copying = ids, mask, copying
        self._several_texts = several_texts
        self.attentions: dict[str, str] = {}
        self.sums: dict[str, HeadSums] = {}
        self.copies: dict[str, Any] = {}
        self.texts = 0
        self.notes: list[str] = []

    @property
    def has_self(self) -> bool:
        """Whether any row is of self-attention."""
        return "self" in self.attentions.values()

    def add(self, name: str, row: str, one: Any) -> None:
        """Add one call of a module.

        Raises:
            ConfigError: only summaries of the call were kept.
            ShapeError: texts or scores do not fit it.
        """
        if not isinstance(one, StoredAttention):
            raise ConfigError(
                "Kinds of heads need queries and keys, and of this recording only summaries "
                "were kept: record without summaries=."
            )
        cross, several = one.source.kind == "cross", self._several_texts
        tokens = None if cross else key_ids(one, name, self._ids, several_texts=several)
        if tokens is None and not cross:
            self.notes.append(NO_TOKENS.format(name=name))
        text = text_of_queries(one, name, self._mask, cross=cross, several_texts=several)
        self.attentions[row] = one.source.kind
        self.sums[row] = head_numbers(one, cross=cross, ids=tokens, text=text).sums()
        self.texts = max(self.texts, one.shape[0])
        if self._copying is not None and name in self._copying.scores:
            self.copies[row] = _of_heads(self._copying, name, one.shape[1])


def _of_heads(copying: CopyingScores, name: str, heads: int) -> Any:
    """Return the copying scores of a module.

    Raises:
        ShapeError: their number is not that of its heads.
    """
    scores = copying.scores[name]
    if len(scores) != heads:
        raise ShapeError(
            f"{name!r} has {heads} heads, and {len(scores)} copying scores came: they are of "
            "another model."
        )
    return scores


def _has_cross(maps: Any, name: str) -> bool:
    try:
        return any(one.source.kind == "cross" for one in calls_of(maps, name))
    except TraceError:
        return False


def _short(notes: list[str]) -> tuple[str, ...]:
    """Return the notes, with only the first of those about missing token ids."""
    start = NO_TOKENS.partition("{")[0]
    about_tokens = [note for note in notes if note.startswith(start)]
    others = [note for note in notes if not note.startswith(start)]
    if len(about_tokens) > 1:
        about_tokens = [f"{about_tokens[0]} ({len(about_tokens)} attentions)"]
    return (*others, *about_tokens)


def _nothing(notes: list[str]) -> str:
    why = f" {notes[0]}." if notes else " No attention was recorded."
    return f"There is no head to measure.{why}"
