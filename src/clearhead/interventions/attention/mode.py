"""The function mode that sees the attention of modules that are edited, and edits it.

It is above autograd, so that gradients are those of the edited computation, and is active only
while an edited module runs. Functions that have nothing to do with attention pass through.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from ...maps.recorder.owners import Owner
from ..running import EditedModel
from .attending import find_attending
from .flex import FlexCall, edit_flex, is_flex
from .fused import arguments, edit_fused, is_packed
from .layout import layout_of
from .merged_order import MergedOrders
from .multi_head import open_multi_head_attention
from .written_out import WrittenOut


class AttentionMode(TorchFunctionMode):
    """Edits attention in one thread.

    Args:
        models: the models that are edited, the outermost context first.
    """

    def __init__(self, models: Sequence[EditedModel]) -> None:
        super().__init__()
        self._models = models
        self._orders = MergedOrders()
        self._written_out = WrittenOut(models, self._orders)

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func is F.scaled_dot_product_attention:
            return self._fused(func, args, kwargs)
        if func is F.multi_head_attention_forward:
            with self:
                return open_multi_head_attention()(*args, **kwargs)
        if is_flex(func):
            return self._flex(func, args, kwargs)
        return self._written_out.run(func, args, kwargs)

    def _flex(self, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Run FlexAttention, with its edits if it has any."""
        attending = find_attending(self._models)
        if attending is None:
            return func(*args, **kwargs)
        output = edit_flex(
            FlexCall.of(args, kwargs), attending.edits, attending.offsets, attending.owner.name
        )
        attending.note_applied()
        return output

    def _fused(self, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Run a fused kernel, with its edits if it has any."""
        attending = find_attending(self._models)
        if attending is None:
            return func(*args, **kwargs)
        owner = attending.owner
        call = arguments(args, kwargs)
        query, hints = call["query"], owner.head_hints
        packed_heads = is_packed(query, call["key"], hints, _tokens(owner))
        output = edit_fused(
            call,
            attending.edits,
            layout_of(query, hints, packed_heads=packed_heads, axes=self._orders.of(query)),
            attending.offsets,
            owner.name,
        )
        attending.note_applied()
        return output


def _tokens(owner: Owner) -> int | None:
    """Return the length of the sequence that the attending module was called with."""
    for module, call in owner.calls:
        if module is owner.module:
            for x in call.values():
                if isinstance(x, Tensor) and x.ndim == 3 and x.is_floating_point():
                    return x.shape[1]
    return None
