"""Models of transformers with random weights, their files, and what they compute.

In float64, transformers is itself not all float64: T5's norm squares in float32, and the tables of
sinusoidal positions are made in float32. `in_float64` gives T5 a norm in float64. Marian's table,
float32 as it is stored, is reproduced here bit for bit, and so is left alone. That of M2M100 is
the result of float32 functions that differ from one machine to the next, so there both sides get
what the formula says, in float64.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from clearhead.config import TransformerConfig
from clearhead.engine.reference_engine import ReferenceEngine
from clearhead.pretrained.model import PretrainedModel
from clearhead.pretrained.reading import read_pretrained
from clearhead.reference.transformer import Transformer

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tests.pretrained.transformers_folders import read_with_transformers  # noqa: E402

# float32 is what computes; float64 shows that the formulas are the same.
TOLERANCES = {"float32": 1e-4, "float64": 1e-9}
BART_SHAPE = {
    "vocab_size": 41,
    "d_model": 24,
    "encoder_layers": 2,
    "decoder_layers": 3,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 3,
    "encoder_ffn_dim": 20,
    "decoder_ffn_dim": 28,
    "max_position_embeddings": 26,
}
"""Sizes of models of BART's kind, all of them different."""


def random_model(kind: str, seed: int = 0, **settings: Any) -> Any:
    """Make a model of transformers, whose every weight is random and large enough to show.

    Args:
        kind: of the class, such as ``"T5ForConditionalGeneration"``.
        seed: of the weights.
        settings: of its config.
    """
    model_class = getattr(transformers, kind)
    config = model_class.config_class(**settings)
    config._attn_implementation = "eager"
    torch.manual_seed(seed)
    model = model_class(config).eval()
    tensors = dict(model.named_parameters())
    tensors |= {name: one for name, one in model.named_buffers() if name == "final_logits_bias"}
    with torch.no_grad():
        for name, tensor in tensors.items():
            if "embed_positions" in name and not tensor.requires_grad:
                continue  # a table of sines, which is no weight
            norm = "norm" in name and name.endswith("weight")
            spread = 0.3 if tensor.ndim == 1 or "bias" in name else 1.2 * tensor.shape[-1] ** -0.5
            tensor.copy_(torch.randn(tensor.shape) * spread + (1.0 if norm else 0.0))
    return model


def draw_bart_shape(data: st.DataObject) -> dict[str, Any]:
    """Draw the settings that all models of BART's kind have."""
    heads = [data.draw(st.sampled_from([1, 2, 3, 6])) for _ in range(2)]
    few, width = st.integers(1, 3), st.integers(1, 30)
    return {
        "vocab_size": data.draw(st.integers(6, 60)),
        "d_model": data.draw(st.sampled_from([6, 12, 18, 30])),
        "encoder_layers": data.draw(few),
        "decoder_layers": data.draw(few),
        "encoder_attention_heads": heads[0],
        "decoder_attention_heads": heads[1],
        "encoder_ffn_dim": data.draw(width),
        "decoder_ffn_dim": data.draw(width),
        "max_position_embeddings": data.draw(st.integers(11, 40)),
        "activation_function": data.draw(st.sampled_from(["gelu", "relu", "swish", "gelu_new"])),
        "scale_embedding": data.draw(st.booleans()),
        "tie_word_embeddings": data.draw(st.booleans()),
    }


def read_back(model: Any, folder: Path, dtype: str = "float32", **how: Any) -> PretrainedModel:
    """Save a model with transformers' own `save_pretrained`, and read it."""
    model.save_pretrained(folder, **how)
    return read_pretrained(folder, dtype=dtype)


def random_batch(
    config: TransformerConfig, rng: np.random.Generator, longest: int = 11
) -> tuple[np.ndarray, np.ndarray]:
    """Make texts of different lengths, padded: source and target ids.

    The padding token stands nowhere else, but for the target's start where the model has it so.
    """
    words = [word for word in range(config.vocab_size) if word != config.pad_id]
    batches = []
    for begin in ([], [config.start_id]):
        ids = np.full((3, longest), config.pad_id)
        ids[:, : len(begin)] = begin
        for row, length in enumerate((longest, *rng.integers(2, longest, size=2))):
            ids[row, len(begin) : length] = rng.choice(words, size=length - len(begin))
        batches.append(ids)
    return batches[0], batches[1]


def target_lengths(target: np.ndarray, pad_id: int) -> list[int]:
    """How many tokens of each target are no padding at its end."""
    return [int(np.flatnonzero(row != pad_id)[-1]) + 1 for row in target]


