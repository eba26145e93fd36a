from __future__ import annotations

import numpy as np
import pytest

from clearhead.errors import CheckpointError
from tests.pretrained.encoder_decoders import saved_models

KIND = "BartForConditionalGeneration"
TOKENS = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 2}


def model(**settings):
    return saved_models.random_model(KIND, **{**saved_models.BART_SHAPE, **TOKENS, **settings})


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"scale_embedding": True, "activation_function": "gelu_new", "d_model": 12},
        {"activation_function": "relu", "encoder_layers": 1, "decoder_attention_heads": 4},
        {"tie_word_embeddings": False, "activation_function": "swish"},
    ],
)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("float64", 1e-9)])
def test_logits_equal_those_of_transformers(tmp_path, settings, dtype, tolerance):
    theirs = model(**settings)
    ours = saved_models.read_back(theirs, tmp_path, dtype)
    if dtype == "float64":
        theirs = saved_models.in_float64(theirs)
    assert saved_models.largest_difference(theirs, ours, dtype) < tolerance
    assert saved_models.largest_difference(theirs, ours, dtype, seed=1, longest=26) < tolerance
