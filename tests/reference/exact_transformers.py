"""Models of transformers in float64 throughout.

``model.double()`` is not enough: transformers computes rotary angles, root-mean-square norms and
some softmaxes in ``torch.float32`` whatever the dtype of a model is, which leaves errors of 1e-7.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import torch


@contextmanager
def double_throughout() -> Iterator[None]:
    """Let ``torch.float32``, ``torch.float`` and ``tensor.float()`` mean float64.

    Build the model and compute with it inside of this context. Weights are float64 then.
    """
    before = torch.get_default_dtype()
    with (
        mock.patch.object(torch, "float32", torch.float64),
        mock.patch.object(torch, "float", torch.float64),
        mock.patch.object(torch.Tensor, "float", torch.Tensor.double),
    ):
        torch.set_default_dtype(torch.float64)
        try:
            yield
        finally:
            torch.set_default_dtype(before)


def randomize(module: torch.nn.Module, seed: int = 0, scale: float = 0.4) -> None:
    """Give every parameter random numbers, norms and biases too."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.copy_(noise * scale)


def arrays(module: torch.nn.Module) -> dict:
    """Return a module's state as arrays."""
    return {name: tensor.detach().numpy() for name, tensor in module.state_dict().items()}