def their_logits(
    model: Any, source: np.ndarray, target: np.ndarray, pad_id: int, *, mask_target: bool = True
) -> np.ndarray:
    """What transformers computes of a batch, with its masks of padding."""
    mask = np.arange(target.shape[1]) < np.array(target_lengths(target, pad_id))[:, None]
    with torch.no_grad():
        output = model(
            input_ids=torch.tensor(source),
            attention_mask=torch.tensor(source != pad_id).long(),
            decoder_input_ids=torch.tensor(target),
            decoder_attention_mask=torch.tensor(mask).long() if mask_target else None,
        )
    return output.logits.numpy()


def largest_difference(
    model: Any, ours: PretrainedModel, dtype: str, seed: int = 0, longest: int = 11
) -> float:
    """Compare the logits of a random batch at the targets' tokens.

    Returns:
        the largest difference, after checking that the logits are no small numbers.
    """
    source, target = random_batch(ours.config, np.random.default_rng(seed), longest)
    theirs = their_logits(model, source, target, ours.config.pad_id)
    mine = Transformer(ours.config, ours.weights, dtype=dtype).forward(source, target)
    assert mine.dtype == np.dtype(dtype)
    assert np.abs(theirs).max() > 0.5
    lengths = target_lengths(target, ours.config.pad_id)
    return max(
        float(np.abs(mine[row, :length] - theirs[row, :length]).max())
        for row, length in enumerate(lengths)
    )


def assert_agree(
    model: Any, folder: Path, dtype: str, lengths: tuple[int, ...] = (11,)
) -> PretrainedModel:
    """Save a model, read it, and compare logits of texts of some lengths; returns ours."""
    ours = read_back(model, folder, dtype)
    model = in_float64(model) if dtype == "float64" else model
    for seed, longest in enumerate(lengths):
        assert largest_difference(model, ours, dtype, seed, longest) < TOLERANCES[dtype]
    return ours


def assert_half_precision_and_parts_are_read(model: Any, folder: Path, dtype: str) -> None:
    """Save a model in half precision and in parts, and compare what each of the two reads."""
    model.to(getattr(torch, dtype)).save_pretrained(folder, max_shard_size="4KB")
    assert len(list(folder.glob("*.safetensors"))) > 2
    again = read_with_transformers(type(model).__name__, folder)
    assert largest_difference(again, read_pretrained(folder), "float32") < 1e-4


def assert_a_mask_is_obeyed(model: Any, ours: PretrainedModel, seed: int = 0) -> None:
    """Compare the logits of any ids, padding's among them, under a mask with any holes."""
    rng = np.random.default_rng(seed)
    source, target = (rng.integers(0, ours.config.vocab_size, size=(3, 9)) for _ in range(2))
    mask = rng.random((3, 9)) < 0.6
    mask[:, 4] = True
    source[:, 3:6] = ours.config.pad_id
    with torch.no_grad():
        theirs = model(
            input_ids=torch.tensor(source),
            attention_mask=torch.tensor(mask).long(),
            decoder_input_ids=torch.tensor(target),
        ).logits.numpy()
    mine = Transformer(ours.config, ours.weights, dtype="float32")
    np.testing.assert_allclose(mine.forward(source, target, mask=mask), theirs, rtol=0, atol=1e-4)


class _ExactNorm(torch.nn.Module):
    def __init__(self, norm: Any) -> None:
        super().__init__()
        self.weight, self.epsilon = norm.weight, norm.variance_epsilon

    def forward(self, x: Any) -> Any:
        return self.weight * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.epsilon)


def in_float64(model: Any) -> Any:
    """Make a model compute in float64 throughout; see above."""
    model = model.double()
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child).__name__ in ("T5LayerNorm", "MT5LayerNorm"):
                setattr(module, name, _ExactNorm(child))
            if type(child).__name__ == "M2M100SinusoidalPositionalEmbedding":
                child.weights = torch.tensor(_fairseq_table(*child.weights.shape))
                child.weights[child.padding_idx] = 0.0
    return model


def _fairseq_table(length: int, width: int) -> np.ndarray:
    rates = [math.exp(-math.log(10000) * i / (width // 2 - 1)) for i in range(width // 2)]
    angles = np.arange(length)[:, None] * np.array(rates)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


def assert_steps_equal_the_whole(ours: PretrainedModel, seed: int = 0) -> None:
    """Decode token by token with the engine, and compare with one pass over each whole target."""
    config = ours.config
    source, target = random_batch(config, np.random.default_rng(seed))
    engine = ReferenceEngine.build(config, ours.weights, dtype=np.float64)
    texts = [[int(word) for word in row if word != config.pad_id] for row in source]
    decoding = engine.begin(texts)
    whole = Transformer(config, ours.weights).log_probabilities(source, target)
    lengths = target_lengths(target, config.pad_id)
    for position in range(target.shape[1]):
        step = decoding.advance(target[:, position], np.arange(len(texts)))
        for row, length in enumerate(lengths):
            if position < length:
                np.testing.assert_allclose(step[row], whole[row, position], rtol=0, atol=1e-9)
