"""Derivations of numbers that an edit changes by a formula, such as a temperature."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ...config import TransformerConfig
from ...reference.tracing.step import Step
from ...reference.tracing.step_kind import ALL, axis
from ..contract.arrays import Steps
from ..contract.derivation_answers import WhenReplaced
from ..contract.edits import AttentionTemperature, Edit, OutputTemperature, SetWeight, Steer
from .derivation import Derivation, array, constant, scalar


def edited_derivations(
    step: Step, trace: Steps, config: TransformerConfig, plain: Derivation, edits: Sequence[Edit]
) -> Iterator[Derivation]:
    """Yield derivations of the elements that a single edit changes by a formula.

    Args:
        step: a step that edits change.
        trace: all steps of the pass.
        config: of the model.
        plain: the derivation of the step without edits.
        edits: all edits that change this step.
    """
    places = [edit.index() for edit in edits]
    for number, (edit, place) in enumerate(zip(edits, places, strict=True)):
        others = places[:number] + places[number + 1 :]
        if any(_overlap(place, other) for other in others):
            continue
        when: WhenReplaced = {"replaced": True, "index": place}
        if isinstance(edit, AttentionTemperature | OutputTemperature):
            yield _divided(plain, edit, when)
        elif isinstance(edit, Steer):
            yield _steered(plain, edit, config, when)
        elif isinstance(edit, SetWeight) and edit.renormalise:
            yield _renormalised(trace[step.path.replace(".weights", ".masked")], plain, edit, when)


def _overlap(one: Sequence[int | None], other: Sequence[int | None]) -> bool:
    return all(a is None or b is None or a == b for a, b in zip(one, other, strict=True))


def _divided(
    plain: Derivation, edit: AttentionTemperature | OutputTemperature, when: WhenReplaced
) -> Derivation:
    temperature = constant("temperature", "temperatureSet", edit.value)
    return Derivation(f"{plain.expression} / temperature", (*plain.operands, temperature), when)


def _steered(
    plain: Derivation, edit: Steer, config: TransformerConfig, when: WhenReplaced
) -> Derivation:
    weight = f"weights/{config.output_name}.weight"
    operands = (
        *plain.operands,
        constant("push", "pushSet", edit.value),
        array("w", "outputRowOfWord", weight, (edit.token, ALL)),
        scalar("c", "component", axis(2)),
    )
    return Derivation(f"{plain.expression} + push * w[c] / np.linalg.norm(w)", operands, when)


def _renormalised(
    masked: Step, plain: Derivation, edit: SetWeight, when: WhenReplaced
) -> Derivation:
    row, position = plain.operands
    operands = (
        row,
        position,
        constant("k", "keySet", edit.key),
        constant("weight", "weightSet", edit.value),
    )
    scores = np.delete(masked.value[0, edit.head, edit.query], edit.key)
    if not scores.size or np.isneginf(scores.max()):
        # No other key can take a part of the remaining weight.
        return Derivation("weight if j == k else 0.0", operands[1:], when)
    shares = "np.exp(m - m.max())"
    rest = "np.exp(np.delete(m, k) - m.max()).sum()"
    return Derivation(f"weight if j == k else (1 - weight) * {shares}[j] / {rest}", operands, when)
