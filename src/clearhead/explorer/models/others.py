"""Other people's models, read from transformers folders."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial
from typing import Any

from ...engine.reference_engine import ReferenceEngine
from ...errors import ConfigError
from ...generation.generate import generate
from ...generation.settings import GenerationSettings
from ...generation.settings_file import read_generation
from ...pretrained.model import PretrainedModel
from ...pretrained.tokenizers.protocol import PretrainedTokenizer
from ...search.settings import SearchSettings
from ...translation.sentences.segments import Piece
from ...translation.task import Task, read_task
from ..contract.answers import Ability
from ..contract.questions import RunQuestion
from ..passes.passage import Beginning
from ..passes.twins import twins
from .classifier import ClassifierModel
from .encoder import EncoderModel
from .generation import GenerationModel
from .searched_model import SearchedModel
from .text import prompt_ids
from .walked_model import WalkedModel


def walked_pretrained(model: PretrainedModel, task: str | None = None) -> WalkedModel:
    """Return someone else's model in the form that the page walks.

    Args:
        model: as it was read.
        task: the task of a translator, see `clearhead.translation.task.read_task`; None: its
            default, or the one that the text itself states.

    Raises:
        CheckpointError: it has no tokenizer.
        ConfigError: it does not read text, or does not have the task.
    """
    config = model.config
    if config.reads_images or model.tasks == {"classify"}:
        raise ConfigError(
            f"The page walks models that read text; this {model.family.name} model classifies "
            f"something else. Look at it with clearhead.load."
        )
    tokenizer = model.require_tokenizer()
    common: dict[str, Any] = {
        "provenance": {"family": model.family.name, "tasks": sorted(model.tasks)},
        "special_ids": tokenizer.special_ids,
        "encode": tokenizer.encode,
        "encode_words": tokenizer.encode_plain,
    }
    translates = bool(config.encoder_layers and config.decoder_layers)
    if task is not None and not translates:
        raise ConfigError(
            f"A task is for models that translate, and this {model.family.name} is none. Leave "
            f"task={task!r} out."
        )
    both = twins(config, model.weights)
    if translates:
        words = _task(model, task)
        common["encode"] = partial(_source_ids, tokenizer, words)
        return PretrainedTranslation(config, model.weights, tokenizer, both, task=words, **common)
    if config.decoder_layers:
        ends = _settings(model).eos_token_id
        return GenerationModel(config, model.weights, tokenizer, both, ends=ends, **common)
    if model.labels:
        return ClassifierModel(
            config, model.weights, tokenizer, both, labels=model.labels, **common
        )
    return EncoderModel(
        config,
        model.weights,
        tokenizer,
        both,
        predicts_words="fill_mask" in model.tasks,
        mask_id=tokenizer.roles.get("mask") if "fill_mask" in model.tasks else None,
        **common,
    )


def _source_ids(tokenizer: PretrainedTokenizer, task: Task, text: str) -> list[int]:
    """Return a translator's ids for a text, including its task and its special tokens."""
    return tokenizer.encode(task.prefix + text, language=task.source_language)


class PretrainedTranslation(SearchedModel):
    """A `WalkedModel` for someone else's model with encoder and decoder.

    Args:
        config, weights, tokenizer, twins, options: as in `WalkedModel`.
        task: how to ask it for a translation.
    """

    def __init__(
        self,
        config: Any,
        weights: Any,
        tokenizer: Any,
        twins: Any,
        *,
        task: Task,
        **options: Any,
    ) -> None:
        super().__init__(config, weights, tokenizer, twins, **options)
        self._task = task

    @property
    def abilities(self) -> list[Ability]:
        return ["translate", "edit", "effects", "derivations", "next_words", "lens"]

    def begin(self, request: RunQuestion) -> Beginning:
        ids = prompt_ids(self.encode, request.text, self.longest)
        request = request.model_copy(update={"sentence": 0})
        read = self._task.prefix + request.text
        return Beginning(request, (Piece(request.text, True),), read, ids)

    @property
    def start_id(self) -> int:
        start = self._task.settings.decoder_start_token_id
        return self.config.start_id if start is None else start

    def target_words(self, text: str) -> Sequence[int]:
        first = self._task.settings.forced_bos_token_id  # the language token, if one is generated
        words = self.encode_words(text)
        return words if first is None else [first, *words]

    def find(
        self, engine: ReferenceEngine, source: Sequence[int], request: RunQuestion
    ) -> tuple[int, ...]:
        # The length limit of our own search also stops a model that repeats itself.
        most = SearchSettings().limit(len(source))
        settings = dataclasses.replace(
            self._task.settings,
            do_sample=False,
            num_beams=request.beam_size,
            num_return_sequences=1,
            max_new_tokens=most,
        )
        (results,) = generate(
            engine,
            [list(source)],
            settings,
            has_encoder=True,
            starts=[[self.start_id]],
            positions=self.config.max_length - 1,
        )
        return results[0].content


def _task(model: PretrainedModel, task: str | None) -> Task:
    """Return a translator's task; None lets the text itself state one of several."""
    try:
        return read_task(model, task)
    except ConfigError:
        if task is not None:
            raise
        return Task(_settings(model))


def _settings(model: PretrainedModel) -> GenerationSettings:
    """Return the generation settings in a model's own files."""
    return read_generation(model.generation, model.settings)
