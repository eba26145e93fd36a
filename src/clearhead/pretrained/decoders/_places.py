"""Locates the weights of a decoder in its files, from a table of a family's names.

A table has a line for each part of a layer, such as ``self_attention.query``, with the family's
name for it; ``{}`` is the number of the layer. ``.weight`` and ``.bias`` follow in both.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping

from ...config import TransformerConfig
from ...json_fields import Fields
from ...reference.weights import expected_shapes
from ..family import Family, Shape, StoredWeight

_NAME = re.compile(r"(?:decoder\.layers\.(?P<layer>\d+)\.)?(?P<part>.+)\.(?P<kind>weight|bias)")

LLAMA: Mapping[str, str] = {
    "embedding": "embed_tokens",
    "target_embedding": "embed_tokens",
    "output": "lm_head",
    "decoder.norm": "norm",
    "self_attention.query": "layers.{}.self_attn.q_proj",
    "self_attention.key": "layers.{}.self_attn.k_proj",
    "self_attention.value": "layers.{}.self_attn.v_proj",
    "self_attention.output": "layers.{}.self_attn.o_proj",
    "self_attention.query_norm": "layers.{}.self_attn.q_norm",
    "self_attention.key_norm": "layers.{}.self_attn.k_norm",
    "self_attention_norm": "layers.{}.input_layernorm",
    "feed_forward.gate": "layers.{}.mlp.gate_proj",
    "feed_forward.up": "layers.{}.mlp.up_proj",
    "feed_forward.down": "layers.{}.mlp.down_proj",
    "feed_forward_norm": "layers.{}.post_attention_layernorm",
}
"""The names of Llama, and of all families that use the same names."""
FREQUENCIES = ("*rotary_emb.inv_freq",)
"""Frequencies of rotary positions, which old versions of transformers stored."""


def places(
    config: TransformerConfig, shapes: Mapping[str, Shape], table: Mapping[str, str]
) -> dict[str, StoredWeight]:
    """Return the place of every weight of a config, from a family's table of names.

    Args:
        config: of the model.
        shapes: of the tensors in the files. If output and embedding are shared, the files may use
            either name.
        table: the family's names.
    """
    weights = {}
    for name in expected_shapes(config):
        layer, part, kind = _parts(name)
        weights[name] = StoredWeight(f"{table[part].format(layer)}.{kind}")
    embedding = f"{config.embedding_name('target')}.weight"
    output = f"{table['output']}.weight"
    if config.tied_output and weights[embedding].name not in shapes and output in shapes:
        weights[embedding] = StoredWeight(output)
    return weights


def untie(
    config: TransformerConfig, shapes: Mapping[str, Shape], embedding: str, outputs: tuple[str, ...]
) -> TransformerConfig:
    """Return the config with an output matrix of its own if the files have one.

    Transformers too uses a stored output matrix although config.json says that it is tied: it may
    have been trained separately.

    Args:
        config: of the model.
        shapes: of the tensors in the files.
        embedding: the family's name of the embedding.
        outputs: the family's names of the output matrix.
    """
    has_output = any(f"{output}.weight" in shapes for output in outputs)
    if config.tied_output and f"{embedding}.weight" in shapes and has_output:
        return dataclasses.replace(config, tied_embeddings=False)
    return config


def part_of(name: str) -> str:
    """Return the part that a weight belongs to, such as ``self_attention.query``."""
    return _parts(name)[1]


def _parts(name: str) -> tuple[str, str, str]:
    match = _NAME.fullmatch(name)
    assert match is not None, name
    return match["layer"] or "", match["part"], match["kind"]


def generates(shapes: Mapping[str, Shape]) -> frozenset[str]:
    """Return the tasks of every decoder."""
    return frozenset({"generate"})


def untie_llama(config: TransformerConfig, shapes: Mapping[str, Shape]) -> TransformerConfig:
    """Return the config for files with Llama's names; see `untie`."""
    return untie(config, shapes, "embed_tokens", ("lm_head",))


def llama_family(
    name: str, model_type: str, read_config: Callable[[Fields], TransformerConfig]
) -> Family:
    """Return a family whose weights have Llama's names."""
    return Family(
        name=name,
        model_types=(model_type,),
        read_config=read_config,
        weights=lambda config, shapes: places(config, shapes, LLAMA),
        tasks=generates,
        prefixes=("model.",),
        unused=FREQUENCIES,
        fit_config=untie_llama,
    )
