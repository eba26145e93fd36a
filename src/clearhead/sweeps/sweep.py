"""`sweep`: edit a model in one place after another, and tell what each edit does to a number."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from ..attribution.running import Inputs, check_model, check_same_shapes, run, written_out
from ..attribution.target import Metric
from ..errors import ConfigError
from ..shapes import Array
from .blocks import Blocks
from .edited_runs import EditedRuns, Question, RunsWithoutEdges
from .path_runs import PathRuns, Receiver
from .progress_file import ProgressFile
from .result import Sweep
from .rows import batch_of, reversed_texts, scale_of, without_surplus
from .runs import check_positions, heads_of, outputs_of, visible_edges
from .units import (
    OVER,
    Over,
    Places,
    Plan,
    Unit,
    batches,
    matching,
    plan_edges,
    plan_heads,
    plan_layers,
    plan_positions,
)

Edit = Literal["zero", "mean"]
Runs = EditedRuns | RunsWithoutEdges | PathRuns
_MEASURES = {
    "zero": "effect of setting to 0",
    "mean": "effect of setting to the mean",
    "patch": "effect of patching",
    "edges": "effect of removing the edge",
}


def sweep(
    model: nn.Module,
    inputs: Inputs | None = None,
    metric: Metric | None = None,
    over: Over = "heads",
    *,
    clean: Inputs | None = None,
    corrupted: Inputs | None = None,
    edit: Edit = "zero",
    to: Receiver | None = None,
    modules: str | Sequence[str] | None = None,
    heads: Places = None,
    positions: Places = None,
    queries: Places = None,
    keys: Places = None,
    batch_size: int = 8,
    progress: Callable[[int, int], None] | None = None,
    resume: str | Path | None = None,
) -> Sweep:
    """Edit each part of a model alone, and measure what that does to its output.

    With ``inputs`` each part is ablated: its numbers become 0, or their mean over texts and
    positions. With ``clean`` and ``corrupted`` the corrupted run gets each part's numbers from the
    clean one (activation patching: Vig et al. 2020; Meng et al. 2022, "Locating and editing factual
    associations in GPT"): where that moves the metric towards that of the clean run, the
    part carries what differs between them. Exchange the two for the other direction.

    Edits are those of `intervene`, so fused kernels stay on. Several run side by side in one batch,
    and what was computed before an edit is not computed again.

    Args:
        model: any module that `intervene` can edit, in eval mode, whose first axis is the batch.
        inputs: what to ablate with: token ids, or the model's arguments by name.
        metric: a `Target`, or a function of the model's output that gives one number.
        over: ``"heads"`` of each attention; ``"layers"``, the outputs of the model's blocks or of
            ``modules``; ``"positions"`` of these outputs; ``"edges"`` from a query to a key, which
            are removed before the softmax, from all heads of an attention at once.
        clean, corrupted: inputs of equal token counts, in place of ``inputs``.
        edit: what an ablation puts in place.
        to: of heads that are patched only what reaches this component (path patching): directly
            or through feed-forward layers, and not through other heads.
        modules: names or patterns, such as ``"*.mlp"``; None for all attentions or all blocks.
        heads, positions: which ones of each module to sweep over; None for all.
        queries, keys: of which edges; None for all.
        batch_size: how many edits run side by side; edges run one by one.
        progress: called with the number of edits done and to do.
        resume: a file for the numbers found so far; a sweep that was interrupted goes on with it.

    Raises:
        ConfigError: what is asked for cannot be swept over; or the file is another sweep's.
        ShapeError: clean and corrupted inputs have different token counts.
    """
    _check(model, metric, over, edit, batch_size)
    assert metric is not None
    own, source = _runs(inputs, clean, corrupted, over)
    if to is not None and (source is None or over != "heads"):
        raise ConfigError(
            "to= asks for the paths from heads to a component: over='heads', with clean= and "
            "corrupted=."
        )
    own = without_surplus(model, own, metric)
    source = None if source is None else without_surplus(model, source, metric)
    size = 1 if over == "edges" else batch_size
    with torch.no_grad(), written_out():
        question = Question(model, own, metric, batch_of(own), Blocks(model, batch_of(own)))
        before, own_heads = _plain_run(question, source, size, over)
        target = None if source is None else _finite(question.metric_of(run(model, source)))
        runs: Runs
        notes: list[str] = []
        places = heads if over == "heads" else positions
        if over == "edges":
            runs, notes = _edges(question, modules, queries, keys)
        else:
            runs = _parts(question, own_heads, source, over, edit, modules, places)
        if to is not None:
            assert isinstance(runs, EditedRuns)
            assert source is not None
            runs = _paths(runs, source, to)
        kind = "edges" if over == "edges" else edit if source is None else "patch"
        values, axes = runs.plan.empty(), runs.plan.axes
        subject = {
            "edit": kind,
            "to": None if to is None else asdict(to),
            "axes": axes,
            "metric": before,
            "target": target,
        }
        results = None if resume is None else ProgressFile(resume, subject, runs.plan.units)
        notes += _go_through(runs, values, results, size, progress)
    return Sweep(
        _MEASURES[kind],
        values - before,
        axes,
        tuple(notes),
        before=before,
        target=target,
        model=type(model).__name__,
        over=over,
        edit="remove" if over == "edges" else kind,
        to=subject["to"],
    )


def _plain_run(
    question: Question, source: Inputs | None, size: int, over: Over
) -> tuple[float, dict[str, Tensor]]:
    """Return the metric without edits, and the heads' outputs if they are swept over.

    What need not be computed again is found out, too.
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


def _check(model: nn.Module, metric: Metric | None, over: str, edit: str, batch_size: int) -> None:
    """Check what a sweep was asked for."""
    check_model(model, "A sweep")
    if metric is None:
        raise ConfigError("A sweep needs a metric: Target(answer, against), or a function.")
    if over not in OVER:
        raise ConfigError(f"over is one of {', '.join(OVER)}; got {over!r}.")
    if edit not in ("zero", "mean"):
        raise ConfigError(f"edit is 'zero' or 'mean'; got {edit!r}.")
    if batch_size < 1:
        raise ConfigError(f"batch_size must be at least 1; it is {batch_size}.")


def _runs(
    inputs: Inputs | None, clean: Inputs | None, corrupted: Inputs | None, over: str
) -> tuple[Inputs, Inputs | None]:
    """Return the inputs of the run that is edited, and of the one that is patched from."""
    if (clean is None) != (corrupted is None) or (inputs is None) == (clean is None):
        raise ConfigError(
            "A sweep ablates one run, inputs, or patches from one run into another, clean= and "
            "corrupted=: give either inputs or both of these."
        )
    if inputs is not None:
        return inputs, None
    assert clean is not None
    assert corrupted is not None
    if over == "edges":
        raise ConfigError(
            "Edges are removed and not patched: give inputs in place of clean and corrupted. "
            "attribute_edges estimates what patching edges between parts would do."
        )
    check_same_shapes(clean, corrupted)
    return corrupted, clean


def _edges(
    question: Question, modules: str | Sequence[str] | None, queries: Places, keys: Places
) -> tuple[RunsWithoutEdges, list[str]]:
    visible, notes = visible_edges(question.model, question.inputs)
    names = matching(list(visible), modules, "attentions")
    plan = plan_edges({name: visible[name] for name in names}, queries, keys)
    return RunsWithoutEdges(question, plan), notes


def _parts(
    question: Question,
    heads: dict[str, Tensor],
    source: Inputs | None,
    over: Over,
    edit: Edit,
    modules: str | Sequence[str] | None,
    places: Places,
) -> EditedRuns:
    """Return the runs of a sweep over heads, layers or positions."""

    def outputs(inputs: Inputs) -> dict[str, Tensor]:
        if over == "heads":
            own = heads if inputs is question.inputs else heads_of(question.model, inputs)[0]
            return {name: own[name] for name in matching(list(own), modules, "attentions")}
        if modules is None and not question.blocks.names:
            raise ConfigError(
                f"{type(question.model).__name__} has no nn.ModuleList of blocks that ran. Say "
                "which modules to sweep over: modules='*.mlp'."
            )
        ran = question.blocks.names if modules is None else question.blocks.modules
        names = matching(ran, modules, "modules")
        return outputs_of(question.model, inputs, names)[0]

    own = outputs(question.inputs)
    if over == "positions":
        check_positions(question.model, own)
    if source is not None:
        values = outputs(source)
    elif edit == "mean":
        _check_no_padding(question.inputs)
        values = {name: _mean(x, over) for name, x in own.items()}
    else:
        values = {name: torch.zeros(()) for name in own}
    if over == "heads":
        plan: Plan = plan_heads(own, places)
    else:
        plan = plan_layers(own) if over == "layers" else plan_positions(own, places)
    return EditedRuns(question, plan, values, {name: x.shape[1] for name, x in own.items()})


def _paths(runs: EditedRuns, source: Inputs, to: Receiver) -> PathRuns:
    """Return the runs for paths from heads to a component, in place of those for heads."""
    question = runs.question
    corrupted, _ = heads_of(question.model, question.inputs)
    clean, _ = heads_of(question.model, source)
    if to.module not in corrupted:
        raise ConfigError(
            f"{to.module!r} is none of the attentions that ran: {', '.join(corrupted)}."
        )
    earlier = list(corrupted)[: list(corrupted).index(to.module)]
    units = [unit for unit in runs.plan.units if unit.module in earlier]
    if not units:
        raise ConfigError(f"No head that is swept over runs before {to.module!r}.")
    return PathRuns(question, replace(runs.plan, units=units), corrupted, clean, to)


def _mean(x: Tensor, over: Over) -> Tensor:
    """Return the mean over texts and positions."""
    return x.mean((0, 2) if over == "heads" else (0, 1), keepdim=True)


def _check_no_padding(inputs: Inputs) -> None:
    """Check that no mask hides tokens, which a mean would count."""
    arguments = {} if isinstance(inputs, Tensor) else inputs
    for name, x in arguments.items():
        if "mask" in name and isinstance(x, Tensor) and x.ndim == 2 and not bool(x.all()):
            raise ConfigError(
                f"{name} hides some of the tokens, and edit='mean' would count them. Sweep over "
                "texts of one length, or one by one."
            )


def _go_through(
    runs: Runs,
    values: Array,
    results: ProgressFile | None,
    size: int,
    progress: Callable[[int, int], None] | None,
) -> list[str]:
    """Run all units, put the metric of each into an array, and return notes."""
    units = runs.plan.units
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
    return [f"{strange} edits give a metric that is no finite number."] if strange else []
