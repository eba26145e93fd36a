"""A model that computes other numbers is not taken."""

from __future__ import annotations

import pytest

pytest.importorskip("ctranslate2")

from clearhead.errors import CheckpointError
from clearhead.search.search import search
from clearhead.volume.ctranslate2_model import write_model
from clearhead.volume.verification import verify
from tests.volume.conftest import vocabulary_of


@pytest.fixture(scope="module")
def check(checkpoint, tmp_path_factory):
    """A function that writes a model of these weights and verifies it as that of the checkpoint."""
    engine, vocabulary = checkpoint.engine(), vocabulary_of(checkpoint)

    def own_search(sources, settings, prefixes):
        return search(engine, sources, settings, prefixes=prefixes)

    def run(weights, compute="float32"):
        folder = tmp_path_factory.mktemp("model")
        pieces = vocabulary.pieces
        write_model(checkpoint.config, weights, pieces, folder, quantization=compute)
        return verify(folder, checkpoint.config, vocabulary, compute, own_search)

    return run


def test_int8_is_coarser_and_float32_is_not(check, checkpoint):
    name = "largest difference of a token"
    fine, coarse = (check(checkpoint.weights, compute)[name] for compute in ("float32", "int8"))
    assert fine < 1e-4 < coarse < 0.5


def test_the_weights_stay_as_they_are(check, checkpoint):
    before = {name: weight.copy() for name, weight in checkpoint.weights.items()}
    check(checkpoint.weights, "int8")
    assert all((before[name] == weight).all() for name, weight in checkpoint.weights.items())


def test_one_wrong_weight_is_noticed(check, checkpoint):
    name = "decoder.layers.1.cross_attention.value.weight"
    wrong = {**checkpoint.weights, name: checkpoint.weights[name][:, ::-1].copy()}
    with pytest.raises(CheckpointError, match="CTranslate2 computes other numbers") as error:
        check(wrong)
    assert "Translate with the engine numpy or torch" in str(error.value)
