"""Starts or resumes a run: its model, optimizer and state, and sentences about them."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from ..config import TransformerConfig
from ..nn.transformer import Transformer
from .checkpoint import load_state, states
from .data import TrainingData
from .initial.loading import load_origin, set_trained
from .initial.origin import Origin
from .run_folder.beginning import machine, machine_difference, parameter_count
from .run_folder.progress import Progress
from .settings import TrainingSettings
from .tasks.task import CLASSIFICATION


def new_model(
    config: TransformerConfig,
    options: TrainingSettings,
    precision: str,
    origin: Origin | None = None,
) -> Transformer:
    """Return a model on its device, with random weights from the seed.

    With an initial model, only the parameters that it marks as trained are trained.
    """
    torch.manual_seed(options.seed)
    model = Transformer(config).to(options.device)
    set_trained(origin, model)
    if precision == "bfloat16":
        model.compute_dtype = torch.bfloat16
    return model


def new_optimizer(model: Transformer, options: TrainingSettings) -> torch.optim.Optimizer:
    """Return AdamW over all parameters; each step sets its own learning rate."""
    return torch.optim.AdamW(
        [parameter for parameter in model.parameters() if parameter.requires_grad],
        lr=0.0,
        betas=options.betas,
        eps=options.epsilon,
        weight_decay=options.weight_decay,
        fused=True,
    )


def restore(
    run: Path,
    options: TrainingSettings,
    model: Transformer,
    optimizer: torch.optim.Optimizer,
    tell: Callable[[str], None],
    origin: Origin | None = None,
) -> Progress:
    """Restore model and optimizer from the newest state, and return the run's progress.

    Args:
        run: its folder; without a state in it, the run begins.
        options: of the run.
        model, optimizer: to restore, in place.
        tell: called with sentences about how the run resumes or begins.
        origin: the initial model; None keeps the model's random weights.
    """
    complete = states(run)
    if complete:
        progress = load_state(complete[-1], model, optimizer)
        progress.stopped = False
        tell(f"Going on from step {progress.step:,}.")
    else:
        progress = Progress()
        if origin is not None:
            for sentence in load_origin(origin, model):
                tell(sentence)
    rate = options.learning_rate
    if not progress.rates or progress.rates[-1][1] != rate:
        if progress.rates:
            tell(f"training.learning_rate was {progress.rates[-1][1]} and is now {rate}.")
        progress.rates.append([progress.step, rate])
    progress.starts.append(progress.step)
    return progress


def sentences_at_start(
    model: Transformer,
    data: TrainingData,
    options: TrainingSettings,
    progress: Progress,
    plan: list[np.ndarray],
    *,
    precision: str,
    threads: int,
    processes: int,
) -> list[str]:
    """Record the machine in the progress; return sentences on the run's size, length and machine.

    Args:
        model, data, options, progress: of the run.
        plan: the batches of the current epoch.
        precision: words on the precision of the matrix products.
        threads: of each process.
        processes: the number of processes.
    """
    difference = note_machine(progress, options, threads, processes)
    return [
        *([difference] if difference else []),
        *size_and_length(model, data, options, progress.epoch, plan),
        f"precision: {precision}",
        workers_at_work(options, threads, processes, progress.micro_batches),
    ]


def note_machine(
    progress: Progress, options: TrainingSettings, threads: int, processes: int
) -> str | None:
    """Record the machine of a new run; for a resumed run, return a sentence on differences."""
    here = machine(options.device, threads, processes)
    difference = machine_difference(progress.machine, here) if progress.machine else None
    progress.machine = progress.machine or here
    return difference


def size_and_length(
    model: Transformer,
    data: TrainingData,
    options: TrainingSettings,
    epoch: int,
    plan: list[np.ndarray],
) -> list[str]:
    """Return sentences on the size of the model and of an epoch with the batches ``plan``."""
    lengths = data.corpus.target_lengths
    specials = data.corpus.form.target_specials
    tokens = sum(int(lengths[rows].sum()) + specials * len(rows) for rows in plan)
    steps = math.ceil(len(plan) / options.accumulation)
    task = data.task
    predictions = "" if task is CLASSIFICATION else f", {tokens:,} {task.predicted}"
    return [
        f"model: {parameter_count(model):,} parameters",
        f"epoch {epoch + 1}: {sum(map(len, plan)):,} {task.rows}{predictions}, "
        f"{steps:,} steps; the run ends at step {options.max_steps:,} or after "
        f"{options.max_epochs:,} epochs",
    ]


def workers_at_work(
    options: TrainingSettings, threads: int, processes: int, micro_batches: int = 1
) -> str:
    """Return a sentence on the device and the number of processes and threads."""
    here = machine(options.device, threads, processes)
    return (
        f"at work: {options.device} ({here['processor']}, {here['instructions']}), "
        f"{processes} process{'es' * (processes > 1)} of {threads} thread{'s' * (threads > 1)}"
        + f", {micro_batches:,} micro-batches to a step"
        * (micro_batches > 1)
    )
