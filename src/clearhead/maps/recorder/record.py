"""`record`: the attention of any PyTorch model, with its fused kernels on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from ...errors import ConfigError
from ..measures.base import Measure
from ..measures.per_position import as_measure
from ..recording.contents import Contents
from ..recording.notes import is_compiled, note_compiled_modules, note_emptiness, note_strangers
from ..recording.recording import Recording
from ..recording.storage import Storage
from .collector import Collector
from .outputs.keeper import OutputKeeper
from .recorder import Recorder
from .selection import Layers, Selection
from .token_labels import TokenLabels


@contextmanager
def record(
    model: nn.Module,
    layers: Layers = None,
    *,
    values: bool = False,
    outputs: Iterable[str] = (),
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
    summaries: Sequence[Measure | str] | None = None,
    tokenizer: Any = None,
) -> Iterator[Recording]:
    """Record the attention of a model within a ``with`` block.

    The model is not changed, and its outputs are the same bits as without. Queries, keys and the
    kernel's log-sum-exp are copied, which is linear in the length; weights are computed when a
    map is asked for them. Other models, and other threads, are not recorded.

    Args:
        model: any module. What it is called with, and how often, does not matter.
        layers: which modules: a name, a pattern such as ``"*.self_attn"``, a number (its index
            among the attending modules, in the order of first calls), or several of these; a
            name stands for the modules below it, too. None for all.
        values: whether values are kept, for contributions and the outputs of heads.
        outputs: names of modules, or patterns, whose outputs are kept: ``recording.outputs[name]``.
            Values are then kept, too.
        device: the device to keep tensors on, such as ``"cpu"``; None for the model's own.
        dtype: the dtype to narrow tensors to, such as ``torch.bfloat16``; the maps are then those
            of the narrowed queries and keys.
        summaries: measures to compute during the forward pass, by name or as objects; nothing
            else is kept.
        tokenizer: labels queries and keys with tokens: something with ``convert_ids_to_tokens``,
            or a function from a list of ids to a list of strings.

    Raises:
        ConfigError: no module has such a name, or there is no such measure.
    """
    _check_model(model)
    contents = Contents(type(model).__name__)
    outputs = [outputs] if isinstance(outputs, str) else list(outputs)
    storage = Storage(
        None if device is None else torch.device(device), dtype, values or bool(outputs)
    )
    keeper = OutputKeeper(model, outputs, contents, storage)
    collector = Collector(
        contents,
        Selection(model, layers),
        storage,
        None if summaries is None else [as_measure(measure) for measure in summaries],
        None if tokenizer is None else TokenLabels(tokenizer),
    )
    recorder = Recorder(model, collector, inputs=tokenizer is not None)
    compiled = [name for name, module in recorder.modules if is_compiled(module)]
    try:
        with keeper, recorder:
            yield Recording(contents)
    finally:
        recorder.finish()
        _add_notes(contents, model, recorder, collector, compiled)


def _add_notes(
    contents: Contents,
    model: nn.Module,
    recorder: Recorder,
    collector: Collector,
    compiled: list[str],
) -> None:
    """Add what is known only after the run: notes, and refusals of unread modules.

    Args:
        compiled: names of the modules that torch.compile was asked to compile.
    """
    ran = bool(compiled or recorder.saw_operators)
    note_compiled_modules(contents, compiled, collector.calls_in_graphs)
    note_strangers(contents, collector.strangers)
    note_emptiness(contents, model, ran=ran)
    if ran and not compiled:
        collector.refuse_unread(recorder.modules, recorder.multiplied_parameters)


def _check_model(model: object) -> None:
    if not isinstance(model, nn.Module):
        raise ConfigError(
            f"record() watches a torch.nn.Module; got {type(model).__name__}. From a pipeline or "
            f"wrapper, pass the model inside it."
        )
