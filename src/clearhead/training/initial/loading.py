"""Loads the initial weights of a run, and selects the trained parameters."""

from __future__ import annotations

import torch

from ...json_fields import Fields
from ...nn.embedding import Embedding
from ...nn.transformer import Transformer
from ...pretrained.label_head import relabelled
from ...pretrained.reading import read_pretrained
from ..checkpoint import fit_weights
from .origin import Origin
from .weights import load_initial, tensors_of

__all__ = ["load_origin", "set_trained"]


def load_origin(origin: Origin, model: Transformer) -> list[str]:
    """Load the weights of the initial model into a run's model.

    Returns:
        Sentences on each grown stack, and on weights that begin at random.

    Raises:
        CheckpointError: a file is missing or damaged, or the weights do not fit the model.
    """
    if origin.pretrained is None:
        return load_initial(origin.folder, model)
    exact = model.output_matrix.dtype is torch.float64
    source = read_pretrained(origin.folder, dtype="float64" if exact else "float32")
    if origin.labels:
        source = relabelled(source, origin.labels).model
    fit_weights(origin.folder, tensors_of(source.weights), model, fresh=origin.fresh)
    if not origin.fresh:
        return []
    return [f"new, and so random at first: {', '.join(origin.fresh)}"]


def set_trained(origin: Origin | None, model: Transformer) -> None:
    """Freeze the parameters that transformers does not train in a model of this family."""
    pretrained = None if origin is None else origin.pretrained
    if pretrained is None:
        return
    family = pretrained.family
    if family.frozen is not None:
        names = family.frozen(Fields(dict(pretrained.settings), "config.json"))
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name not in names)
    if not family.padding_learns:
        for name, module in model.named_children():
            if isinstance(module, Embedding) and name.endswith("embedding"):
                module.padding_idx = model.config.pad_id
