"""Forward passes to derive numbers of, and derivations evaluated as a reader would."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np

from clearhead.config import TransformerConfig
from clearhead.explorer.contract.arrays import windows
from clearhead.explorer.contract.questions import ArrayItem, RunQuestion
from clearhead.explorer.contract.reading import read_question
from clearhead.explorer.derivations.derive import derivations
from clearhead.explorer.derivations.snippet import applicable, operand_values
from clearhead.explorer.explorer import Explorer
from clearhead.reference import Trace, Transformer
from clearhead.reference.tracing.step import Step
from clearhead.translation.checkpoint import read_checkpoint
from tests.reference.models import random_ids, random_weights

SAME = {"rtol": 1e-9, "atol": 1e-12}


class Walked:
    """What windows of arrays are asked from: a trace and the model that it is of."""

    def __init__(self, reference: Transformer, trace: Trace) -> None:
        self.reference, self.trace, self.config = reference, trace, reference.config

    def fetch(self, path: str, where: tuple) -> np.ndarray | float:
        """A slice as the front end gets it: a window, its single places taken out."""
        sizes = windows(self, [ArrayItem(path=path)], 10**9).json["items"][0]["shape"]
        assert len(where) == len(sizes), path
        spans = tuple(
            (0, size) if entry == slice(None) else (entry, entry + 1)
            for entry, size in zip(where, sizes, strict=True)
        )
        array = windows(self, [ArrayItem(path=path, window=spans)], 10**9).arrays["0"]
        single = tuple(axis for axis, entry in enumerate(where) if entry != slice(None))
        return array.squeeze(single)


def walked(config: TransformerConfig, seed: int = 0, lengths: tuple[int, int] = (5, 7)) -> Walked:
    rng = np.random.default_rng(seed)
    reference = Transformer(config, random_weights(config, seed))
    trace = Trace(keep="*")
    reference.forward(
        random_ids(rng, config, 1, lengths[0]) if config.encoder_layers else None,
        random_ids(rng, config, 1, lengths[1]) if config.decoder_layers else None,
        trace=trace,
    )
    return Walked(reference, trace)


def as_json(run: Walked, step: Step) -> list[dict]:
    return [each.to_json() for each in derivations(step, run.trace, run.config)]


def computed(run: Walked, step: Step, index: Sequence[int], *, was_replaced: bool = False) -> float:
    """The value of an element's derivation."""
    derivation = applicable(as_json(run, step), index, was_replaced=was_replaced)
    operands = operand_values(derivation, index, run.fetch)
    with np.errstate(all="ignore"):
        return eval(derivation["expression"], {"np": np, "math": math, **operands})


def every_element(run: Walked, pattern: str, rows: Sequence[int] | None = None) -> None:
    for step in run.trace.find(pattern):
        for index in np.ndindex(*step.shape):
            if rows is None or index[0] in rows:
                value = computed(run, step, index)
                assert np.isclose(value, step.value[index], **SAME), (step.path, index, value)


def random_index(rng: np.random.Generator, step: Step) -> tuple[int, ...]:
    return tuple(int(rng.integers(size)) for size in step.shape)


@cache
def bundled() -> Explorer:
    return Explorer(read_checkpoint("en-fr"))


def request(text: str, edits: Sequence[dict] = ()) -> RunQuestion:
    return read_question(RunQuestion, {"text": text, "edits": list(edits)})
