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
        vectors: one a text, in the order of the texts.
        token_counts: tokens of each text that were read, start and end tokens included.
        cut_texts: numbers of the texts that were longer than the model, and of which only the
            beginning was read.
        rule: how the vectors of tokens became those of texts.
    """

    vectors: Float[Array, "texts width"]
    token_counts: tuple[int, ...]
    cut_texts: tuple[int, ...]
    rule: EmbeddingRule

    def similarities(self) -> Float[Array, "texts texts"]:
        """Return the cosine of the angle between each two texts."""
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
    """Make a vector of each text.

    Texts of the same number of tokens are computed together, so there is no padding. No vector
    depends on the other texts, bit for bit; for this the weights of the layers are copied at the
    first call.

    Args:
        encoder: a model that is an encoder alone.
        texts: one, or several; a single one gives one vector too.
        longer: what becomes of a text with more tokens than the model reads: ``refuse`` it, or
            ``cut`` it, so that its beginning is read. `Embeddings.cut_texts` tells which were.
        batch_tokens: so many tokens are computed at once.

    Raises:
        TextError: a text is longer than the model reads, and is not to be cut, or holds what no
            tokenizer can read.
        ConfigError: ``longer`` or ``batch_tokens`` is none that there is.
        CheckpointError: the model has no tokenizer, or the files that say how its texts become
            vectors are damaged, or ask for what is not computed here.
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
    """Return a text as the rule has it read."""
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
        tokenizer: gave the ids.
        text: what they are of.
        ids: all of them, more than ``longest``.
        longest: how many to return.

    Raises:
        TextError: it is not clear which tokens begin and end every text, or they leave no room.
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
    """Yield the places of texts of the same length, so many tokens together or one text."""
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
