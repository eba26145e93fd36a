"""generation_config.json: how a model's makers want it to generate."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from ..errors import CheckpointError, ConfigError
from ..visible import quoted
from .settings import GenerationSettings

# What changes tokens in transformers and is not done here, with the values at which it does not.
_NOT_DONE: dict[str, tuple[Any, ...]] = {
    "num_beam_groups": (1,),
    "diversity_penalty": (0,),
    "penalty_alpha": (0,),
    "dola_layers": (),
    "constraints": (),
    "force_words_ids": (),
    "prompt_lookup_num_tokens": (),
    "assistant_early_exit": (),
    "use_mtp": (False,),
    "encoder_repetition_penalty": (1,),
    "encoder_no_repeat_ngram_size": (0,),
    "exponential_decay_length_penalty": (),
    "sequence_bias": (),
    "guidance_scale": (1,),
    "watermarking_config": (),
    "token_healing": (False,),
    "top_h": (),
    "epsilon_cutoff": (0, 1),
    "eta_cutoff": (0, 1),
    "max_time": (),
    "stop_strings": (),
    "low_memory": (False,),
}


def read_generation(
    generation: Mapping[str, Any],
    config: Mapping[str, Any] | None = None,
    *,
    task: str | None = None,
) -> GenerationSettings:
    """Return the settings that a model's files give, as transformers reads them.

    What a file does not name, or names as null, has the default of transformers (among them
    ``top_k=50`` in sampling), except for the length; see `GenerationSettings`. A name that
    transformers does not know either changes nothing there, and nothing here.

    Args:
        generation: generation_config.json, or what config.json says of generation.
        config: config.json. Where ``generation`` names no token to begin a decoder with, its
            ``decoder_start_token_id`` does.
        task: one of the tasks that config.json has settings for (``task_specific_params``), such
            as ``translation_en_to_fr``; they go before the others.

    Raises:
        CheckpointError: a value is not what its setting may be, or asks for a way to generate
            that does not exist here, or there is no such task.
    """
    config = config or {}
    values = {**generation, **_of_task(config, task)}
    _refuse(values)
    names = {field.name for field in dataclasses.fields(GenerationSettings)} - {"seed"}
    changes = {name: values[name] for name in names if values.get(name) is not None}
    if not {"decoder_start_token_id", "bos_token_id"} & changes.keys():
        start = config.get("decoder_start_token_id")
        if start is not None:
            changes["decoder_start_token_id"] = start
    try:
        return GenerationSettings.of(None, **changes)
    except ConfigError as error:
        raise CheckpointError(f"In what the model's files say of generation: {error}") from error


def task_prefix(config: Mapping[str, Any], task: str) -> str:
    """Return what a text begins with for a task, such as ``translate English to French: ``.

    Raises:
        CheckpointError: config.json has no such task.
    """
    return str(_of_task(config, task).get("prefix") or "")


def _of_task(config: Mapping[str, Any], task: str | None) -> Mapping[str, Any]:
    if task is None:
        return {}
    tasks = config.get("task_specific_params")
    tasks = tasks if isinstance(tasks, Mapping) else {}
    settings = tasks.get(task)
    if not isinstance(settings, Mapping):
        names = ", ".join(map(quoted, tasks)) or "none"
        raise CheckpointError(
            f"config.json has no settings for the task {quoted(task)}; it has: {names}."
        )
    return settings


def _refuse(values: Mapping[str, Any]) -> None:
    for name, neutral in _NOT_DONE.items():
        value = values.get(name)
        if value is not None and value not in neutral:
            raise CheckpointError(
                f"The model's files ask for {name}={quoted(value)}, which changes the tokens and "
                f"is not supported. Without it (null), the model generates in the usual way."
            )
