"""Hashes of weights, to compare two runs on different machines."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

_LETTERS = 16  # hexadecimal digits of a hash in the log: 64 bits


def tensor_hashes(weights: Mapping[str, Tensor]) -> dict[str, str]:
    """Return 64 bits of the SHA-256 of each tensor's bytes, by name."""
    return {name: _hash(value) for name, value in weights.items()}


def hash_of(hashes: Mapping[str, str]) -> str:
    """Return one hash for all tensors, computed from their names and hashes."""
    lines = "".join(f"{name} {hashes[name]}\n" for name in sorted(hashes))
    return hashlib.sha256(lines.encode()).hexdigest()[:_LETTERS]


def _hash(value: Tensor) -> str:
    exact = value.detach().cpu().contiguous()
    content: Any = exact.flatten().view(torch.uint8).numpy()
    return hashlib.sha256(content).hexdigest()[:_LETTERS]
