"""A table of modules becomes a place for every weight that our config asks for."""

from __future__ import annotations

import pytest

from clearhead.json_fields import Fields
from clearhead.pretrained.encoders import _weights as places
from clearhead.pretrained.encoders.bert import BERT
from clearhead.pretrained.encoders.distilbert import DISTILBERT
from clearhead.pretrained.encoders.roberta import ROBERTA
from clearhead.pretrained.family import StoredWeight
from clearhead.reference.weights import expected_shapes

SIZES = {"vocab_size": 9, "hidden_size": 4, "num_attention_heads": 2, "num_hidden_layers": 3}
SIZES |= {"intermediate_size": 5, "max_position_embeddings": 8}
DISTIL_SIZES = {"vocab_size": 9, "dim": 4, "n_heads": 2, "n_layers": 3, "hidden_dim": 5}
DISTIL_SIZES |= {"max_position_embeddings": 8}
HEADS = {
    "BERT": ("cls.predictions.bias", "cls.predictions.decoder.weight"),
    "RoBERTa": ("lm_head.bias", "lm_head.decoder.weight"),
    "DistilBERT": ("vocab_projector.bias", "vocab_projector.weight"),
}


@pytest.mark.parametrize("family", [BERT, ROBERTA, DISTILBERT], ids=lambda family: family.name)
@pytest.mark.parametrize("count", [0, 1, 2])
def test_every_weight_of_the_config_has_a_place_of_its_own(family, count):
    tensors = dict.fromkeys(HEADS[family.name][:count], (9,))
    config = family.read_config(Fields(DISTIL_SIZES if family is DISTILBERT else SIZES, "the file"))
    config = family.fit_config(config, tensors)
    stored = family.weights(config, tensors)
    assert stored.keys() == expected_shapes(config).keys()
    assert len({place.name for place in stored.values()}) == len(stored)
    assert ("output.bias" in stored) == (count > 0)
    assert ("output.weight" in stored) == (count > 1)


def test_norms_of_very_old_files():
    assert places.norm("n", "LayerNorm", {"LayerNorm.gamma": (4,)}) == {
        "n.weight": StoredWeight("LayerNorm.gamma"),
        "n.bias": StoredWeight("LayerNorm.beta"),
    }
    both = {"LayerNorm.gamma": (4,), "LayerNorm.weight": (4,)}
    assert places.norm("n", "LayerNorm", both)["n.weight"] == StoredWeight("LayerNorm.weight")


def test_layers_are_numbered():
    stored = places.layers(2, "encoder.layer", {"a.up": "b"}, {"a_norm": "c"}, {})
    assert stored["encoder.layers.1.a.up.bias"] == StoredWeight("encoder.layer.1.b.bias")
    assert stored["encoder.layers.0.a_norm.weight"] == StoredWeight("encoder.layer.0.c.weight")
    assert len(stored) == 8
