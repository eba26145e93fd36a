"""Where numbers come from that a what-if changed, but that nobody set: by a temperature, say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ...reference.tracing.step import Step
from ...reference.tracing.trace import Trace
from ..contract.edits import AttentionTemperature, Edit, OutputTemperature, SetWeight
from .derivation import Derivation, constant


def edited_derivations(
    step: Step, trace: Trace, computed: Derivation, edits: Sequence[Edit]
) -> Iterator[Derivation]:
    """Derivations of those elements of a replaced step that follow from others by one edit alone.

    Args:
        step: a replaced one.
        trace: all steps of the pass.
        computed: the derivation of the step without edits.
        edits: all that change this step.
    """
    places = [edit.index() for edit in edits]
    for number, (edit, place) in enumerate(zip(edits, places, strict=True)):
        others = places[:number] + places[number + 1 :]
        if any(_overlap(place, other) for other in others):
            continue
        when = {"replaced": True, "index": place}
        if isinstance(edit, AttentionTemperature | OutputTemperature):
            yield _divided(computed, edit, when)
        elif isinstance(edit, SetWeight) and edit.renormalise:
            yield _renormalised(
                trace[step.path.replace(".weights", ".masked")], computed, edit, when
            )


def _overlap(one: Sequence[int | None], other: Sequence[int | None]) -> bool:
    return all(a is None or b is None or a == b for a, b in zip(one, other, strict=True))


def _divided(
    computed: Derivation,
    edit: AttentionTemperature | OutputTemperature,
    when: dict[str, object],
) -> Derivation:
    temperature = constant(
        "temperature", "the temperature that you set", "a temperatura que você definiu", edit.value
    )
    return Derivation(
        f"{computed.expression} / temperature", (*computed.operands, temperature), when
    )


def _renormalised(
    masked: Step, computed: Derivation, edit: SetWeight, when: dict[str, object]
) -> Derivation:
    row, position = computed.operands
    operands = (
        row,
        position,
        constant("k", "the key whose weight you set", "a chave cujo peso você definiu", edit.key),
        constant("weight", "the weight that you set", "o peso que você definiu", edit.value),
    )
    scores = np.delete(masked.value[0, edit.head, edit.query], edit.key)
    if not scores.size or np.isneginf(scores.max()):
        # There are no other keys to share what is left.
        return Derivation("weight if j == k else 0.0", operands[1:], when)
    shares = "np.exp(m - m.max())"
    rest = "np.exp(np.delete(m, k) - m.max()).sum()"
    return Derivation(f"weight if j == k else (1 - weight) * {shares}[j] / {rest}", operands, when)
