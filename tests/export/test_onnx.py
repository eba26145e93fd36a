"""The ONNX graph gives the logits and the tokens that ours gives, for any batch and length."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.config import TransformerConfig
from clearhead.export.onnx import export_onnx, input_names
from clearhead.export.verification import verify
from clearhead.reference.transformer import Transformer
from tests.export.models import checkpoint_of
from tests.reference.models import random_ids

for package in ("torch", "onnxscript"):
    pytest.importorskip(package)
onnxruntime = pytest.importorskip("onnxruntime")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["PEGASUS", "Llama"])
def test_the_same_logits_and_tokens(name, tmp_path):
    checkpoint = checkpoint_of(name)
    export_onnx(checkpoint, tmp_path / "model")
    config, rng = checkpoint.config, np.random.default_rng(0)
    session = onnxruntime.InferenceSession(str(tmp_path / "model/model.onnx"))
    assert [one.name for one in session.get_inputs()] == input_names(config)
    model = Transformer(config, checkpoint.weights)
    for batch, source_len, target_len in ((2, 7, 5), (3, 9, 1), (1, 1, 8)):
        ids = {
            "source_ids": random_ids(rng, config, batch, source_len),
            "target_ids": random_ids(rng, config, batch, target_len),
        }
        ids["source_ids"][0, 1:] = config.pad_id
        inputs = {key: ids[key] for key in input_names(config)}
        (logits,) = session.run(None, inputs)
        np.testing.assert_allclose(logits, model.forward(**inputs), atol=1e-4)
    result = verify(checkpoint, tmp_path / "model", "onnx", inputs=8, length=6)
    assert (result.equal, result.difference) == (8, None)


def test_inputs_are_those_of_the_sides_that_there_are():
    both = TransformerConfig(vocab_size=9)
    assert input_names(both) == ["source_ids", "target_ids"]
    assert input_names(both.replace(encoder_layers=0)) == ["target_ids"]
    assert input_names(both.replace(decoder_layers=0)) == ["source_ids"]
