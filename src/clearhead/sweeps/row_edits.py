"""Edits that differ between the copies of a run in a batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import ConfigError
from ..interventions.handles import Edits
from ..shapes import Bool
from .rows import repeat
from .units import Plan, Unit


class RowEdit:
    """Replaces numbers, at different places in each copy.

    Args:
        mask: what to replace in each copy, along the second axis of the edited tensor: heads of
            [batch, heads, length, head_dim], or positions of [batch, length, ...].
        values: for one copy, of the shape of the edited tensor, or expandable to it.
        batch: the number of texts in a copy.
    """

    def __init__(self, mask: Bool[Tensor, "copies entries"], values: Tensor, batch: int) -> None:
        self._mask, self._values, self._batch = mask, values, batch

    def __call__(self, x: Tensor) -> Tensor:
        """Return the tensor with its numbers replaced.

        Raises:
            ConfigError: its first axis is not that of the texts.
        """
        copies, entries = self._mask.shape
        if len(x) != copies * self._batch or x.shape[1] != entries:
            raise ConfigError(
                f"A sweep puts copies of the texts side by side, and expects {copies} times "
                f"{self._batch} of them with {entries} entries each; a module computed the shape "
                f"{list(x.shape)}. Sweep over another part, or with batch_size=1 over a model "
                "whose first axis is the batch."
            )
        mask = self._mask.repeat_interleave(self._batch, 0).to(x.device)
        mask = mask[(..., *(None for _ in x.shape[2:]))]
        values = self._values.to(x.device, x.dtype)
        return torch.where(mask, repeat(values, self._batch, copies), x)


def ask_for(
    edits: Edits,
    plan: Plan,
    units: Sequence[Unit],
    values: dict[str, Tensor],
    sizes: dict[str, int],
    batch: int,
) -> None:
    """Add the edits of some units, one in each copy.

    Args:
        edits: of the model.
        plan: of the sweep: over heads, layers or positions.
        units: of the copies, in their order.
        values: the replacements, for each module.
        sizes: the number of heads or positions of each module.
        batch: the number of texts in a copy.
    """
    for name in dict.fromkeys(unit.module for unit in units):
        mask = torch.zeros(len(units), sizes[name], dtype=torch.bool)
        for copy, unit in enumerate(units):
            if unit.module == name:
                mask[copy, _entries(plan, unit)] = True
        edit = RowEdit(mask, values[name], batch)
        (edits[name] if plan.over == "heads" else edits[name].output).apply(edit)


def _entries(plan: Plan, unit: Unit) -> slice | int:
    if plan.over == "layers":
        return slice(None)
    return plan.place_of(unit)
