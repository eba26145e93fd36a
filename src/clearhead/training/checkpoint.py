"""The saved states of a run, to resume from, and the means of their weights.

A state is a folder ``step-00001000`` with the weights (``model.safetensors``), the optimizer's
state (``state.safetensors``) and the progress of the run (``progress.json``). Random numbers follow
from the seed and the step. Folders are written under a temporary name and renamed when complete, so
that a folder with its final name is complete. Nothing is ever unpickled.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from ..errors import CheckpointError
from ..file_reading import FileProblem
from ..tensor_file import TensorFile
from ..tensor_header import checksum_metadata
from ..visible import visible
from .processes.sharding import divided_like, whole
from .run_folder._model_folder import remove_model_drafts, replace_state
from .run_folder.progress import STATE, Progress, damaged, read_progress, write_progress


def remove_drafts(run: Path) -> None:
    """Remove incomplete and outdated folders that a killed process left behind.

    Raises:
        CheckpointError: the progress file of a state cannot be read.
    """
    for pattern in ("step-*.part", "step-*.old"):
        for folder in run.glob(pattern):
            shutil.rmtree(folder)
    for name in ("model", "best"):
        remove_model_drafts(run / name)
    remove_stopped_states(run)


def _new_draft(folder: Path) -> Path:
    draft = folder.with_name(folder.name + ".part")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    return draft


def _weights(model: torch.nn.Module) -> dict[str, Tensor]:
    return {
        name: whole(value.detach()).cpu().contiguous() for name, value in model.state_dict().items()
    }


def _optimizer_tensors(
    model: torch.nn.Module, optimizer: torch.optim.Optimizer
) -> dict[str, Tensor]:
    tensors = {}
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state[parameter].items():
            exact = whole(torch.as_tensor(value))
            tensors[f"optimizer.{name}.{key}"] = exact.cpu().contiguous()
    return tensors


def _save(tensors: dict[str, Tensor], path: Path) -> None:
    bytes_of = {name: x.reshape(-1).view(torch.uint8).numpy() for name, x in tensors.items()}
    save_file(tensors, path, checksum_metadata(bytes_of))


def save_state(
    run: Path,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
    *,
    writes: bool = True,
) -> Path:
    """Write the state of a run after a step, and return its folder.

    If the model is divided among processes, all of them must call this, and one ``writes``.
    """
    folder = run / f"step-{progress.step:08d}"
    weights, tensors = _weights(model), _optimizer_tensors(model, optimizer)
    if not writes:
        return folder
    draft = _new_draft(folder)
    try:
        _save(weights, draft / "model.safetensors")
        _save(tensors, draft / "state.safetensors")
        write_progress(draft, progress)
        replace_state(draft, folder)
    except BaseException:  # on a full disk, for example: free its space
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return folder


def states(run: Path) -> list[Path]:
    """Return the folders of a run's complete states, oldest first."""
    return sorted(
        path for path in run.glob("step-*") if STATE.fullmatch(path.name) and path.is_dir()
    )


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a safetensors file.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    try:
        with TensorFile(path) as file:
            return {name: file.read_torch(name) for name in file}
    except FileProblem as error:
        raise CheckpointError(damaged(path, error.reason)) from error


