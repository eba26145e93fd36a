"""Checks that an exported model gives the same tokens in its engine as here, by running both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..engine.protocols import Engine
from ..errors import require
from ..translation.checkpoint import Checkpoint
from .onnx import input_names

Continue = Callable[[list[int], int], list[int]]
_PURPOSE = "Running what was written"


@dataclass(frozen=True)
class Verification:
    """How many inputs gave the same tokens in both engines.

    Attributes:
        inputs: the number of inputs.
        equal: the number of inputs that gave the same tokens.
        difference: the first input that did not: its ids, the engine's tokens, and ours.
    """

    inputs: int
    equal: int
    difference: tuple[list[int], list[int], list[int]] | None = None

    def __str__(self) -> str:
        return f"{self.equal} of {self.inputs} inputs give the same tokens there and here"


def verify(
    checkpoint: Checkpoint, folder: str | Path, engine: str, *, inputs: int = 20, length: int = 16
) -> Verification:
    """Decode random inputs greedily with another engine and with ours, and compare the tokens.

    Args:
        checkpoint: the model that was exported.
        folder: the folder that was written.
        engine: ``huggingface``, ``ctranslate2`` or ``onnx``.
        inputs: the number of inputs, drawn with a fixed seed.
        length: the largest number of tokens of a continuation.

    Raises:
        MissingExtraError: the other engine is not installed.
    """
    theirs = _ENGINES[engine](checkpoint, Path(folder))
    ours = checkpoint.engine()
    equal, difference = 0, None
    for ids in _random_inputs(checkpoint, inputs):
        here = _greedy(checkpoint, ours, ids, length)
        there = theirs(ids, length)
        equal += here == there
        difference = difference or (None if here == there else (ids, there, here))
    return Verification(inputs, equal, difference)


def _random_inputs(checkpoint: Checkpoint, count: int) -> Iterator[list[int]]:
    """Yield sources that end with the end token, or prompts that begin with the start token."""
    config = checkpoint.config
    rng = np.random.default_rng(0)
    longest = min(12, config.max_length - 2)
    for _ in range(count):
        words = rng.integers(3, config.vocab_size, rng.integers(1, longest)).tolist()
        yield [*words, config.end_id] if config.encoder_layers else [config.start_id, *words]


def _greedy(checkpoint: Checkpoint, engine: Engine, ids: list[int], length: int) -> list[int]:
    """Return greedily decoded tokens; padding and a second start token are never chosen."""
    config = checkpoint.config
    if config.encoder_layers:
        decoding, token = engine.begin([ids]), config.start_id
    else:
        decoding, token = engine.begin([ids[:-1]]), ids[-1]
    tokens: list[int] = []
    while len(tokens) < length:
        row = decoding.advance(np.array([token]), np.zeros(1, np.int64))[0]
        row[[config.pad_id, config.start_id]] = -np.inf
        token = int(row.argmax())
        if token == config.end_id:
            break
        tokens.append(token)
    return tokens


def _transformers(checkpoint: Checkpoint, folder: Path) -> Continue:
    for package in ("torch", "transformers"):
        require(package, extra="export", purpose=_PURPOSE)
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    config = checkpoint.config
    auto = AutoModelForSeq2SeqLM if config.encoder_layers else AutoModelForCausalLM
    model = auto.from_pretrained(folder).eval()
    model.generation_config.forced_eos_token_id = None
    model.generation_config.max_length = None

    def run(ids: list[int], length: int) -> list[int]:
        rows = torch.tensor([ids])
        outputs = model.generate(
            rows, attention_mask=torch.ones_like(rows), max_new_tokens=length, do_sample=False
        )
        tokens = outputs[0].tolist()[1 if config.encoder_layers else len(ids) :]
        return _until(tokens, config.end_id)

    return run


def _ctranslate2(checkpoint: Checkpoint, folder: Path) -> Continue:
    ctranslate2 = require("ctranslate2", extra="export", purpose=_PURPOSE)
    config, tokenizer = checkpoint.config, checkpoint.tokenizer
    number = {piece: i for i, piece in enumerate(tokenizer.pieces(range(tokenizer.vocab_size)))}
    forbidden = [tokenizer.pieces([token]) for token in (config.pad_id, config.start_id)]
    options = {"beam_size": 1, "suppress_sequences": forbidden}
    kind = ctranslate2.Translator if config.encoder_layers else ctranslate2.Generator
    model = kind(str(folder), intra_threads=1)

    def run(ids: list[int], length: int) -> list[int]:
        pieces = [tokenizer.pieces(ids)]
        if config.encoder_layers:
            (result,) = model.translate_batch(pieces, max_decoding_length=length, **options)
            tokens = result.hypotheses[0]
        else:
            (result,) = model.generate_batch(
                pieces, max_length=length, include_prompt_in_result=False, **options
            )
            tokens = result.sequences[0]
        return _until([number[piece] for piece in tokens], config.end_id)

    return run


def _onnx(checkpoint: Checkpoint, folder: Path) -> Continue:
    onnxruntime = require("onnxruntime", extra="export", purpose=_PURPOSE)
    config = checkpoint.config
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
    names = input_names(config)

    def run(ids: list[int], length: int) -> list[int]:
        source = ids if config.encoder_layers else []
        target = [config.start_id] if config.encoder_layers else list(ids)
        begin = len(target)
        while len(target) < begin + length:
            rows = {"source_ids": np.array([source]), "target_ids": np.array([target])}
            inputs = {name: rows[name] for name in names}
            logits = session.run(None, inputs)[0][0, -1]
            logits[[config.pad_id, config.start_id]] = -np.inf
            target.append(int(logits.argmax()))
            if target[-1] == config.end_id:
                break
        return _until(target[begin:], config.end_id)

    return run


def _until(tokens: Sequence[int], end_id: int) -> list[int]:
    """Return the tokens before the end token."""
    tokens = list(tokens)
    return tokens[: tokens.index(end_id)] if end_id in tokens else tokens


_ENGINES: dict[str, Callable[[Checkpoint, Path], Continue]] = {
    "huggingface": _transformers,
    "ctranslate2": _ctranslate2,
    "onnx": _onnx,
}
