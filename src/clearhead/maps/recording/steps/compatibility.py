"""Checks by shapes and scoring whether an attention may be a further step of another."""

from __future__ import annotations

import torch
from torch import Tensor

from ...scores.scoring import Scoring
from ..captured import CapturedAttention


def are_compatible(query: Tensor, key: Tensor, scoring: Scoring, step: CapturedAttention) -> bool:
    """Return whether a step has the shapes and scoring of the steps before it.

    Args:
        query, key, scoring: of the steps before.
        step: the further one.
    """
    return (
        step.query.shape[:2] == query.shape[:2]
        and step.query.shape[3] == query.shape[3]
        and step.key.shape[:2] == key.shape[:2]
        and scoring.scale == step.scoring.scale
        and scoring.softcap == step.scoring.softcap
        and scoring.score_mod is None
        and step.scoring.score_mod is None
        and _are_equal(scoring.sinks, step.scoring.sinks)
    )


def _are_equal(one: Tensor | None, other: Tensor | None) -> bool:
    """Return whether two tensors hold the same numbers, or neither is there."""
    if one is None or other is None:
        return one is other
    return torch.equal(one, other.to(one))
