"""Writes a model of ours for CTranslate2, with CTranslate2's own loaders of transformers models."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from ..config import TransformerConfig
from ..errors import ConfigError, require
from ..text.tokenizer_file import END, PAD, START
from ..translation.checkpoint import Checkpoint
from .huggingface import export_huggingface
from .model_folder import new_folder

_PURPOSE = "Writing a model for CTranslate2"
# model_type -> the loader of ctranslate2.converters.transformers. The loaders for Marian and
# PEGASUS assume that decoding begins with padding. That holds for published models but not for
# ours; the loader for BART, from which both derive, does not assume it.
_LOADERS = {
    "marian": "BartLoader",
    "pegasus": "BartLoader",
    "llama": "LlamaLoader",
    "gpt2": "GPT2Loader",
}


def export_ctranslate2(
    checkpoint: Checkpoint, folder: str | Path, *, quantization: str | None = None
) -> None:
    """Write a folder that ``ctranslate2.Translator`` or ``Generator`` opens.

    The folder also has a tokenizer.json with the tokens that the engine reads and writes.

    Args:
        checkpoint: a model of ours.
        folder: the new folder.
        quantization: ``int8``, ``float16`` or another type that CTranslate2 knows; None: float32.

    Raises:
        ConfigError: transformers or CTranslate2 has no family that computes this model, or the
            folder is not empty.
        MissingExtraError: CTranslate2, transformers or PyTorch is not installed.
    """
    for package in ("ctranslate2", "torch", "transformers"):
        require(package, extra="export", purpose=_PURPOSE)
    _check_heads(checkpoint.config)
    with new_folder(Path(folder)) as draft, tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "model"
        destination = export_huggingface(checkpoint, source)
        spec = _specification(source, destination.settings["model_type"], checkpoint)
        spec.validate()
        spec.optimize(quantization=quantization)
        spec.save(str(draft))
        (source / "tokenizer.json").rename(draft / "tokenizer.json")


def _check_heads(config: TransformerConfig) -> None:
    if config.head_dim * config.num_heads != config.d_model:
        raise ConfigError(
            f"CTranslate2 computes heads of d_model / num_heads, and this model has "
            f"{config.num_heads} of {config.head_dim} beside a d_model of {config.d_model}."
        )


def _specification(source: Path, model_type: str, checkpoint: Checkpoint) -> Any:
    """Return CTranslate2's description of a model in a folder of transformers."""
    from ctranslate2.converters import transformers as loaders
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    config = checkpoint.config
    auto = AutoModelForSeq2SeqLM if config.encoder_layers else AutoModelForCausalLM
    model = auto.from_pretrained(source)
    # transformers no longer has this attribute, but the loader reads it.
    model.config.normalize_before = config.norm_place == "before"
    model.config.normalize_embedding = False
    loader = getattr(loaders, _LOADERS[model_type])()
    spec = loader.get_model_spec(model)
    size = checkpoint.tokenizer.vocab_size
    tokens = checkpoint.tokenizer.pieces(range(size))
    # A vocabulary size may be rounded up; ids beyond the tokenizer's have no name.
    tokens += [f"<unused{number}>" for number in range(size, config.vocab_size)]
    loader.set_vocabulary(spec, tokens)
    spec.config.bos_token, spec.config.eos_token, spec.config.unk_token = START, END, PAD
    if config.encoder_layers:
        spec.config.decoder_start_token = START
    return spec
