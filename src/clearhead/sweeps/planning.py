"""Plans the runs of a sweep: its units, and what replaces their numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from ..attribution.running import Inputs
from ..errors import ConfigError
from .edited_runs import EditedRuns, Question, RunsWithoutEdges
from .path_runs import INPUT, PathRuns, Receiver
from .request import Request, check_no_padding
from .runs import check_positions, heads_of, outputs_of, visible_edges
from .units import Plan, matching, plan_edges, plan_heads, plan_layers, plan_positions

Runs = EditedRuns | RunsWithoutEdges | PathRuns
Outputs = dict[str, Tensor]


def plan_runs(
    question: Question, request: Request, heads: Outputs, source: Inputs | None
) -> tuple[Runs, list[str]]:
    """Return the runs of a sweep, and notes of what it leaves out.

    Args:
        question: the model, inputs and metric.
        request: the arguments of the sweep.
        heads: the outputs of all heads in the plain run, if these are swept over.
        source: the inputs of the run that is patched from; None where nothing is patched.

    Raises:
        ConfigError: there is nothing of the kind to sweep over.
    """
    if request.over == "edges":
        visible, notes = visible_edges(question.model, question.inputs)
        names = matching(list(visible), request.modules, "attentions")
        plan = plan_edges({name: visible[name] for name in names}, request.queries, request.keys)
        return RunsWithoutEdges(question, plan), notes
    runs = _part_runs(question, request, heads, source)
    if request.to is None:
        return runs, []
    return _path_runs(runs, request), []


def _part_runs(
    question: Question, request: Request, heads: Outputs, source: Inputs | None
) -> EditedRuns:
    """Return the runs of a sweep over heads, layers or positions."""
    outputs = _reader(question, request, heads)
    own = outputs(question.inputs)
    if request.over == "positions":
        check_positions(question.model, own)
    if source is not None:
        values = outputs(source)
    elif request.edit == "mean":
        check_no_padding(question.inputs)
        axes = (0, 2) if request.over == "heads" else (0, 1)
        values = {name: x.mean(axes, keepdim=True) for name, x in own.items()}
    else:
        values = {name: torch.zeros(()) for name in own}
    sizes = {name: x.shape[1] for name, x in own.items()}
    return EditedRuns(question, _plan(request, own), values, sizes)


def _plan(request: Request, own: Outputs) -> Plan:
    if request.over == "heads":
        return plan_heads(own, request.heads)
    if request.over == "layers":
        return plan_layers(own)
    return plan_positions(own, request.positions)


def _reader(question: Question, request: Request, heads: Outputs) -> Callable[[Inputs], Outputs]:
    """Return a function from inputs to the outputs of the heads or modules that are swept over."""
    blocks = question.blocks

    def of_heads(inputs: Inputs) -> Outputs:
        own = heads if inputs is question.inputs else heads_of(question.model, inputs)[0]
        return {name: own[name] for name in matching(list(own), request.modules, "attentions")}

    def of_modules(inputs: Inputs) -> Outputs:
        if request.modules is None and not blocks.names:
            raise ConfigError(
                f"{type(question.model).__name__} has no nn.ModuleList of blocks that ran. Say "
                "which modules to sweep over: modules='*.mlp'."
            )
        ran = blocks.names if request.modules is None else blocks.modules
        names = matching(ran, request.modules, "modules")
        return outputs_of(question.model, inputs, names)[0]

    return of_heads if request.over == "heads" else of_modules


def _path_runs(senders: EditedRuns, request: Request) -> PathRuns:
    """Turn the runs of units into runs of the paths from the units to a component."""
    question, receiver = senders.question, request.receiver
    heads, _ = heads_of(question.model, question.inputs)
    plan = senders.plan
    if request.over != "heads":
        _check_components(question, list(plan.axes["module"]), "modules")
    if receiver is not None:
        earlier = _before(question, plan, list(heads), receiver)
        units = [unit for unit in plan.units if unit.module in earlier]
        if not units:
            what = "head" if request.over == "heads" else "module"
            raise ConfigError(f"No {what} that is swept over runs before {receiver.module!r}.")
        senders = replace(senders, plan=replace(plan, units=units))
    frozen: Outputs = {}
    if request.freeze is not None:
        names = matching(question.blocks.modules, request.freeze, "modules", argument="freeze")
        _check_components(question, names, "freeze")
        frozen, _ = outputs_of(question.model, question.inputs, names)
    return PathRuns(senders, heads, frozen, receiver)


def _check_components(question: Question, names: list[str], argument: str) -> None:
    """Check that no module is a whole block, whose output is the residual stream."""
    blocks = set(question.blocks.names)
    for name in names:
        if name in blocks or any(block.startswith(f"{name}.") for block in blocks):
            raise ConfigError(
                f"{argument}= names {name!r}, whose output is the residual stream itself, so no "
                f"path goes through it. Name what adds to the stream, such as '*.mlp'."
            )


def _before(question: Question, plan: Plan, attentions: list[str], receiver: Receiver) -> set[str]:
    """Return the modules of a plan that run before a receiver.

    Raises:
        ConfigError: the receiver did not run.
    """
    names, blocks = plan.axes["module"], question.blocks
    if receiver.part != INPUT:
        if receiver.module not in attentions:
            raise ConfigError(
                f"{receiver.module!r} is none of the attentions that ran: {', '.join(attentions)}."
            )
        if plan.over == "heads":
            return set(attentions[: attentions.index(receiver.module)])
    elif receiver.module not in blocks.modules:
        raise ConfigError(
            f"{receiver.module!r} is none of the modules that ran. Its input is needed: name a "
            "module that is called, such as a feed-forward layer or the last norm."
        )
    begin = blocks.begin(receiver.module)
    inside = f"{receiver.module}."
    return {
        name for name in names if blocks.begin(name) < begin and not inside.startswith(f"{name}.")
    }
