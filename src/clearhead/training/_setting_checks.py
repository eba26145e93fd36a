"""Types and ranges of settings: what is refused before any work is done."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import ConfigError

_LARGEST = 10**12  # what no count of anything here reaches


class Range(NamedTuple):
    """The numbers from ``least`` to ``most``; without ``least`` itself where it is ``open``."""

    least: float
    most: float = _LARGEST
    open: bool = False


CORPUS = {"passes": Range(0, 1000, open=True), "max_tokens": Range(1), "from_epoch": Range(0)}
DATA = {"development_pairs": Range(1), "max_tokens": Range(1)}
# 259 ids are special tokens and bytes; one more is learnt.
TOKENIZER = {
    "vocab_size": Range(260, 10_000_000),
    "pairs_per_corpus": Range(1),
    "min_frequency": Range(1),
}
MODEL = {
    "d_model": Range(1, 1 << 20),
    "feed_forward_dim": Range(1, 1 << 20),
    "encoder_layers": Range(0, 1000),
    "decoder_layers": Range(0, 1000),
    "max_length": Range(1, 1 << 20),
    "norm_epsilon": Range(0, 1, open=True),
    "rotary_base": Range(0, open=True),
    "pad_id": Range(0, 0),
    "start_id": Range(1, 1),
    "end_id": Range(2, 2),
}
TRAINING = {
    "seed": Range(0, (1 << 63) - 1),
    # A checkpoint's name holds eight digits.
    **dict.fromkeys(("max_steps", "checkpoint_every", "evaluate_every"), Range(1, 99_999_999)),
    **dict.fromkeys(
        ("max_epochs", "batch_tokens", "accumulation", "keep_checkpoints", "average", "log_every"),
        Range(1),
    ),
    **dict.fromkeys(
        ("learning_rate", "warmup_steps", "decay_steps", "clip_norm", "weight_decay", "patience"),
        Range(0),
    ),
    # What float32 rounds to 0 would divide by 0.
    "epsilon": Range(1e-38, 1),
    "threads": Range(0, 1024),
}

_PLAIN_TYPES: dict[str, Any] = {
    "int": int,
    "float": (int, float),
    "str": str,
    "bool": bool,
    "tuple[float, float]": (list, tuple),
    "tuple[CorpusSettings, ...]": tuple,
}


def check_known(settings: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    """Refuse keys that do not exist.

    Raises:
        ConfigError: the known keys are listed.
    """
    unknown = sorted(map(str, set(settings) - set(known)))
    if unknown:
        raise ConfigError(
            f"Unknown key {', '.join(map(repr, unknown))} in {where}. "
            f"The keys are: {', '.join(known)}."
        )


def check_types(cls: type, settings: Mapping[str, Any], where: str) -> None:
    """Refuse unknown keys and values of another type than a dataclass's field has.

    Raises:
        ConfigError: with the key's full name, its type and what came.
    """
    fields = {item.name: str(item.type) for item in dataclasses.fields(cls)}
    check_known(settings, tuple(fields), where)
    for name, value in settings.items():
        annotation, _, rest = fields[name].partition(" | ")
        if value is None and rest == "None":
            continue
        misplaced_bool = isinstance(value, bool) and annotation != "bool"
        if misplaced_bool or not isinstance(value, _PLAIN_TYPES[annotation]):
            raise ConfigError(f"{where}.{name} must be of type {annotation}; got {value!r}.")
        if isinstance(value, str):
            _check_text(f"{where}.{name}", value)


def _check_text(name: str, value: str) -> None:
    if not value.strip():
        raise ConfigError(f"{name} must not be empty; got {value!r}. Leave it out, or fill it in.")
    if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise ConfigError(f"{name} must be text that UTF-8 can hold, without NUL; got {value!r}.")


def check_ranges(values: Mapping[str, Any], ranges: Mapping[str, Range], where: str) -> None:
    """Refuse numbers outside their ranges, and those that are not finite.

    Raises:
        ConfigError: with the key's full name, its range and what came.
    """
    for name, allowed in ranges.items():
        value = values.get(name)
        if value is None:
            continue
        limit = None
        if not (value > allowed.least if allowed.open else value >= allowed.least):  # NaN is not
            limit = f"{'above' if allowed.open else 'at least'} {allowed.least:,}"
        elif math.isinf(value):
            limit = "a finite number"
        elif value > allowed.most:
            limit = f"at most {allowed.most:,}"
        if limit:
            raise ConfigError(f"{where}.{name} must be {limit}; got {value}.")


def build(cls: type, settings: Any, where: str) -> Any:
    """Make a settings dataclass from a table, with unknown keys and wrong types refused.

    Raises:
        ConfigError: a key is unknown, missing, of another type or out of its range.
    """
    if not isinstance(settings, Mapping):
        raise ConfigError(f"{where} must be a table of settings; got {settings!r}.")
    check_types(cls, settings, where)
    values = {
        name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()
    }
    missing = [
        item.name
        for item in dataclasses.fields(cls)
        if item.name not in values
        and item.default is dataclasses.MISSING
        and item.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ConfigError(f"{where} needs {', '.join(missing)}.")
    return cls(**values)
