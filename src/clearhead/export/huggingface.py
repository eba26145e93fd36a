"""Writes a model of ours as a transformers folder, and reads such a folder back as one of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..config import TransformerConfig
from ..pretrained.reading import read_pretrained
from ..translation.checkpoint import Checkpoint
from .conversion import Conversion, convert
from .destinations import Destination, destination_of
from .model_folder import new_folder, write_json, write_tensors
from .stored_weights import halved_sinusoids, position_tables, stored_tensors
from .tokenizer import library_tokenizer, own_tokenizer, tokenizer_settings


def export_huggingface(checkpoint: Checkpoint, folder: str | Path) -> Destination:
    """Write a folder that transformers' ``from_pretrained`` can open.

    It holds config.json, generation_config.json (greedy decoding as ours: padding and the start
    token are never generated), model.safetensors and the tokenizer's two files.

    Args:
        checkpoint: a model of ours.
        folder: the new folder.

    Returns:
        the model's form in transformers.

    Raises:
        ConfigError: no family of transformers can compute this model, or the folder is not empty.
    """
    destination = destination_of(checkpoint.config)
    weights = halved_sinusoids(checkpoint.config, checkpoint.weights)
    family, config = destination.family, destination.config
    tensors = {**stored_tensors(family, config, weights), **position_tables(family, config)}
    with new_folder(Path(folder)) as draft:
        write_tensors(draft / "model.safetensors", tensors)
        write_json(draft / "config.json", {**destination.settings, "dtype": "float32"})
        write_json(draft / "generation_config.json", _generation(checkpoint.config))
        tokenizer = library_tokenizer(checkpoint.tokenizer, checkpoint.config)
        write_json(draft / "tokenizer.json", tokenizer)
        settings = tokenizer_settings(checkpoint.config.max_length)
        write_json(draft / "tokenizer_config.json", settings)
    return destination


def _generation(config: TransformerConfig) -> dict[str, Any]:
    return {
        "max_length": config.max_length,
        "num_beams": 1,
        "do_sample": False,
        "decoder_start_token_id": config.start_id,
        "forced_eos_token_id": config.end_id,
        "bad_words_ids": [[config.pad_id], [config.start_id]],
        "pad_token_id": config.pad_id,
        "bos_token_id": config.start_id,
        "eos_token_id": config.end_id,
    }


def import_huggingface(
    model: str | Path, folder: str | Path, *, storage: str = "float32"
) -> Conversion:
    """Turn a transformers folder into a folder of ours, which can be trained further.

    Args:
        model: a folder, or a name on the hub. Its tokenizer must have a vocabulary of our kind, as
            `export_huggingface` writes it.
        folder: the new folder.
        storage: how the weights are written: ``float32``, ``float16`` or ``int8``.

    Raises:
        CheckpointError: the model cannot be read, or its tokenizer is of another kind.
        ConfigError: the folder is not empty, or a weight is too large for float16.
    """
    pretrained = read_pretrained(model)
    tokenizer = own_tokenizer(pretrained.folder / "tokenizer.json")
    provenance = {"source": f"{pretrained.family.name}, as transformers saved it"}
    ours = Checkpoint(
        pretrained.config, pretrained.weights, tokenizer, provenance, pretrained.folder
    )
    return convert(ours, folder, storage)
