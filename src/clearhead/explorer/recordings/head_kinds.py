"""The kind of each head of a recorded module, measured in one pass over its tiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..answers.head_measures import measured_heads
from ..contract.first_screen.head_kinds import MeasuredHead
from ..contract.stopping import check_from_anywhere

if TYPE_CHECKING:
    from ...maps.attention_map import AttentionMap


def measure_heads(
    one: AttentionMap, *, cross: bool, tokens: Sequence[str] | None = None
) -> list[MeasuredHead]:
    """Return the measures and the kind of each head.

    Args:
        one: a map whose batch is 1.
        cross: whether queries and keys come from different sequences.
        tokens: names of the keys in self-attention; None if they have no names.

    Raises:
        QuestionCancelled: the question was cancelled.
    """
    import torch

    from ...maps.heads.measuring import head_numbers

    ids = None
    if tokens is not None and not cross:
        numbers: dict[str, int] = {}
        ids = torch.tensor([[numbers.setdefault(token, len(numbers)) for token in tokens]])
    check = check_from_anywhere()
    return measured_heads(head_numbers(one, cross=cross, ids=ids, check=check).weights_of(0))
