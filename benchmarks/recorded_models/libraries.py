"""Importing libraries of models, torchvision also where its compiled operators cannot be loaded.

A torchvision that was compiled for another PyTorch, or for CUDA, refuses to be imported, though
its transformers use none of its operators. Declared before, they are missed only when called.
"""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any

import numpy
import torch
from torch import Tensor, nn

_STAND_INS: list[Any] = []


@dataclass
class Subject:
    """A model to record.

    Attributes:
        model: in eval mode, with random weights.
        inputs: what it is called with.
        batch: size of the first axis of those inputs that have a row for each of the batch.
        method: called instead of the model, where that is not forward.
    """

    model: nn.Module
    inputs: dict[str, Any]
    batch: int = 2
    positional: tuple[Any, ...] = field(default_factory=tuple)

    def call(self) -> Any:
        """Return the model's result; it draws the same random numbers in each call."""
        torch.manual_seed(0)
        numpy.random.seed(0)  # noqa: NPY002 - that is what models draw from
        random.seed(0)
        return self.model(*self.positional, **self.inputs)

    def row(self, row: int) -> Subject:
        """Return the same for one row of the batch."""

        def row_of(x: Any) -> Any:
            whole = isinstance(x, Tensor) and x.ndim > 0 and len(x) == self.batch
            return x[row : row + 1] if whole else x

        inputs = {name: row_of(x) for name, x in self.inputs.items()}
        return Subject(self.model, inputs, 1, tuple(row_of(x) for x in self.positional))


@cache
def declare_torchvision() -> None:
    """Let `import torchvision` succeed; call it before any library that imports it."""
    try:
        importlib.import_module("torchvision")
    except (ImportError, RuntimeError):
        import sys

        for name in [n for n in sys.modules if n.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "FRAGMENT")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _STAND_INS.append(library)


def library(name: str) -> ModuleType:
    """Import a library.

    Raises:
        ImportError: it is not installed, or does not fit to what is.
    """
    declare_torchvision()
    try:
        return importlib.import_module(name)
    except RuntimeError as error:
        raise ImportError(f"{name} cannot be imported: {error}") from error


@torch.no_grad()
def lively(model: nn.Module, gain: float = 1.4) -> nn.Module:
    """Draw weights anew, so that attention is far from even: what is even hides mistakes."""
    generator = torch.Generator().manual_seed(0)
    for name, parameter in model.named_parameters():
        if parameter.ndim >= 2 and parameter.is_floating_point():
            fan_in = parameter[0].numel()
            noise = torch.randn(parameter.shape, generator=generator)
            embedding = "embed" in name or "position" in name
            parameter.copy_(noise * (1.0 if embedding else gain / fan_in**0.5))
        elif name.endswith("bias") and parameter.is_floating_point():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model.eval()


def is_sound(result: Any) -> bool:
    """Tell whether no number of a result is NaN or infinite."""
    from .judging import tensors

    return all(bool(x.isfinite().all()) for x in tensors(result) if x.is_floating_point())


def liveliest(make: Callable[[], Subject], gains: tuple[float, ...] = (1.4, 1.0, 0.5)) -> Subject:
    """Return a subject with weights drawn anew, so far as its results stay finite.

    Raises:
        Exception: it does not run at all.
    """
    for gain in gains:
        subject = make()
        lively(subject.model, gain)
        with torch.no_grad():
            if is_sound(subject.call()):
                return subject
    return make()
