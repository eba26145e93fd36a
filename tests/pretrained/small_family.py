"""A family made for the tests, small and with every kind of place that a weight may have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from clearhead.config import TransformerConfig
from clearhead.config_parts import AttentionConfig
from clearhead.pretrained import families
from clearhead.pretrained.family import Family, StoredWeight

WIDTH, WORDS, HIDDEN, LAYERS = 8, 20, 12, 2


def read_config(fields):
    return TransformerConfig(
        vocab_size=fields.integer("vocab_size", least=1),
        d_model=fields.integer("width", least=1),
        num_heads=2,
        encoder_layers=0,
        decoder_layers=fields.integer("layers"),
        feed_forward_dim=HIDDEN,
        norm="rms",
        positions="none",
        bias=False,
        attention=AttentionConfig(output_bias=False),
        pad_id=0,
        start_id=0,
        end_id=0,
    )


def weights(config, shapes):
    """One fused tensor for queries, keys and values, one transposed, one that is changed."""
    places = {
        "embedding.weight": StoredWeight("words"),
        "decoder.norm.weight": StoredWeight("norm", change=lambda weight: 1 + weight),
    }
    width = config.d_model
    for i in range(config.decoder_layers):
        ours, theirs = f"decoder.layers.{i}", f"layer{i}"
        for j, part in enumerate(("query", "key", "value")):
            rows = slice(j * width, (j + 1) * width)
            places[f"{ours}.self_attention.{part}.weight"] = StoredWeight(
                f"{theirs}.fused", transposed=True, rows=rows
            )
        for name in ("self_attention.output", "feed_forward.up", "feed_forward.down"):
            places[f"{ours}.{name}.weight"] = StoredWeight(f"{theirs}.{name}")
        for name in ("self_attention_norm", "feed_forward_norm"):
            places[f"{ours}.{name}.weight"] = StoredWeight(f"{theirs}.{name}")
    return places


SMALL = Family(
    "Small",
    ("small",),
    read_config,
    weights,
    lambda shapes: frozenset({"generate"} if "words" in shapes else ()),
    prefixes=("model.",),
    unused=("*.mask", "head"),
)


def use(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the small family be the only one."""
    monkeypatch.setattr(families, "families", lambda: (SMALL,))


def tensors(*, prefix: str = "model.", dtype: Any = np.float32) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {"words": (WORDS, WIDTH), "norm": (WIDTH,)}
    for i in range(LAYERS):
        shapes[f"layer{i}.fused"] = (WIDTH, 3 * WIDTH)
        shapes[f"layer{i}.self_attention.output"] = (WIDTH, WIDTH)
        shapes[f"layer{i}.feed_forward.up"] = (HIDDEN, WIDTH)
        shapes[f"layer{i}.feed_forward.down"] = (WIDTH, HIDDEN)
        shapes[f"layer{i}.self_attention_norm"] = (WIDTH,)
        shapes[f"layer{i}.feed_forward_norm"] = (WIDTH,)
        shapes[f"layer{i}.mask"] = (3, 3)
    return {
        prefix + name: random.standard_normal(shape).astype(dtype) for name, shape in shapes.items()
    }


def config(**changes: Any) -> dict[str, Any]:
    return {
        "model_type": "small",
        "vocab_size": WORDS,
        "width": WIDTH,
        "layers": LAYERS,
        "max_length": 30,
        **changes,
    }


def write(folder: Path, arrays: dict[str, np.ndarray] | None = None, **changes: Any) -> Path:
    """Write a model of the family, and return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    safetensors.numpy.save_file(tensors() if arrays is None else arrays, folder / WHOLE)
    (folder / "config.json").write_text(json.dumps(config(**changes)))
    return folder


def write_parts(folder: Path, arrays: dict[str, np.ndarray] | None = None) -> Path:
    """Write a model in two parts with an index."""
    arrays = tensors() if arrays is None else arrays
    write(folder, arrays)
    (folder / WHOLE).unlink()
    names = sorted(arrays)
    halves = [names[: len(names) // 2], names[len(names) // 2 :]]
    places = {}
    for i, half in enumerate(halves, 1):
        part = f"model-0000{i}-of-00002.safetensors"
        safetensors.numpy.save_file({name: arrays[name] for name in half}, folder / part)
        places |= dict.fromkeys(half, part)
    (folder / f"{WHOLE}.index.json").write_text(json.dumps({"weight_map": places}))
    return folder


WHOLE = "model.safetensors"
