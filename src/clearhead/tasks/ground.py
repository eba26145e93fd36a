"""The parts of a loaded model that all tasks use: engine, tokenizer, generation settings."""

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
    """A loaded model, ours or someone else's, with the same interface for both.

    Attributes:
        source: the model as it was read.
        family: the usual name of its architecture.
        engine: computes its outputs.
        tokenizer: None if the folder has none.
        no_tokenizer: the reason why there is none.
        tasks: the model's tasks, of ``translate generate fill_mask embed classify``.
    """

    source: Checkpoint | PretrainedModel
    family: str
    engine: ReferenceEngine
    tokenizer: PretrainedTokenizer | None
    no_tokenizer: str
    tasks: frozenset[str]

    @property
    def config(self) -> TransformerConfig:
        """The config of the model."""
        return self.source.config

    def require_tokenizer(self) -> PretrainedTokenizer:
        """Return the tokenizer.

        Raises:
            CheckpointError: there is none; the message says why.
        """
        if self.tokenizer is None:
            raise CheckpointError(f"{self.no_tokenizer} Without it, give ids.")
        return self.tokenizer

    def generation_settings(self) -> GenerationSettings:
        """Return the generation settings of the model's files, the defaults of every call.

        Raises:
            CheckpointError: the files ask for something that is not supported.
        """
        if isinstance(self.source, PretrainedModel):
            settings = read_generation(self.source.generation, self.source.settings)
            starts = settings.decoder_start_token_id, settings.bos_token_id
            if self.config.encoder_layers and starts == (None, None):
                # transformers then refuses to generate, but the family defines the token.
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
        CheckpointError: its weights do not match its config.
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
