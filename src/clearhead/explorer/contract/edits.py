"""What-if: changes to a model or its source, as replacements of the reference's trace steps.

    ablate_head            output of the head := 0
    set_weight             weights[query, key] := value; the rest of the row as it was, or times
                           (1 - value) / sum of the rest
    mask_token             masked[..., position] := -inf, in the encoder and in cross-attention
    swap_token             source[position] := token
    attention_temperature  scaled of the head := scaled / value
    output_temperature     logits := logits / value

The same functions serve the forward pass over a whole translation, where a query is a row, and
decoding with a cache, where all rows are queries at one position.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...config import TransformerConfig
from ...errors import ConfigError, ShapeError
from ...translation.attention_paths import PARTS

Array = np.ndarray[Any, Any]
# (value, position) -> value: ``position`` is where all queries stand in a step of decoding, and
# None where queries are the rows of the array. The array may be worked on in place.
Change = Callable[[Array, int | None], Array]
Changes = Mapping[str, Sequence[Change]]

# The attributes that each kind has, beside ``kind``.
KINDS: dict[str, tuple[str, ...]] = {
    "ablate_head": ("part", "layer", "head"),
    "set_weight": ("part", "layer", "head", "query", "key", "value", "renormalise"),
    "mask_token": ("position",),
    "swap_token": ("position", "token"),
    "attention_temperature": ("part", "layer", "head", "value"),
    "output_temperature": ("value",),
}


@dataclass(frozen=True)
class Edit:
    """One change; which attributes count is said by its kind, in `KINDS`.

    Attributes:
        kind: one of `KINDS`.
        part: ``encoder``, ``decoder`` or ``cross``.
        layer, head: which attention head, counted from 0.
        query, key: positions of a weight, counted from 0.
        position: of a source token.
        token: the id to put there.
        value: the weight, in 0 to 1, or a temperature, above 0.
        renormalise: whether the other weights of the row share what is left of 1.
    """

    kind: str
    part: str | None = None
    layer: int | None = None
    head: int | None = None
    query: int | None = None
    key: int | None = None
    position: int | None = None
    token: int | None = None
    value: float | None = None
    renormalise: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The edit as plain values: its kind, and the attributes that its kind has."""
        return {"kind": self.kind} | {name: getattr(self, name) for name in KINDS[self.kind]}


def layers_of(part: str, config: TransformerConfig) -> int:
    """How many layers of attention a part has."""
    return config.encoder_layers if part == "encoder" else config.decoder_layers


def attention_path(part: str, layer: int) -> str:
    """The path of a layer's attention, such as ``decoder.layers.1.cross_attention``."""
    return PARTS[part].format(layer=layer)


def check_head(part: str, layer: int, head: int, config: TransformerConfig) -> None:
    """Whether the model has this head.

    Raises:
        ConfigError: it has not; how many there are is said.
    """
    if part not in PARTS:
        raise ConfigError(f"part must be one of {', '.join(PARTS)}; it is {part!r}.")
    for name, asked, count in (
        ("layer", layer, layers_of(part, config)),
        ("head", head, config.num_heads),
    ):
        if not 0 <= asked < count:
            where = f"The {part} attention has {count} layer{'s' * (count != 1)}"
            if name == "head":
                where = f"Each layer has {count} head{'s' * (count != 1)}"
            raise ConfigError(
                f"{where}, so {name} must be between 0 and {count - 1}; it is {asked}."
            )


def check_edits(
    edits: Sequence[Edit], config: TransformerConfig, source_len: int, tokens: int
) -> None:
    """Whether edits fit a model and a source.

    Args:
        edits: as they were read; their values are in range already.
        config: of the model.
        source_len: tokens of the source, its end token included.
        tokens: how many ids the tokenizer has.

    Raises:
        ConfigError: the model has no such head or token, or a weight would let a decoder's
            query see a later key.
        ShapeError: a position is outside of the source.
    """
    for edit in edits:
        if edit.part is not None:
            assert edit.layer is not None
            assert edit.head is not None
            check_head(edit.part, edit.layer, edit.head, config)
        if edit.position is not None:
            _check_position("position", edit, edit.position, source_len)
        if edit.token is not None and not (
            0 <= edit.token < tokens and edit.token != config.pad_id
        ):
            raise ConfigError(
                f"swap_token needs the id of a token between 0 and {tokens - 1}, and not that of "
                f"padding ({config.pad_id}), to which nothing attends; it is {edit.token}."
            )
        if edit.kind == "set_weight":
            _check_weight(edit, config, source_len)


