"""A model and what it reads: its shape, its engine, and the ids of a text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..config import TransformerConfig
from ..engine.reference_engine import ReferenceEngine
from ..errors import CheckpointError, ConfigError, ShapeError
from ..pretrained.model import PretrainedModel
from ..pretrained.tokenizers.protocol import PretrainedTokenizer
from ..shapes import Array
from ..translation.checkpoint import Checkpoint
from ..translation.pretrained_translator import PretrainedTranslator
from ..translation.translator import Translator
from .ground import Ground, ground_of
from .inputs import Inputs, model_inputs
from .text_encoder import TextEncoder
from .writing import generate_ids


class LoadedModel:
    """What a model is and reads; `clearhead.tasks.model.Model` adds what one does with it.

    Args:
        source: what `read_checkpoint` or `read_pretrained` read.
        name: what the model is called.
        dtype: what computes, float32 or float64.
        task: see `clearhead.translation.task`.
    """

    def __init__(
        self,
        source: Checkpoint | PretrainedModel,
        *,
        name: str = "model",
        dtype: Any = "float32",
        task: str | None = None,
    ) -> None:
        self.name, self.task = name, task
        self._ground: Ground = ground_of(source, dtype)
        if task is not None:
            self.require("translate")
            _ = self.translator  # which knows the task, or says that it does not

    @property
    def source(self) -> Checkpoint | PretrainedModel:
        """What was read."""
        return self._ground.source

    @property
    def family(self) -> str:
        """What it is one of, such as ``GPT-2``."""
        return self._ground.family

    @property
    def config(self) -> TransformerConfig:
        """Its shape."""
        return self._ground.config

    @property
    def engine(self) -> ReferenceEngine:
        """What computes."""
        return self._ground.engine

    @property
    def tokenizer(self) -> PretrainedTokenizer | None:
        """The way from text to ids and back; None where the folder has none."""
        return self._ground.tokenizer

    @property
    def tasks(self) -> frozenset[str]:
        """What it can do, of ``translate generate fill_mask embed``."""
        return self._ground.tasks

    def __repr__(self) -> str:
        config = self.config
        sides = (("encoder", config.encoder_layers), ("decoder", config.decoder_layers))
        layers = " and ".join(f"{count} {side} layers" for side, count in sides if count)
        tasks = ", ".join(sorted(self.tasks)) or "hidden vectors alone"
        return f"<Model {self.name}: {self.family}, {layers}, d_model {config.d_model}; {tasks}>"

    def require(self, task: str) -> None:
        """Refuse what the model cannot do.

        Raises:
            CheckpointError: it is not one of its tasks; those that are are listed.
        """
        if task not in self.tasks:
            tasks = ", ".join(sorted(self.tasks)) or "hidden vectors alone"
            raise CheckpointError(
                f"{self.name} is a {self.family}, which cannot {task.replace('_', ' ')}; it can: "
                f"{tasks}."
            )

    @cached_property
    def translator(self) -> Translator | PretrainedTranslator:
        """The translator of the model.

        Raises:
            CheckpointError: the model translates nothing, or has no tokenizer.
            ConfigError: the model does not know the task.
        """
        self.require("translate")
        if isinstance(self.source, PretrainedModel):
            return PretrainedTranslator(self.source, engine=self.engine, task=self.task)
        if self.task is not None:
            raise ConfigError(f"{self.name} is a model of clearhead, which has no tasks to name.")
        return Translator.from_checkpoint(self.source, engine=self.engine)

    @cached_property
    def _encoder(self) -> TextEncoder:
        if not isinstance(self.source, PretrainedModel):
            raise CheckpointError("Models of clearhead have no head for masked words, and no rule.")
        return TextEncoder.of(self.source)

    def require_generation(self) -> None:
        """Refuse a model without a decoder.

        Raises:
            CheckpointError: it has none.
        """
        if not self.config.decoder_layers:
            self.require("generate")

    def token_id(self, piece: str) -> int:
        """Return the id of a token: a piece of the vocabulary, or a word that is one token.

        Raises:
            ConfigError: it is no single token.
        """
        tokenizer = self._ground.require_tokenizer()
        number = tokenizer.id_of(piece)
        if number is None:
            # A word as it is typed, where that is one token.
            ids = tokenizer.encode_plain(piece)
            number = ids[0] if len(ids) == 1 else None
        if number is None:
            raise ConfigError(f"{piece!r} is no single token of {self.name}; give a token's id.")
        return number

    def inputs(
        self,
        text: str | None = None,
        *,
        ids: ArrayLike | None = None,
        target: str | None = None,
        target_ids: ArrayLike | None = None,
    ) -> Inputs:
        """Return what the model reads for a text, as arrays of ids.

        Raises:
            ConfigError: neither a text nor ids were given, or both, or a target without a decoder
                that reads one.
            CheckpointError: there is no tokenizer, and a text was given.
        """
        if (text is None) == (ids is None):
            raise ConfigError("Give a text or ids, and not both.")
        both = bool(self.config.encoder_layers and self.config.decoder_layers)
        if not both and (target is not None or target_ids is not None):
            raise ConfigError(f"{self.name} reads one text; leave target and target_ids.")
        rows = [self._encode(text)] if text is not None else ids
        if both and target_ids is None:
            target_ids = [self._target(np.asarray(rows), target)]
        return model_inputs(self.config, rows, target_ids, None, None)

    def _encode(self, text: str) -> Sequence[int]:
        if "translate" in self.tasks and isinstance(self.source, PretrainedModel):
            translator = self.translator
            assert isinstance(translator, PretrainedTranslator)
            return translator.encode(text)
        return self._ground.require_tokenizer().encode(text)

    def _target(self, source: Array, target: str | None) -> list[int]:
        """Return what the decoder reads: a translation that was given, or the model's own."""
        if source.ndim != 2 or len(source) != 1:
            raise ShapeError(f"One source is traced at a time; ids have the shape {source.shape}.")
        if target is None:
            (tokens,) = generate_ids(self._ground, source, None, {})
        else:
            tokens = self._ground.require_tokenizer().encode_target(target)
        return [self.config.start_id, *(token for token in tokens if token != self.config.end_id)]
