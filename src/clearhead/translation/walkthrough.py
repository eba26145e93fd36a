"""A sentence, its translation, and every number between them: translated once, then traced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..engine.protocols import Engine, FloatArray
from ..engine.reference_engine import ReferenceEngine
from ..reference.tracing.record import Replacement
from ..reference.tracing.trace import Trace
from ..reference.transformer import Transformer
from ..search.search import search
from ..search.settings import SearchSettings
from ..search.special_tokens import SpecialTokens
from ..text.tokenizer import Tokenizer
from .checkpoint import Checkpoint, read_checkpoint
from .directions.languages import Languages
from .directions.register import AUTO, register_tags
from .rules.languages.choice import source_and_target
from .rules.reading import Reader
from .sentences.segments import check_letters, split_text

NEXT = 10  # of the likeliest next tokens at a position


@dataclass(frozen=True)
class Walkthrough:
    """One sentence and its translation, as read by the traced model.

    Attributes:
        model: the traced model.
        tokenizer: of the model.
        source: token ids of the sentence, its end token included.
        target: token ids that the decoder reads: the start token, then the translation.
        read: the sentence as the model reads it, see `clearhead.translation.rules`.
    """

    model: Transformer
    tokenizer: Tokenizer
    source: tuple[int, ...]
    target: tuple[int, ...]
    read: str

    @property
    def predicted(self) -> tuple[int, ...]:
        """Token ids that follow each of the decoder's tokens, the end token last."""
        return (*self.target[1:], self.model.config.end_id)

    @property
    def translation(self) -> str:
        """The text of the translation."""
        return self.tokenizer.decode(self.target)

    def trace(
        self,
        *,
        keep: str | Iterable[str] | None = None,
        replace: Mapping[str, Replacement] | None = None,
    ) -> Trace:
        """Return the forward pass over sentence and translation, with its steps recorded.

        Args:
            keep: which steps to record, as in `Trace`.
            replace: steps to replace, as in `Trace`.

        Raises:
            TraceError: a replacement matched no step.
        """
        with Trace(keep=keep, replace=replace) as trace:
            self.model.forward(np.array([self.source]), np.array([self.target]), trace=trace)
        return trace

    def token_by_token(self, engine: Engine) -> FloatArray:
        """Return an engine's log-probabilities, token by token as in translating.

        Returns:
            Float["target_len vocab"], of what follows each of the decoder's tokens.
        """
        decoding = engine.begin([self.source])
        first_row = np.zeros(1, np.int64)
        rows = [decoding.advance(np.array([token]), first_row) for token in self.target]
        return np.concatenate(rows)


@dataclass(frozen=True)
class Likeliest:
    """The likeliest next tokens at one position, and the one that the translation has there.

    Attributes:
        tokens: ids, likeliest first.
        probabilities: of each.
        target_token: id of the token that follows in the translation.
        target_probability: of that token.
        target_rank: its rank among all tokens, from 1.
    """

    tokens: tuple[int, ...]
    probabilities: tuple[float, ...]
    target_token: int
    target_probability: float
    target_rank: int


def likeliest_tokens(
    probabilities: FloatArray, target_token: int, vocab_size: int, count: int = NEXT
) -> Likeliest:
    """Return the likeliest next tokens at one position.

    Args:
        probabilities: of each token id, ``[ids]``.
        target_token: id of the token that follows in the translation.
        vocab_size: number of ids of the tokenizer. A model's vocabulary may be rounded up, and ids
            beyond the tokenizer's have no name.
        count: how many tokens to return, where there are as many.
    """
    row = probabilities[:vocab_size]
    count = min(count, len(row))
    best = np.argpartition(-row, count - 1)[:count]
    # Among equally likely tokens the smaller id comes first.
    best = best[np.lexsort((best, -row[best]))]
    probability = row[target_token]
    return Likeliest(
        tuple(best.tolist()),
        tuple(row[best].tolist()),
        target_token,
        float(probability),
        int((row > probability).sum()) + 1,
    )


