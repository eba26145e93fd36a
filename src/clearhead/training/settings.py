"""The settings of a training run, from TOML or from Python; unknown keys are errors.

task = "translation"             # or "language", "classification"; see training.tasks
[data]
development = "dev.tsv"          # or: held_out_share, and held_out = true in a corpus
[[data.corpus]]
path = "train.tsv.gz"            # as in clearhead.text.corpus
passes = 1.0                     # how often an epoch repeats it
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
from typing import Annotated, Any

from ..config import TransformerConfig
from ..errors import ConfigError
from ..file_reading import FileProblem, read_toml
from ..setting_fields import check_fields, from_mapping, one_of, within
from ..weight_storage.weight_file import STORAGES
from .data_settings import Amount, CorpusSettings, Count, DataSettings, Share, Step, Text, Weight
from .measures.best import MEASURES, NONE
from .schedule import SCHEDULES
from .tasks.task import TASKS, check_config, check_data, model_config

__all__ = [
    "CorpusSettings",
    "DataSettings",
    "Settings",
    "TokenizerSettings",
    "TrainingSettings",
]

PRECISIONS = ("auto", "bfloat16", "float32")
TOKENIZERS = ("byte_pairs", "characters")


@dataclass(frozen=True, kw_only=True)
class TokenizerSettings:
    """A tokenizer to train, or the path of a trained one.

    Training uses at most ``pairs_per_corpus`` pairs of each corpus. It learns merges of
    ``byte_pairs`` up to ``vocab_size`` tokens, or only the ``characters``. The path is that of a
    ``tokenizer.json``, or the name of a bundled model.
    """

    # 259 ids are special tokens and bytes; one more is learnt.
    vocab_size: Annotated[int, within(least=260, most=10_000_000)] = 8000
    kind: Annotated[str, one_of(*TOKENIZERS)] = "byte_pairs"
    pairs_per_corpus: Count = 200_000
    min_frequency: Count = 2
    path: Text | None = None

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """The settings of the training itself.

    Attributes:
        seed: of weights, dropout and the order of the data.
        max_steps, max_epochs: the run ends at whichever comes first.
        batch_tokens: size of one batch: its number of rows times the tokens of its longest side.
        accumulation: the number of batches whose gradients are summed for one step.
        micro_batches: the number of parts of a step, whose gradients are summed in a fixed tree. At
            most as many processes may share a step, and any number of processes gives the same
            bits. 0 means the number of processes that the run begins with.
        learning_rate, schedule, warmup_steps, decay_steps: see training.schedule.
        label_smoothing: Szegedy et al. 2016.
        bpe_dropout: the probability of skipping a merge of a word's subwords, each time the word is
            seen in training (Provilkov et al. 2020).
        clip_norm: gradients are scaled down to this norm; 0 leaves them.
        weight_decay, betas, epsilon: of AdamW.
        precision: ``bfloat16`` for the matrix products of the forward and backward pass
            (parameters, optimizer and sums stay float32), ``float32``, or ``auto``, which measures
            both when the run begins and keeps the faster.
        checkpoint_every: steps between checkpoints.
        keep_checkpoints: the number of checkpoints whose weights are kept, for averaging.
        keep_every: weights at multiples of this number of steps are kept for good, and those of
            step 0 are saved, too; 0 keeps none.
        average: the number of last checkpoints whose mean is the final model.
        evaluate_every: steps between measurements on the development set.
        translated_pairs: the number of development pairs to translate at every measurement, for
            BLEU, chrF and samples in the log; 0 translates none.
        best: the measure that decides which model is kept in the run's folder ``best``.
        patience: stop after this number of measurements without an improvement; 0 never stops.
        initial: the model to begin from: a folder written by Clearhead or by transformers, the name
            of a bundled model, or the name of a model on the hub. The run takes over its
            architecture and tokenizer. A model in Clearhead's format may have fewer layers; the
            added layers have no effect at first.
        log_every: steps between lines of the log.
        threads: CPU threads of each process; 0 chooses by the number of cores and the size of a
            step.
        device: ``cpu``, ``cuda``, ...
        shard: divide weights, gradients and the optimizer's state among the processes (FSDP2).
        tensorboard: write TensorBoard event files beside the log.
        export: storage of the finished model's weights: ``float32``, ``float16`` (half the size) or
            ``int8`` (a quarter of the size; matrices have a scale for each row).
    """

    seed: Annotated[int, within(least=0, most=(1 << 63) - 1)] = 1
    max_steps: Step = 100_000
    max_epochs: Count = 1000
    batch_tokens: Count = 4096
    accumulation: Count = 1
    micro_batches: Annotated[int, within(least=0, most=1 << 16)] = 0
    learning_rate: Weight = 1e-3
    schedule: Annotated[str, one_of(*SCHEDULES)] = "inverse_sqrt"
    warmup_steps: Amount = 1000
    decay_steps: Amount = 0
    label_smoothing: Share = 0.1
    bpe_dropout: Share = 0.0
    clip_norm: Weight = 1.0
    weight_decay: Weight = 0.0
    betas: tuple[Share, Share] = (0.9, 0.98)
    # Smaller values are 0 in float32, and AdamW would divide by 0.
    epsilon: Annotated[float, within(least=1e-38, most=1)] = 1e-9
    precision: Annotated[str, one_of(*PRECISIONS)] = "auto"
    checkpoint_every: Step = 500
    keep_checkpoints: Count = 5
    keep_every: Amount = 0
    average: Count = 5
    evaluate_every: Step = 500
    translated_pairs: Amount = 100
    best: Annotated[str, one_of(*MEASURES, NONE)] = "loss"
    patience: Amount = 0
    initial: Text | None = None
    log_every: Count = 50
    threads: Annotated[int, within(least=0, most=1024)] = 0
    device: Text = "cpu"
    shard: bool = False
    tensorboard: bool = False
    export: Annotated[str, one_of(*STORAGES)] = "float32"

    def __post_init__(self) -> None:
        check_fields(self)
        if self.keep_every % self.checkpoint_every:
            raise ConfigError(
                f"training.keep_every = {self.keep_every} is no multiple of "
                f"training.checkpoint_every = {self.checkpoint_every}: none else are saved. "
                f"Make it a multiple, or 0 to keep none."
            )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of a run; ``task`` is one of `clearhead.training.tasks.task.TASKS`."""

    data: DataSettings = field(default_factory=DataSettings)
    tokenizer: TokenizerSettings = field(default_factory=TokenizerSettings)
    model: Mapping[str, Any] = field(default_factory=dict)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    task: Annotated[str, one_of(*TASKS)] = "translation"

    def __post_init__(self) -> None:
        check_fields(self)
        self._check_data()
        check_data(TASKS[self.task], self.data)
        if self.training.initial is None:  # else the model's config comes from that model
            config = self.model_config(vocab_size=self.tokenizer.vocab_size)
            check_config(TASKS[self.task], self.data, config)
        self._check_best()

    def _check_data(self) -> None:
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

    def _check_best(self) -> None:
        options = self.training
        measures = {"translation": ["loss"], "classification": ["loss", "accuracy"]}
        possible = measures.get(self.task, ["loss"])
        if self.task == "translation" and options.translated_pairs:
            possible += ["bleu", "chrf"]
        if options.best not in (*possible, NONE):
            more = ""
            if self.task == "translation" and options.best in ("bleu", "chrf"):
                more = " With training.translated_pairs above 0, bleu and chrf are, too."
            raise ConfigError(
                f"training.best = {options.best!r} is not measured in this run; "
                f"{' and '.join(possible)} {'are' if len(possible) > 1 else 'is'}.{more} Name one "
                f"of these, or none."
            )

    def model_config(self, vocab_size: int, labels: int = 2) -> TransformerConfig:
        """Return the model's config for a vocabulary size and a number of labels.

        With ``training.initial``, use `training.initial.agreement.run_config` instead.
        """
        return model_config(TASKS[self.task], self.model, vocab_size, labels)

    def to_dict(self) -> dict[str, Any]:
        """Return all settings as plain dictionaries and lists."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Settings:
        """Return the settings from a table, as read from a TOML file.

        Raises:
            ConfigError: a key is unknown, or a value is not valid.
        """
        return from_mapping(cls, settings)

    @classmethod
    def from_toml(cls, path: str | Path, overrides: Mapping[str, Any] | None = None) -> Settings:
        """Read a TOML file; ``overrides`` are dotted keys, such as ``training.max_steps``."""
        table = _read_toml(Path(path))
        for key, value in (overrides or {}).items():
            *sections, name = key.split(".")
            if not sections and name != "task":
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
