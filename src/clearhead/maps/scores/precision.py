"""Where float32 is not enough for the scores of an attention.

A product q . k in float32 has an error of about the last digit of |q| |k|, even if the product
itself is small; a score has an error of the last digit of its own size. The relative error of a
weight is the error of its score, so scores far from zero are computed in float64. What the model
adds to scores is still rounded as the model rounds it: adding -1e9 leaves nothing of a float32
score, and a row that such a mask hides gets even weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from ...shapes import Float

# A float32 of up to this size has a rounding error of at most 5e-7, and a weight has the same
# relative error if its score or its log-sum-exp has that error. Products of vectors with such norms
# have about the same error, unless all rounding errors have one sign.
FAR = 16.0


def score_dtype(query: Tensor) -> torch.dtype:
    """Return the dtype of answers: float32, or float64 for float64 queries.

    A model with float64 queries adds masks to its scores in float64, too.
    """
    return torch.float64 if query.dtype == torch.float64 else torch.float32


def exact_dtype(device: torch.device) -> torch.dtype:
    """Return the widest floating dtype of a device: float64, except on Metal, which has none."""
    return torch.float32 if device.type == "mps" else torch.float64


def highest_norm(x: Float[Tensor, "batch heads length width"]) -> Float[Tensor, "batch heads"]:
    """Return the largest Euclidean norm of the queries or keys of each head."""
    dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
    norms = torch.linalg.vector_norm(x, dim=-1, dtype=dtype)
    return norms.amax(-1) if norms.shape[-1] else norms.new_zeros(norms.shape[:-1])


def lies_far(
    query_norm: Float[Tensor, "batch heads"],
    key_norm: Float[Tensor, "batch kv_heads"],
    scale: float,
) -> bool:
    """Return whether products of queries and keys may be too large for this machine's float32.

    Args:
        query_norm, key_norm: the results of `highest_norm`.
        scale: factor of the products.
    """
    if not query_norm.numel() or not key_norm.numel():
        return False
    if narrowed(query_norm.device):
        return True
    grouped = query_norm.unflatten(1, (key_norm.shape[1], -1))
    # NaN counts as far, too.
    return not float((grouped * key_norm[..., None]).amax()) * abs(scale) <= FAR


def any_far(highest: Tensor) -> bool:
    """Return whether any score but -inf is too large for float32."""
    if not highest.numel():
        return False
    return bool(((highest.abs() > FAR) & (highest > -torch.inf)).any())


def narrowed(device: torch.device) -> bool:
    """Return whether float32 products are computed with fewer digits here (TF32, bfloat16)."""
    backend = torch.backends.cuda if device.type == "cuda" else torch.backends.mkldnn
    precision = getattr(getattr(backend, "matmul", None), "fp32_precision", None)
    if precision is None:  # before PyTorch 2.9
        return torch.get_float32_matmul_precision() != "highest"
    return precision not in ("ieee", "none")


@contextmanager
def without_autocast(device: torch.device) -> Iterator[None]:
    """Keep an autocast around this context from narrowing what is computed in it."""
    if not torch.is_autocast_enabled(device.type):
        yield
        return
    with torch.autocast(device.type, enabled=False):
        yield
