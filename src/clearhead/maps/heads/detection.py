"""The scores of TransformerLens's ``detect_head``, in memory linear in the length.

Each head's weights A are compared with a pattern D of zeros and ones, over all queries, by

    mul   sum of A * D over sum of A
    abs   1 - round(sum of abs(A - D) / length, 3)

where the first key and each query's own key can be left out of A and D. As A is between 0 and 1,
abs(A - D) is A where D is 0 and 1 - A where D is 1, so everything here is a sum of weights at given
places. The definitions are those of TransformerLens 4.3 (transformer_lens.head_detector);
`clearhead.head_kinds` says how the scores of kinds differ from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...errors import ConfigError
from ...shapes import Bool, Float, Int
from ..storage.collection import calls_of
from ..storage.stored_attention import StoredAttention
from .measuring import numbered, text_ends
from .pattern_sums import PatternNumbers, PatternSums, TokenPairs
from .tokens import Texts, key_ids
from .visible_places import VisiblePlaces, attendable_keys, visible_places

PATTERNS = ("previous_token_head", "duplicate_token_head", "induction_head")
ERROR_MEASURES = ("mul", "abs")


def detect_heads(
    maps: Any,
    *patterns: str,
    ids: Texts = None,
    exclude_bos: bool = False,
    exclude_current_token: bool = False,
    error_measure: str = "mul",
) -> dict[str, dict[str, Float[Tensor, "batch heads"]]]:
    """Return the score of each head of causal self-attention, by pattern and module.

    Args:
        maps: a recording, or maps by name; each module called once.
        patterns: ``"previous_token_head"``, ``"duplicate_token_head"``, ``"induction_head"``, all
            in one pass over each map; all three by default.
        ids: as `Recording.heads` takes them; needed for the last two.
        exclude_bos: leaves out the first key.
        exclude_current_token: leaves out each query's own key.
        error_measure: ``"mul"`` or ``"abs"``.

    Raises:
        ConfigError: there is no such pattern or measure, tokens are missing, or a map is not of
            causal self-attention, which alone TransformerLens compares.
    """
    several = patterns or PATTERNS
    for what, values, names in (
        ("pattern", several, PATTERNS),
        ("error_measure", (error_measure,), ERROR_MEASURES),
    ):
        for value in values:
            if value not in names:
                raise ConfigError(f"{what} is one of {', '.join(names)}; got {value!r}.")
    scores: dict[str, dict[str, Tensor]] = {pattern: {} for pattern in several}
    texts = _Texts(counts=error_measure == "abs")
    for name in maps.keys():  # noqa: SIM118 - a recording is no dictionary
        calls = calls_of(maps, name)
        if len(calls) > 1:
            raise ConfigError(
                f"{name!r} was called {len(calls)} times; record one pass, or use heads()."
            )
        (one,) = calls
        tokens = key_ids(one, name, ids, several_texts=False)
        _check(one, name, several, tokens)
        numbers = texts.numbers_of(one, tokens)
        for pattern in several:
            scores[pattern][name] = _scores(
                numbers, pattern, exclude_bos, exclude_current_token, error_measure
            )
    return scores


def _check(one: StoredAttention, name: str, patterns: Sequence[str], ids: Tensor | None) -> None:
    _, _, query_len, key_len = one.shape
    if one.source.kind == "cross" or query_len != key_len or one.scoring.sinks is not None:
        raise ConfigError(
            f"TransformerLens compares self-attention whose weights sum to 1, each query with its "
            f"own key; {name!r} is of {query_len} queries on {key_len} keys"
            f"{', with a sink' if one.scoring.sinks is not None else ''}. Use heads()."
        )
    about_tokens = [pattern for pattern in patterns if pattern != PATTERNS[0]]
    if ids is None and about_tokens:
        raise ConfigError(
            f"{about_tokens[0]} compares tokens, and {name!r} has none: record with tokenizer=, or "
            "give ids=."
        )


@dataclass(frozen=True, eq=False)
class _Numbers:
    """What the scores of a map follow from.

    Attributes:
        one: the map.
        ids: of its tokens; None where only the previous token counts.
        sums: of its weights.
        seeing: how many queries of each head may attend to something.
        visible: how many keys relate to each query's token; None where the score needs no counts.
    """

    one: StoredAttention
    ids: Int[Tensor, "batch length"] | None
    sums: PatternNumbers
    seeing: Int[Tensor, "batch #heads"]
    visible: VisiblePlaces | None


class _Texts:
    """Measures maps, and remembers what follows from their tokens, which most layers share.

    Args:
        counts: whether scores need the number of keys that relate to each query's token.
    """

    def __init__(self, *, counts: bool) -> None:
        self._counts = counts
        self._last: tuple[Tensor, Tensor, TokenPairs] | None = None

    def numbers_of(self, one: StoredAttention, ids: Int[Tensor, "batch length"] | None) -> _Numbers:
        """Measure a map of self-attention with as many queries as keys."""
        batch, _, length, _ = one.shape
        everything = torch.ones((batch, length), dtype=torch.bool, device=one.query.device)
        attendable = attendable_keys(one, everything).any(1)
        ids = None if ids is None else ids.to(one.query.device)
        pairs = None if ids is None else self._pairs(ids, attendable)
        measure = PatternSums(text_ends(attendable)[:, 0], pairs)
        visible = visible_places(one, pairs.ids) if self._counts and pairs is not None else None
        return _Numbers(one, ids, one.measure(measure)[measure], _seeing(one), visible)

    def _pairs(
        self, ids: Int[Tensor, "batch length"], attendable: Bool[Tensor, "batch length"]
    ) -> TokenPairs:
        last = self._last
        if last is None or not (torch.equal(last[0], ids) and torch.equal(last[1], attendable)):
            last = ids, attendable, TokenPairs(numbered(ids, attendable))
            self._last = last
        return last[2]


def _seeing(one: StoredAttention) -> Int[Tensor, "batch #heads"]:
    """Return how many queries of each head may attend to any key."""
    batch, _, length, _ = one.shape
    mask = one.scoring.mask
    if mask is None:
        return torch.full((batch, 1), length, device=one.query.device)
    sees = mask.sees()
    return sees.expand(batch, sees.shape[1], length).sum(-1)


def _scores(
    of: _Numbers, pattern: str, bos: bool, current: bool, error_measure: str
) -> Float[Tensor, "batch heads"]:
    """Return the score of each head for each row of the batch."""
    weights = _weights(of, pattern, bos, current)
    total = of.seeing.double()
    if bos:
        total = total - of.sums.first.sum(-1, dtype=torch.float64)
    if current:
        total = total - of.sums.own.sum(-1, dtype=torch.float64)
    if bos and current:
        total = total + of.sums.own[..., 0]
    if error_measure == "mul":
        return weights / total
    count = _count(of, pattern, bos, current)
    return 1 - ((total + count - 2 * weights) / of.one.shape[2] * 1000).round() / 1000


def _weights(of: _Numbers, pattern: str, bos: bool, current: bool) -> Float[Tensor, "batch heads"]:
    """Return the weight on the places of a pattern."""
    sums, ids = of.sums, of.ids
    if pattern == "previous_token_head":
        return sums.previous[:, :, 1 + bos :].sum(-1, dtype=torch.float64)
    assert ids is not None
    if pattern == "duplicate_token_head":
        if not bos:
            return sums.duplicate
        return sums.duplicate - (sums.first[:, :, 1:] * _as_first(ids)).sum(-1, dtype=torch.float64)
    if current:
        return sums.induction
    return sums.induction + (sums.own[:, :, 1:] * _twice(ids)).sum(-1, dtype=torch.float64)


def _count(of: _Numbers, pattern: str, bos: bool, current: bool) -> Float[Tensor, "batch #heads"]:
    """Return how many places a pattern has."""
    if pattern == "previous_token_head":
        batch, _, length, _ = of.one.shape
        return torch.full((batch, 1), float(max(length - 1 - bos, 0)), device=of.one.query.device)
    assert of.ids is not None
    assert of.visible is not None
    assert of.visible.duplicate is not None
    assert of.visible.induction is not None
    if pattern == "duplicate_token_head":
        count = of.visible.duplicate.sum(-1).double()
        return count - _as_first(of.ids).sum(-1) if bos else count
    count = of.visible.induction.sum(-1).double()
    return count if current else count + _twice(of.ids).sum(-1)


def _as_first(ids: Int[Tensor, "batch length"]) -> Bool[Tensor, "batch 1 others"]:
    """Return which later tokens equal the first token."""
    return (ids == ids[:, :1])[:, None, 1:]


def _twice(ids: Int[Tensor, "batch length"]) -> Bool[Tensor, "batch 1 others"]:
    """Return which tokens equal the token before: they themselves follow an equal token."""
    return (ids[:, 1:] == ids[:, :-1])[:, None]
