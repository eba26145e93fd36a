"""Models of transformers with random weights, saved by it, and what they compute.

transformers leaves float64 for float32 in its norms, its softmax and its rotary positions, whatever
the dtype of the weights. `float64_throughout` takes that way out from it, so that its numbers can
judge ours to 1e-9.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clearhead.json_fields import Fields
from clearhead.pretrained.family import Family
from clearhead.reference.transformer import Transformer

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


@contextmanager
def float64_throughout() -> Iterator[None]:
    """Give transformers float64 wherever it asks for float32."""
    float32, to_float = torch.float32, torch.Tensor.float
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.float32 = torch.float = torch.float64
    torch.Tensor.float = torch.Tensor.double
    try:
        yield
    finally:
        torch.float32 = torch.float = float32
        torch.Tensor.float = to_float
        torch.set_default_dtype(default)


def random_model(kind: Any, config: Any, *, seed: int = 0) -> Any:
    """A model in float64 whose weights are large enough for a wrong detail to show."""
    torch.manual_seed(seed)
    config._attn_implementation = "eager"
    with float64_throughout():
        model = kind(config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(0.4 * torch.randn(weight.shape, dtype=torch.float64))
            # Norms have weights around 1; Gemma stores what they are more than 1.
            if weight.ndim == 1 and name.endswith("weight") and "gemma" not in config.model_type:
                weight += 1
    return model


def random_ids(vocab_size: int, length: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three rows of token ids and their mask: whole, padded at the end, padded at the beginning."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, vocab_size, (3, length))
    mask = np.ones((3, length), bool)
    if length > 2:
        cut = int(rng.integers(1, length - 1))
        mask[1, cut:] = False
        mask[2, :cut] = False
    return ids, mask


def their_logits(model: Any, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """What transformers computes, in float64 throughout where that is the dtype of the model."""
    inputs = {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask.astype(int))}
    context = float64_throughout() if model.dtype == torch.float64 else nullcontext()
    with context, torch.no_grad():
        return model(**inputs).logits.numpy()


def our_model(family: Family, folder: Path, *, dtype: Any = np.float64) -> Transformer:
    config, weights = read(family, folder)
    return Transformer(config, weights, dtype=dtype)


def assert_agree(
    family: Family, model: Any, folder: Path, *, lengths: tuple[int, ...] = (1, 3, 14)
) -> Transformer:
    """Save a model, read it, and compare logits in float64 and in float32; returns ours."""
    model.save_pretrained(folder)
    ours, single = our_model(family, folder), our_model(family, folder, dtype=np.float32)
    half = copy.deepcopy(model).float()
    for length in lengths:
        ids, mask = random_ids(ours.vocab_size, length, seed=length)
        logits = ours.forward(None, ids, mask=mask)
        np.testing.assert_allclose(logits[mask], their_logits(model, ids, mask)[mask], atol=1e-9)
        logits = single.forward(None, ids, mask=mask)
        assert logits.dtype == np.float32
        np.testing.assert_allclose(logits[mask], their_logits(half, ids, mask)[mask], atol=1e-4)
    return ours


def rewrite_config(folder: Path, changes: dict[str, Any], *, without: tuple[str, ...] = ()) -> None:
    """Change fields of a saved config.json, and take some out."""
    path = folder / "config.json"
    members = json.loads(path.read_text("utf-8"))
    members = {key: value for key, value in members.items() if key not in without}
    path.write_text(json.dumps({**members, **changes}), "utf-8")


def read(family, folder):
    from fnmatch import fnmatch

    import safetensors.torch

    fields = Fields(json.loads((folder / "config.json").read_text()), "config.json")
    config = family.read_config(fields)
    tensors = {}
    for path in folder.glob("*.safetensors"):
        tensors |= safetensors.torch.load_file(path)

    def strip(name):
        for prefix in family.prefixes:
            name = name.removeprefix(prefix)
        return name

    tensors = {
        strip(k): (v.float() if v.dtype in (torch.bfloat16, torch.float16) else v).numpy()
        for k, v in tensors.items()
    }
    stored = family.weights(config, {k: v.shape for k, v in tensors.items()})
    if family.fold:
        stored = family.fold(fields, stored)
    weights = {}
    for name, place in stored.items():
        array = tensors[place.name]
        array = array.T if place.transposed else array
        array = array[place.rows] if place.rows is not None else array
        weights[name] = place.change(array) if place.change else array
    rest = set(tensors) - {p.name for p in stored.values()}
    assert all(any(fnmatch(n, u) for u in family.unused) for n in rest), rest
    return config, weights
