"""The parameters of the output layer: an untied output matrix and the bias of the logits."""

from __future__ import annotations

import torch
from torch import nn

from ..config import TransformerConfig


class Output(nn.Module):
    """The parameters of the output layer; both are optional.

    Attributes:
        weight: Float["vocab d_model"]; None if the output matrix is tied to an embedding, or
            missing. In a text classifier, a row belongs to a label instead of a token.
        bias: Float["vocab"]; None if the config has none.
    """

    weight: nn.Parameter | None
    bias: nn.Parameter | None

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        size = (config.output_size, config.d_model)
        own = config.output.matrix and not config.tied_output
        weight = nn.Parameter(torch.empty(size)) if own else None
        bias = nn.Parameter(torch.zeros(config.output_size)) if config.output.bias else None
        self.register_parameter("weight", weight)
        self.register_parameter("bias", bias)
