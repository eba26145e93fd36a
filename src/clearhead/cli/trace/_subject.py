"""What is traced: a sentence and its translation, a prompt, or a text with masks, by any model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np

from clearhead.errors import ConfigError
from clearhead.lens import Attribution, LayerReading
from clearhead.lens.attribution import attribute_logit
from clearhead.lens.logit_lens import logit_lens
from clearhead.reference.tracing.step import Step
from clearhead.reference.tracing.trace import Trace
from clearhead.shapes import Array
from clearhead.tasks.inputs import Inputs
from clearhead.tasks.loading import load
from clearhead.tasks.model import Model
from clearhead.translation.attention_paths import PARTS
from clearhead.translation.checkpoint import Checkpoint
from clearhead.translation.directions.register import AUTO, register_tags, with_tags
from clearhead.translation.walkthrough import Likeliest, likeliest_tokens, walk_through
from clearhead.visible import visible

from ._head import Head, head_of


class Subject:
    """A text as a model reads it, and the forward pass over it in float64.

    Args:
        model: the name or folder of a model, ours or someone else's.
        text: a source, a prompt, or a text with masks.
        target: a translation to look at instead of the model's own.
        task: what someone else's model is to do with it, such as ``en-fr``.
        register: how a translation of one of ours says "you".

    Raises:
        ConfigError: a target was given to a model that translates nothing, or it does not know
            the task or the register.
    """

    def __init__(
        self,
        model: str,
        text: str,
        target: str | None = None,
        *,
        task: str | None = None,
        register: str = AUTO,
    ) -> None:
        self.name, self.text = model, text
        self.model: Model = load(model, dtype="float64", task=task)
        source = self.model.source
        self.read = text
        if isinstance(source, Checkpoint) and "translate" in self.model.tasks:
            walk = walk_through(text, source, self.model.engine, target=target, register=register)
            self.read = walk.read
            self.inputs = Inputs(np.array([walk.source]), np.array([walk.target]))
        else:
            register_tags(register, ())  # which refuses what such a model cannot be asked for
            self.inputs = self.model.inputs(text, target=target)
        tokenizer = self.model.tokenizer
        assert tokenizer is not None  # the text has been encoded
        self.tokenizer = tokenizer

    @property
    def translates(self) -> bool:
        """Whether there are a source and a target."""
        return self.inputs.source_ids is not None and self.inputs.target_ids is not None

    @property
    def source(self) -> tuple[int, ...]:
        """Ids of what the encoder reads; none without an encoder."""
        return _row(self.inputs.source_ids)

    @property
    def target(self) -> tuple[int, ...]:
        """Ids of what the decoder reads; none without a decoder."""
        return _row(self.inputs.target_ids)

    @property
    def ids(self) -> tuple[int, ...]:
        """Ids at whose positions something is predicted."""
        return self.target or self.source

    @property
    def position(self) -> int:
        """The position that is looked at where none is named.

        The first of a translation, the last of a prompt, and the first mask of a text.
        """
        if self.translates:
            return 0
        if self.target:
            return len(self.target) - 1
        mask = self.tokenizer.roles.get("mask")
        return self.source.index(mask) if mask in self.source else 0

    @property
    def part(self) -> str:
        """The part of the model that is looked at where none is named."""
        if self.translates:
            return "cross"
        return "decoder" if self.target else "encoder"

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """Return each token as it is written in the vocabulary."""
        pieces = self.tokenizer.pieces(ids)
        source = self.model.source
        tagged = isinstance(source, Checkpoint) and bool(source.registers)
        return with_tags(pieces, ids) if tagged else pieces

    def labels(self, ids: Sequence[int]) -> list[str]:
        """Return tokens without the escape codes of a terminal that one may hold."""
        return [visible(piece) for piece in self.pieces(ids)]

    @property
    def translation(self) -> str:
        """The text of the target."""
        return self.tokenizer.decode(self.target[1:])

    @cached_property
    def _last_steps(self) -> Trace:
        return self.trace(keep=("logits", "probabilities"))

    @property
    def logits(self) -> Array:
        """Of the reference, Float["length vocab"]."""
        return self._last_steps["logits"].value[0]

    @property
    def probabilities(self) -> Array:
        """Of the reference, Float["length vocab"]."""
        return self._last_steps["probabilities"].value[0]

    @property
    def predicted(self) -> tuple[int, ...]:
        """What follows each token: the next of the target, and last its end.

        After a prompt it is the likeliest token, and so it is at each position of an encoder.
        """
        if self.translates:
            return (*self.target[1:], self.model.config.end_id)
        likeliest = self.probabilities.argmax(axis=-1).tolist()
        return (*self.ids[1:], likeliest[-1]) if self.target else tuple(likeliest)

    def trace(self, *, keep: str | Iterable[str] | None = None) -> Trace:
        """Return the forward pass with its steps recorded."""
        with Trace(keep=keep) as trace:
            self.model.engine.model.forward(**self.inputs.arguments, trace=trace)
        return trace

    def steps(self, pattern: str) -> list[Step]:
        """Return the steps whose path matches.

        Raises:
            TraceError: none does; the message names some that there are.
        """
        matches = self.trace(keep=pattern)
        return (matches if len(matches) else self.trace()).find(pattern)

    def head(self, part: str, layer: int, number: int) -> Head:
        """Return one attention head with all its steps.

        Raises:
            ConfigError: the model has no such part, layer or head.
        """
        if part not in self.parts:
            raise ConfigError(
                f"--part {part} was asked for, and {self.name} has: {', '.join(self.parts)}."
            )
        path = PARTS[part].format(layer=layer)
        # The other layers' weights tell how many layers there are, where that one is missing.
        pattern = PARTS[part].format(layer="*")
        trace = self.trace(keep=(f"{path}.*", f"{pattern}.weights"))
        source, target = self.labels(self.source), self.labels(self.target)
        return head_of(trace, part, layer, number, source, target)

    @property
    def parts(self) -> list[str]:
        """The parts of the model that attend."""
        if self.translates:
            return list(PARTS)
        return [self.part]

    def likeliest(self, position: int) -> Likeliest:
        """Return the likeliest tokens at a position."""
        size = min(self.tokenizer.vocab_size, self.probabilities.shape[-1])
        return likeliest_tokens(self.probabilities[position], self.predicted[position], size)

    def lens(self, position: int, count: int = 5) -> list[LayerReading]:
        """Return what each layer would say at a position."""
        arguments = self.inputs.lens_arguments
        return logit_lens(self.model.engine.model, **arguments, position=position, count=count)

    def attribution(self, position: int, token: str | None) -> Attribution:
        """Return what adds to the logit of a token; None is the one that follows.

        Raises:
            ConfigError: there is no such token, or the logit is no sum.
        """
        number = self.predicted[position] if token is None else self.model.token_id(token)
        arguments = self.inputs.lens_arguments
        model = self.model.engine.model
        return attribute_logit(model, **arguments, token=number, position=position)


def _row(ids: Array | None) -> tuple[int, ...]:
    return () if ids is None else tuple(ids[0].tolist())
