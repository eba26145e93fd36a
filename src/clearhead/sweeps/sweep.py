"""`sweep`: edits a model at one place after another, and measures the effect of each edit."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from ..attribution.running import Inputs, check_model, run, written_out
from ..attribution.target import Metric
from ..errors import ConfigError
from ..shapes import Array
from .blocks import Blocks
from .edited_runs import Question
from .path_runs import Receiver
from .planning import Runs, plan_runs
from .progress_file import ProgressFile
from .request import Edit, Patterns, Request, texts_of
from .result import Sweep
from .rows import batch_of, reversed_texts, scale_of, without_surplus
from .runs import heads_of
from .units import Over, Places, Unit, batches


def sweep(
    model: nn.Module,
    inputs: Inputs | None = None,
    metric: Metric | None = None,
    over: Over = "heads",
    *,
    clean: Inputs | None = None,
    corrupted: Inputs | None = None,
    edit: Edit = "zero",
    to: Receiver | Literal["logits"] | None = None,
    freeze: Patterns = None,
    modules: Patterns = None,
    heads: Places = None,
    positions: Places = None,
    queries: Places = None,
    keys: Places = None,
    batch_size: int = 8,
    progress: Callable[[int, int], None] | None = None,
    resume: str | Path | None = None,
) -> Sweep:
    """Edit each part of a model alone, and measure the effect on its output.

    With ``inputs`` each part is ablated: its numbers become 0, or their mean over texts and
    positions. With ``clean`` and ``corrupted`` the corrupted run gets each part's numbers from the
    clean one (activation patching: Vig et al. 2020; Meng et al. 2022, "Locating and editing factual
    associations in GPT"): if that moves the metric towards that of the clean run, the part carries
    the difference between them. Swap the two for the other direction.

    Edits are those of `intervene`, so fused kernels stay on. Several edits run side by side in one
    batch, and what comes before an edit is not computed again.

    Args:
        model: any module that `intervene` can edit, in eval mode, whose first axis is the batch.
        inputs: what to ablate with: token ids, or the model's arguments by name.
        metric: a `Target`, or a function of the model's output that gives one number.
        over: ``"heads"`` of each attention; ``"layers"``, the outputs of the model's blocks or of
            ``modules``; ``"positions"`` of these outputs; ``"edges"`` from a query to a key, which
            are removed before the softmax, from all heads of an attention at once.
        clean, corrupted: inputs of equal token counts, in place of ``inputs``.
        edit: what an ablation puts in place.
        to: patch only the paths to this component, or to the ``"logits"`` (path patching): direct
            ones and those through feed-forward layers, but not through other heads.
        freeze: names or patterns of other modules that paths do not go through; with ``"*.mlp"``
            the direct path remains.
        modules: names or patterns, such as ``"*.mlp"``; None for all attentions or all blocks.
        heads, positions: which ones of each module to sweep over; None for all.
        queries, keys: of which edges; None for all.
        batch_size: how many edits run side by side.
        progress: called with the number of edits done and to do.
        resume: a file for the results so far, with which an interrupted sweep is resumed.

    Raises:
        ConfigError: there is nothing of the kind to sweep over; or the file is another sweep's.
        ShapeError: clean and corrupted inputs have different token counts.
    """
    check_model(model, "A sweep")
    if metric is None:
        raise ConfigError("A sweep needs a metric: Target(answer, against), or a function.")
    if batch_size < 1:
        raise ConfigError(f"batch_size must be at least 1; it is {batch_size}.")
    own, source = texts_of(inputs, clean, corrupted)
    request = Request(
        over, edit, to, freeze, modules, heads, positions, queries, keys, source is not None
    )
    request.check()
    own = without_surplus(model, own, metric)
    source = None if source is None else without_surplus(model, source, metric)
    with torch.no_grad(), written_out():
        question = Question(model, own, metric, batch_of(own), Blocks(model, batch_of(own)))
        before, own_heads = _plain_run(question, source, batch_size, over)
        target = None if source is None else _finite(question.metric_of(run(model, source)))
        runs, notes = plan_runs(question, request, own_heads, source)
        results = None if resume is None else _results(resume, request, runs, before, target)
        values, strange = _values(runs, results, batch_size, progress)
    return Sweep(
        request.measure,
        values - before,
        runs.plan.axes,
        (*notes, *strange),
        before=before,
        target=target,
        model=type(model).__name__,
        over=over,
        edit=request.kind,
        to=request.paths,
    )


def _results(
    path: str | Path, request: Request, runs: Runs, before: float, target: float | None
) -> ProgressFile:
    """Open the file of results so far, which says of what sweep they are."""
    subject = {"edit": request.kind, "to": request.paths, "axes": runs.plan.axes}
    return ProgressFile(path, subject | {"metric": before, "target": target}, runs.plan.units)


def _plain_run(
    question: Question, source: Inputs | None, size: int, over: Over
) -> tuple[float, dict[str, Tensor]]:
    """Return the metric without edits, and the heads' outputs if they are swept over.

    Also test which blocks need not be computed again.
    """
    heads: dict[str, Tensor] = {}
    if over == "heads":
        heads, output = heads_of(question.model, question.inputs, question.blocks)
    else:
        with question.blocks.watch():
            output = run(question.model, question.inputs)
    before = _finite(question.metric_of(output))
    others = reversed_texts(question.inputs) if source is None else source
    if size > 1:
        question.try_beside(others, before, scale_of(output))
    else:
        run(question.model, others)
    question.blocks.try_short_cuts(question.measure, before, min(size, 2))
    return before, heads


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ConfigError(
            f"Without any edit the metric is {number}, from which no change can be measured."
        )
    return number


def _values(
    runs: Runs,
    results: ProgressFile | None,
    size: int,
    progress: Callable[[int, int], None] | None,
) -> tuple[Array, list[str]]:
    """Run all units that have no result yet, and return the metric of each, with notes."""
    values, units = runs.plan.empty(), runs.plan.units
    to_do = [unit for unit in units if results is None or unit not in results]
    count = len(units) - len(to_do)
    with nullcontext() if results is None else results.writing():
        for part in batches(to_do, size):
            numbers: dict[Unit, float] = dict(zip(part, runs.run(part), strict=True))
            if results is not None:
                results.add(numbers)
            for unit, number in numbers.items():
                values[unit.entry] = number
            count += len(part)
            if progress is not None:
                progress(count, len(units))
    if results is not None:
        results.fill(values)
    strange = sum(not math.isfinite(values[unit.entry]) for unit in units)
    notes = [f"{strange} edits give a metric that is no finite number."] if strange else []
    return values, notes
