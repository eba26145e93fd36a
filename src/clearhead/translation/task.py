"""The task of other people's models: from which language to which.

A task such as ``en-fr`` is given to each model in its own way: T5 reads it before the text
("translate English to French: "), M2M100, NLLB and mBART have tokens for languages, and some
OPUS-MT models read the target language at the beginning of the source (``>>fra<<``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import ConfigError
from ..generation.settings import GenerationSettings
from ..generation.settings_file import read_generation, task_prefix
from ..pretrained.model import PretrainedModel
from ..pretrained.tokenizers.protocol import PretrainedTokenizer
from ..visible import quoted

_PAIR = re.compile(r"([A-Za-z]{2,3}(?:_[A-Za-z]+)?)-([A-Za-z]{2,3}(?:_[A-Za-z]+)?)")
_MOST_NAMES = 8


@dataclass(frozen=True)
class Task:
    """How a text is given to a model.

    Attributes:
        settings: of generation, including the first token of the target.
        prefix: put before every text.
        source_language: the tokenizer's source language; None for the default of its files.
        target_language: likewise for the translation.
    """

    settings: GenerationSettings
    prefix: str = ""
    source_language: str | None = None
    target_language: str | None = None


def read_task(pretrained: PretrainedModel, task: str | None) -> Task:
    """Return how to give a task to a model.

    Args:
        pretrained: the model.
        task: two languages, such as ``en-fr`` or ``eng_Latn-fra_Latn``, or the name of a task in
            the model's config.json, such as ``translation_en_to_fr``; None for the model's default.

    Raises:
        ConfigError: the model does not know the task, or has several tasks and none was named.
        CheckpointError: its files need something unsupported.
    """
    names = task_names(pretrained)
    if task is None:
        if len(names) > 1:
            raise ConfigError(
                f"This {pretrained.family.name} has several tasks, and does what the text asks "
                f"for: {_listed(names)}. Name one, such as task={quoted(names[0])}, or two "
                f"languages, such as task='en-fr'; or say it in the text itself and use generate."
            )
        return _named_task(pretrained, names[0] if names else None)
    pair = _PAIR.fullmatch(task)
    name = f"translation_{pair[1]}_to_{pair[2]}" if pair else task
    if name in names:
        return _named_task(pretrained, name)
    tokenizer = pretrained.require_tokenizer()
    if pair and tokenizer.languages:
        if any(tokenizer.id_of(f">>{code}<<") is not None for code in tokenizer.languages):
            _check_language(pretrained, tokenizer, pair[2])
            return Task(_settings(pretrained, None), prefix=f">>{pair[2]}<< ")
        return _between_languages(pretrained, tokenizer, pair[1], pair[2])
    tasks = _listed(names) if names else "none"
    raise ConfigError(
        f"This {pretrained.family.name} knows no task {quoted(task)}. The tasks that its "
        f"config.json names: {tasks}. A model for one pair of languages needs none."
    )


def task_names(pretrained: PretrainedModel) -> list[str]:
    """Return the names of the tasks for which config.json has settings."""
    tasks = pretrained.settings.get("task_specific_params")
    if not isinstance(tasks, dict):
        return []
    return [name for name, values in tasks.items() if isinstance(values, dict)]


def _named_task(pretrained: PretrainedModel, name: str | None) -> Task:
    prefix = "" if name is None else task_prefix(pretrained.settings, name)
    return Task(_settings(pretrained, name), prefix)


def _settings(pretrained: PretrainedModel, task: str | None) -> GenerationSettings:
    settings = read_generation(pretrained.generation, pretrained.settings, task=task)
    if settings.decoder_start_token_id is None and settings.bos_token_id is None:
        start = pretrained.config.start_id
        settings = GenerationSettings.of(settings, decoder_start_token_id=start)
    return settings


def _between_languages(
    pretrained: PretrainedModel, tokenizer: PretrainedTokenizer, source: str, target: str
) -> Task:
    """Return the task of a model with a token for each language: the target's comes first."""
    for language in (source, target):
        _check_language(pretrained, tokenizer, language)
    first = tokenizer.languages[target]
    settings = GenerationSettings.of(_settings(pretrained, None), forced_bos_token_id=first)
    return Task(settings, source_language=source, target_language=target)


def _check_language(
    pretrained: PretrainedModel, tokenizer: PretrainedTokenizer, language: str
) -> None:
    if language not in tokenizer.languages:
        raise ConfigError(
            f"The tokenizer of this {pretrained.family.name} knows no language "
            f"{quoted(language)}; it knows {_listed(sorted(tokenizer.languages))}."
        )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
