"""The beginning of a run: checks before any work, and facts about the machine."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import torch

from ...config import TransformerConfig
from ...errors import ConfigError, require
from ...file_reading import parse_json
from ...nn.transformer import Transformer
from ...text.tokenizer import Tokenizer
from ...visible import visible
from ..initial.agreement import check_origin, run_config
from ..initial.origin import Origin, read_origin, run_tokenizer
from ..initial.weights import load_initial
from ..settings import Settings, TokenizerSettings
from ..sources import check_files
from ..tasks.task import TASKS, check_config

_BYTES_OF_A_PARAMETER = 16  # the parameter, its gradient and the two moments of Adam, in float32


def check_beginning(settings: Settings, processes: int) -> Origin | None:
    """Check that a run can begin, before anything is written or prepared.

    Args:
        settings: with paths that can be opened as they are.
        processes: the number of processes.

    Returns:
        the initial model; None if the run begins from random weights.

    Raises:
        ConfigError, CorpusError, CheckpointError, MissingExtraError: each names the setting.
    """
    check_device(settings.training.device)
    if settings.training.tensorboard:
        require("tensorboard", extra="train", purpose="training.tensorboard = true")
    check_files(settings)
    origin = read_origin(settings)
    tokenizer = run_tokenizer(settings, origin)
    size = tokenizer.vocab_size if tokenizer else settings.tokenizer.vocab_size
    labels = origin.config.output.labels if origin is not None else 0
    config = run_config(settings, origin, size, labels or 2)  # their number follows from the data
    if origin is not None:
        is_foreign = origin.pretrained is not None
        check_config(TASKS[settings.task], settings.data, config, counts_specials=is_foreign)
    _check_memory(
        config,
        settings.training.device,
        int(os.environ.get("LOCAL_WORLD_SIZE", processes)),
        is_divided=settings.training.shard and processes > 1,
    )
    if origin is not None:
        _check_origin(settings, origin, tokenizer, config)
    return origin


def check_device(name: str) -> None:
    """Check that this PyTorch and this machine have a device.

    Raises:
        ConfigError: they do not; the message has PyTorch's reason.
    """
    try:
        if torch.device(name).type == "meta":
            raise ConfigError("training.device = 'meta' computes nothing. Use cpu.")
        torch.zeros(1, device=name).add_(1).cpu()
    except (RuntimeError, AssertionError, NotImplementedError, ImportError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise ConfigError(
            f"training.device = {name!r} cannot be used here: {reason}. Use cpu, or another "
            f"device that this machine and this PyTorch ({torch.__version__}) have."
        ) from error


def _shape_of(config: TransformerConfig) -> Transformer:
    """Return the model without memory for its parameters."""
    with torch.device("meta"):
        return Transformer(config)


def _check_memory(
    config: TransformerConfig, device: str, processes: int, *, is_divided: bool
) -> None:
    try:
        memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return
    count = parameter_count(_shape_of(config))
    bytes_needed = count * _BYTES_OF_A_PARAMETER * processes
    if is_divided:  # when the run begins, each process briefly holds all weights
        bytes_needed = count * (_BYTES_OF_A_PARAMETER + 4 * processes)
    fewer = ", or give --processes 1" if processes > 1 else ""
    if torch.device(device).type == "cpu" and bytes_needed > memory_bytes:
        raise ConfigError(
            f"This model has {count:,} parameters. Training it in {processes} "
            f"{'processes' if processes > 1 else 'process'} takes more than "
            f"{bytes_needed / 1e9:,.1f} GB and this machine has {memory_bytes / 1e9:,.1f}. Make "
            f"[model] or tokenizer.vocab_size smaller{fewer}."
        )


def _check_origin(
    settings: Settings, origin: Origin, tokenizer: Tokenizer | None, config: TransformerConfig
) -> None:
    """Check that the initial weights are finite and fit the run's tokenizer and model."""
    if origin.pretrained is not None:  # checked when it was read
        return
    name, path = origin.name, origin.folder / "tokenizer.json"
    assert tokenizer is not None
    theirs = origin.own_tokenizer
    if difference := _tokenizer_difference(tokenizer, theirs):
        raise ConfigError(
            f"training.initial = {name!r} has another tokenizer than tokenizer.path: {difference}. "
            f"Set tokenizer.path = {str(path)!r}, or leave it out."
        )
    size, usual = settings.tokenizer.vocab_size, TokenizerSettings().vocab_size
    if size not in (usual, theirs.vocab_size):
        raise ConfigError(
            f"tokenizer.vocab_size = {size:,}, and training.initial = {name!r} has a tokenizer of "
            f"its own, of {theirs.vocab_size:,} ids, which the run takes. Leave it out."
        )
    check_origin(origin, config)
    load_initial(origin.folder, _shape_of(config))


def _tokenizer_difference(ours: Tokenizer, theirs: Tokenizer) -> str | None:
    """Return the first difference of two tokenizers as a clause; None if there is none."""
    if ours.vocab_size != theirs.vocab_size:
        return f"it has {theirs.vocab_size:,} ids, not {ours.vocab_size:,}"
    ids = range(ours.vocab_size)
    pairs = list(zip(theirs.pieces(ids), ours.pieces(ids), strict=True))
    different = [i for i in ids if pairs[i][0] != pairs[i][1]]
    if different:
        first = different[0]
        there, here = pairs[first]
        return f"id {first} is {there!r}, not {here!r} ({len(different):,} ids differ)"
    merges = [parse_json(each.to_json())["model"]["merges"] for each in (theirs, ours)]
    return "it merges pieces in another order" if merges[0] != merges[1] else None


def parameter_count(model: torch.nn.Module) -> int:
    """Return the number of parameters of a model."""
    return sum(parameter.numel() for parameter in model.parameters())


def machine(device: str, threads: int, processes: int) -> dict[str, Any]:
    """Return the facts, beside the settings, that the bits of a run depend on, by name.

    The bits do not depend on the number of processes. It is included because a run resumes with the
    same number unless another is given.
    """
    return {
        "processor": _processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "device": device,
        "threads": threads,
        "processes": processes,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(
            line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
        )
    except (OSError, StopIteration, UnicodeDecodeError):
        return platform.processor() or platform.machine()


def machine_difference(before: dict[str, Any], now: dict[str, Any]) -> str | None:
    """Return a sentence on how the machine differs from the beginning; None if it does not."""
    changed = [f"{name} {visible(str(before[name]))}, now {now[name]}" for name in now
               if name in before and before[name] != now[name]
               and name != "processes"]  # fmt: skip
    if not changed:
        return None
    return (
        f"The run was begun with {'; '.join(changed)}: it goes on, but not with the same bits as "
        f"there."
    )
