"""The tokens are those of transformers' generate, in every mode and with every setting."""

from __future__ import annotations

import pytest
import torch

from tests.generation.comparison import differences
from tests.generation.transformers_models import FAMILIES, MODES, TransformersEngine, model_of

# Settings that cannot all be obeyed, of which transformers warns.
pytestmark = pytest.mark.filterwarnings("ignore:Unfeasible length constraints")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_are_those_of_transformers(family, mode):
    model = model_of(family)
    assert differences(model, TransformersEngine(model), mode, 1) == ([], 0)


@pytest.mark.heavy
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_are_those_of_transformers_for_many_inputs(family, mode):
    """100 inputs for each of five families: 500 in each mode."""
    torch.set_num_threads(1)
    model = model_of(family, seed=1)
    surplus, ties = differences(model, TransformersEngine(model), mode, 100, seed=1)
    assert surplus == []
    assert ties <= 1
