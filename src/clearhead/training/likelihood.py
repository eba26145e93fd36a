"""Log-probabilities of given targets, in PyTorch: for corpora too large for NumPy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from ..config import TransformerConfig
from ..nn.transformer import Transformer
from ..shapes import Array
from ..text.batches import Batch


class TargetLikelihood:
    """The log-probability of each target token of a batch.

    Args:
        config: of a model with encoder and decoder.
        weights: its arrays, as docs/formats.md names them.
        precision: of the matrix products, ``float32`` or ``bfloat16``.
    """

    def __init__(
        self, config: TransformerConfig, weights: Mapping[str, Array], precision: str = "float32"
    ) -> None:
        self._model = Transformer(config)
        copies = {name: torch.from_numpy(np.array(weight)) for name, weight in weights.items()}
        self._model.load_state_dict(copies)
        self._model.eval()
        if precision == "bfloat16":
            self._model.compute_dtype = torch.bfloat16

    @torch.no_grad()
    def __call__(self, batch: Batch) -> Array:
        """Return the log-probability of each target token, Float["batch target_len"], in nats.

        The numbers at padding are finite and have no meaning.
        """
        logits = self._model(*map(torch.from_numpy, (batch.source, batch.target_input)))
        targets = torch.from_numpy(batch.target_output)[..., None]
        log_sums = torch.logsumexp(logits.float(), dim=-1, keepdim=True)
        result: Array = (logits.gather(-1, targets).float() - log_sums)[..., 0].numpy()
        return result
