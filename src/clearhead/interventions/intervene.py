"""`intervene`: changes what a model computes while a block runs, a PyTorch model or ours."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from ..errors import ConfigError
from .handles import Edits
from .steps.models import is_ours
from .steps.step_edits import edit_steps

if TYPE_CHECKING:
    from torch import nn

    from .steps.models import NumpyModel

__all__ = ["Edits", "intervene"]


def intervene(model: nn.Module | NumpyModel) -> AbstractContextManager[Edits]:
    """Edit a model within a ``with`` block.

    Edits are added by the names of modules, as in a recording, and are applied whenever the model
    runs within the block, in this thread. Attention keeps its fused kernel. After the block the
    model is as it was before.

        with clearhead.intervene(model) as edits:
            edits["model.layers.3.self_attn"].head(2).zero()
            logits = model(**inputs).logits

    Blocks may be nested; inner edits come on top of outer ones. Gradients are those of the edited
    computation, even when computed after the block.

    A model of ours that computes with NumPy is edited with the same methods:

        model = clearhead.load("en-fr")
        with clearhead.intervene(model) as edits:
            edits["decoder.layers.0.cross_attention"].head(2).zero()
            text = model.translate("Where is the station?").text

    Args:
        model: any module of PyTorch; what `clearhead.load` or `clearhead.Translator.load` gives;
            or an engine or a `Transformer` of `clearhead.reference`.

    Raises:
        ConfigError: an edit asks for what is not there, or could not be applied exactly.
    """
    if is_ours(model):
        return edit_steps(model)
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(model, torch.nn.Module):
        raise ConfigError(
            "intervene() edits a torch.nn.Module, or a model of clearhead such as clearhead.load "
            f"gives; got {type(model).__name__}. From a pipeline or wrapper, pass the model inside "
            f"it."
        )
    from .module_edits import edit_modules

    return edit_modules(model)
