"""Generates texts and ids, with the settings of the model's files and of the call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import ShapeError
from ..generation.generate import generate, stream
from ..generation.result import GeneratedToken, Generation
from ..generation.settings import GenerationSettings
from ..generation.text_stream import stream_text
from ..shapes import Array
from .generated_text import GeneratedText
from .ground import Ground
from .inputs import real_positions, texts_of, whole_numbers

GENERATE_NEW_TOKENS = 20
"""The most new tokens of `generate_ids` if nothing else sets a limit, as in transformers."""

OnToken = Callable[[int, GeneratedToken], None]


def generate_texts(
    ground: Ground,
    prompts: Sequence[str],
    changes: Mapping[str, Any],
    on_token: OnToken | None = None,
) -> list[GeneratedText]:
    """Return the generated text for each prompt; see `clearhead.tasks.model.Model.generate`."""
    inputs = [prompt_ids(ground, prompt) for prompt in prompts]
    settings = GenerationSettings.of(ground.generation_settings(), **changes)
    rows = _generate(ground, inputs, settings, on_token)
    return [_text(ground, prompt, row) for prompt, row in zip(prompts, rows, strict=True)]


def stream_pieces(ground: Ground, prompt: str, changes: Mapping[str, Any]) -> Iterator[str]:
    """Yield the text piece by piece; see `clearhead.tasks.model.Model.stream`."""
    tokenizer = ground.require_tokenizer()
    (prompt,) = texts_of(prompt, "prompt", most=1)
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
    """Return the generated ids; see `clearhead.tasks.model.Model.generate_ids`."""
    rows, is_single = _id_rows(ids)
    settings = GenerationSettings.of(ground.generation_settings(), **changes)
    results = ids_of(ground, rows, mask, settings)
    return results[0] if is_single and len(results) == 1 else results


def ids_of(
    ground: Ground,
    rows: Sequence[Sequence[int]] | Array,
    mask: ArrayLike | None,
    settings: GenerationSettings,
) -> list[list[int]]:
    """Return the ids generated for rows of ids with these settings, not those of the files."""
    inputs = [list(row) for row in rows] if mask is None else _real_ids(rows, mask)
    if settings.max_new_tokens is None and settings.max_length is None:
        settings = GenerationSettings.of(settings, max_new_tokens=GENERATE_NEW_TOKENS)
    return [
        list(generation.ids)
        for generations in _generate(ground, inputs, settings, None)
        for generation in generations
    ]


def prompt_ids(ground: Ground, prompt: str) -> list[int]:
    """Return the ids of a prompt; an empty one gives the start token, if there is one."""
    tokenizer = ground.require_tokenizer()
    ids = tokenizer.encode(prompt)
    if not ids and "start" in tokenizer.roles:
        return [tokenizer.roles["start"]]
    return ids


def _generate(
    ground: Ground,
    inputs: Sequence[Sequence[int]],
    settings: GenerationSettings,
    on_token: OnToken | None,
) -> list[list[Generation]]:
    return generate(
        ground.engine,
        inputs,
        settings,
        has_encoder=ground.config.encoder_layers > 0,
        positions=ground.config.max_length,
        on_token=on_token,
    )


def _id_rows(ids: Any) -> tuple[list[list[int]], bool]:
    """Return the rows of ids, and whether they came as a single input."""
    shape = "ids must be whole numbers: of one input, or a list of several"
    if isinstance(ids, str | bytes) or not isinstance(ids, Iterable):
        raise ShapeError(f"{shape}; they are of type {type(ids).__name__}.")
    ids = list(ids)
    is_single = len(ids) > 0 and np.ndim(ids[0]) == 0
    rows = [np.asarray(row) for row in ([ids] if is_single else ids)]
    for number, row in enumerate(rows):
        if not row.size:
            raise ShapeError(
                f"Input {number} has no ids, and generation needs one to continue. Begin it with "
                f"the model's start token."
            )
        if row.ndim != 1 or row.dtype.kind not in "iu":
            raise ShapeError(f"{shape}; input {number} is {row.dtype} of shape {row.shape}.")
    return [row.tolist() for row in rows], is_single


def _real_ids(rows: Sequence[Sequence[int]] | Array, mask: ArrayLike) -> list[list[int]]:
    """Return the ids of each row at real positions."""
    array = whole_numbers("ids", rows)
    real = np.asarray(mask)
    real = real_positions(real[None] if real.ndim == 1 and len(array) == 1 else real, array.shape)
    if not real.any(axis=1).all():
        raise ShapeError("Every input needs a real token, and the mask leaves one without.")
    return [row[one].tolist() for row, one in zip(array, real, strict=True)]


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
