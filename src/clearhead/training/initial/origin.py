"""The initial model of a run, in Clearhead's format or saved by transformers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from ...config import TransformerConfig
from ...errors import ConfigError
from ...pretrained.label_head import relabelled
from ...pretrained.model import PretrainedModel
from ...pretrained.reading import read_pretrained
from ...pretrained.writing import check_storage
from ...text.tokenizer import Tokenizer
from ...translation.checkpoint import is_pretrained
from ...translation.task import Task as TranslationTask
from ...translation.task import read_task, task_names
from ..settings import Settings, TokenizerSettings
from ..sources import model_folder, tokenizer_file
from ..tasks.task import CLASSIFICATION, TASKS, TRANSLATION
from .weights import read_initial_config


@dataclass(frozen=True)
class Origin:
    """The model named in ``training.initial``.

    Attributes:
        name: as in the setting.
        folder: of its files.
        config: of the model.
        pretrained: the model as saved by transformers, without its weights, which are read when
            needed; None for a model in Clearhead's format.
        asking: the translation task of a model saved by transformers: its languages or prefix; None
            for other models and tasks.
        labels: of the run, if it trains a classifier.
        fresh: names of the weights that begin at random: those of a head for new labels.
    """

    name: str
    folder: Path
    config: TransformerConfig
    pretrained: PretrainedModel | None = None
    asking: TranslationTask | None = None
    labels: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()

    def with_labels(self, labels: tuple[str, ...]) -> Origin:
        """Return the origin with a head for some labels.

        A head for the same labels in its files is kept.
        """
        if self.pretrained is None:
            return self
        head = relabelled(self.pretrained, labels)
        model = replace(head.model, weights={})
        return replace(self, pretrained=model, config=model.config, labels=labels, fresh=head.fresh)

    @cached_property
    def own_tokenizer(self) -> Tokenizer:
        """The tokenizer of a model in Clearhead's format."""
        return Tokenizer.load(self.folder / "tokenizer.json")


def read_origin(settings: Settings) -> Origin | None:
    """Return the initial model of a run; None if it begins from random weights.

    Args:
        settings: of the run.

    Raises:
        CheckpointError: there is no such model, it is damaged, or it has no tokenizer.
        ConfigError: the task does not train such a model, or a setting is not for such a model.
    """
    name = settings.training.initial
    if name is None:
        return None
    if not is_pretrained(name):
        folder = model_folder(name)
        return Origin(name, folder, read_initial_config(folder)[0])
    pretrained = replace(read_pretrained(name), weights={})
    _check_task(settings, pretrained)
    _check_settings(settings, pretrained)
    asking = None
    if settings.task == TRANSLATION.name:
        asking = _asking(settings, pretrained)
    return Origin(name, pretrained.folder, pretrained.config, pretrained, asking)


def _check_task(settings: Settings, pretrained: PretrainedModel) -> None:
    """Check that the task trains models of this kind."""
    task, config, family = TASKS[settings.task], pretrained.config, pretrained.family.name
    about = f"training.initial = {settings.training.initial!r} is a {family}"
    if config.reads_images:
        raise ConfigError(f"{about}, which reads images, and training here is on texts.")
    stacks = tuple(stack for stack in ("encoder", "decoder") if getattr(config, f"{stack}_layers"))
    if stacks != task.stacks:
        right = next(each for each in TASKS.values() if each.stacks == stacks)
        raise ConfigError(
            f"{about}, {_sides(stacks)}, and task = {task.name!r} trains {task.model}, "
            f"{_sides(task.stacks)}. Set task = {right.name!r}, or begin from another model."
        )
    if task is CLASSIFICATION and pretrained.family.label_head is None:
        raise ConfigError(f"{about}, and no head for labels of this family is known here.")
    if task is not CLASSIFICATION and not config.output.matrix:
        raise ConfigError(f"{about} that was saved without its head. Save the whole model.")
    pretrained.require_tokenizer()


def _sides(stacks: tuple[str, ...]) -> str:
    return f"an {' and a '.join(stacks)}" if stacks[0] == "encoder" else "a decoder alone"


def _check_settings(settings: Settings, pretrained: PretrainedModel) -> None:
    """Check that no setting needs Clearhead's own tokenizer or file format."""
    name, usual = settings.training.initial, TokenizerSettings()
    if settings.tokenizer != usual:
        theirs = pretrained.require_tokenizer().vocab_size
        stated = {
            f"tokenizer.{key}": value
            for key, value in vars(settings.tokenizer).items()
            if value != getattr(usual, key)
        }
        if stated != {"tokenizer.vocab_size": theirs}:
            key, value = next(iter(stated.items()))
            raise ConfigError(
                f"{key} = {value!r}, and training.initial = {name!r} has a tokenizer of its own, "
                f"of {theirs:,} ids, which the run takes. Leave {key} out."
            )
    if settings.training.bpe_dropout:
        raise ConfigError(
            f"training.bpe_dropout = {settings.training.bpe_dropout} cuts the words of clearhead's "
            f"own tokenizers anew; that of training.initial = {name!r} is another. Leave it out."
        )
    for i, row in enumerate(settings.data.corpus):
        if row.register_share:
            raise ConfigError(
                f"data.corpus[{i}].register_share = {row.register_share}: tags are tokens of "
                f"clearhead's own tokenizers, and training.initial = {name!r} has none. Leave it "
                f"out."
            )
    try:
        check_storage(settings.training.export)
    except ConfigError as error:
        raise ConfigError(f"training.export: {error}") from error


def _asking(settings: Settings, pretrained: PretrainedModel) -> TranslationTask:
    """Return the model's translation task, with its languages or prefix if it has such."""
    data, name = settings.data, settings.training.initial
    codes = pretrained.require_tokenizer().languages
    tasks = task_names(pretrained)
    languages = None
    if data.source_language is not None:
        languages = f"{data.source_language}-{data.target_language}"
    if languages is None:
        in_text = pretrained.family.name == "Marian"  # its texts may name their language
        if (codes and not in_text) or len(tasks) > 1:
            several = ", ".join(sorted(codes)[:8] or tasks[:8])
            raise ConfigError(
                f"training.initial = {name!r} translates between several languages ({several}, "
                f"...). Set data.source_language and data.target_language."
            )
        return read_task(pretrained, None)
    if not codes and not tasks:  # a model of one language pair, or of the pair that this run trains
        return read_task(pretrained, None)
    if not codes and f"translation_{languages.replace('-', '_to_')}" not in tasks:
        raise ConfigError(
            f"training.initial = {name!r} has no task {languages}; its config.json has "
            f"{', '.join(tasks)}. Set data.source_language and data.target_language to one of them."
        )
    return read_task(pretrained, languages)


def run_tokenizer(settings: Settings, origin: Origin | None) -> Tokenizer | None:
    """Return the existing tokenizer in Clearhead's format that a run uses; None if it has none."""
    if settings.tokenizer.path is not None:
        return Tokenizer.load(tokenizer_file(settings.tokenizer.path))
    if origin is not None and origin.pretrained is None:
        return origin.own_tokenizer
    return None
