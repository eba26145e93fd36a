"""Models with random weights, saved by transformers: its numbers against ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from clearhead.pretrained.reading import read_pretrained  # noqa: E402
from clearhead.tasks.text_encoder import TextEncoder  # noqa: E402
from tests.pretrained.transformers_folders import change_tensors  # noqa: E402, F401

# float32 is what computes; float64 shows that the formulas are the same.
TOLERANCES = {"float32": 1e-4, "float64": 1e-9}
BATCH, LENGTH = 3, 7
SHAPES = st.fixed_dictionaries(
    {
        "heads": st.integers(1, 4),
        "head_dim": st.integers(1, 7),
        "layers": st.integers(1, 3),
        "feed_forward": st.integers(1, 30),
        "vocab": st.integers(5, 60),
        "longest": st.integers(LENGTH, 20),
        "activation": st.sampled_from(["gelu", "gelu_new", "relu", "silu"]),
        "seed": st.integers(0, 2**16),
    }
)


def random_model(cls, config, seed=0):
    """A model all of whose weights are random and large, norms and biases too."""
    torch.manual_seed(seed)
    model = cls(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(0, 0.4)
    return model


def batch(config, seed=0, *, side="right", token_types=0):
    """Ids with padding on one side, their mask, and their token types."""
    rng = np.random.default_rng(seed)
    pad = config.pad_token_id
    ids = rng.integers(0, config.vocab_size, (BATCH, LENGTH))
    ids[ids == pad] = (pad + 1) % config.vocab_size
    lengths = [LENGTH, 1 + seed % LENGTH, 1]
    places = np.arange(LENGTH) if side == "right" else np.arange(LENGTH)[::-1]
    mask = places < np.array(lengths)[:, None]
    ids[~mask] = pad
    types = rng.integers(0, token_types, ids.shape) if token_types else None
    return ids, mask, types


def truth(model, ids, mask, types, dtype):
    """What transformers computes: hidden vectors, and logits where the model has some."""
    inputs = {"input_ids": ids, "attention_mask": mask.astype(int)}
    if types is not None:
        inputs["token_type_ids"] = types
    inputs = {name: torch.from_numpy(array) for name, array in inputs.items()}
    with torch.no_grad():
        output = model.to(getattr(torch, dtype))(**inputs, output_hidden_states=True)
    logits = output.get("logits", output.get("prediction_logits"))
    return output.hidden_states[-1].numpy(), None if logits is None else logits.numpy()


def encoder_of(folder, dtype="float64"):
    return TextEncoder.of(read_pretrained(folder, dtype=dtype))


def assert_equal_numbers(model, folder: Path, *, seed=0, side="right", token_types=0, dtypes=None):
    """Save a model, read it, and compare real positions of a padded batch."""
    model.float().save_pretrained(folder)
    for dtype in dtypes or TOLERANCES:
        encoder = encoder_of(folder, dtype)
        ids, mask, types = batch(model.config, seed, side=side, token_types=token_types)
        hidden, logits = truth(model, ids, mask, types, dtype)
        result = encoder.hidden(ids, mask=mask, token_types=types)
        assert result.dtype == dtype
        close = {"rtol": 0, "atol": TOLERANCES[dtype]}
        np.testing.assert_allclose(result[mask], hidden[mask], **close)
        if "fill_mask" in encoder.pretrained.tasks:
            result = encoder.logits(ids, mask=mask, token_types=types)
            np.testing.assert_allclose(result[mask], logits[mask], **close)
    return encoder
