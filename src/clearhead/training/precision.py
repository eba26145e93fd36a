"""Measure whether products are faster in bfloat16 or in float32 on this machine."""

from __future__ import annotations

import time
from typing import NamedTuple

import torch
from torch.nn import functional as F

from ..config import TransformerConfig
from .processes.parallel import Processes
from .settings import TrainingSettings

# Rows of the products. The first are few: where bfloat16 is emulated it takes some fifty times as
# long as float32, and a small product tells enough.
_ROWS = (8, 256)
_GIVE_UP = 3.0  # times as long
_TOO_SHORT = 1e-3  # seconds, in which calls count and not products


class Measurement(NamedTuple):
    """Seconds of the same products in both types; ``bfloat16`` is infinite where there is none."""

    float32: float
    bfloat16: float

    @property
    def faster(self) -> str:
        """The type with less time; float32, which is more exact, where they differ by little."""
        return "bfloat16" if self.bfloat16 * 1.1 < self.float32 else "float32"

    @property
    def ratio(self) -> float:
        """How many times as fast bfloat16 is."""
        return self.float32 / self.bfloat16


def choose_precision(
    options: TrainingSettings, config: TransformerConfig, before: str | None, processes: Processes
) -> tuple[str, str]:
    """Return the type of the products, and a few words on why.

    Args:
        options: of the run; unless precision is ``auto``, it decides.
        config: of the model.
        before: what the run was begun with, which it keeps; None at its beginning.
        processes: of the run, which choose the same.
    """
    if options.precision != "auto":
        return options.precision, f"{options.precision}, as training.precision says"
    here = measure(config, options.device) if processes.first else None
    choice = before
    if choice is None:
        vote = processes.agree(int(here is not None and here.faster == "bfloat16"))
        choice = "bfloat16" if vote else "float32"
    if here is None:
        return choice, choice
    speed = f"bfloat16 measured {here.ratio:.2g} times as fast as float32 here"
    if choice == here.faster:
        return choice, f"{choice} ({speed})"
    return choice, (
        f"{choice}, as the run was begun ({speed}, so that a new run would take {here.faster})"
    )


def measure(config: TransformerConfig, device: str) -> Measurement:
    """Time the products of a model's own shapes, forward and backward, in both types.

    Takes some tenths of a second. On other devices than a processor it is not measured: there
    bfloat16 is taken where the device has it.
    """
    if device.partition(":")[0] != "cpu":
        return Measurement(1.0, 0.5 if _has_bfloat16(device) else float("inf"))
    width, hidden = config.d_model, config.feed_forward_dim
    shapes = [(width, width), (hidden, width), (width, hidden), (config.vocab_size, width)]
    for rows in _ROWS:
        exact = _seconds(shapes, rows, torch.float32)
        rounded = _seconds(shapes, rows, torch.bfloat16)
        if rounded > max(_GIVE_UP * exact, _TOO_SHORT):
            break
    return Measurement(exact, rounded)


def _has_bfloat16(device: str) -> bool:
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return False


def _seconds(shapes: list[tuple[int, int]], rows: int, dtype: torch.dtype) -> float:
    """Return the best of three times, after one that compiles kernels and is not counted."""
    weights = [torch.full(shape, 0.01, requires_grad=True) for shape in shapes]
    first = torch.ones(rows, shapes[0][1])
    return min([_once(first, weights, dtype) for _ in range(4)][1:])


def _once(first: torch.Tensor, weights: list[torch.Tensor], dtype: torch.dtype) -> float:
    start = time.perf_counter()
    x = first.to(dtype)
    for weight in weights[:-1]:  # as in clearhead.nn.linear: parameters stay float32
        x = F.linear(x, weight.to(dtype))
    x = F.linear(x[: len(x) // 4], weights[-1].to(dtype))  # the vocabulary's is the largest
    x.float().square().mean().backward()
    return time.perf_counter() - start
