"""Tokens as labels of queries and keys, from the ids that the model was called with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from ...errors import ConfigError
from ...shapes import Int
from ..recording.captured import CapturedAttention
from ..recording.growing_call import GrowingCall
from .owners import Owner

TokenFunction = Callable[[list[int]], list[str]]


class TokenLabels:
    """Labels the calls of one recording with tokens.

    Args:
        tokenizer: something with ``convert_ids_to_tokens`` or ``id_to_token``, or a function from
            ids to tokens.

    Raises:
        ConfigError: it is none of these.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokens = _token_function(tokenizer)
        # The tokens of self-attention by their number, for the keys of cross-attention.
        self._sources: dict[int, list[list[str]]] = {}

    def add(self, call: GrowingCall, owner: Owner, captured: CapturedAttention) -> None:
        """Label the queries of the last step of a call, and its keys."""
        batch, _, query_len, _ = captured.query.shape
        key_len = captured.key.shape[2]
        in_decoder = "decoder" in owner.name.split(".")
        ids = ids_of_length(owner.inputs, query_len, decoder=in_decoder)
        if ids is not None and len(ids) == batch:
            rows = self._rows(ids)
            labels = call.labels.setdefault("query", [[] for _ in rows])
            for row, step in zip(labels, rows, strict=True):
                row.extend(step)
            if call.kind == "self":
                self._sources[query_len] = rows
                call.labels["key"] = labels
        if call.kind == "cross":
            source_ids = ids_of_length(owner.inputs, key_len, decoder=False)
            if source_ids is not None and len(source_ids) == batch:
                call.labels["key"] = self._rows(source_ids)
            elif key_len in self._sources:
                call.labels["key"] = self._sources[key_len]

    def _rows(self, ids: Int[Tensor, "batch length"]) -> list[list[str]]:
        return [self._tokens(row) for row in ids.tolist()]


def ids_of_length(
    inputs: dict[str, Tensor], length: int, *, decoder: bool
) -> Int[Tensor, "batch length"] | None:
    """Return the token ids of a length among a model's inputs.

    Args:
        inputs: tensors of token ids by the names of the model's arguments.
        length: the number of tokens in each row.
        decoder: whether the ids of the decoder come first, where several are of that length.
    """
    fitting = [(name, ids) for name, ids in inputs.items() if ids.shape[1] == length]
    fitting.sort(key=lambda pair: ("decoder" in pair[0]) is not decoder)
    return fitting[0][1] if fitting else None


def _token_function(tokenizer: Any) -> TokenFunction:
    """Return a function from token ids to tokens."""
    convert = getattr(tokenizer, "convert_ids_to_tokens", None)
    if convert is not None:
        return lambda ids: [str(token) for token in convert(ids)]
    if hasattr(tokenizer, "id_to_token"):
        return lambda ids: [str(tokenizer.id_to_token(one)) for one in ids]
    if callable(tokenizer):
        return lambda ids: [str(token) for token in tokenizer(ids)]
    raise ConfigError(
        "tokenizer must have convert_ids_to_tokens or id_to_token, or be a function from ids to "
        f"tokens; got {type(tokenizer).__name__}."
    )
