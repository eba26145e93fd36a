"""What of the output no embedding has: a matrix of its own, a bias of the logits."""

from __future__ import annotations

import torch
from torch import nn

from ..config import TransformerConfig


class Output(nn.Module):
    """The output's own parameters, which may be none.

    Attributes:
        weight: Float["vocab d_model"]; None where the output matrix is an embedding, or missing.
            Of a model that classifies texts, a row is of a label and not of a token.
        bias: Float["vocab"]; None where a config has none.
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
