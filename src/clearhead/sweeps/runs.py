"""Plain runs of a model, without edits, and the outputs of its parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..attribution.running import Inputs, run, written_out
from ..attribution.taps import Tap, on_outputs
from ..errors import ConfigError
from ..interventions.edits import HEADS, Place, TensorEdit
from ..interventions.intervene import intervene
from ..interventions.module_outputs import length_axis
from ..maps.attention_map import AttentionMap
from ..maps.recorder.record import record
from ..shapes import Array
from .blocks import Blocks


def heads_of(
    model: nn.Module, inputs: Inputs, blocks: Blocks | None = None
) -> tuple[dict[str, Tensor], Any]:
    """Return the outputs of all heads by module, [batch, heads, length, head_dim], and the output.

    Raises:
        ConfigError: no attention can be edited, or a module attends several times.
    """
    taps: dict[str, Tap] = {}

    def note(x: Tensor, place: Place) -> Tensor:
        if blocks is not None:
            blocks.note_heads(place.module)
        return taps.setdefault(place.module, Tap())(x)

    edit = TensorEdit("a sweep's look at heads", None, HEADS, note)
    edit.applied = True  # if nothing attends, an error is raised below
    with torch.no_grad(), _watching(blocks), intervene(model) as edits:
        # Which modules attend is unknown before they do; there are no more than modules.
        for number, _ in enumerate(model.modules()):
            edits.add(number, edit)
        output = run(model, inputs)
    outputs = {name: _only(name, tap) for name, tap in taps.items()}
    if not outputs:
        raise ConfigError(
            f"{type(model).__name__} ran, and no attention was seen of which heads could be edited."
        )
    return outputs, output


def outputs_of(model: nn.Module, inputs: Inputs, names: list[str]) -> tuple[dict[str, Tensor], Any]:
    """Return the first tensor of some modules' outputs, and the model's output.

    Raises:
        ConfigError: one of them did not run, or ran several times.
    """
    taps = {name: Tap() for name in names}
    with torch.no_grad(), written_out(), on_outputs(model, dict(taps)):
        output = run(model, inputs)
    outputs = {name: _only(name, tap) for name, tap in taps.items() if tap.values}
    for name, x in outputs.items():
        if x.ndim < 2:
            raise ConfigError(
                f"{name!r} returns the shape {list(x.shape)}; a sweep edits outputs "
                "[batch, length, ...]. Choose other modules."
            )
    return outputs, output


def check_positions(model: nn.Module, outputs: dict[str, Tensor]) -> None:
    """Check that the positions of outputs are their second axis.

    Raises:
        ConfigError: they are another axis, or the axis is unknown.
    """
    modules = dict(model.named_modules())
    for name, x in outputs.items():
        parts = name.split(".")
        around = [".".join(parts[:end]) for end in range(len(parts), -1, -1)]
        axis, _ = length_axis(x, [modules[one] for one in around if one in modules])
        if axis != 1:
            raise ConfigError(
                f"A sweep over positions edits outputs [batch, length, ...]; those of {name!r} "
                f"have the shape {list(x.shape)}, of which the second axis is not known to be "
                "positions. Sweep over layers or heads, or choose other modules."
            )


def visible_edges(model: nn.Module, inputs: Inputs) -> tuple[dict[str, Array], list[str]]:
    """Return Bool["queries keys"] by module: where any head of any text has weight.

    Also returns notes on modules that could not be read.

    Raises:
        ConfigError: no attention can be read.
    """
    with torch.no_grad(), record(model) as recording:
        run(model, inputs)
    edges: dict[str, Array] = {}
    for name in recording:
        if name not in recording.refusals:
            if len(recording.calls(name)) > 1:
                raise ConfigError(_SEVERAL.format(name=name, count=len(recording.calls(name))))
            (call,) = recording.calls(name)
            assert isinstance(call, AttentionMap)
            edges[name] = (call[:, :, :] > 0).any(0).any(0).cpu().numpy()
    if not any(np.any(one) for one in edges.values()):
        raise ConfigError(f"{type(model).__name__} ran, and no attention was read: {recording}")
    notes = [f"Not swept over: {name}: {one.why}." for name, one in recording.refusals.items()]
    return edges, notes


_SEVERAL = (
    "{name!r} runs {count} times in one pass, as a module that layers share does. Its runs "
    "cannot be edited one by one in a sweep; clearhead.intervene edits all of them at once."
)


def _only(name: str, tap: Tap) -> Tensor:
    if len(tap.values) > 1:
        raise ConfigError(_SEVERAL.format(name=name, count=len(tap.values)))
    return tap.values[0]


@contextmanager
def _watching(blocks: Blocks | None) -> Iterator[None]:
    with nullcontext() if blocks is None else blocks.watch():
        yield
