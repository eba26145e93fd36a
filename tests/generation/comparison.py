"""Our tokens beside those of transformers, on random inputs with random settings."""

from __future__ import annotations

import numpy as np

from clearhead.engine.protocols import Engine
from clearhead.generation.generate import generate
from clearhead.generation.settings import GenerationSettings
from clearhead.generation.settings_file import read_generation
from tests.generation.transformers_models import input_of, settings_of, transformers_tokens


def differences(
    model, engine: Engine, mode: str, count: int, *, seed: int = 0, tolerance: float = 2e-6
) -> tuple[list[object], int]:
    """What differs, of so many random inputs with random settings, and how many are ties.

    In a beam, sequences of the same tokens in another order may have the same score to the last
    bit, or next to it: there PyTorch's ``topk`` may take another one, and no rule says which.

    Args:
        model: of transformers.
        engine: of the same model.
        mode, count, seed: what is drawn, and how often.
        tolerance: of scores.
    """
    has_encoder = bool(model.config.is_encoder_decoder)
    base = read_generation(model.generation_config.to_dict(), model.config.to_dict())
    rng = np.random.default_rng([seed, len(mode)])
    surplus: list[object] = []
    ties = 0
    for number in range(count):
        tokens, settings = input_of(model, rng), settings_of(model, mode, rng)
        expected, scores = transformers_tokens(model, tokens, seed=number, **settings)
        ours = generate(
            engine,
            [tokens],
            GenerationSettings.of(base, seed=number, **settings),
            has_encoder=has_encoder,
        )[0]
        is_equal = [one.ids for one in ours] == expected
        has_equal_scores = scores is None or (
            len(scores) == len(ours)
            and np.allclose([one.score for one in ours], scores, rtol=tolerance, atol=tolerance)
        )
        if not is_equal and scores is not None and has_equal_scores:
            ties += 1
        elif not is_equal or not has_equal_scores:
            surplus.append((tokens, settings, expected, scores, ours))
    return surplus, ties
