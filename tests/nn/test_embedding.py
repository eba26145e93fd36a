"""From ids to vectors: tables, offsets, padding, types and the norm, each by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from clearhead.config import TransformerConfig
from clearhead.errors import ShapeError
from clearhead.nn.embedding import Embedder
from clearhead.nn.positions import sinusoidal_positions

IDS = torch.tensor([[5, 3, 4], [0, 7, 0]])


def make(**settings: Any) -> Embedder:
    torch.manual_seed(0)
    table = {"vocab_size": 9, "d_model": 6, "num_heads": 1, "max_length": 5, "decoder_layers": 0}
    embedder = Embedder(TransformerConfig.from_dict({**table, **settings})).double().eval()
    for parameter in embedder.parameters():
        torch.nn.init.normal_(parameter)
    return embedder


def rows(embedder: Embedder) -> torch.Tensor:
    return embedder.embedding.weight[IDS]


def test_scaled_tokens_and_sinusoids() -> None:
    embedder = make(embedding={"position_offset": 2, "sinusoid": "halves_to_end"})
    table = sinusoidal_positions(7, 6, layout="halves_to_end", dtype=torch.float64)
    expected = rows(embedder) * math.sqrt(6) + table[3:6]
    torch.testing.assert_close(embedder.embed(IDS, "source", 1), expected)


def test_everything_before_the_norm() -> None:
    """BERT: words, positions and types are added, then normalised."""
    embedder = make(
        positions="learned", scale_embedding=False, embedding={"norm": True, "token_types": 2}
    )
    types = torch.tensor([[0, 1, 1], [1, 0, 0]])
    norm = embedder.source_embedding_norm
    total = rows(embedder) + embedder.source_positions.weight[:3]

    def normed(x: torch.Tensor) -> torch.Tensor:
        return F.layer_norm(x, (6,), norm.weight, norm.bias, 1e-5)

    table = embedder.token_types.weight
    ours = embedder.embed(IDS, "source", token_types=types)
    torch.testing.assert_close(ours, normed(total + table[types]))
    torch.testing.assert_close(embedder.embed(IDS, "source"), normed(total + table[0]))


@pytest.mark.parametrize("start", [0, 2])
def test_positions_that_skip_padding(start: int) -> None:
    """RoBERTa: of [pad, 7, pad] the 7 stands first; padding has the row before."""
    embedder = make(
        positions="learned", scale_embedding=False,
        embedding={"position_offset": 2, "skip_padding": True},
    )  # fmt: skip
    places = torch.tensor([[2, 3, 4], [1, 2, 1]]) + start * (IDS != 0)
    table = embedder.source_positions.weight
    assert table.shape == (7, 6)
    ours = embedder.embed(IDS, "source", start)
    torch.testing.assert_close(ours, rows(embedder) + table[places])


def test_padding_has_no_sinusoid_where_positions_skip_it() -> None:
    embedder = make(embedding={"position_offset": 3, "skip_padding": True, "sinusoid": "halves"})
    ours = embedder.embed(IDS, "source")
    torch.testing.assert_close(ours[1, 0], embedder.embedding.weight[0] * math.sqrt(6))
    assert not torch.allclose(ours[1, 1], embedder.embedding.weight[7] * math.sqrt(6))


def test_each_side_has_its_own_tables() -> None:
    embedder = make(
        decoder_layers=1, tied_embeddings=False, positions="learned", embedding={"norm": True}
    )
    names = {name.split(".")[0] for name, _ in embedder.named_parameters()}
    parts = ("embedding", "positions", "embedding_norm")
    assert names == {f"{side}_{part}" for side in ("source", "target") for part in parts}
    source, target = embedder.embed(IDS, "source"), embedder.embed(IDS, "target")
    assert not torch.allclose(source, target)


def test_token_types_that_do_not_fit() -> None:
    with pytest.raises(ShapeError, match="has no token types: leave token_types out"):
        make().embed(IDS, "source", token_types=IDS * 0)
    with pytest.raises(ShapeError, match=r"shape \(1, 3\), and the tokens \(2, 3\)"):
        make(embedding={"token_types": 2}).embed(IDS, "source", token_types=IDS[:1] * 0)


IMAGES = {
    "tied_embeddings": False, "scale_embedding": False, "positions": "learned", "max_length": 7,
    "patches": {
        "height": 2, "width": 3, "image_height": 5, "image_width": 9, "channels": 2,
        "class_token": True,
    },
}  # fmt: skip


def test_patches_after_the_class_token() -> None:
    embedder = make(**IMAGES)
    names = {"patches.weight", "patches.bias", "class_token.weight", "source_positions.weight"}
    assert {name for name, _ in embedder.named_parameters()} == names
    pixels = torch.randn(3, 2, 5, 9, dtype=torch.float64)
    kernel = embedder.patches.weight.view(6, 2, 2, 3)
    vectors = F.conv2d(pixels, kernel, embedder.patches.bias, stride=(2, 3)).flatten(2).mT
    first = embedder.class_token.weight.expand(3, 1, 6)
    expected = torch.cat([first, vectors], 1) + embedder.source_positions.weight
    torch.testing.assert_close(embedder.embed_images(pixels), expected)
    with pytest.raises(ShapeError, match=r"of \(2, 5, 9\); these have the shape \(3, 2, 5, 8\)"):
        embedder.embed_images(pixels[..., 1:])
