"""The outputs of modules during a recording, and the outputs of attention heads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Protocol

import torch
from torch import Tensor

from ...errors import TraceError
from ...shapes import Float, Shaped
from ..attention_map import AttentionMap
from .beams import rows_of_queries
from .calls import Map
from .contents import Contents
from .growing_call import GrowingCall
from .steps.lineage import gather_rows

_BLOCK = 1 << 24  # weights computed at a time


class ModuleOutputs(Mapping[str, Tensor]):
    """The outputs of the modules that ``record(model, outputs=[...])`` names.

    If a module returns several tensors, its output is the first. The steps of a generation with a
    cache are merged into one output, [batch, length, width]. For a module that was otherwise called
    several times, ``outputs.calls(name)`` has the output of each call.
    """

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    def __getitem__(self, name: str) -> Shaped[Tensor, "*shape"]:
        """Return the output of a module.

        Raises:
            TraceError: no output was kept, or the module was called several times.
        """
        calls = merged_outputs(self._contents, name, self.calls(name))
        if len(calls) > 1:
            raise TraceError(
                f"{name!r} was called {len(calls)} times, and each call has an output of its own: "
                f"take recording.outputs.calls({name!r})."
            )
        return calls[0]

    def calls(self, name: str) -> list[Shaped[Tensor, "*shape"]]:
        """Return the output of each call of a module.

        Raises:
            TraceError: none was kept.
        """
        outputs = self._contents.outputs
        if not outputs.get(name):
            close = get_close_matches(name, outputs, n=3)
            hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
            raise TraceError(
                f"No output of {name!r} was recorded.{hint} Outputs are kept of the modules that "
                "record(model, outputs=[...]) names and that ran: "
                f"{', '.join(map(repr, self)) or 'none here'}."
            )
        return list(outputs[name])

    def __iter__(self) -> Iterator[str]:
        return (name for name, calls in self._contents.outputs.items() if calls)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def merged_outputs(contents: Contents, name: str, calls: Sequence[Tensor]) -> list[Tensor]:
    """Return the outputs of a module merged into one, if its calls are the steps of one generation.

    They are if some attention, whose keys were compared number by number, made as many steps with
    as many queries.
    """
    if len(calls) < 2 or any(x.ndim != 3 for x in calls):
        return list(calls)
    if len({(x.shape[0], x.shape[2]) for x in calls}) > 1:
        return list(calls)
    length = sum(x.shape[1] for x in calls)
    for attention in contents.calls.values():
        one = attention[0]
        if len(attention) > 1 or not isinstance(one, GrowingCall):
            continue
        if one.steps == len(calls) and one.query.length + one.rejected == length:
            # Rejected draft tokens are the last of their step.
            parts = zip(calls, one.parts, strict=True)
            whole = torch.cat([x[:, : part.query_len] for x, part in parts], 1)
            rows = rows_of_queries(contents, one)
            return [whole if rows is None else gather_rows(whole[:, None], rows)[:, 0]]
    return list(calls)


def head_outputs_of(
    name: str, attention_map: Map
) -> Float[Tensor, "batch heads query_len value_dim"]:
    """Return weights times values of each head, before they are projected.

    They are computed from the map, some queries at a time, in float32 (or float64 for float64
    inputs), without dropout.

    Raises:
        TraceError: values were not kept.
    """
    if not isinstance(attention_map, AttentionMap) or attention_map.value is None:
        raise TraceError(
            f"The outputs of the heads of {name!r} need its values: record with values=True, or "
            "with outputs=[...], and without summaries."
        )
    batch, heads, query_len, key_len = attention_map.shape
    value = attention_map.value.repeat_interleave(heads // attention_map.value.shape[1], 1)
    value = value.to(attention_map.dtype)
    rows = max(1, _BLOCK // (batch * heads * key_len))
    blocks = [
        attention_map[:, :, start : start + rows] @ value for start in range(0, query_len, rows)
    ]
    return torch.cat(blocks, 2)


class _Maps(Protocol):
    """The part of a recording that is needed here: maps by name."""

    def __getitem__(self, name: str) -> Map: ...

    def __iter__(self) -> Iterator[str]: ...

    def __len__(self) -> int: ...


class HeadOutputs(Mapping[str, Tensor]):
    """The outputs of the heads of each attending module, computed from its map on access."""

    def __init__(self, maps: _Maps) -> None:
        self._maps = maps

    def __getitem__(self, name: str) -> Float[Tensor, "batch heads query_len value_dim"]:
        """Return the outputs of the heads of a module.

        Raises:
            TraceError: the module has no map, or values were not kept.
        """
        return head_outputs_of(name, self._maps[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._maps)

    def __len__(self) -> int:
        return len(self._maps)
