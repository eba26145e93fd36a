"""Texts and ids that a model writes, by the settings of its own files and those of a call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import ConfigError, ShapeError
from ..generation.generate import generate, stream
from ..generation.result import GeneratedToken, Generation
from ..generation.settings import GenerationSettings
from ..generation.text_stream import stream_text
from .generated_text import GeneratedText
from .ground import Ground

OnToken = Callable[[int, GeneratedToken], None]


def generate_texts(
    ground: Ground,
    prompts: Sequence[str],
    changes: Mapping[str, Any],
    on_token: OnToken | None = None,
) -> list[GeneratedText]:
    """Return what is written for each prompt; see `clearhead.tasks.model.Model.generate`."""
    inputs = [prompt_ids(ground, prompt) for prompt in prompts]
    rows = _generate(ground, inputs, changes, on_token)
    return [_text(ground, prompt, row) for prompt, row in zip(prompts, rows, strict=True)]


def stream_pieces(ground: Ground, prompt: str, changes: Mapping[str, Any]) -> Iterator[str]:
    """Yield the text piece by piece; see `clearhead.tasks.model.Model.stream`."""
    tokenizer = ground.require_tokenizer()
    tokens = stream(
        ground.engine,
        prompt_ids(ground, prompt),
        GenerationSettings.of(ground.generation_settings(), **changes),
        has_encoder=ground.config.encoder_layers > 0,
        positions=ground.config.max_length,
    )
    return stream_text(tokenizer.decode, (token.id for token in tokens))


def generate_ids(
    ground: Ground, ids: Any, mask: ArrayLike | None, changes: Mapping[str, Any]
) -> list[Any]:
    """Return the ids that are generated; see `clearhead.tasks.model.Model.generate_ids`."""
    is_single = len(ids) > 0 and np.ndim(ids[0]) == 0
    inputs = _rows([ids] if is_single else ids, mask)
    rows = [
        list(generation.ids)
        for generations in _generate(ground, inputs, changes, None)
        for generation in generations
    ]
    return rows[0] if is_single and len(rows) == 1 else rows


def prompt_ids(ground: Ground, prompt: str) -> list[int]:
    """Return the ids of a prompt; those of an empty one are the start token, where there is one."""
    tokenizer = ground.require_tokenizer()
    if not isinstance(prompt, str):
        raise TypeError(f"A prompt is a str; this one is of type {type(prompt).__name__}.")
    ids = tokenizer.encode(prompt)
    if not ids and "start" in tokenizer.roles:
        return [tokenizer.roles["start"]]
    return ids


def _generate(
    ground: Ground,
    inputs: Sequence[Sequence[int]],
    changes: Mapping[str, Any],
    on_token: OnToken | None,
) -> list[list[Generation]]:
    return generate(
        ground.engine,
        inputs,
        GenerationSettings.of(ground.generation_settings(), **changes),
        has_encoder=ground.config.encoder_layers > 0,
        positions=ground.config.max_length,
        on_token=on_token,
    )


def _rows(ids: Any, mask: ArrayLike | None) -> list[list[int]]:
    """Return the real ids of each row."""
    rows = [np.asarray(row) for row in ids]
    if not all(row.ndim == 1 and row.dtype.kind in "iu" for row in rows):
        raise ShapeError("ids must be whole numbers: of one input, or a list of several.")
    if mask is None:
        return [row.tolist() for row in rows]
    real = np.asarray(mask)
    if real.dtype != bool or real.shape != (len(rows), len(rows[0]) if rows else 0):
        raise ShapeError(
            f"mask must be True and False for each id; it is {real.dtype} of shape {real.shape}."
        )
    if not real.any(axis=1).all():
        raise ConfigError("Every input needs a real token, and the mask leaves one without.")
    return [row[one].tolist() for row, one in zip(rows, real, strict=True)]


def _text(ground: Ground, prompt: str, generations: Sequence[Generation]) -> GeneratedText:
    tokenizer = ground.require_tokenizer()
    texts = [
        GeneratedText(
            prompt,
            tokenizer.decode(one.content),
            one.ids,
            tuple(tokenizer.pieces(one.ids)),
            one.token_log_probs,
            one.score,
            one.reason,
        )
        for one in generations
    ]
    if len(texts) == 1:
        return texts[0]
    first = texts[0]
    return GeneratedText(
        first.prompt, first.text, first.ids, first.tokens, first.token_log_probs, first.score,
        first.reason, tuple(texts),
    )  # fmt: skip
