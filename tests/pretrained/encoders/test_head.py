"""The head for masked words stands where the files have it, and its bias under one of two names."""

from __future__ import annotations

import pytest

from clearhead.config import TransformerConfig
from clearhead.config_parts import OutputConfig
from clearhead.pretrained.encoders._head import MaskedWordHead

HEAD = MaskedWordHead("head.", "head.dense", "head.norm", "head.matrix", ("head.b", "head.bias"))


def config_of(**output):
    return TransformerConfig(
        vocab_size=9,
        d_model=4,
        num_heads=2,
        encoder_layers=1,
        decoder_layers=0,
        feed_forward_dim=5,
        output=OutputConfig(**output),
    )


@pytest.mark.parametrize("tensors", [{}, {"pooler.weight": (4, 4)}, {"headless": (1,)}])
def test_without_a_tensor_of_it_there_is_no_head(tensors):
    config = HEAD.fit_config(config_of(tied=True, bias=True, transform="gelu"), tensors)
    assert config.output == OutputConfig()
    assert HEAD.tasks(tensors) == {"embed"}
    assert not HEAD.is_in(tensors)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("stored", [True, False])
def test_a_matrix_that_is_stored_is_read(tied, stored):
    tensors = {"head.bias": (9,), **({"head.matrix": (9, 4)} if stored else {})}
    config = HEAD.fit_config(config_of(tied=tied, bias=True, transform="gelu"), tensors)
    assert config.tied_output == (tied and not stored)
    places = HEAD.places(config, tensors)
    assert ("output.weight" in places) == (not config.tied_output)
    assert places["output_transform.bias"].name == "head.dense.bias"
    assert places["output_norm.weight"].name == "head.norm.weight"
    assert HEAD.tasks(tensors) == {"embed", "fill_mask"}


def test_the_bias_that_a_layer_adds_stands_first():
    config = config_of(tied=True, bias=True, transform="gelu")

    def bias(*names):
        return HEAD.places(config, dict.fromkeys(names, (9,)))["output.bias"].name

    assert bias("head.bias", "head.b") == "head.b"
    assert bias("head.bias") == "head.bias"
    assert bias() == "head.bias"
