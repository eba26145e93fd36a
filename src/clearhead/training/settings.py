"""What a training run is told, as TOML or as Python; unknown keys are errors.

[data]
development = "dev.tsv"          # or: held_out_share, and held_out = true in a corpus
[[data.corpus]]
path = "train.tsv.gz"            # as in clearhead.text.corpus
passes = 1.0                     # how often an epoch goes through it
[tokenizer]
vocab_size = 8000
[model]                          # TransformerConfig, without vocab_size
encoder_layers = 4
[training]
max_steps = 20000
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..config import TransformerConfig
from ..errors import ConfigError
from ..file_reading import FileProblem, read_toml
from . import _setting_checks as checks
from .schedule import SCHEDULES

PRECISIONS = ("auto", "bfloat16", "float32")


@dataclass(frozen=True, kw_only=True)
class CorpusSettings:
    """One corpus, or a part of it.

    Attributes:
        path: as in clearhead.text.corpus. A path may come twice, with other limits.
        passes: how often an epoch goes through it.
        max_tokens: pairs with a longer side are left out and counted; None takes data.max_tokens.
        from_epoch: the first epoch, counted from 0, that goes through it.
        held_out: whether the held-out pairs of this corpus become development and test sets.
    """

    path: str
    passes: float = 1.0
    max_tokens: int | None = None
    from_epoch: int = 0
    held_out: bool = False

    def __post_init__(self) -> None:
        checks.check_types(type(self), vars(self), "data.corpus")
        try:
            checks.check_ranges(vars(self), checks.CORPUS, "data.corpus")
        except ConfigError as error:
            raise ConfigError(f"{error} It stands beside path = {self.path!r}.") from None


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """The corpora and what is done to them.

    Attributes:
        corpus: the training corpora.
        development: a corpus to measure on during training; without it, the first half of what
            is held out (the second half is for the final test).
        development_pairs: at most so many pairs are measured on.
        held_out_share: share of distinct source texts kept out of training in every corpus;
            from the corpora marked ``held_out`` they become held_out.development.tsv and
            held_out.test.tsv.
        max_tokens: pairs with a longer side are left out and counted.
        normalize_spaces: make each run of spaces, no-break ones among them, one plain space.
        skip_bad_lines: count unusable lines instead of stopping at the first.
    """

    corpus: tuple[CorpusSettings, ...] = ()
    development: str | None = None
    development_pairs: int = 1000
    held_out_share: float = 0.0
    max_tokens: int = 128
    normalize_spaces: bool = True
    skip_bad_lines: bool = False

    def __post_init__(self) -> None:
        checks.check_types(type(self), vars(self), "data")
        checks.check_ranges(vars(self), checks.DATA, "data")
        if not 0.0 <= self.held_out_share < 1.0:
            raise ConfigError(f"data.held_out_share must be in [0, 1); got {self.held_out_share}.")


@dataclass(frozen=True, kw_only=True)
class TokenizerSettings:
    """A tokenizer to train (on so many pairs of each corpus), or the path of a ready one.

    The path is that of a ``tokenizer.json``, or the name of a bundled model.
    """

    vocab_size: int = 8000
    pairs_per_corpus: int = 200_000
    min_frequency: int = 2
    path: str | None = None

    def __post_init__(self) -> None:
        checks.check_types(type(self), vars(self), "tokenizer")
        checks.check_ranges(vars(self), checks.TOKENIZER, "tokenizer")


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """The run itself.

    Attributes:
        seed: of weights, dropout and the order of the data.
        max_steps, max_epochs: the run ends at whichever comes first.
        batch_tokens: rows times longest side of one batch.
        accumulation: batches whose gradients make one step.
        learning_rate, schedule, warmup_steps, decay_steps: see training.schedule.
        label_smoothing: Szegedy et al. 2016.
        clip_norm: gradients are scaled down to this norm; 0 leaves them.
        weight_decay, betas, epsilon: of AdamW.
        precision: ``bfloat16`` for the products of the forward and backward pass (parameters,
            optimizer and sums stay float32), ``float32``, or ``auto``, which measures both when
            the run begins and keeps the faster.
        checkpoint_every: steps between checkpoints.
        keep_checkpoints: how many checkpoints' weights are kept, for averaging.
        average: the final model is the mean of so many last checkpoints.
        evaluate_every: steps between measurements on the development set.
        patience: stop after so many measurements without a better one; 0 never stops.
        initial: a checkpoint folder or a bundled model whose weights to begin from.
        log_every: steps between lines of the log.
        threads: processor threads of each process; 0 chooses by cores and size of the steps.
        device: ``cpu``, ``cuda``, ...
        tensorboard: write TensorBoard event files beside the log.
        export: how the finished model's weights are written, ``float32`` or, in half the
            space, ``float16``.
    """

    seed: int = 1
    max_steps: int = 100_000
    max_epochs: int = 1000
    batch_tokens: int = 4096
    accumulation: int = 1
    learning_rate: float = 1e-3
    schedule: str = "inverse_sqrt"
    warmup_steps: int = 1000
    decay_steps: int = 0
    label_smoothing: float = 0.1
    clip_norm: float = 1.0
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.98)
    epsilon: float = 1e-9
    precision: str = "auto"
    checkpoint_every: int = 500
    keep_checkpoints: int = 5
    average: int = 5
    evaluate_every: int = 500
    patience: int = 0
    initial: str | None = None
    log_every: int = 50
    threads: int = 0
    device: str = "cpu"
    tensorboard: bool = False
    export: str = "float32"

    def __post_init__(self) -> None:
        checks.check_types(type(self), vars(self), "training")
        _one_of("schedule", self.schedule, SCHEDULES)
        _one_of("precision", self.precision, PRECISIONS)
        _one_of("export", self.export, ("float32", "float16"))
        checks.check_ranges(vars(self), checks.TRAINING, "training")
        numbers = [beta for beta in self.betas if type(beta) in (int, float) and 0.0 <= beta < 1.0]
        if len(self.betas) != 2 or numbers != [*self.betas]:
            raise ConfigError(
                f"training.betas must be two numbers in [0, 1); got {list(self.betas)}."
            )
        if not 0.0 <= self.label_smoothing < 1.0:
            raise ConfigError(
                f"training.label_smoothing must be in [0, 1); got {self.label_smoothing}."
            )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A whole run."""

    data: DataSettings
    tokenizer: TokenizerSettings = field(default_factory=TokenizerSettings)
    model: Mapping[str, Any] = field(default_factory=dict)
    training: TrainingSettings = field(default_factory=TrainingSettings)

    def __post_init__(self) -> None:
        if not self.data.corpus:
            raise ConfigError("There is nothing to train on: give at least one [[data.corpus]].")
        if all(corpus.from_epoch for corpus in self.data.corpus):
            raise ConfigError(
                "The first epoch has nothing to train on: every data.corpus has a from_epoch "
                "above 0. Leave it out of one."
            )
        held_out = any(corpus.held_out for corpus in self.data.corpus)
        if not self.data.development and not (held_out and self.data.held_out_share > 0):
            raise ConfigError(
                "There is no development set: set data.development to a corpus, or "
                "data.held_out_share above 0 and held_out = true in a [[data.corpus]]."
            )
        model = self.model_config(vocab_size=self.tokenizer.vocab_size)
        if not (model.encoder_layers and model.decoder_layers):
            raise ConfigError(
                "Training here is from source to target: model.encoder_layers and "
                "model.decoder_layers must both be at least 1."
            )
        longest = max(self.data.max_tokens, *(row.max_tokens or 0 for row in self.data.corpus))
        if longest >= model.max_length:
            raise ConfigError(
                f"data.max_tokens must be below model.max_length, which has room for the end "
                f"token too; got {longest} and {model.max_length}."
            )

    def model_config(self, vocab_size: int) -> TransformerConfig:
        """The model's config, once the tokenizer's size is known."""
        if "vocab_size" in self.model:
            raise ConfigError(
                "model.vocab_size follows from the tokenizer; set tokenizer.vocab_size."
            )
        checks.check_types(TransformerConfig, self.model, "model")
        checks.check_ranges(self.model, checks.MODEL, "model")
        try:
            return TransformerConfig.from_dict({"vocab_size": vocab_size, **self.model})
        except ConfigError as error:
            raise ConfigError(f"In the section model: {error}") from None

    def to_dict(self) -> dict[str, Any]:
        """All settings as plain dictionaries and lists."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Settings:
        """Settings from what a TOML file holds.

        Raises:
            ConfigError: a key is unknown (the known ones are listed) or of the wrong type.
        """
        sections = ("data", "tokenizer", "model", "training")
        checks.check_known(settings, sections, "the settings")
        for name in sections:
            if not isinstance(settings.get(name, {}), Mapping):
                raise ConfigError(f"{name} must be a table of settings; got {settings[name]!r}.")
        data = dict(settings.get("data", {}))
        rows = data.pop("corpus", [])
        if not isinstance(rows, (list, tuple)):
            raise ConfigError("data.corpus must be a list: write [[data.corpus]] in TOML.")
        corpora = tuple(checks.build(CorpusSettings, row, "data.corpus") for row in rows)
        return cls(
            data=checks.build(DataSettings, {**data, "corpus": corpora}, "data"),
            tokenizer=checks.build(TokenizerSettings, settings.get("tokenizer", {}), "tokenizer"),
            model=dict(settings.get("model", {})),
            training=checks.build(TrainingSettings, settings.get("training", {}), "training"),
        )

    @classmethod
    def from_toml(cls, path: str | Path, overrides: Mapping[str, Any] | None = None) -> Settings:
        """Read a TOML file; ``overrides`` are dotted keys, such as ``training.max_steps``."""
        table = _read_toml(Path(path))
        for key, value in (overrides or {}).items():
            *sections, name = key.split(".")
            if not sections:
                raise ConfigError(f"Write {key!r} with its section, such as training.{key}.")
            inner = table
            for section in sections:
                inner = inner.setdefault(section, {})
                if not isinstance(inner, dict):
                    raise ConfigError(f"Cannot set {key}: {section} is no table of settings.")
            inner[name] = value
        return cls.from_dict(table)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return read_toml(path)
    except FileProblem as error:
        if error.missing:
            raise ConfigError(f"There is no settings file {path}. Name one that exists.") from error
        raise ConfigError(
            f"Cannot read the settings file {path}: {error.reason}. Give a TOML file."
        ) from error


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ConfigError(f"training.{name} must be one of {', '.join(known)}; got {value!r}.")
