"""The JSON files that describe a model: config.json and generation_config.json."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..config import TransformerConfig
from ..errors import CheckpointError, ConfigError
from ..file_reading import FileProblem, read_json
from ..json_fields import Fields
from ..visible import quoted
from .families import family_of
from .family import Family

# Generation settings in the config.json of an older transformers, beside the architecture.
_GENERATION = (
    *("max_length", "max_new_tokens", "min_length", "min_new_tokens", "early_stopping"),
    *("do_sample", "num_beams", "num_beam_groups", "num_return_sequences", "temperature"),
    *("top_k", "top_p", "min_p", "top_h", "typical_p", "epsilon_cutoff", "eta_cutoff"),
    *("repetition_penalty", "encoder_repetition_penalty", "length_penalty", "diversity_penalty"),
    *("no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "bad_words_ids", "force_words_ids"),
    *("forced_bos_token_id", "forced_eos_token_id", "decoder_start_token_id", "pad_token_id"),
    *("bos_token_id", "eos_token_id", "suppress_tokens", "begin_suppress_tokens"),
    *("exponential_decay_length_penalty", "sequence_bias", "guidance_scale", "penalty_alpha"),
    *("renormalize_logits", "remove_invalid_values", "stop_strings", "token_healing"),
)


def read_settings(folder: Path) -> dict[str, Any]:
    """Return the parsed config.json.

    Raises:
        CheckpointError: there is none, or it is not a JSON object.
    """
    path = folder / "config.json"
    try:
        return Fields(read_json(path), "the file").members()
    except FileProblem as error:
        if error.missing:
            raise CheckpointError(_no_config(folder)) from error
        raise CheckpointError(
            f"Cannot read {path}: {error.reason}. Get the model's folder again."
        ) from error


def _no_config(folder: Path) -> str:
    others = {
        "params.json": "It looks like Meta's or Mistral's own format: transformers has a "
        "script that converts it (convert_llama_weights_to_hf.py).",
        "adapter_config.json": "It is an adapter (LoRA): merge it into its model with peft's "
        "merge_and_unload(), and save that.",
    }
    for name, hint in others.items():
        if (folder / name).exists():
            return f"The folder {folder} has no config.json. {hint}"
    if any(folder.glob("*.gguf")):
        return (
            f"The folder {folder} holds a GGUF file, which is not read here. Get the model as "
            f"config.json and model.safetensors, from which such files are made."
        )
    return (
        f"The folder {folder} has no config.json. A model's folder has config.json and "
        f"model.safetensors, as save_pretrained of transformers writes them."
    )


def read_config(folder: Path, settings: Mapping[str, Any]) -> tuple[Family, TransformerConfig]:
    """Return the family of a config.json, and the config that it describes.

    Raises:
        CheckpointError: it asks for something that is not supported, or contradicts itself.
    """
    path = folder / "config.json"
    fields = Fields(dict(settings), "the file")
    try:
        _refuse_unreadable(fields)
        family = family_of(fields.text("model_type"), own_code=fields.has("auto_map"))
        return family, family.read_config(fields)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error
    except (FileProblem, ConfigError) as error:
        reason = f"{error.reason}." if isinstance(error, FileProblem) else str(error)
        raise CheckpointError(f"{path}: {reason}") from error
    except ArithmeticError as error:  # a width of 0, or a power too large
        raise CheckpointError(
            f"{path}: its numbers make no model ({error}). Get the model's folder again."
        ) from error


def _refuse_unreadable(fields: Fields) -> None:
    if not fields.has("model_type"):
        raise CheckpointError(
            'there is no "model_type", so it is no config.json of transformers, or of a model '
            "that it does not know. Save the model again with save_pretrained."
        )
    if fields.has("quantization_config"):
        method = fields.object("quantization_config").members().get("quant_method", "some method")
        raise CheckpointError(
            f"the weights are quantized ({quoted(method)}), which is not read here. Get "
            f"the model in float32, float16 or bfloat16, from which the quantized one was made."
        )


def generation_fields(folder: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return generation_config.json, or the generation settings of config.json if there is none.

    Raises:
        CheckpointError: the file is not a JSON object.
    """
    path = folder / "generation_config.json"
    try:
        return Fields(read_json(path), "the file").members()
    except FileProblem as error:
        if error.missing and not path.is_symlink():
            return {name: settings[name] for name in _GENERATION if name in settings}
        raise CheckpointError(
            f"Cannot read {path}: {error.reason}. Get the model's folder again."
        ) from error
