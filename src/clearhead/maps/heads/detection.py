"""The scores of TransformerLens's ``detect_head``, in memory linear in the length.

It compares each head's weights A with a pattern D of zeros and ones, over all queries, by

    mul   sum of A * D over sum of A
    abs   1 - round(sum of abs(A - D) / length, 3)

where the first key and each query's own key can be left out of A, D and both sums. As A lies
between 0 and 1, abs(A - D) is A where D is 0 and 1 - A where it is 1: all four are sums of weights
at known places. The definitions are those of TransformerLens 4.3 (transformer_lens.head_detector);
see `clearhead.head_kinds` for what the scores of kinds do otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...errors import ConfigError
from ...shapes import Float, Int
from ..measures.place_weights import DUPLICATE, FIRST, INDUCTION, PREVIOUS, SAME
from ..storage.collection import calls_of
from ..storage.stored_attention import StoredAttention
from .measuring import HeadNumbers, head_numbers
from .tokens import Texts, key_ids

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
            in one pass over each map; all three where none is named.
        ids: as `Recording.heads` takes them; needed for the last two.
        exclude_bos: leaves out the first key.
        exclude_current_token: leaves out each query's own key.
        error_measure: ``"mul"`` or ``"abs"``.

    Raises:
        ConfigError: there is no such pattern or measure, tokens are missing, or an attention is
            none of those that TransformerLens compares.
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
    for name in maps.keys():  # noqa: SIM118 - a recording is no dictionary
        calls = calls_of(maps, name)
        if len(calls) > 1:
            raise ConfigError(
                f"{name!r} was called {len(calls)} times; record one pass, or use heads()."
            )
        (one,) = calls
        tokens = key_ids(one, name, ids, several_texts=False)
        _check(one, name, several, tokens)
        if tokens is None:  # of the previous token nothing is compared
            tokens = torch.arange(one.shape[3]).expand(one.shape[0], -1)
        tokens = tokens.to(one.query.device)
        numbers = head_numbers(one, cross=False, ids=tokens)
        for pattern in several:
            scores[pattern][name] = _scores(
                numbers, pattern, tokens, exclude_bos, exclude_current_token, error_measure
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


def _scores(
    of: HeadNumbers,
    pattern: str,
    ids: Int[Tensor, "batch length"],
    bos: bool,
    current: bool,
    error_measure: str,
) -> Float[Tensor, "batch heads"]:
    """Return the score of each head for each row of the batch."""
    weights, count = _at_places(of, pattern, ids, bos, current)
    own, first = of.numbers[..., SAME].double(), of.numbers[..., FIRST].double()
    total = (of.visible.keys > 0).sum(-1).double()
    if bos:
        total = total - first.sum(-1)
    if current:
        total = total - own.sum(-1)
    if bos and current:
        total = total + own[..., 0]
    if error_measure == "mul":
        return weights / total
    return 1 - ((total + count - 2 * weights) / of.one.shape[2] * 1000).round() / 1000


def _at_places(
    of: HeadNumbers, pattern: str, ids: Int[Tensor, "batch length"], bos: bool, current: bool
) -> tuple[Float[Tensor, "batch heads"], Float[Tensor, "batch #heads"]]:
    """Return the weight on the places of a pattern, and how many these are."""
    numbers, visible = of.numbers.double(), of.visible
    if pattern == "previous_token_head":
        some = numbers[:, :, 1 + bos :, PREVIOUS]
        return some.sum(-1), numbers.new_full((len(ids), 1), some.shape[-1])
    assert visible.duplicate is not None
    assert visible.induction is not None
    if pattern == "duplicate_token_head":
        weights, count = numbers[..., DUPLICATE].sum(-1), visible.duplicate.sum(-1).double()
        if bos:
            as_first = (ids == ids[:, :1])[:, None, 1:]
            weights = weights - (numbers[:, :, 1:, FIRST] * as_first).sum(-1)
            count = count - as_first.sum(-1)
        return weights, count
    weights, count = numbers[..., INDUCTION].sum(-1), visible.induction.sum(-1).double()
    if not current:  # where a token stands twice in a row, the key that follows it is the query's
        twice = (ids[:, 1:] == ids[:, :-1])[:, None]
        weights = weights + (numbers[:, :, 1:, SAME] * twice).sum(-1)
        count = count + twice.sum(-1)
    return weights, count
