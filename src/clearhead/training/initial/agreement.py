"""The config of a run's model: that of the model that it begins from, and what [model] may change.

What ``[model]`` does not name is as it is there. What it names must be as it is there, but for
dropout, and, in a model of ours, for the longest text and for more layers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from ...config import TransformerConfig
from ...errors import CheckpointError, ConfigError
from ...pretrained.label_head import with_labels
from ...setting_fields import from_mapping
from ...visible import quoted
from ..settings import Settings
from ..tasks.task import CLASSIFICATION, TASKS, model_config
from .growth import STACKS, check_growth
from .origin import Origin

# What a model may have otherwise than the one whose weights it begins with.
_FREE = {"dropout", "attention_dropout"}
_FREE_OF_OURS = {*_FREE, "max_length", "vocab_size", *(f"{stack}_layers" for stack in STACKS)}
_FROM_DATA = {"vocab_size", "output.labels"}


def run_config(
    settings: Settings, origin: Origin | None, vocab_size: int, labels: int = 2
) -> TransformerConfig:
    """Return the config of a run's model.

    Args:
        settings: of the run.
        origin: what it begins from; None for random weights.
        vocab_size: of its tokenizer.
        labels: how many there are, for a classifier.

    Raises:
        ConfigError: a setting is unknown, out of its range, or of another task's model.
        CheckpointError: a setting is not as in the model that the run begins from.
    """
    task = TASKS[settings.task]
    if origin is None:
        return model_config(task, settings.model, vocab_size, labels)
    before = origin.config
    if task is CLASSIFICATION and origin.pretrained is not None:
        before = with_labels(before, origin.pretrained.family, labels)
    table = _merged(before.to_dict(), settings.model)
    if origin.pretrained is None:
        config = model_config(task, table, vocab_size, labels)
        _check_same(origin.name, before, config, _FREE_OF_OURS)
        return config
    if before.output.labels:
        table["output"] = {**table["output"], "labels": labels}
    table["vocab_size"] = before.vocab_size
    config = from_mapping(TransformerConfig, table, section="model")
    _check_same(origin.name, before, config, _FREE)
    return config


def check_origin(origin: Origin, config: TransformerConfig) -> None:
    """Refuse a model that cannot have grown from the one that it begins from.

    Raises:
        CheckpointError: saying which setting is to be changed.
    """
    try:
        check_growth(origin.config, config)
    except ConfigError as error:
        raise CheckpointError(
            f"The weights of training.initial = {origin.name!r} do not fit this model: {error}."
        ) from error


def _merged(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a model, with those of a run in their places."""
    table = {name: value for name, value in before.items() if name not in _FROM_DATA}
    output = table.get("output")
    if isinstance(output, Mapping):
        table["output"] = {name: value for name, value in output.items() if name != "labels"}
    for name, value in changes.items():
        both = isinstance(value, Mapping) and isinstance(table.get(name), Mapping)
        table[name] = {**table[name], **value} if both else value
    return table


def _check_same(
    name: str,
    before: TransformerConfig,
    config: TransformerConfig,
    free: set[str],
) -> None:
    """Refuse a setting of ``[model]`` that is another one in the model that a run begins from."""
    theirs = by_name(before)
    for key, value in by_name(config).items():
        if theirs[key] != value and key not in free | {"output.labels"}:
            raise CheckpointError(
                f"The weights of training.initial = {name!r} do not fit this model: it has "
                f"model.{key} = {quoted(theirs[key])} and this run {value!r}. Set "
                f"model.{key} as it is there, or leave it out."
            )


def by_name(config: TransformerConfig) -> dict[str, Any]:
    """Return the settings of a model, those of its parts as ``attention.scale``."""
    settings: dict[str, Any] = {}
    for name, value in dataclasses.asdict(config).items():
        parts = value if isinstance(value, dict) else {}
        settings |= {f"{name}.{part}": inner for part, inner in parts.items()}
        settings |= {} if parts else {name: value}
    return settings
