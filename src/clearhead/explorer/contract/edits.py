"""What-if: changes to a model or its source, in the words of `clearhead.intervene`.

    ablate_head            output of the head := 0
    set_weight             weights[query, key] := value; the rest of the row as it was, or times
                           (1 - value) / sum of the rest
    mask_token             masked[..., position] := -inf, in the encoder and in cross-attention;
                           in the decoder where there is no encoder
    swap_token             token at position := token, of the source or of the prompt
    attention_temperature  scaled of the head := scaled / value
    output_temperature     logits := logits / value
    steer                  residual stream after a layer += value * direction of a word: its row of
                           the output matrix, made 1 long

The same edits serve the forward pass over a whole translation, where a query is a row, and
decoding with a cache, where all rows are queries at one position.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from typing_extensions import TypeAliasType

from ...config import TransformerConfig
from ...errors import ConfigError, ShapeError
from ...interventions.handles import Edits
from ...interventions.steps.layout import Layout
from ...interventions.steps.step_edits import StepEdits
from ...reference.tracing.editor import Change
from ...shapes import Array
from .base_edit import BaseEdit, HeadEdit
from .parts import Part, attention_path, layers_of
from .values import Index

# Temperatures beyond these bounds would leave the numbers that floats can hold.
Temperature = Annotated[float, Field(ge=0.01, le=100)]


class AblateHead(HeadEdit):
    """The output of a head becomes 0."""

    kind: Literal["ablate_head"] = "ablate_head"

    def say(
        self, edits: Edits, config: TransformerConfig, weights: Mapping[str, Array] | None
    ) -> None:
        edits[self.attention].head(self.head).zero()


class SetWeight(HeadEdit):
    """One weight is set; with ``renormalise`` the others of its row share the rest of 1.

    Attributes:
        query, key: positions of the weight, counted from 0.
        value: the weight, in 0 to 1.
        renormalise: whether the other weights of the row become (1 - value) in sum, in their
            old proportions.
    """

    kind: Literal["set_weight"] = "set_weight"
    query: Index
    key: Index
    value: Annotated[float, Field(ge=0, le=1)]
    renormalise: bool = False

    def check(self, config: TransformerConfig, source_len: int, tokens: int) -> None:
        super().check(config, source_len, tokens)
        if self.part == "encoder":
            self._check_position("query", self.query, source_len, config)
        elif self.query >= config.max_length:
            raise ShapeError(
                f"set_weight: the decoder reads at most {config.max_length} tokens, so query must "
                f"be between 0 and {config.max_length - 1}; it is {self.query}."
            )
        if self.part != "decoder":
            self._check_position("key", self.key, source_len, config)
        elif self.key > self.query:
            raise ConfigError(
                f"set_weight: a query of the decoder sees no later key, so key must be between 0 "
                f"and the query, {self.query}; it is {self.key}."
            )

    def index(self) -> list[int | None]:
        return [None, self.head, self.query, None if self.renormalise else self.key]

    def say(
        self, edits: Edits, config: TransformerConfig, weights: Mapping[str, Array] | None
    ) -> None:
        weights_of_head = edits[f"{self.attention}.weights"].head(self.head)
        weights_of_head.at(self.query).apply(self._set)

    def _set(self, rows: Array) -> Array:
        if self.renormalise:
            # Summed without it: a row's total less a weight near 1 would keep few digits.
            rows[..., self.key] = 0
            others = rows.sum(axis=-1)
            factor = np.divide(1 - self.value, others, out=np.zeros_like(others), where=others > 0)
            rows *= factor[..., None]
        rows[..., self.key] = self.value
        return rows


class MaskToken(BaseEdit):
    """No query attends to this position of the source, or of the prompt without an encoder.

    Attributes:
        position: of a token.
    """

    kind: Literal["mask_token"] = "mask_token"
    position: Index

    def check(self, config: TransformerConfig, source_len: int, tokens: int) -> None:
        self._check_position("position", self.position, source_len, config)

    def say(
        self, edits: Edits, config: TransformerConfig, weights: Mapping[str, Array] | None
    ) -> None:
        parts: tuple[Part, ...] = ("encoder", "cross") if config.encoder_layers else ("decoder",)
        for part in parts:
            for layer in range(layers_of(part, config)):
                edits[attention_path(part, layer)].edge(None, self.position).remove()

    def index(self) -> list[int | None]:
        return [None, None, None, self.position]


class SwapToken(BaseEdit):
    """Another token stands at this position of the source, or of the prompt.

    Attributes:
        position: of a token.
        token: the id to put there.
    """

    kind: Literal["swap_token"] = "swap_token"
    position: Index
    token: Index

    def check(self, config: TransformerConfig, source_len: int, tokens: int) -> None:
        self._check_position("position", self.position, source_len, config)
        pad = config.pad_id if config.encoder_layers else None
        if self.token >= tokens or self.token == pad:
            besides = (
                ""
                if pad is None
                else (f", and not that of padding ({pad}), to which nothing attends")
            )
            raise ConfigError(
                f"swap_token needs the id of a token between 0 and {tokens - 1}{besides}; it is "
                f"{self.token}."
            )

    def edit_source(self, source: Sequence[int]) -> tuple[int, ...]:
        return (*source[: self.position], self.token, *source[self.position + 1 :])


class AttentionTemperature(HeadEdit):
    """The scaled scores of a head are divided by ``value`` before the softmax."""

    kind: Literal["attention_temperature"] = "attention_temperature"
    value: Temperature

    def say(
        self, edits: Edits, config: TransformerConfig, weights: Mapping[str, Array] | None
    ) -> None:
        scaled = edits[f"{self.attention}.scaled"].head(self.head)
        scaled.apply(lambda scores: scores / self.value)


class OutputTemperature(BaseEdit):
    """The logits are divided by ``value``."""

    kind: Literal["output_temperature"] = "output_temperature"
    value: Temperature

    def say(
        self, edits: Edits, config: TransformerConfig, weights: Mapping[str, Array] | None
    ) -> None:
        edits["logits"].apply(lambda logits: logits / self.value)

    def index(self) -> list[int | None]:
        return [None, None, None]


class Steer(BaseEdit):
    """The residual stream is pushed towards a word, or away from it, at every position.

    Attributes:
        layer: after which it is pushed; of the decoder, or of an encoder by itself.
        token: the id of the word; of a classifier, the number of a label.
        value: how far, in the length of the vectors of the stream; below 0 away from the word.
    """

    kind: Literal["steer"] = "steer"
    layer: Index
    token: Index
    value: Annotated[float, Field(ge=-1000, le=1000)]

    def check(self, config: TransformerConfig, source_len: int, tokens: int) -> None:
        layers = config.decoder_layers or config.encoder_layers
        if self.layer >= layers:
            raise ConfigError(
                f"steer: there are {layers} layers before the words, so layer must be between 0 "
                f"and {layers - 1}; it is {self.layer}."
            )
        labels = config.output.labels
        most = (labels or tokens) - 1
        if self.token > most:
            what = "number of a label" if labels else "id of a token"
            raise ConfigError(f"steer needs the {what} between 0 and {most}; it is {self.token}.")

    def index(self) -> list[int | None]:
        return [None, None, None]

    def say(
        self, edits: Edits, config: TransformerConfig, weights: Mapping[str, Array] | None
    ) -> None:
        stack = "decoder" if config.decoder_layers else "encoder"

        def steer(stream: Array) -> Array:
            assert weights is not None  # whoever changes a model has them
            row = weights[f"{config.output_name}.weight"][self.token].astype(np.float64)
            push = self.value * row / np.linalg.norm(row)
            steered: Array = stream + push.astype(stream.dtype, copy=False)
            return steered

        edits[f"{stack}.layers.{self.layer}.feed_forward_residual"].apply(steer)


Edit = TypeAliasType(
    "Edit",
    Annotated[
        AblateHead
        | SetWeight
        | MaskToken
        | SwapToken
        | AttentionTemperature
        | OutputTemperature
        | Steer,
        Field(discriminator="kind"),
    ],
)


def check_edits(
    edits: Sequence[Edit], config: TransformerConfig, source_len: int, tokens: int
) -> None:
    """Check that edits fit a model and a source; see `BaseEdit.check`."""
    for edit in edits:
        edit.check(config, source_len, tokens)


def check_queries(edits: Sequence[Edit], lengths: Sequence[int]) -> list[int]:
    """Return which edits meet no query, because the translation is too short.

    Args:
        edits: all of a run.
        lengths: tokens that the decoder reads, in the edited run and in the one without edits.

    Returns:
        numbers of the edits whose query the edited run does not reach.

    Raises:
        ShapeError: a query is beyond both.
    """
    unreached = []
    for number, edit in enumerate(edits):
        if not isinstance(edit, SetWeight) or edit.part == "encoder" or edit.query < lengths[0]:
            continue
        if edit.query >= max(lengths):
            raise ShapeError(
                f"set_weight: the decoder reads {max(lengths)} tokens here, so query must be "
                f"between 0 and {max(lengths) - 1}; it is {edit.query}."
            )
        unreached.append(number)
    return unreached


def edited_source(edits: Sequence[Edit], source: Sequence[int]) -> tuple[int, ...]:
    """Return the source with its swapped tokens."""
    ids = tuple(source)
    for edit in edits:
        ids = edit.edit_source(ids)
    return ids


def changes_of(
    edits: Sequence[Edit],
    config: TransformerConfig,
    weights: Mapping[str, Array] | None = None,
) -> dict[str, list[Change]]:
    """Return, for the path of each changed step, its changes in the order of the edits.

    Args:
        edits: all of a run.
        config: of the model.
        weights: of the model; None where no edit needs them.
    """
    words = StepEdits(Layout.of(config))
    for edit in edits:
        edit.say(words, config, weights)
    return words.changes
