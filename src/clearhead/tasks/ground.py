"""What a loaded model stands on: numbers, a tokenizer, and how it generates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..config import TransformerConfig
from ..engine.in_place import IN_PLACE
from ..engine.reference_engine import ReferenceEngine
from ..errors import CheckpointError
from ..generation.settings import GenerationSettings
from ..generation.settings_file import read_generation
from ..pretrained.model import PretrainedModel
from ..pretrained.tokenizers.protocol import PretrainedTokenizer
from ..translation.checkpoint import Checkpoint
from .own_tokenizer import OwnTokenizer


@dataclass(frozen=True)
class Ground:
    """A model, ours or someone else's, in the terms of both.

    Attributes:
        source: what was read.
        family: as people call it.
        engine: computes.
        tokenizer: None where the folder has none.
        no_tokenizer: why there is none.
        tasks: of ``translate generate fill_mask embed classify``.
    """

    source: Checkpoint | PretrainedModel
    family: str
    engine: ReferenceEngine
    tokenizer: PretrainedTokenizer | None
    no_tokenizer: str
    tasks: frozenset[str]

    @property
    def config(self) -> TransformerConfig:
        """The shape of the model."""
        return self.source.config

    def require_tokenizer(self) -> PretrainedTokenizer:
        """Return the tokenizer.

        Raises:
            CheckpointError: there is none; why is said.
        """
        if self.tokenizer is None:
            raise CheckpointError(f"{self.no_tokenizer} Without it, give ids.")
        return self.tokenizer

    def generation_settings(self) -> GenerationSettings:
        """Return how the model generates where a call says nothing else.

        Raises:
            CheckpointError: its files ask for what is not done here.
        """
        if isinstance(self.source, PretrainedModel):
            settings = read_generation(self.source.generation, self.source.settings)
            starts = settings.decoder_start_token_id, settings.bos_token_id
            if self.config.encoder_layers and starts == (None, None):
                # transformers refuses to generate then; the family knows the token all the same.
                start = self.config.start_id
                settings = GenerationSettings.of(settings, decoder_start_token_id=start)
            return settings
        config = self.config
        return GenerationSettings(
            eos_token_id=(config.end_id,),
            decoder_start_token_id=config.start_id,
            suppress_tokens=(config.pad_id, config.start_id),
        )


def ground_of(source: Checkpoint | PretrainedModel, dtype: Any) -> Ground:
    """Return the ground of a model that was read.

    Raises:
        CheckpointError: its weights are not those of its config.
    """
    if isinstance(source, PretrainedModel):
        engine = ReferenceEngine.build(
            source.config, source.weights, dtype=dtype, products=IN_PLACE
        )
        tasks = source.tasks if source.labels else source.tasks - {"classify"}
        if source.config.decoder_layers:
            tasks |= {"generate"}
        return Ground(
            source, source.family.name, engine, source.tokenizer, source.no_tokenizer, tasks
        )
    tokenizer = OwnTokenizer(source.tokenizer, source.config)
    engine = source.engine(np.dtype(dtype))
    return Ground(source, "clearhead", engine, tokenizer, "", _tasks_of(source.config))


def _tasks_of(config: TransformerConfig) -> frozenset[str]:
    if config.output.labels:
        return frozenset({"classify"})
    if not config.decoder_layers:
        return frozenset()
    return frozenset({"translate", "generate"} if config.encoder_layers else {"generate"})
