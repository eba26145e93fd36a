"""Models of transformers with random weights, saved by it, and what they compute.

transformers leaves float64 for float32 in its norms, its softmax and its rotary positions, whatever
the dtype of the weights. `float64_throughout` takes that way out from it, so that its numbers can
judge ours to 1e-9.
"""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from clearhead.engine.reference_engine import ReferenceEngine
from clearhead.pretrained.reading import read_pretrained
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


def their_model(folder: Path) -> Any:
    """The model of a folder, as transformers reads it, in float32."""
    return transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    ).eval()


def our_model(folder: Path, *, dtype: str = "float64") -> Transformer:
    """The model of a folder, as it is read here."""
    model = read_pretrained(folder, dtype=dtype)
    return Transformer(model.config, model.weights, dtype=dtype)


def assert_agree(model: Any, folder: Path, *, lengths: tuple[int, ...] = (1, 3, 14)) -> None:
    """Save a model in float64, read it, and compare logits in float64 and in float32.

    In float64, a decoding with a cache gives the same, too.
    """
    model.save_pretrained(folder)
    double, single = our_model(folder), our_model(folder, dtype="float32")
    half = copy.deepcopy(model).float()
    for length in lengths:
        ids, mask = random_ids(double.vocab_size, length, seed=length)
        exact, rounded = (their_logits(one, ids, mask)[mask] for one in (model, half))
        logits = double.forward(None, ids, mask=mask)[mask]
        np.testing.assert_allclose(logits, exact, atol=1e-9)
        logits = single.forward(None, ids, mask=mask)[mask]
        assert logits.dtype == np.float32
        # Where large scores make more of every rounding, it is theirs that says how much.
        most = max(1e-4, 4 * np.abs(rounded - exact).max())
        np.testing.assert_allclose(logits, rounded, atol=most)
    assert_decoding_agrees(double, lengths[-1])


