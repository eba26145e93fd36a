"""A bound of scores and logits that bends them, where a clamp would cut (Gemma 2, 2408.00118)."""

from __future__ import annotations

import torch
from torch import Tensor

from ..shapes import Float


def soft_cap(x: Float[Tensor, "*shape"], cap: float | None) -> Float[Tensor, "*shape"]:
    """Return ``cap * tanh(x / cap)``, which lies in (-cap, cap); x itself where cap is None."""
    return x if cap is None else torch.tanh(x / cap) * cap
