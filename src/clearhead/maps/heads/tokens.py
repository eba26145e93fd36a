"""The token ids that each attention of a recording reads, and which of them are padding."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

import torch
from torch import Tensor

from ...errors import ConfigError, ShapeError
from ...shapes import Bool, Int
from ..storage.stored_attention import StoredAttention

Texts = Tensor | Mapping[str, Tensor] | None
"""A tensor ["batch length"] for all modules, or tensors by patterns of modules' names."""

NO_TOKENS = (
    "duplicate and induction need token ids, and {name!r} has none: record with tokenizer=, or "
    "give heads(ids=...)"
)


def key_ids(
    one: StoredAttention, name: str, ids: Texts, *, several_texts: bool
) -> Int[Tensor, "batch key_len"] | None:
    """Return a number for each key of a self-attention, equal where tokens are equal.

    Args:
        one: the map.
        name: of its module.
        ids: of the tokens; without them labels are compared.
        several_texts: whether the recording is of several texts, so that a single tensor would be
            ambiguous.

    Returns:
        None where neither ids nor labels are known.

    Raises:
        ShapeError: the ids are not as many as the keys.
        ConfigError: it is ambiguous which text they are of.
    """
    tensor = _of_module(ids, name, "ids", several_texts=several_texts)
    if tensor is not None:
        shape = (one.shape[0], one.shape[3])
        return _checked(tensor, "ids", name, shape, "keys")
    if ids is not None or one.key_labels is None:
        return None
    numbers: dict[str, int] = {}
    rows = [[numbers.setdefault(token, len(numbers)) for token in row] for row in one.key_labels]
    return torch.tensor(rows)


def text_of_queries(
    one: StoredAttention, name: str, mask: Texts, *, cross: bool, several_texts: bool
) -> Bool[Tensor, "batch query_len"] | None:
    """Return False for the queries of a map that are padding; None without a mask for them.

    Args:
        one: the map.
        name: of its module.
        mask: 1 or True for tokens of the text, as models take it: of the keys of self-attention, of
            the queries of cross-attention.
        cross: whether queries and keys belong to different sequences.
        several_texts: as `key_ids` has it.

    Raises:
        ShapeError: it is not as long as the text.
        ConfigError: it is ambiguous which text it is of.
    """
    tensor = _of_module(mask, name, "mask", several_texts=several_texts)
    if tensor is None:
        return None
    batch, _, query_len, key_len = one.shape
    if cross:
        return _checked(tensor, "mask", name, (batch, query_len), "queries").bool()
    whole = _checked(tensor, "mask", name, (batch, key_len), "keys").bool()
    text = whole.new_ones((batch, query_len))
    inside = whole[:, one.query_offset :][:, :query_len]
    text[:, : inside.shape[1]] = inside
    return text


def _of_module(texts: Texts, name: str, what: str, *, several_texts: bool) -> Tensor | None:
    if texts is None or isinstance(texts, Tensor):
        if texts is not None and several_texts:
            raise ConfigError(
                f"This recording has cross-attention, so it is of two texts, and one tensor of "
                f"{what} does not say which it is of. Give one for each by the names of modules: "
                f'{what}={{"encoder.*": ..., "decoder.*": ...}}.'
            )
        return texts
    fitting = [tensor for pattern, tensor in texts.items() if fnmatchcase(name, pattern)]
    return fitting[0] if fitting else None


def _checked(x: Tensor, what: str, name: str, shape: tuple[int, int], side: str) -> Tensor:
    if tuple(x.shape) != shape:
        raise ShapeError(
            f"{what} of {name!r} must be {list(shape)}, one for each of its {side} in each row of "
            f"the batch; got {list(x.shape)}."
        )
    return x
