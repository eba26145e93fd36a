"""Other people's models, as they were read from a folder of transformers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ...engine.reference_engine import ReferenceEngine
from ...errors import ConfigError
from ...generation.generate import generate
from ...generation.settings import GenerationSettings
from ...pretrained.model import PretrainedModel
from ...search.settings import SearchSettings
from ...translation.sentences.segments import Piece
from ..contract.answers import Ability
from ..contract.questions import RunQuestion
from ..passes.passage import Beginning
from ..passes.twins import twins
from .encoder import EncoderModel
from .generation import GenerationModel
from .searched_model import SearchedModel
from .text import prompt_ids
from .walked_model import WalkedModel

# What the page decides itself, or what would make a search another one each time.
_OWN = ("do_sample", "num_beams", "num_return_sequences", "max_length", "max_new_tokens", "seed")


def walked_pretrained(model: PretrainedModel) -> WalkedModel:
    """Return someone else's model as the page walks it.

    Raises:
        CheckpointError: it has no tokenizer.
        ConfigError: it reads no text.
    """
    config, tokenizer = model.config, model.require_tokenizer()
    if model.tasks == {"classify"} and not config.decoder_layers:
        raise ConfigError(
            f"The page walks models that read text; this {model.family.name} model classifies "
            f"something else. Look at it with clearhead.load."
        )
    common: dict[str, Any] = {
        "provenance": {"family": model.family.name, "tasks": sorted(model.tasks)},
        "special_ids": tokenizer.special_ids,
        "encode": tokenizer.encode,
        "encode_words": tokenizer.encode_plain,
    }
    both = twins(config, model.weights)
    if config.encoder_layers and config.decoder_layers:
        return PretrainedTranslation(
            config, model.weights, tokenizer, both, settings=model.generation, **common
        )
    if config.decoder_layers:
        ends = _settings(model.generation).eos_token_id
        return GenerationModel(config, model.weights, tokenizer, both, ends=ends, **common)
    return EncoderModel(
        config,
        model.weights,
        tokenizer,
        both,
        predicts_words="fill_mask" in model.tasks,
        mask_id=tokenizer.roles.get("mask") if "fill_mask" in model.tasks else None,
        **common,
    )


class PretrainedTranslation(SearchedModel):
    """A `WalkedModel` of someone else's encoder and decoder.

    Args:
        config, weights, tokenizer, twins, options: as in `WalkedModel`.
        settings: what its generation_config.json says.
    """

    def __init__(
        self,
        config: Any,
        weights: Any,
        tokenizer: Any,
        twins: Any,
        *,
        settings: Mapping[str, Any],
        **options: Any,
    ) -> None:
        super().__init__(config, weights, tokenizer, twins, **options)
        self._settings = _settings(settings)

    @property
    def abilities(self) -> list[Ability]:
        return ["translate", "edit", "effects", "derivations", "next_words", "lens"]

    def begin(self, request: RunQuestion) -> Beginning:
        ids = prompt_ids(self.encode, request.text, self.longest)
        request = request.model_copy(update={"sentence": 0})
        return Beginning(request, (Piece(request.text, True),), request.text, ids)

    @property
    def start_id(self) -> int:
        start = self._settings.decoder_start_token_id
        return self.config.start_id if start is None else start

    def find(
        self, engine: ReferenceEngine, source: Sequence[int], request: RunQuestion
    ) -> tuple[int, ...]:
        # A model that repeats itself ends as a search of ours does.
        most = SearchSettings().limit(len(source))
        settings = dataclasses.replace(
            self._settings, num_beams=request.beam_size, max_new_tokens=most
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


def _settings(generation: Mapping[str, Any]) -> GenerationSettings:
    """Return how a model's own files say that its words are chosen, without chance."""
    names = {field.name for field in dataclasses.fields(GenerationSettings)} - set(_OWN)
    settings = {
        name: value for name, value in generation.items() if name in names and value is not None
    }
    return GenerationSettings.of(**settings)
