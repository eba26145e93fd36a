"""From the logits back to the last hidden vectors, with all that models have between."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.config_parts import OutputConfig
from clearhead.reference import finite_differences, gradients
from tests.reference.backward.passes import random_batch
from tests.reference.models import random_weights, small_config


@pytest.mark.parametrize(
    "part",
    [
        OutputConfig(),
        OutputConfig(tied=False, bias=True, softcap=2.0),
        OutputConfig(scale=0.3, transform="gelu", bias=True),
    ],
)
def test_weights_of_the_output_by_finite_differences(part: OutputConfig) -> None:
    config = small_config(
        encoder_layers=0, decoder_layers=1, vocab_size=7, d_model=4, num_heads=1, output=part,
        feed_forward_dim=3,
    )  # fmt: skip
    weights, batch = random_weights(config), random_batch(config, batch=1)

    def loss(name: str, value: np.ndarray) -> float:
        return gradients(config, {**weights, name: value}, None, batch.target, labels=batch.labels)[
            0
        ]

    ours = gradients(config, weights, None, batch.target, labels=batch.labels).weights
    names = [name for name in weights if "output" in name and "layers" not in name]
    for name in [*names, "decoder.norm.weight"]:
        theirs = finite_differences(lambda value, name=name: loss(name, value), weights[name])
        np.testing.assert_allclose(ours[name], theirs, rtol=0, atol=1e-8, err_msg=name)
