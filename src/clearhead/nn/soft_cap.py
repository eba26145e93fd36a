"""A smooth bound of scores and logits, where a clamp would cut them off (Gemma 2, 2408.00118)."""

from __future__ import annotations

import torch
from torch import Tensor

from ..shapes import Float


def soft_cap(x: Float[Tensor, "*shape"], cap: float | None) -> Float[Tensor, "*shape"]:
    """Return ``cap * tanh(x / cap)``, which lies in (-cap, cap); return x itself if cap is None."""
    return x if cap is None else torch.tanh(x / cap) * cap
