"""Chooses the kind of `WalkedModel` for a model."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from ...errors import CheckpointError, ConfigError, ShapeError
from ...file_reading import FileProblem, read_json
from ...json_fields import Fields
from ...pretrained.model import PretrainedModel
from ...pretrained.reading import read_pretrained
from ...translation.checkpoint import Checkpoint, read_checkpoint
from ..passes.twins import twins
from .classifier import ClassifierModel
from .encoder import EncoderModel
from .generation import GenerationModel
from .others import walked_pretrained
from .translation import TranslationModel
from .walked_model import WalkedModel


def read_model(model: str | Path) -> Checkpoint | PretrainedModel:
    """Read a model by its name or folder: one of ours, or a folder that transformers saved.

    Raises:
        CheckpointError: there is no such model, or its files are missing or damaged.
        MissingExtraError: downloading needs a package that is not installed.
    """
    folder = Path(model)
    # On the hub a model's name has its owner's in front; no bundled model's name does.
    theirs = not folder.is_dir() and "/" in str(model)
    if (folder / "config.json").is_file():
        with suppress(FileProblem):  # the reader below reports such problems
            theirs = Fields(read_json(folder / "config.json"), "the file").has("model_type")
    return read_pretrained(model) if theirs else read_checkpoint(model)


def walked_model(checkpoint: Checkpoint | PretrainedModel, task: str | None = None) -> WalkedModel:
    """Return a checkpoint, ours or someone else's, in the form that the page walks.

    Args:
        checkpoint: as it was read.
        task: the task of someone else's translator; None: its default.

    Raises:
        CheckpointError: its weights do not match its config, or it has no tokenizer.
        ConfigError: it does not read text, or does not have the task.
    """
    if isinstance(checkpoint, PretrainedModel):
        return walked_pretrained(checkpoint, task)
    if task is not None:
        raise ConfigError(f"A model of ours knows one task alone; leave task={task!r} out.")
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
    if config.output.labels:
        return ClassifierModel(
            config,
            checkpoint.weights,
            tokenizer,
            both,
            labels=checkpoint.labels,
            provenance=checkpoint.provenance,
            encode=lambda text: [config.start_id, *tokenizer.encode(text), config.end_id],
        )
    return EncoderModel(
        config,
        checkpoint.weights,
        tokenizer,
        both,
        provenance=checkpoint.provenance,
        encode=lambda text: [*tokenizer.encode(text), config.end_id],
    )
