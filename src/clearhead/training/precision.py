"""Measures whether matrix products are faster in bfloat16 or in float32 on this machine."""

from __future__ import annotations

import time
from typing import NamedTuple

import torch
from torch.nn import functional as F

from ..config import TransformerConfig
from .processes.parallel import Processes
from .settings import TrainingSettings

# Rows of the products. The first number is small: where bfloat16 is emulated, it takes about fifty
# times as long as float32, and a small product is enough to see it.
_ROWS = (8, 256)
_GIVE_UP = 3.0  # times float32's time: bfloat16 is not measured further
_TOO_SHORT = 1e-3  # seconds; shorter times measure calls rather than products


class Measurement(NamedTuple):
    """Seconds of the same products in both types; ``bfloat16`` is infinite if unsupported."""

    float32: float
    bfloat16: float

    @property
    def faster(self) -> str:
        """The faster type; float32, which is more exact, if they differ by less than 10 %."""
        return "bfloat16" if self.bfloat16 * 1.1 < self.float32 else "float32"

    @property
    def ratio(self) -> float:
        """The speed of bfloat16 relative to float32."""
        return self.float32 / self.bfloat16


def choose_precision(
    options: TrainingSettings, config: TransformerConfig, before: str | None, processes: Processes
) -> tuple[str, str]:
    """Return the type of the matrix products, and a few words on the reason.

    Args:
        options: of the run; ``precision`` decides unless it is ``auto``.
        config: of the model.
        before: the type that the run was begun with and keeps; None at its beginning.
        processes: of the run; all choose the same type.
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
    """Time matrix products of the model's shapes, forward and backward, in both types.

    This takes some tenths of a second. Nothing is measured on devices other than a CPU: they count
    as faster in bfloat16 if they support it.
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
    """Return the best of three times, after one uncounted run that compiles kernels."""
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
