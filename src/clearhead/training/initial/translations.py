"""Translations during training by a model saved by transformers, with its generation settings."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ...generation.generate import generate
from ...generation.settings import GenerationSettings
from ...nn.transformer import Transformer
from ...text.batches import Batch
from ..measures.translations import ROWS, ModelEngine, TranslationSet
from ..processes.parallel import Processes
from .origin import Origin

_LONGER = 2  # most tokens of a translation, relative to the longest reference


class OriginTranslationSet(TranslationSet):
    """The pairs to translate at every measurement, with the tokenizer of the initial model.

    Args:
        development: batches of the development set, sorted by length.
        origin: the initial model, an encoder-decoder saved by transformers.
        count: the largest number of pairs.
    """

    def __init__(self, development: Sequence[Batch], origin: Origin, count: int) -> None:
        model, asking = origin.pretrained, origin.asking
        assert model is not None
        assert asking is not None
        tokenizer = model.require_tokenizer()
        super().__init__(
            development, tokenizer, count, padding=(model.config.pad_id, development[0].padding)
        )
        longest = max(batch.target_output.shape[1] for batch in development)
        self._longest = min(_LONGER * longest, model.config.max_length - 1)
        self._settings = GenerationSettings.of(
            asking.settings,
            num_beams=1, do_sample=False, num_return_sequences=1, max_new_tokens=self._longest,
            min_length=0, min_new_tokens=None,
        )  # fmt: skip

    def translate(self, model: Transformer, processes: Processes) -> list[str]:
        """Return greedy translations by the model; the processes share the work."""
        # Each id plus 1, so that 0 means no token.
        ids = torch.zeros(len(self.sources), self._longest, dtype=torch.int64)
        engine, positions = ModelEngine(model), model.config.max_length
        # The batches do not depend on the number of processes, so neither do the bits.
        for first in processes.share(range(0, len(self.sources), ROWS)):
            rows = self.sources[first : first + ROWS]
            results = generate(engine, rows, self._settings, has_encoder=True, positions=positions)
            for i, best in enumerate(results):
                tokens = torch.tensor(best[0].content[: self._longest], dtype=torch.int64)
                ids[first + i, : len(tokens)] = tokens + 1
        return [
            self.tokenizer.decode([token - 1 for token in row if token])
            for row in processes.add_up(ids).tolist()
        ]