def encode_source(
    text: str,
    tokenizer: Tokenizer,
    end_id: int,
    *,
    languages: Languages | None = None,
    tags: tuple[int, ...] = (),
) -> tuple[str, tuple[int, ...]]:
    """Return a sentence as the model reads it, and its token ids with the end token.

    The rules are those of a translation, but the text is not split, and nothing in it is protected.
    ``languages`` are those of the model; ``tags``, from `register_tags`, come first.
    """
    read = Reader(tokenizer, *source_and_target(languages)).read(text).text
    return read, (*tags, *tokenizer.encode(read), end_id)


def translate_source(
    source: Sequence[int],
    engine: Engine,
    special: SpecialTokens,
    settings: SearchSettings,
    *,
    tokenizer: Tokenizer,
    target: str | None = None,
) -> tuple[int, ...]:
    """Return the decoder's input: the start token, and the translation of a source.

    Args:
        source: token ids, end token included.
        engine: translates the source.
        special: ids of the special tokens.
        settings: of the search.
        tokenizer: of the model.
        target: a translation to use instead of searching for one.
    """
    if target is not None:
        return (special.start_id, *tokenizer.encode(target))
    best = search(engine, [source], settings, special=special)[0][0]
    return (special.start_id, *best.tokens)


def walk_through(
    text: str,
    checkpoint: Checkpoint,
    engine: ReferenceEngine,
    *,
    target: str | None = None,
    register: str = AUTO,
) -> Walkthrough:
    """Translate a text as one sentence, with the model the traced model.

    Args:
        text: one sentence, as `encode_source` reads it.
        checkpoint: of the model.
        engine: of that model, such as the reference in float64.
        target: a translation to use instead of searching for one.
        register: how a translation says "you", as in `Translator.translate`.

    Raises:
        ConfigError: the model was not trained with the register.
        TextError: the text holds what is no character, or nothing to translate.
        ShapeError: it is longer than the model can read.
    """
    tags = register_tags(register, checkpoint.registers)
    languages = checkpoint.languages
    check_letters(text, split_text(text, language=source_and_target(languages)[0]))
    config, tokenizer = checkpoint.config, checkpoint.tokenizer
    read, source = encode_source(text, tokenizer, config.end_id, languages=languages, tags=tags)
    settings = SearchSettings.of(max_length=config.max_length - 1)
    special = SpecialTokens.of(config)
    ids = translate_source(source, engine, special, settings, tokenizer=tokenizer, target=target)
    return Walkthrough(engine.model, tokenizer, source, ids, read)


def trace(
    text: str,
    *,
    model: str | Path = "en-fr",
    target: str | None = None,
    register: str = AUTO,
    keep: str | Iterable[str] | None = None,
    replace: Mapping[str, Replacement] | None = None,
) -> Trace:
    """Return every number between a sentence and its translation.

    The sentence is translated with the reference in float64, and the forward pass over sentence
    and translation is recorded: ``encoder.tokens`` and ``decoder.tokens`` first, then every step
    of every layer, and last ``logits`` and ``probabilities`` ["1 target_len vocab"], in which row
    i is the prediction of what follows the decoder's token i.

    Args:
        text: one sentence.
        model: the name of a bundled model, or a folder.
        target: a translation to trace instead of the model's own.
        register: ``tu`` or ``vous`` for how a translation says "you"; see `Translator.translate`.
        keep: which steps to record, as in `Trace`.
        replace: steps to replace, as in `Trace`. The translation is the one found without.

    Raises:
        CheckpointError: there is no such model.
        ConfigError: the model was not trained with the register.
        TextError: the text holds what is no character.
        ShapeError: text or target is longer than the model can read.
        TraceError: a replacement matched no step.
    """
    checkpoint = read_checkpoint(model)
    engine = checkpoint.engine(np.float64)
    walkthrough = walk_through(text, checkpoint, engine, target=target, register=register)
    return walkthrough.trace(keep=keep, replace=replace)
