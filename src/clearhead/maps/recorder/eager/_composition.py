"""Combines the steps between a product and a softmax into one scoring."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ....shapes import Float
from ...recording.captured import CapturedAttention, Unreadable
from ...scores.bias import compact_bias
from ...scores.masks.compact_mask import CompactMask
from ...scores.masks.key_mask import intersection
from ...scores.scoring import Scoring
from ..mask_cache import MaskCache
from ._axes import Axes, Place, in_final_axes
from ._nodes import (
    Addition,
    Cap,
    Copy,
    Exponential,
    Fill,
    Layout,
    RowScaling,
    Scaling,
    Shift,
    SinkColumn,
    Step,
)

# exp underflows to 0 below its negative
_UNDERFLOW = {torch.float64: 750.0}
_UNDERFLOW_OF_OTHERS = 105.0
_HALF = (torch.float16, torch.bfloat16)
_FAR = -64.0  # from here on, half precision is so coarse that weights show it


class _Composition:
    """The steps of a chain, combined."""

    def __init__(self) -> None:
        self.scale = 1.0
        self.cap: float | None = None
        self.rows: list[Tensor] = []
        self.terms: list[tuple[Tensor, float, torch.dtype]] = []
        self.fills: list[tuple[Tensor, float, bool]] = []
        self.shifted = False
        self.exponential = False
        self.sinks: Tensor | None = None

    def add(self, step: Step, tensor: Tensor | None, dtype: torch.dtype) -> None:
        """Add one step."""
        if isinstance(step, Exponential):
            self.exponential = True
        if isinstance(step, Copy | Exponential):
            return
        if self.sinks is not None and not isinstance(step, Shift):
            raise Unreadable("scores were changed after the sinks were put beside them")
        if isinstance(step, Scaling):
            self._scale(step.factor)
        elif isinstance(step, Shift):
            self.shifted = True
        elif isinstance(step, Cap):
            if self.terms or self.fills or self.shifted or self.cap is not None:
                raise Unreadable("scores were capped after a mask or bias had been added to them")
            self.cap = 1.0
        elif isinstance(step, RowScaling):
            if self.terms or self.fills or self.cap is not None:
                raise Unreadable("rows of scores were scaled after a mask, bias or cap")
            assert tensor is not None
            self.rows.append(tensor)
        elif isinstance(step, Addition):
            assert tensor is not None
            self.fills = [_lowered(fill, tensor, step.factor) for fill in self.fills]
            self.terms.append((tensor, step.factor, dtype))
        elif isinstance(step, Fill):
            assert tensor is not None
            self._fill(tensor, step.value, step.inverted)
        elif isinstance(step, SinkColumn):
            if self.shifted:
                raise Unreadable("sinks were put beside scores that had been shifted")
            self.sinks = tensor

    def _fill(self, where: Tensor, value: float, inverted: bool) -> None:
        """Fill scores with a number.

        Fills with the same number act together where a row has nothing else.
        """
        last = self.fills[-1] if self.fills else None
        if last is not None and last[1] == value > -torch.inf:
            before, now = (~x if inv else x for x, inv in ((last[0], last[2]), (where, inverted)))
            if bool(before.all(-1).any()) or bool(now.all(-1).any()):
                self.fills[-1] = before | now, value, False
                return
        self.fills.append((where, value, inverted))

    def _scale(self, factor: float) -> None:
        """Scale the steps so far: after a cap this scales the cap, and not the products."""
        if self.cap is None:
            self.scale *= factor
        else:
            self.cap *= factor
        self.terms = [(term, f * factor, dtype) for term, f, dtype in self.terms]
        self.fills = [(where, value * factor, inv) for where, value, inv in self.fills]


def _lowered(
    fill: tuple[Tensor, float, bool], term: Tensor, factor: float
) -> tuple[Tensor, float, bool]:
    """Return a fill to whose number a term was added, as a fill with the highest sum."""
    where, value, inverted = fill
    if value <= torch.finfo(torch.float32).min / 2:
        return fill
    places = ~where if inverted else where
    highest = torch.where(places, term.float() * factor, -torch.inf).amax()
    return where, value + float(highest), inverted


def compose(
    places: list[Place],
    scores: Tensor,
    axes: Axes,
    layout: Layout,
    query: Float[Tensor, "batch heads query_len head_dim"],
    key: Float[Tensor, "batch kv_heads key_len head_dim"],
    masks: MaskCache,
    kernel: str,
) -> CapturedAttention:
    """Return the attention whose scores a chain of steps computed.

    Args:
        places: the places of the softmax's rows and columns in each step's tensor, the product's
            first.
        scores: the softmax's input.
        axes: its axes.
        layout: its layout, the keys on the last axis.
        query, key: of each head, before any step.
        masks: the cache of compact masks.
        kernel: the name of the product.

    Raises:
        Unreadable: a map cannot represent these steps in this order.
    """
    composition = _Composition()
    for place in places[1:]:
        tensor = _tensor_of_step(place, axes, layout)
        composition.add(place.node.step, tensor, place.node.dtype)
    # A factor per row can as well be applied to the queries.
    for factor in composition.rows:
        query = query.float() * factor if query.dtype != torch.float64 else query * factor
    shape = (axes.batch, axes.heads, query.shape[2], key.shape[2])
    scoring = Scoring.of(
        query,
        key,
        scale=composition.scale * (1.0 if composition.cap is None else composition.cap),
        softcap=composition.cap,
        mask=_mask(composition, scores, axes, shape, masks),
        sinks=composition.sinks,
        added_in=_dtype_of_sums(composition),
    )
    return CapturedAttention(
        query=query, key=key, scoring=scoring, kernel=f"explicit {kernel} + softmax"
    )


def _tensor_of_step(place: Place, axes: Axes, layout: Layout) -> Tensor | None:
    """Return the tensor that a step added, filled in or multiplied by, in the softmax's axes."""
    step = place.node.step
    if isinstance(step, SinkColumn):
        return _sinks(step.logits, axes)
    operand = next((v for v in vars(step).values() if isinstance(v, Tensor)), None)
    return None if operand is None else axes.four(in_final_axes(operand, place, layout, axes))


