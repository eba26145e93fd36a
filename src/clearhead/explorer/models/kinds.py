"""Which kind of model something is, for the page."""

from __future__ import annotations

from ...errors import CheckpointError, ConfigError, ShapeError
from ...translation.checkpoint import Checkpoint
from .encoder import EncoderModel
from .generation import GenerationModel
from .translation import TranslationModel
from .twins import twins
from .walked_model import WalkedModel


def walked_model(checkpoint: Checkpoint) -> WalkedModel:
    """Return a checkpoint of ours as the page walks it.

    Raises:
        CheckpointError: its weights are not those of its config.
    """
    config, tokenizer = checkpoint.config, checkpoint.tokenizer
    if config.encoder_layers and config.decoder_layers:
        return TranslationModel(checkpoint)
    try:
        both = twins(config, checkpoint.weights)
    except (ConfigError, ShapeError) as error:
        raise CheckpointError(
            f"The weights in {checkpoint.folder} are not those of its config.json. {error}"
        ) from error
    if config.decoder_layers:
        return GenerationModel(
            config,
            checkpoint.weights,
            tokenizer,
            both,
            provenance=checkpoint.provenance,
            encode=lambda text: [config.start_id, *tokenizer.encode(text)],
        )
    return EncoderModel(
        config,
        checkpoint.weights,
        tokenizer,
        both,
        provenance=checkpoint.provenance,
        encode=lambda text: [*tokenizer.encode(text), config.end_id],
    )
