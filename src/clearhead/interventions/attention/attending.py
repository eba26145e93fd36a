"""Finds the module whose attention is being computed, and its edits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...maps.recorder.owners import Chain, Owner, common_owner, find_owner
from ..edits import OUTPUT, Edit, TensorEdit
from ..offsets import Offsets, Past, offsets_of
from ..running import EditedModel, ModuleCall

Chains = Sequence[tuple[EditedModel, Chain]]


@dataclass(frozen=True, eq=False)
class Attending:
    """An attention that is being computed and has edits.

    Attributes:
        owner: the attending module.
        edits: the edits of its attention, those of outer contexts first.
        past: what the cache held when the model was called.
        calls: the running calls of the module.
    """

    owner: Owner
    edits: list[Edit]
    past: Past
    calls: list[ModuleCall]

    def offsets(self, batch: int, query_len: int, key_len: int) -> Offsets:
        """Return the positions of the first query and key."""
        return offsets_of(self.owner, self.past, batch, query_len, key_len)

    def note_applied(self) -> None:
        """Note that all edits were applied."""
        for call in self.calls:
            call.applied.update(map(id, self.edits))


def find_attending(
    models: Sequence[EditedModel], chains: Sequence[Chains] = (), *, quietly: bool = False
) -> Attending | None:
    """Return the attention that is being computed in this thread, if it has edits.

    Args:
        models: the models that are edited, the outermost context first.
        chains: the modules that were running at each product of the attention.
        quietly: whether this may turn out not to be an attention.
    """
    attending: Attending | None = None
    for model in models:
        owner = find_owner(model.names)
        for products in chains:
            for other, chain in products:
                if other is model:
                    owner = common_owner(chain, owner)
        if owner is None or owner.stranger:
            continue
        edits = [*model.edits.get(id(owner.module), ())]
        if not quietly or owner.name in model.order:
            number = model.order.setdefault(owner.name, len(model.order))
            edits += model.numbered.get(number, ())
        elif model.numbered:
            edits += model.numbered.get(len(model.order), ())
        edits = [e for e in edits if not (isinstance(e, TensorEdit) and e.part == OUTPUT)]
        if not edits:
            if not quietly:
                _note_inner(model, owner)
            continue
        call = model.call_of(owner.module)
        calls = model.calls[:1] if call is None else [call]
        if attending is None:
            past = model.calls[0].past if model.calls else Past()
            attending = Attending(owner, edits, past, calls)
        else:
            attending.edits.extend(edits)
            attending.calls.extend(calls)
    return attending


def _note_inner(model: EditedModel, owner: Owner) -> None:
    """Note, with the edited modules around an attention, that it belongs to an inner module."""
    for call in model.calls:
        call.reasons.append(
            f"the attention is that of {owner.name!r}, which is a module of its own: name that"
        )
