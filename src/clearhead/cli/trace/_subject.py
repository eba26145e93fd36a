"""The subject of a trace: a sentence and its translation, a prompt, or a text with masks."""

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
    """A text as a model's input, and the forward pass over it in float64.

    Args:
        model: the name or folder of a model, ours or someone else's.
        text: a source, a prompt, or a text with masks.
        target: a translation to trace instead of the model's own.
        task: the task of someone else's model, such as ``en-fr``.
        register: the form of "you" in a translation by a model of ours.

    Raises:
        ConfigError: a target was given to a model that does not translate, or the model does not
            have the task or the register.
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
            register_tags(register, ())  # refuses a register for such a model
            self.inputs = self.model.inputs(text, target=target)
        tokenizer = self.model.tokenizer
        assert tokenizer is not None  # the text has been encoded
        self.tokenizer = tokenizer

    @property
    def translates(self) -> bool:
        """Whether there is both a source and a target."""
        return self.inputs.source_ids is not None and self.inputs.target_ids is not None

    @property
    def source(self) -> tuple[int, ...]:
        """Ids of the encoder's input; empty without an encoder."""
        return _row(self.inputs.source_ids)

    @property
    def target(self) -> tuple[int, ...]:
        """Ids of the decoder's input; empty without a decoder."""
        return _row(self.inputs.target_ids)

    @property
    def ids(self) -> tuple[int, ...]:
        """Ids of the input whose positions have predictions."""
        return self.target or self.source

    @property
    def position(self) -> int:
        """The default position.

        The first one of a translation, the last one of a prompt, and the first mask of a text.
        """
        if self.translates:
            return 0
        if self.target:
            return len(self.target) - 1
        mask = self.tokenizer.roles.get("mask")
        return self.source.index(mask) if mask in self.source else 0

    @property
    def part(self) -> str:
        """The default part of the model."""
        if self.translates:
            return "cross"
        return "decoder" if self.target else "encoder"

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """Return each token in its vocabulary's spelling."""
        pieces = self.tokenizer.pieces(ids)
        source = self.model.source
        tagged = isinstance(source, Checkpoint) and bool(source.registers)
        return with_tags(pieces, ids) if tagged else pieces

    def labels(self, ids: Sequence[int]) -> list[str]:
        """Return tokens as labels, without terminal escape codes."""
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
        """The logits of the reference, Float["length vocab"]."""
        return self._last_steps["logits"].value[0]

    @property
    def probabilities(self) -> Array:
        """The probabilities of the reference, Float["length vocab"]."""
        return self._last_steps["probabilities"].value[0]

    @property
    def predicted(self) -> tuple[int, ...]:
        """The token after each position: the next of the target, and finally its end token.

        After a prompt it is the likeliest token, and likewise at each position of an encoder.
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
        """Return the steps whose paths match a pattern.

        Raises:
            TraceError: no path matches; the message names some existing paths.
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
        # If the requested layer does not exist, the other layers' weights show how many there are.
        pattern = PARTS[part].format(layer="*")
        trace = self.trace(keep=(f"{path}.*", f"{pattern}.weights"))
        source, target = self.labels(self.source), self.labels(self.target)
        return head_of(trace, part, layer, number, source, target)

    @property
    def parts(self) -> list[str]:
        """The parts of the model that have attention."""
        if self.translates:
            return list(PARTS)
        return [self.part]

    def likeliest(self, position: int) -> Likeliest:
        """Return the likeliest tokens at a position."""
        size = min(self.tokenizer.vocab_size, self.probabilities.shape[-1])
        return likeliest_tokens(self.probabilities[position], self.predicted[position], size)

    def lens(self, position: int, count: int = 5) -> list[LayerReading]:
        """Return each layer's prediction at a position."""
        arguments = self.inputs.lens_arguments
        return logit_lens(self.model.engine.model, **arguments, position=position, count=count)

    def attribution(self, position: int, token: str | None) -> Attribution:
        """Return the contributions to a token's logit; None is the token that follows.

        Raises:
            ConfigError: there is no such token, or the logit is not a sum.
        """
        number = self.predicted[position] if token is None else self.model.token_id(token)
        arguments = self.inputs.lens_arguments
        model = self.model.engine.model
        return attribute_logit(model, **arguments, token=number, position=position)


def _row(ids: Array | None) -> tuple[int, ...]:
    return () if ids is None else tuple(ids[0].tolist())
