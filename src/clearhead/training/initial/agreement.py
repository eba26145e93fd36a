"""The config of a run's model: the initial model's config with the changes in [model].

Settings that ``[model]`` does not name are taken from the initial model. Those that it names must
be equal to the initial model's, except for dropout. A model in Clearhead's format may also have
another ``max_length`` and more layers.
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

# Settings that may differ from the initial model's.
_FREE = {"dropout", "attention_dropout"}
_FREE_OF_OURS = {*_FREE, "max_length", "vocab_size", *(f"{stack}_layers" for stack in STACKS)}
_FROM_DATA = {"vocab_size", "output.labels"}


def run_config(
    settings: Settings, origin: Origin | None, vocab_size: int, labels: int = 2
) -> TransformerConfig:
    """Return the config of a run's model.

    Args:
        settings: of the run.
        origin: the initial model; None for random weights.
        vocab_size: of its tokenizer.
        labels: the number of labels, for a classifier.

    Raises:
        ConfigError: a setting is unknown, out of range, or for another task.
        CheckpointError: a setting differs from the initial model's.
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
    """Check that a run's model can be grown from its initial model.

    Raises:
        CheckpointError: it cannot; the message names the setting to change.
    """
    try:
        check_growth(origin.config, config)
    except ConfigError as error:
        raise CheckpointError(
            f"The weights of training.initial = {origin.name!r} do not fit this model: {error}."
        ) from error


def _merged(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model's settings, replaced by those of a run where it has them."""
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
    """Check that settings other than the free ones are equal to the initial model's."""
    theirs = by_name(before)
    for key, value in by_name(config).items():
        if theirs[key] != value and key not in free | {"output.labels"}:
            raise CheckpointError(
                f"The weights of training.initial = {name!r} do not fit this model: it has "
                f"model.{key} = {quoted(theirs[key])} and this run {value!r}. Set "
                f"model.{key} as it is there, or leave it out."
            )


def by_name(config: TransformerConfig) -> dict[str, Any]:
    """Return the settings of a model by name; nested ones are named like ``attention.scale``."""
    settings: dict[str, Any] = {}
    for name, value in dataclasses.asdict(config).items():
        parts = value if isinstance(value, dict) else {}
        settings |= {f"{name}.{part}": inner for part, inner in parts.items()}
        settings |= {} if parts else {name: value}
    return settings