def _dtype_of_sums(composition: _Composition) -> torch.dtype | None:
    """Return the half-precision dtype in which terms were added, if its rounding matters.

    It matters if all scores of a row were moved far from zero, or its mask is the lowest number.
    """
    for term, factor, dtype in composition.terms:
        if dtype in _HALF:
            highest = (term.amax(-1) if factor > 0 else term.amin(-1)) * factor
            if bool((highest < _FAR).any()):
                return dtype
    return None


def _terms(composition: _Composition) -> list[Tensor]:
    """Return the added terms, each in the dtype of its sum; masks of the lowest numbers become one.

    If several such masks together hide a whole row, its query attends to the keys that they hide
    least.
    """
    terms = []
    lowest: Tensor | None = None
    for term, factor, dtype in composition.terms:
        bias = term if factor == 1.0 else term * factor
        if bias.dtype in _HALF and dtype not in _HALF:
            bias = bias.to(dtype)
        if bool((bias <= torch.finfo(bias.dtype).min / 2).any()):
            lowest = bias if lowest is None else lowest + bias
        else:
            terms.append(bias)
    return terms if lowest is None else [*terms, lowest]


def _sinks(logits: Tensor, axes: Axes) -> Float[Tensor, "heads"]:
    """Return one logit per head.

    Raises:
        Unreadable: the sinks differ between queries or rows of the batch.
    """
    four = axes.four(logits.detach())
    per_head = four[:, :, :1, 0]
    if bool((four[..., 0] != per_head).any()) or bool((per_head != per_head[:1]).any()):
        raise Unreadable("the sinks differ between queries, and a map holds one per head")
    return per_head[0, :, 0].expand(axes.heads).clone()


def _mask(
    composition: _Composition,
    scores: Tensor,
    axes: Axes,
    shape: tuple[int, int, int, int],
    masks: MaskCache,
) -> CompactMask | None:
    """Return all additions and fills as one mask."""
    parts = [masks.compact(term, shape) for term in _terms(composition)]
    if composition.exponential and composition.fills:
        scores = scores.detach().log()
    for where, value, inverted in composition.fills:
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
        total = replace(total, mask=intersection(total.mask, part.mask), bias=bias, flat=flat)
    return total


def _fill(
    visible: Tensor,
    value: float,
    scores: Tensor,
    axes: Axes,
    shape: tuple[int, int, int, int],
    masks: MaskCache,
) -> CompactMask:
    """Return the mask of a fill: True where scores were kept.

    Raises:
        Unreadable: the number is not low enough to hide the keys.
    """
    if value == -torch.inf:
        return masks.compact(visible, shape)
    if value > torch.finfo(scores.dtype).min / 2:
        enough = value + _UNDERFLOW.get(scores.dtype, _UNDERFLOW_OF_OTHERS)
        highest = scores.detach().amax(axes.softmax)
        if bool(((highest < enough) & (highest != value)).any()):
            raise Unreadable(
                f"masked scores were set to {value:g}, which is too high to hide them altogether"
            )
    lowest = torch.zeros((), dtype=torch.float32, device=visible.device)
    return masks.compact(torch.where(visible, lowest, torch.finfo(torch.float32).min), shape)
