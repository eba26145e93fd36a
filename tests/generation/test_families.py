"""A model's folder, read and run by NumPy alone, gives the tokens of transformers' generate."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from clearhead.engine.reference_engine import ReferenceEngine
from clearhead.pretrained.reading import read_pretrained
from tests.generation.comparison import differences
from tests.generation.transformers_models import FAMILIES, MODES, model_of

# Settings that cannot all be obeyed, of which transformers warns.
pytestmark = pytest.mark.filterwarnings("ignore:Unfeasible length constraints")


def engine_of(model, folder, dtype: str = "float64") -> ReferenceEngine:
    model.save_pretrained(folder)
    read = read_pretrained(folder, dtype=dtype)
    return ReferenceEngine.build(read.config, read.weights, dtype=np.dtype(dtype))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_are_those_of_transformers(family, mode, tmp_path):
    model = model_of(family, seed=2)
    assert differences(model, engine_of(model, tmp_path), mode, 2, seed=2) == ([], 0)


@pytest.mark.heavy
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_are_those_of_transformers_for_many_inputs(family, mode, tmp_path):
    """100 inputs for each of five families: 500 in each mode."""
    torch.set_num_threads(1)
    model = model_of(family, seed=3)
    surplus, ties = differences(model, engine_of(model, tmp_path), mode, 100, seed=3)
    assert surplus == []
    assert ties <= 1


@pytest.mark.heavy
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("family", FAMILIES)
def test_single_precision_gives_the_same_tokens(family, mode, tmp_path):
    """Both compute in float32, each with its own last bits, so a near tie may fall otherwise."""
    torch.set_num_threads(1)
    model = model_of(family, seed=4).float()
    engine = engine_of(model, tmp_path, "float32")
    surplus, ties = differences(model, engine, mode, 100, seed=4, tolerance=1e-4)
    assert len(surplus) + ties <= 2
