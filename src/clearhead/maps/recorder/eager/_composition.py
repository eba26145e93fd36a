"""The steps between a product and a softmax, summed up as one scoring."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ...recording.captured import CapturedAttention, Unreadable
from ...scores.bias import compact_bias
from ...scores.compact_mask import CompactMask, both_allowed
from ...scores.scoring import Scoring
from ..mask_cache import MaskCache
from ._axes import Axes, Place, in_final_axes
from ._nodes import Added, Capped, Copied, Filled, Layout, RowsScaled, Scaled, Shifted, SinkAppended

# exp underflows to 0 below the negative of it.
_UNDERFLOW = {torch.float64: 750.0}
_UNDERFLOW_OTHERS = 105.0
_HALF = (torch.float16, torch.bfloat16)
_FAR = -64.0


class _Composition:
    """The steps of a chain, summed up."""

    def __init__(self) -> None:
        self.scale = 1.0
        self.cap: float | None = None
        self.rows: list[Tensor] = []
        self.terms: list[tuple[Tensor, float, torch.dtype]] = []
        self.fills: list[tuple[Tensor, float, bool]] = []
        self.shifted = False
        self.sinks: Tensor | None = None

    def add(self, step: object, found: Tensor | None, dtype: torch.dtype) -> None:
        """One step, its tensor with the softmax's axes, and the dtype of what it made."""
        if isinstance(step, Copied):
            return
        if self.sinks is not None and not isinstance(step, Shifted):
            raise Unreadable("scores were changed after the sinks were put beside them")
        if isinstance(step, Scaled):
            self._scale(step.factor)
        elif isinstance(step, Shifted):
            self.shifted = True
        elif isinstance(step, Capped):
            if self.terms or self.fills or self.shifted or self.cap is not None:
                raise Unreadable("scores were capped after a mask or bias had been added to them")
            self.cap = 1.0
        elif isinstance(step, RowsScaled):
            if self.terms or self.fills or self.cap is not None:
                raise Unreadable("rows of scores were scaled after a mask, bias or cap")
            assert found is not None
            self.rows.append(found)
        elif isinstance(step, Added):
            assert found is not None
            self.terms.append((found, step.factor, dtype))
        elif isinstance(step, Filled):
            assert found is not None
            self.fills.append((found, step.value, step.inverted))
        elif isinstance(step, SinkAppended):
            if self.shifted:
                raise Unreadable("sinks were put beside scores that had been shifted")
            self.sinks = found

    def _scale(self, factor: float) -> None:
        if self.cap is None:
            self.scale *= factor
        else:
            self.cap *= factor
        self.terms = [(term, f * factor, dtype) for term, f, dtype in self.terms]
        self.fills = [(where, value * factor, inv) for where, value, inv in self.fills]


def compose(
    places: list[Place],
    scores: Tensor,
    axes: Axes,
    layout: Layout,
    query: Tensor,
    key: Tensor,
    masks: MaskCache,
    kernel: str,
) -> CapturedAttention:
    """The attention whose scores came about in these places, the product's first."""
    done = _Composition()
    for place in places[1:]:
        step = place.node.step
        tensor = next((v for v in vars(step).values() if isinstance(v, Tensor)), None)
        found = None
        if isinstance(step, SinkAppended):
            found = _sinks(step.logits, axes)
        elif tensor is not None:
            found = axes.four(in_final_axes(tensor, place, layout, axes))
        done.add(step, found, place.node.dtype)
    for factor in done.rows:
        query = query.float() * factor if query.dtype != torch.float64 else query * factor
    shape = (axes.batch, axes.heads, query.shape[2], key.shape[2])
    scoring = Scoring.of(
        query,
        key,
        scale=done.scale if done.cap is None else done.scale * done.cap,
        softcap=done.cap,
        mask=_mask(done, scores, axes, shape, masks),
        sinks=done.sinks,
        added_in=_dtype_of_sums(done),
    )
    return CapturedAttention(
        query=query, key=key, scoring=scoring, kernel=f"explicit {kernel} + softmax"
    )


def _dtype_of_sums(done: _Composition) -> torch.dtype | None:
    """The dtype in which terms were added, where that is half of the digits and makes a difference:
    where all scores of some row were moved far from zero, or its mask is the lowest number."""
    for term, factor, dtype in done.terms:
        if dtype in _HALF:
            moved = (term.amax(-1) if factor > 0 else term.amin(-1)) * factor
            if bool((moved < _FAR).any()):
                return dtype
    return None


def _terms(done: _Composition) -> list[Tensor]:
    """What was added, each in the dtype of its sum; masks of the lowest numbers as one.

    Where several of these hide a row together, it attends to what they hide least.
    """
    terms = []
    lowest: Tensor | None = None
    for term, factor, dtype in done.terms:
        added = term if factor == 1.0 else term * factor
        if added.dtype in _HALF and dtype not in _HALF:
            added = added.to(dtype)
        if bool((added <= torch.finfo(added.dtype).min / 2).any()):
            lowest = added if lowest is None else lowest + added
        else:
            terms.append(added)
    return terms if lowest is None else [*terms, lowest]


def _sinks(logits: Tensor, axes: Axes) -> Tensor:
    """One logit per head."""
    four = axes.four(logits.detach())
    per_head = four[:, :, :1, 0]
    if bool((four[..., 0] != per_head).any()) or bool((per_head != per_head[:1]).any()):
        raise Unreadable("the sinks differ between queries, and a map holds one per head")
    return per_head[0, :, 0].expand(axes.heads).clone()


def _mask(
    done: _Composition,
    scores: Tensor,
    axes: Axes,
    shape: tuple[int, int, int, int],
    masks: MaskCache,
) -> CompactMask | None:
    """All that was added and filled, as one."""
    parts = [masks.compact(term, shape) for term in _terms(done)]
    for where, value, inverted in done.fills:
        parts.append(_fill(where if inverted else ~where, value, scores, axes, shape, masks))
    if not parts:
        return None
    total = parts[0]
    for part in parts[1:]:
        bias = total.bias if part.bias is None else part.bias
        if total.bias is not None and part.bias is not None:
            rows, columns = slice(0, shape[2]), slice(0, shape[3])
            summed = total.bias.tile(rows, columns) + part.bias.tile(rows, columns)
            bias = compact_bias(summed, shape[2], shape[3])
        flat = total.flat if part.flat is None else part.flat
        if total.flat is not None and part.flat is not None:
            flat = total.flat | part.flat
        total = replace(
            total, allowed=both_allowed(total.allowed, part.allowed), bias=bias, flat=flat
        )
    return total


def _fill(
    allowed: Tensor,
    value: float,
    scores: Tensor,
    axes: Axes,
    shape: tuple[int, int, int, int],
    masks: MaskCache,
) -> CompactMask:
    """A mask that put a number in the place of scores."""
    if value == -torch.inf:
        return masks.compact(allowed, shape)
    if value > torch.finfo(scores.dtype).min / 2:
        enough = value + _UNDERFLOW.get(scores.dtype, _UNDERFLOW_OTHERS)
        highest = scores.detach().amax(axes.softmax)
        if bool(((highest < enough) & (highest != value)).any()):
            raise Unreadable(
                f"masked scores were set to {value:g}, which is too high to hide them altogether"
            )
    lowest = torch.zeros((), dtype=torch.float32, device=allowed.device)
    return masks.compact(torch.where(allowed, lowest, torch.finfo(torch.float32).min), shape)