def assert_decoding_agrees(model: Transformer, length: int) -> None:
    """Compare every step of a decoding, of prompts of several lengths, with the whole pass."""
    ids, _ = random_ids(model.vocab_size, length)
    log_probabilities = model.log_probabilities(None, ids)
    engine = ReferenceEngine.build(model.config, model.weights, dtype=model.dtype)
    starts = np.array([1, length // 2, 0])
    decoding = engine.begin([row[:start] for row, start in zip(ids.tolist(), starts, strict=True)])
    rows = np.arange(3)
    for step in range(length - starts.max()):
        step_log_probabilities = decoding.advance(ids[rows, starts + step], rows)
        expected = log_probabilities[rows, starts + step]
        np.testing.assert_allclose(step_log_probabilities, expected, atol=1e-9)


def assert_read_alike(folder: Path) -> Transformer:
    """Compare what we make of a folder with what transformers makes of it; returns ours."""
    theirs, ours = their_model(folder), our_model(folder, dtype="float32")
    ids, mask = random_ids(ours.vocab_size, 12)
    logits = ours.forward(None, ids, mask=mask)
    np.testing.assert_allclose(logits[mask], their_logits(theirs, ids, mask)[mask], atol=1e-4)
    return ours


def assert_agree_in_both_spellings(model: Any) -> None:
    """Do so in a temporary folder, where config.json is then spelled as version 4 would."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        assert_agree(model, folder, lengths=(11,))
        config = read_pretrained(folder).config
        spell_as_version_4(folder)
        assert read_pretrained(folder).config == config


def rewrite_config(folder: Path, changes: dict[str, Any], *, without: tuple[str, ...] = ()) -> None:
    """Change fields of a saved config.json, and take some out."""
    path = folder / "config.json"
    members = json.loads(path.read_text("utf-8"))
    members = {key: value for key, value in members.items() if key not in without}
    path.write_text(json.dumps({**members, **changes}), "utf-8")


def spell_as_version_4(folder: Path) -> None:
    """Spell the rotary positions of a saved config.json as version 4 of transformers did."""
    members = json.loads((folder / "config.json").read_text("utf-8"))
    changes: dict[str, Any] = {"torch_dtype": "float32"}
    parameters = members.get("rope_parameters") or {}
    if "sliding_attention" in parameters:
        changes["rope_local_base_freq"] = parameters["sliding_attention"]["rope_theta"]
        parameters = parameters["full_attention"]
    if parameters:
        neox = members["model_type"] == "gpt_neox"
        changes["rotary_emb_base" if neox else "rope_theta"] = parameters.pop("rope_theta")
        if neox:
            changes["rotary_pct"] = parameters.pop("partial_rotary_factor")
        scaled = parameters["rope_type"] != "default"
        changes["rope_scaling"] = parameters if scaled else None
    rewrite_config(folder, changes, without=("rope_parameters", "dtype"))


@st.composite
def decoder_sizes(draw: st.DrawFn) -> dict[str, Any]:
    """Sizes of a small decoder, by the names that Llama gave them."""
    kv_heads = draw(st.integers(1, 2))
    heads = kv_heads * draw(st.integers(1, 3))
    return {
        "vocab_size": draw(st.integers(3, 70)),
        "hidden_size": heads * draw(st.integers(6, 9)),
        "intermediate_size": draw(st.integers(1, 30)),
        "num_hidden_layers": draw(st.integers(1, 4)),
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "head_dim": 2 * draw(st.integers(1, 6)),
        "max_position_embeddings": draw(st.integers(11, 40)),
        "rms_norm_eps": draw(st.sampled_from([1e-6, 1e-5, 0.01])),
        "tie_word_embeddings": draw(st.booleans()),
        "pad_token_id": draw(st.none() | st.integers(0, 2)),
        "eos_token_id": draw(st.none() | st.integers(0, 200) | st.just([2, 1])),
    }


@st.composite
def rotary_parameters(draw: st.DrawFn) -> dict[str, Any]:
    """Rotary positions in any way that is read."""
    base = {"rope_theta": draw(st.floats(2, 1e6))}
    kind = draw(st.sampled_from(["default", "linear", "llama3"]))
    if kind != "default":
        base["factor"] = draw(st.floats(1, 16))
    if kind == "llama3":
        low = draw(st.floats(0.5, 2))
        base |= {"low_freq_factor": low, "high_freq_factor": low + draw(st.floats(0.5, 4))}
        base["original_max_position_embeddings"] = draw(st.integers(2, 40))
    return {"rope_type": kind, **base}


def layer_types(layers: int) -> st.SearchStrategy[list[str]]:
    """Return local and global layers in any order."""
    kinds = st.sampled_from(["full_attention", "sliding_attention"])
    return st.lists(kinds, min_size=layers, max_size=layers)


SMALL = {
    "vocab_size": 53,
    "hidden_size": 24,
    "intermediate_size": 40,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 32,
}
_GROUPED = {**SMALL, "num_key_value_heads": 2}
_GEMMA = {**_GROUPED, "head_dim": 8, "sliding_window": 4}
_GPT2 = {"vocab_size": 53, "n_embd": 24, "n_layer": 2, "n_head": 4, "n_positions": 32}
# Name of the classes in transformers -> the settings of a small model.
FAMILIES: dict[str, dict[str, Any]] = {
    "GPT2": _GPT2,
    "Llama": _GROUPED,
    "Mistral": {**_GROUPED, "sliding_window": 4},
    "Qwen2": _GROUPED,
    "Qwen3": {**_GROUPED, "head_dim": 8},
    "Gemma2": _GEMMA,
    "Gemma3": {**_GEMMA, "sliding_window_pattern": 2},
    "GPTNeoX": SMALL,
    "GPTNeo": {
        "vocab_size": 53,
        "hidden_size": 24,
        "num_layers": 2,
        "num_heads": 4,
        "attention_types": [[["global", "local"], 1]],
        "window_size": 4,
        "max_position_embeddings": 32,
    },
}


def small_config(name: str, **changes: Any) -> Any:
    """The config of a small model of a family of `FAMILIES`."""
    kind = f"{name}Text" if name == "Gemma3" else name
    return getattr(transformers, f"{kind}Config")(**{**FAMILIES[name], **changes})


def small_model(name: str, **changes: Any) -> Any:
    """A small random model of a family of `FAMILIES`."""
    head = "LMHeadModel" if name == "GPT2" else "ForCausalLM"
    return random_model(getattr(transformers, f"{name}{head}"), small_config(name, **changes))
