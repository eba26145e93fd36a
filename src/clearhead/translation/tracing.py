"""A whole translation, traced: from the source's tokens to the probabilities of every word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..engine.protocols import Engine
from ..reference.tracing.record import Replacement
from ..reference.tracing.trace import Trace
from .checkpoint import Checkpoint, read_checkpoint
from .rules.reading import Reader
from .search.search import SpecialTokens, search
from .search.settings import SearchSettings
from .segments import check_letters


@dataclass(frozen=True)
class Pass:
    """What goes into one forward pass over a sentence and its translation.

    Attributes:
        source: token ids of the sentence, its end token included.
        target: token ids that the decoder reads: the start token, then the translation.
        read: the sentence as the model reads it, see `clearhead.translation.rules`.
    """

    source: tuple[int, ...]
    target: tuple[int, ...]
    read: str = ""


def translated_pass(
    checkpoint: Checkpoint, engine: Engine, text: str, *, target: str | None = None
) -> Pass:
    """Translate a text as one sentence.

    Args:
        checkpoint: of the model.
        engine: of the model.
        text: one sentence, read by the rules that a translation follows; not split, and nothing
            in it protected.
        target: a translation to take instead of searching for one.

    Raises:
        TextError: the text holds what is no character, or nothing to translate.
        ShapeError: it is longer than the model can read.
    """
    check_letters(text)
    config, tokenizer = checkpoint.config, checkpoint.tokenizer
    read = Reader(tokenizer).read(text).text
    source = (*tokenizer.encode(read), config.end_id)
    if target is None:
        settings = SearchSettings.of(max_length=config.max_length - 1)
        special = SpecialTokens.of(config)
        found = search(engine, [source], settings, special=special)[0][0].tokens
    else:
        found = tuple(tokenizer.encode(target))
    return Pass(source, (config.start_id, *found), read)


def trace(
    text: str,
    *,
    model: str | Path = "en-fr",
    target: str | None = None,
    keep: str | Iterable[str] | None = None,
    replace: Mapping[str, Replacement] | None = None,
) -> Trace:
    """Every number between a sentence and its translation.

    The sentence is translated with the reference in float64, and the forward pass over sentence
    and translation is recorded: ``encoder.tokens`` and ``decoder.tokens`` first, then every step
    of every layer, and last ``logits`` and ``probabilities`` ["1 target_len vocab"], in which row
    i is the prediction of what follows the decoder's token i.

    Args:
        text: one sentence.
        model: the name of a bundled model, or a folder.
        target: a translation to look at instead of the model's own.
        keep: which steps to record, as in `Trace`.
        replace: steps to replace, as in `Trace`. The translation is the one found without.

    Raises:
        CheckpointError: there is no such model.
        TextError: the text holds what is no character.
        ShapeError: text or target is longer than the model can read.
        TraceError: a replacement matched no step.
    """
    checkpoint = read_checkpoint(model)
    engine = checkpoint.engine(np.float64)
    given = translated_pass(checkpoint, engine, text, target=target)
    with Trace(keep=keep, replace=replace) as recorded:
        engine.model.forward(np.array([given.source]), np.array([given.target]), trace=recorded)
    return recorded