def _check_weight(edit: Edit, config: TransformerConfig, source_len: int) -> None:
    assert edit.query is not None
    assert edit.key is not None
    if edit.part == "encoder":
        _check_position("query", edit, edit.query, source_len)
    elif not 0 <= edit.query < config.max_length:
        raise ShapeError(
            f"set_weight: the decoder reads at most {config.max_length} tokens, so query must be "
            f"between 0 and {config.max_length - 1}; it is {edit.query}."
        )
    if edit.part != "decoder":
        _check_position("key", edit, edit.key, source_len)
    elif not 0 <= edit.key <= edit.query:
        raise ConfigError(
            f"set_weight: a query of the decoder sees no later key, so key must be between 0 and "
            f"the query, {edit.query}; it is {edit.key}."
        )


def _check_position(name: str, edit: Edit, asked: int, source_len: int) -> None:
    if not 0 <= asked < source_len:
        raise ShapeError(
            f"{edit.kind}: the source has {source_len} tokens with its end token, so {name} must "
            f"be between 0 and {source_len - 1}; it is {asked}."
        )


def check_queries(edits: Sequence[Edit], lengths: Sequence[int]) -> list[int]:
    """Which edits meet no query, because the translation is too short.

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
        if edit.query is None or edit.part == "encoder" or edit.query < lengths[0]:
            continue
        if edit.query >= max(lengths):
            raise ShapeError(
                f"set_weight: the decoder reads {max(lengths)} tokens here, so query must be "
                f"between 0 and {max(lengths) - 1}; it is {edit.query}."
            )
        unreached.append(number)
    return unreached


def edited_source(edits: Sequence[Edit], source: Sequence[int]) -> tuple[int, ...]:
    """The source with its swapped tokens."""
    ids = list(source)
    for edit in edits:
        if edit.kind == "swap_token":
            assert edit.position is not None
            assert edit.token is not None
            ids[edit.position] = edit.token
    return tuple(ids)


def changes_of(edits: Sequence[Edit], config: TransformerConfig) -> dict[str, list[Change]]:
    """For the path of each step that is changed, what is done to it, in the order given."""
    changes: dict[str, list[Change]] = {}
    for edit in edits:
        change = _CHANGES.get(edit.kind)
        for path in paths_of(edit, config):
            assert change is not None
            changes.setdefault(path, []).append(_bound(change, edit))
    return changes


def paths_of(edit: Edit, config: TransformerConfig) -> list[str]:
    """The paths of the steps that an edit changes."""
    if edit.kind == "swap_token":
        return []
    if edit.kind == "output_temperature":
        return ["logits"]
    if edit.kind == "mask_token":
        return [
            f"{attention_path(part, layer)}.masked"
            for part in ("encoder", "cross")
            for layer in range(layers_of(part, config))
        ]
    assert edit.part is not None
    assert edit.layer is not None
    return [f"{attention_path(edit.part, edit.layer)}.{_STEPS[edit.kind]}"]


def index_of(edit: Edit) -> list[int | None]:
    """Which elements of a step an edit changes, one entry for each axis; None for all."""
    if edit.kind == "output_temperature":
        return [None, None, None]
    if edit.kind == "mask_token":
        return [None, None, None, edit.position]
    key = None if edit.renormalise else edit.key
    return [None, edit.head, edit.query, key]


def _bound(change: Callable[[Edit, Array, int | None], Array], edit: Edit) -> Change:
    return lambda value, position: change(edit, value, position)


def _ablate_head(edit: Edit, output: Array, position: int | None) -> Array:
    output[:, edit.head] = 0
    return output


def _mask_token(edit: Edit, masked: Array, position: int | None) -> Array:
    masked[..., edit.position] = -np.inf
    return masked


def _divide_head(edit: Edit, scaled: Array, position: int | None) -> Array:
    scaled[:, edit.head] /= edit.value
    return scaled


def _divide(edit: Edit, logits: Array, position: int | None) -> Array:
    logits /= edit.value
    return logits


def _set_weight(edit: Edit, weights: Array, position: int | None) -> Array:
    assert edit.query is not None
    assert edit.value is not None
    if position is None:
        rows = weights[:, edit.head, edit.query : edit.query + 1]
    elif position == edit.query:
        # One position of several prefixes: whether they stand on the batch axis or, in
        # cross-attention of a beam, side by side on the axis of queries, all are meant.
        rows = weights[:, edit.head]
    else:
        return weights
    if edit.renormalise:
        # Summed without it: a row's total less a weight near 1 would keep few digits.
        rows[..., edit.key] = 0
        others = rows.sum(axis=-1)
        left = np.divide(1 - edit.value, others, out=np.zeros_like(others), where=others > 0)
        rows *= left[..., None]
    rows[..., edit.key] = edit.value
    return weights


_STEPS = {"ablate_head": "output", "set_weight": "weights", "attention_temperature": "scaled"}
_CHANGES: dict[str, Callable[[Edit, Array, int | None], Array]] = {
    "ablate_head": _ablate_head,
    "set_weight": _set_weight,
    "mask_token": _mask_token,
    "attention_temperature": _divide_head,
    "output_temperature": _divide,
}
