"""A module of transformers with our weights computes our logits."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.errors import ConfigError
from clearhead.export.in_transformers import transformers_config, transformers_model
from clearhead.reference.transformer import Transformer
from tests.export.models import FAMILIES, checkpoint_of, config_of
from tests.reference.models import random_ids

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")


@pytest.mark.parametrize("name", FAMILIES)
def test_logits_are_ours(name):
    checkpoint = checkpoint_of(name)
    config, rng = checkpoint.config, np.random.default_rng(0)
    target = random_ids(rng, config, 3, 6)
    source = random_ids(rng, config, 3, 6) if config.encoder_layers else None
    inputs = {"input_ids": torch.tensor(target if source is None else source)}
    if source is not None:
        inputs["decoder_input_ids"] = torch.tensor(target)
    with torch.no_grad():
        theirs = transformers_model(config, checkpoint.weights)(**inputs).logits.numpy()
    ours = Transformer(config, checkpoint.weights).forward(source, target)
    np.testing.assert_allclose(theirs, ours, atol=1e-4)


def test_a_model_that_no_family_computes_is_refused():
    with pytest.raises(ConfigError, match="No family of transformers"):
        transformers_config(config_of("Marian", positions="alibi"))
