"""The tokens are those of transformers' generate, in every mode and with every setting."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from clearhead.generation.generate import generate
from clearhead.generation.settings import GenerationSettings
from tests.generation.transformers_models import (
    FAMILIES,
    MODES,
    TransformersEngine,
    input_of,
    model_of,
    settings_of,
    transformers_tokens,
)

# Settings that cannot all be obeyed, of which transformers warns.
pytestmark = pytest.mark.filterwarnings("ignore:Unfeasible length constraints")


def differences(family: str, mode: str, count: int, seed: int = 0) -> tuple[list[object], int]:
    """What differs, of so many random inputs with random settings, and how many are ties.

    In a beam, sequences of the same tokens in another order may have the same score to the last
    bit, or next to it: there PyTorch's ``topk`` may take another one, and no rule says which.
    """
    model = model_of(family, seed=seed)
    engine = TransformersEngine(model)
    rng = np.random.default_rng([seed, len(family), len(mode)])
    surplus: list[object] = []
    ties = 0
    for number in range(count):
        tokens, settings = input_of(model, rng), settings_of(model, mode, rng)
        expected, scores = transformers_tokens(model, tokens, seed=number, **settings)
        ours = generate(
            engine,
            [tokens],
            GenerationSettings.of(seed=number, **settings),
            has_encoder=engine.has_encoder,
        )[0]
        is_equal = [one.ids for one in ours] == expected
        has_equal_scores = scores is None or (
            len(scores) == len(ours)
            and np.allclose([one.score for one in ours], scores, rtol=2e-6, atol=2e-6)
        )
        if not is_equal and scores is not None and has_equal_scores:
            ties += 1
        elif not is_equal or not has_equal_scores:
            surplus.append((tokens, settings, expected, scores, ours))
    return surplus, ties


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_are_those_of_transformers(family, mode):
    assert differences(family, mode, 2) == ([], 0)


@pytest.mark.heavy
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_are_those_of_transformers_for_many_inputs(family, mode):
    torch.set_num_threads(1)
    surplus, ties = differences(family, mode, 100, seed=1)
    assert surplus == []
    assert ties <= 1
