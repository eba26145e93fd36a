"""Beams whose ancestors cannot be told from one attention, because its cache is a window.

Two beams may end with the same tokens. Their windows of keys are then equal in the first layer, and
do not tell which of the two a row continues. An attention that keeps all keys, or one of a deeper
layer, does.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ...errors import TraceError
from ...shapes import Int
from ..attention_map import AttentionMap
from .contents import Contents
from .growing_call import GrowingCall

_UNCERTAIN = (
    "Rows of {module!r} changed places, as in beam search, and its window of keys does not tell "
    "which row each continued: the keys before the window differ, those within it do not. What "
    "generate() returned tells it: recording.generation(prompt, output), with "
    "return_dict_in_generate=True."
)


def map_of_call(contents: Contents, call: GrowingCall) -> AttentionMap:
    """Return the map of a call, whose rows after beam search are the beams of the last step.

    Raises:
        TraceError: no attention of the same forward passes tells which row each row continued.
    """
    paths = _paths_of_peers(contents, call) if call.lineage.uncertain else None
    if paths is None:
        return call.map()
    return call.map_of(paths, [call.query.length] * len(paths))


def rows_of_queries(contents: Contents, call: GrowingCall) -> Int[Tensor, "batch queries"] | None:
    """Return the row that each query of each row of the last step came from; None for its own.

    Raises:
        TraceError: as in `map_of_call`.
    """
    paths = _paths_of_peers(contents, call)
    if paths is None:
        return None
    return paths.repeat_interleave(torch.tensor([part.query_len for part in call.parts]), 1)


def _paths_of_peers(contents: Contents, call: GrowingCall) -> Int[Tensor, "batch steps"] | None:
    """Return the ancestors of rows, from another attention; None if no rows changed places."""
    peers = [call, *peers_of(contents, call)]
    if not any(peer.lineage.is_reordered for peer in peers):
        return None
    certain = next((peer for peer in peers if not peer.lineage.uncertain), None)
    if certain is None:
        raise TraceError(_UNCERTAIN.format(module=call.source.module))
    return certain.lineage.paths()


def peers_of(contents: Contents, call: GrowingCall) -> Iterator[GrowingCall]:
    """Yield the other attentions of the forward passes of a call."""
    for calls in contents.calls.values():
        for other in calls:
            if isinstance(other, GrowingCall) and other is not call and _are_peers(other, call):
                yield other


def _are_peers(one: GrowingCall, other: GrowingCall) -> bool:
    of_one, of_other = ([part.query_len for part in call.parts] for call in (one, other))
    return one.source.call == other.source.call and (one.lineage.batch, of_one) == (
        other.lineage.batch,
        of_other,
    )