def _read_weights(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a file, and check that all are floating-point and finite."""
    weights = read_tensors(path)
    for name, value in weights.items():
        if not value.is_floating_point():
            kind = str(value.dtype).removeprefix("torch.")
            raise CheckpointError(
                damaged(path, f"{visible(name)} is of type {kind}, and weights are floating")
            )
        if not bool(torch.isfinite(value).all()):
            raise CheckpointError(
                damaged(path, f"{visible(name)} holds values that are not finite")
            )
    return weights


def load_weights(path: Path, model: torch.nn.Module) -> None:
    """Load the weights of a file into a model, as float32.

    Raises:
        CheckpointError: the file is missing or damaged, holds a value that is not a finite
            number, or belongs to another model.
    """
    fit_weights(path, {name: value.float() for name, value in _read_weights(path).items()}, model)


def fit_weights(
    path: Path,
    weights: Mapping[str, Tensor],
    model: torch.nn.Module,
    *,
    fresh: Iterable[str] = (),
) -> None:
    """Load weights that were read from a file into a model.

    Args:
        path: of the file, for messages.
        weights: all of the model's, except for the ``fresh`` ones.
        model: to load them into.
        fresh: names of weights that the model keeps as they are.

    Raises:
        CheckpointError: the weights do not fit this model.
    """
    try:
        without_memory = any(parameter.is_meta for parameter in model.parameters())
        places = model.state_dict()
        parts = {
            name: divided_like(value, places[name]) if name in places else value
            for name, value in weights.items()
        }
        parts |= {name: places[name] for name in fresh}
        model.load_state_dict(parts, assign=without_memory)
    except RuntimeError as error:
        reasons = visible(" ".join(str(error).split()))
        raise CheckpointError(f"The weights in {path} do not fit this model: {reasons}") from error


def load_state(folder: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> Progress:
    """Restore a model and its optimizer from a state written by `save_state`, in any process.

    Raises:
        CheckpointError: a file of the state is missing or damaged, or belongs to another model.
    """
    load_weights(folder / "model.safetensors", model)
    tensors = read_tensors(folder / "state.safetensors")
    progress = read_progress(folder)
    path = folder / "state.safetensors"
    strays = set(tensors)
    for name, parameter in model.named_parameters():
        moments = _moments(tensors, name, parameter)
        if moments is None:
            raise CheckpointError(damaged(path, f"what the optimizer knows of {name} is not in it"))
        if not all(bool(torch.isfinite(value).all()) for value in moments.values()):
            raise CheckpointError(
                damaged(
                    path, f"what the optimizer knows of {name} holds values that are not finite"
                )
            )
        strays -= {f"optimizer.{name}.{key}" for key in moments}
        optimizer.state[parameter] = moments
    if strays or (progress.step and not tensors):
        reason = f"it has {visible(min(strays))}" if strays else "there is nothing in it"
        raise CheckpointError(damaged(path, f"{reason}, so it is not of this optimizer"))
    return progress


def _moments(
    tensors: Mapping[str, Tensor], name: str, parameter: torch.nn.Parameter
) -> dict[str, Tensor] | None:
    """Return the optimizer's state of a parameter; None if the file's does not fit the parameter.

    Before the first step, no parameter has any state.
    """
    prefix = f"optimizer.{name}."
    moments = {key.removeprefix(prefix): tensors[key] for key in tensors if key.startswith(prefix)}
    shapes = {"step": (), "exp_avg": parameter.shape, "exp_avg_sq": parameter.shape}
    if moments and (
        moments.keys() != shapes.keys()
        or any(tuple(moments[key].shape) != tuple(shape) for key, shape in shapes.items())
        or any(value.dtype != torch.float32 for value in moments.values())
    ):
        return None
    # The step counter stays on the CPU, where AdamW reads it.
    for key in moments.keys() - {"step"}:
        moments[key] = divided_like(moments[key].to(parameter.device), parameter)
    return moments


def remove_stopped_states(run: Path) -> None:
    """Remove states that were saved because of a signal, except for the newest state."""
    for folder in states(run)[:-1]:
        if read_progress(folder).stopped:
            _remove_state(folder)


def _remove_state(folder: Path) -> None:
    condemned = folder.with_name(folder.name + ".old")
    os.replace(folder, condemned)
    shutil.rmtree(condemned)


def forget_old_states(run: Path, keep: int, keep_every: int = 0) -> None:
    """Remove old states: keep the weights of the last ``keep``, and the last two completely.

    The weights at multiples of ``keep_every`` steps are kept as well; 0 means none.
    """
    complete = states(run)
    for i, folder in enumerate(complete, -len(complete)):
        if i < -keep and not (keep_every and int(folder.name[5:]) % keep_every == 0):
            _remove_state(folder)
        elif i < -min(keep, 2):
            (folder / "state.safetensors").unlink(missing_ok=True)


def average_weights(files: Iterable[Path]) -> dict[str, Tensor]:
    """Return the mean of several weight files, summed in float64 (Vaswani et al. 2017, 6.1).

    Raises:
        CheckpointError: a file is missing or damaged, the files are of different models, or there
            is none.
    """
    total: dict[str, Tensor] = {}
    count = 0
    for path in files:
        weights = _read_weights(path)
        shapes = {name: value.shape for name, value in weights.items()}
        if count and shapes != {name: value.shape for name, value in total.items()}:
            raise CheckpointError(damaged(path, "its weights are not those of the files before it"))
        for name, value in weights.items():
            total[name] = total[name] + value.double() if name in total else value.double()
        count += 1
    if not count:
        raise CheckpointError("There is no checkpoint to average.")
    return {name: (value / count).float() for name, value in total.items()}
