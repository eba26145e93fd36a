"""Vectors of texts, as sentence-transformers makes them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import ConfigError, TextError
from ...pretrained.tokenizers.protocol import PretrainedTokenizer
from ...shapes import Array, Float
from ...visible import quoted
from ..text_encoder import TextEncoder
from .embedding_rule import EmbeddingRule
from .pooling import normalized, pool

BATCH_TOKENS = 1024
LONGER = ("refuse", "cut")


@dataclass(frozen=True, repr=False)
class Embeddings:
    """The vectors of texts.

    Attributes:
        vectors: one for each text, in the order of the texts.
        token_counts: number of tokens of each text that were read, start and end tokens included.
        cut_texts: indices of the texts that were longer than the model reads, so that only their
            beginning was read.
        rule: how vectors of tokens are turned into vectors of texts.
    """

    vectors: Float[Array, "texts width"]
    token_counts: tuple[int, ...]
    cut_texts: tuple[int, ...]
    rule: EmbeddingRule

    def similarities(self) -> Float[Array, "texts texts"]:
        """Return the cosine similarity of each pair of texts."""
        vectors = normalized(self.vectors)
        return vectors @ vectors.T

    def __len__(self) -> int:
        return len(self.vectors)

    def __getitem__(self, text: int) -> Float[Array, "width"]:
        return self.vectors[text]

    def __iter__(self) -> Iterator[Float[Array, "width"]]:
        return iter(self.vectors)

    def __array__(self, dtype: object = None, copy: bool | None = None) -> Array:
        return np.array(self.vectors, dtype=dtype, copy=copy)  # type: ignore[call-overload]

    def __repr__(self) -> str:
        count, width = self.vectors.shape
        lines = [
            f"Embeddings of {count} {'text' if count == 1 else 'texts'}, {width} numbers each: "
            f"{self.rule}"
        ]
        if self.cut_texts:
            lines.append(f"  only the beginning was read of text {_listed(self.cut_texts)}")
        return "\n".join(lines)


def embed(
    encoder: TextEncoder,
    texts: str | Iterable[str],
    *,
    longer: str = "refuse",
    batch_tokens: int = BATCH_TOKENS,
) -> Embeddings:
    """Return a vector for each text.

    Texts of the same number of tokens are computed together, so there is no padding. No vector
    depends on the other texts, bit for bit; for this, the first call copies the weights of the
    layers.

    Args:
        encoder: an encoder-only model.
        texts: one or several; for a single one, the result has one vector too.
        longer: what to do with a text of more tokens than the model reads: ``refuse`` it, or
            ``cut`` it, so that only its beginning is read. `Embeddings.cut_texts` lists these.
        batch_tokens: the number of tokens computed at once.

    Raises:
        TextError: a text is longer than the model reads, and ``longer`` is ``refuse``; or a text
            holds something that no tokenizer can read.
        ConfigError: ``longer`` or ``batch_tokens`` has an invalid value.
        CheckpointError: the model has no tokenizer, or the files with the rule for text vectors
            are damaged, or ask for something that is not supported.
    """
    if longer not in LONGER:
        raise ConfigError(f"longer must be {' or '.join(LONGER)}; it is {quoted(longer)}.")
    if batch_tokens < 1:
        raise ConfigError(f"batch_tokens must be at least 1; it is {batch_tokens}.")
    all_texts = [texts] if isinstance(texts, str) else list(texts)
    tokenizer, rule = encoder.pretrained.require_tokenizer(), encoder.rule
    longest = min(encoder.max_length, rule.max_length or encoder.max_length)
    rows: list[list[int]] = []
    cut_texts = []
    for number, text in enumerate(all_texts):
        ids = _ids(tokenizer, rule, text, number)
        if len(ids) > longest:
            if longer == "refuse":
                raise TextError(_too_long(number, len(ids), longest, encoder))
            ids = first_tokens(tokenizer, _text_of(rule, text), ids, longest)
            cut_texts.append(number)
        rows.append(ids)
    vectors = _vectors(encoder, rows, batch_tokens)
    return Embeddings(vectors, tuple(map(len, rows)), tuple(cut_texts), rule)


def _text_of(rule: EmbeddingRule, text: str) -> str:
    """Return a text as the model reads it, with prompt and lower case where the rule says so."""
    text = rule.prompt + text
    return text.lower() if rule.lower_case else text


def _ids(tokenizer: PretrainedTokenizer, rule: EmbeddingRule, text: str, number: int) -> list[int]:
    if not isinstance(text, str):
        raise TextError(f"Text {number} is no text but {quoted(text)}.")
    try:
        ids = tokenizer.encode(_text_of(rule, text))
    except TextError as error:
        raise TextError(f"Text {number}: {error}") from error
    if not ids:
        raise TextError(f"Text {number}, {quoted(text)}, has no token, and so no vector.")
    return ids


def first_tokens(
    tokenizer: PretrainedTokenizer, text: str, ids: list[int], longest: int
) -> list[int]:
    """Return the first tokens of a text, between the tokens that begin and end every text.

    Args:
        tokenizer: the tokenizer that gave the ids.
        text: the text.
        ids: all of its ids, more than ``longest``.
        longest: the number of ids to return.

    Raises:
        TextError: it is not clear which tokens begin and end every text, or these leave no room.
    """
    plain = tokenizer.encode_plain(text)
    surplus = len(ids) - len(plain)
    for before in range(surplus + 1):
        if ids[before : before + len(plain)] == plain and longest > surplus:
            end = before + len(plain)
            return [*ids[: longest - (surplus - before)], *ids[end:]]
    raise TextError(
        f"A text of {len(ids)} tokens cannot be cut to {longest}: its tokenizer does not put the "
        f"same tokens around every text, or more than that. Cut the text itself."
    )


def _vectors(
    encoder: TextEncoder, rows: Sequence[list[int]], batch_tokens: int
) -> Float[Array, "texts width"]:
    width = encoder.model.config.d_model * len(encoder.rule.modes)
    vectors = np.zeros((len(rows), width), encoder.model.dtype)
    for places in _batches([len(row) for row in rows], batch_tokens):
        ids = np.array([rows[place] for place in places])
        real = np.ones(ids.shape, bool)
        hidden = encoder.independent.encode(ids, mask=real).output
        vectors[places] = pool(hidden, real, encoder.rule.modes)
    for layer in encoder.dense:
        vectors = layer(vectors)
    return normalized(vectors) if encoder.rule.normalize else vectors


def _batches(lengths: Sequence[int], tokens: int) -> Iterator[list[int]]:
    """Yield batches of indices of texts of equal length, up to ``tokens`` tokens or one text."""
    places_of: dict[int, list[int]] = defaultdict(list)
    for place, length in enumerate(lengths):
        places_of[length].append(place)
    for length, places in sorted(places_of.items()):
        count = max(1, tokens // length)
        for begin in range(0, len(places), count):
            yield places[begin : begin + count]


def _too_long(number: int, count: int, longest: int, encoder: TextEncoder) -> str:
    why = "it was trained for" if longest < encoder.max_length else "it has positions for"
    return (
        f"Text {number} has {count} tokens, and this model reads at most {longest}, which "
        f'{why}. Split the text, or say longer="cut" to read only its beginning.'
    )


def _listed(numbers: Sequence[int]) -> str:
    more = f" and {len(numbers) - 8} more" if len(numbers) > 8 else ""
    return ", ".join(map(str, numbers[:8])) + more
