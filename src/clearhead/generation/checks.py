"""The checks before generation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..engine.protocols import Decoding, Engine, FloatArray, LogitsDecoding
from ..errors import ConfigError
from .settings import GenerationSettings


def check_generation(
    engine: Engine,
    inputs: Sequence[Sequence[int]],
    settings: GenerationSettings,
    has_encoder: bool,
    starts: Sequence[Sequence[int]] | None,
    positions: int | None,
    *,
    streams: bool = False,
) -> list[list[int]]:
    """Check inputs and settings, and return the first tokens of each sequence.

    Args:
        streams: whether tokens are to be returned one by one.
        engine, inputs, settings, has_encoder, starts, positions: as
            `clearhead.generation.generate.generate` takes them.

    Raises:
        ConfigError: they do not fit together.
    """
    if streams and (settings.num_beams > 1 or settings.num_return_sequences > 1):
        raise ConfigError(
            f"Only one sequence without a beam can be handed out token by token; "
            f"num_beams is {settings.num_beams} and num_return_sequences is "
            f"{settings.num_return_sequences}. Use generate, or set both to 1."
        )
    _check_token_ids(engine, settings, has_encoder)
    beginnings = _beginnings(inputs, settings, has_encoder, starts)
    kind = "decoder start" if has_encoder else "prompt"
    for number, tokens in enumerate(beginnings):
        name = f"The {kind} {number}"
        _check_tokens(name, tokens, engine.vocab_size)
        _check_room(name, len(tokens), settings, positions)
    return beginnings


def _check_tokens(name: str, tokens: Sequence[int], vocab_size: int) -> None:
    if not tokens:
        raise ConfigError(
            f"{name} has no token, and generation needs one to continue. Begin it with the "
            f"model's start token."
        )
    for token in tokens:
        if not 0 <= token < vocab_size:
            raise ConfigError(
                f"{name} holds the token id {token}; this model's ids are 0 to {vocab_size - 1}."
            )


def _check_room(
    name: str, length: int, settings: GenerationSettings, positions: int | None
) -> None:
    """Check that at least one token can follow."""
    longest = settings.longest(length, positions)
    if length < longest:
        return
    most = f"max_length is {longest}"
    hint = ", or use max_new_tokens instead of max_length"
    if positions is not None and longest == positions + 1:
        most, hint = f"the model reads {positions}", ""
    raise ConfigError(
        f"{name} has {length} tokens, and {most}: nothing can follow. Shorten it{hint}."
    )


def check_decoding(decoding: Decoding, settings: GenerationSettings) -> None:
    """Check that an engine returns what these settings need.

    Raises:
        ConfigError: logits are to be penalized, and the engine has none.
    """
    needs_logits = settings.num_beams == 1 and settings.repetition_penalty != 1.0
    if needs_logits and not isinstance(decoding, LogitsDecoding):
        raise ConfigError(
            "repetition_penalty changes logits, and this engine gives log-probabilities alone: "
            "its Decoding needs a method advance_logits. In a beam, which penalizes "
            "log-probabilities, it needs none."
        )


def check_possible(best: FloatArray) -> None:
    """Check that some token can follow.

    Args:
        best: the best score of each row or source, Float["rows"].

    Raises:
        ConfigError: no token is possible, or the scores are NaN.
    """
    if not (best > -np.inf).all():
        what = "are not numbers" if np.isnan(best).any() else "leave no token possible"
        raise ConfigError(
            f"The scores of the next token {what}. Where settings forbid tokens, forbid fewer "
            f"(bad_words_ids, suppress_tokens, no_repeat_ngram_size, min_length); otherwise the "
            f"model's weights do not fit, or are damaged."
        )


def _beginnings(
    inputs: Sequence[Sequence[int]],
    settings: GenerationSettings,
    has_encoder: bool,
    starts: Sequence[Sequence[int]] | None,
) -> list[list[int]]:
    if not has_encoder:
        if starts is not None:
            raise ConfigError(
                "starts are for models with an encoder; a prompt begins with its own tokens."
            )
        return [list(prompt) for prompt in inputs]
    if starts is not None:
        if len(starts) != len(inputs):
            raise ConfigError(
                f"One start is needed for each source; {len(starts)} starts came for "
                f"{len(inputs)} sources."
            )
        return [list(tokens) for tokens in starts]
    start = settings.decoder_start_token_id
    start = settings.bos_token_id if start is None else start
    if start is None:
        raise ConfigError(
            "A model with an encoder needs the first token of its decoder: set "
            "decoder_start_token_id, or bos_token_id, or give starts."
        )
    return [[start] for _ in inputs]


def _check_token_ids(engine: Engine, settings: GenerationSettings, has_encoder: bool) -> None:
    # The files of a small model often keep the special tokens of a large one: an end token beyond
    # its vocabulary never comes, and a decoder's start token does not matter for a prompt.
    harmless = {"eos_token_id"}
    if not has_encoder or settings.decoder_start_token_id is not None:
        harmless.add("bos_token_id")
    if not has_encoder:
        harmless.add("decoder_start_token_id")
    for name, tokens in settings.token_ids().items():
        if name in harmless:
            continue
        wrong = [token for token in tokens if token >= engine.vocab_size]
        if wrong:
            raise ConfigError(
                f"{name} holds the token id {wrong[0]}; this model's ids are 0 to "
                f"{engine.vocab_size - 1}."
            )
    candidates = max(2, 1 + len(settings.eos_token_id)) * settings.num_beams
    if settings.num_beams > 1 and candidates > engine.vocab_size * settings.num_beams:
        raise ConfigError(
            f"A beam needs more token ids than end tokens; the model has {engine.vocab_size}."
        )
