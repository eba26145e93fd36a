"""The whole model: causality, padding and caches hold in every kind of config."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.config import ACTIVATIONS, NORM_PLACES, NORMS, POSITIONS, TransformerConfig
from clearhead.errors import ShapeError
from clearhead.nn.transformer import Transformer

SMALL: dict[str, Any] = {
    "vocab_size": 17, "d_model": 16, "num_heads": 4, "feed_forward_dim": 12, "max_length": 16,
    "encoder_layers": 2, "decoder_layers": 2, "dropout": 0.1, "attention_dropout": 0.1,
}  # fmt: skip


@st.composite
def configs(draw: st.DrawFn, *, decoder: bool = True, encoder: bool | None = None) -> Any:
    least = 1 if encoder or not decoder else 0
    return TransformerConfig(
        **{
            **SMALL,
            "num_kv_heads": draw(st.sampled_from([None, 1, 2, 4])),
            "encoder_layers": draw(st.integers(least, 2)),
            "decoder_layers": draw(st.integers(1, 2)) if decoder else 0,
            "activation": draw(st.sampled_from(ACTIVATIONS)),
            "norm": draw(st.sampled_from(NORMS)),
            "norm_place": draw(st.sampled_from(NORM_PLACES)),
            "positions": draw(st.sampled_from(POSITIONS)),
            "bias": draw(st.booleans()),
            "tied_embeddings": draw(st.booleans()),
            "scale_embedding": draw(st.booleans()),
            "relative_buckets": 6,
            "relative_max_distance": 8,
        }
    )


def make(config: TransformerConfig, seed: int = 1) -> Transformer:
    """A float64 model in evaluation whose biases and norms are not zeros and ones."""
    torch.manual_seed(seed)
    model = Transformer(config).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model


def ids(*shape: int, seed: int = 5) -> torch.Tensor:
    return torch.randint(3, 17, shape, generator=torch.Generator().manual_seed(seed))


def sides(
    config: TransformerConfig, source: torch.Tensor, target: torch.Tensor
) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    return source if config.encoder_layers else None, target if config.decoder_layers else None


def close(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-10)


@settings(max_examples=20)
@given(configs(), st.integers(1, 6))
def test_a_later_target_token_changes_nothing_before_it(
    config: TransformerConfig, place: int
) -> None:
    model = make(config)
    source, target = sides(config, ids(2, 5), ids(2, 7))
    assert target is not None
    before = model(source, target)
    changed = target.clone()
    changed[:, place] = 3 + (target[:, place] - 2) % 14
    after = model(source, changed)
    assert before.shape == (2, 7, 17)
    close(after[:, :place], before[:, :place])
    assert not torch.allclose(after[:, place], before[:, place])


@settings(max_examples=20)
@given(configs(), st.integers(0, 4), st.integers(0, 4))
def test_padding_changes_nothing(config: TransformerConfig, source_more: int, more: int) -> None:
    model = make(config)
    source, target = ids(2, 5), ids(2, 6)
    source[1, 3:] = 0  # one row is shorter than the other
    expected = model(*sides(config, source, target))
    padded_source = torch.nn.functional.pad(source, (0, source_more))
    padded_target = torch.nn.functional.pad(target, (0, more))
    close(model(*sides(config, padded_source, padded_target))[:, :6], expected)
    alone = model(*sides(config, source[1:, :3], target[1:]))
    close(alone, expected[1:])


@settings(max_examples=10)
@given(configs(decoder=False, encoder=True), st.integers(0, 4))
def test_padding_changes_nothing_in_an_encoder(config: TransformerConfig, more: int) -> None:
    model = make(config)
    source = ids(2, 5)
    expected = model(source)
    close(model(torch.nn.functional.pad(source, (0, more)))[:, :5], expected)
    changed = source.clone()
    changed[:, 4] = 3 + (source[:, 4] - 2) % 14
    assert not torch.allclose(model(changed)[:, 0], expected[:, 0])  # it looks ahead


@settings(max_examples=20)
@given(configs(), st.lists(st.integers(1, 3), min_size=1, max_size=4))
def test_decoding_step_by_step_is_decoding_at_once(
    config: TransformerConfig, steps: list[int]
) -> None:
    model = make(config)
    source, target = ids(2, 5), ids(2, sum(steps))
    source[0, 4:] = 0
    expected = model(*sides(config, source, target))
    encoded = model.encode(source) if config.encoder_layers else None
    memories = None if encoded is None else model.memories(encoded)
    past = None
    actual = []
    for part in target.split(steps, dim=1):
        hidden, past = model.decode(part, encoded, memories=memories, past=past)
        actual.append(model.logits(hidden))
    close(torch.cat(actual, dim=1), expected)


@pytest.mark.parametrize("positions", POSITIONS)
def test_positions_tell_two_orders_apart(positions: str) -> None:
    config = TransformerConfig(**{**SMALL, "positions": positions, "decoder_layers": 0})
    model = make(config)
    source = ids(1, 5)
    backwards = model(source.flip(1)).flip(1)
    assert torch.allclose(backwards, model(source)) == (positions in ("none", "alibi"))


def test_symmetric_alibi_tells_what_is_between() -> None:
    model = make(TransformerConfig(**{**SMALL, "positions": "alibi", "decoder_layers": 0}))
    source = torch.tensor([[3, 4, 5, 6]])
    swapped = torch.tensor([[3, 5, 4, 6]])
    assert not torch.allclose(model(source)[:, 0], model(swapped)[:, 0])


def test_an_empty_source_row_is_no_nan() -> None:
    for places in NORM_PLACES:
        model = make(TransformerConfig(**SMALL, norm_place=places))
        source = torch.tensor([[3, 4, 2], [0, 0, 0]])
        assert bool(torch.isfinite(model(source, ids(2, 4))).all())


def test_the_initial_weights() -> None:
    torch.manual_seed(0)
    wide = {"vocab_size": 500, "d_model": 64, "feed_forward_dim": 256, "positions": "learned"}
    model = Transformer(TransformerConfig(**{**SMALL, **wide}))
    state = model.state_dict()
    assert float(state["embedding.weight"].std()) == pytest.approx(64**-0.5, rel=0.02)
    assert float(state["source_positions.weight"].std()) == pytest.approx(64**-0.5, rel=0.1)
    up = state["encoder.layers.0.feed_forward.up.weight"]
    bound = (6 / (64 + 256)) ** 0.5
    assert 0.98 * bound < float(up.abs().max()) <= bound
    for name, value in state.items():
        if name.endswith("bias"):
            assert not value.any(), name
        elif "norm" in name:
            assert bool((value == 1).all()), name
    # The first loss is about that of a uniform guess.
    logits = model.eval()(ids(4, 9), ids(4, 9))
    assert float(logits.detach().std()) < 2.0


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize(("encoder", "decoder"), [(1, 1), (1, 0), (0, 1)])
def test_names_of_the_embeddings(tied: bool, encoder: int, decoder: int) -> None:
    changes = {"encoder_layers": encoder, "decoder_layers": decoder, "tied_embeddings": tied}
    model = Transformer(TransformerConfig(**{**SMALL, **changes}))
    names = {name for name in model.state_dict() if name.count(".") == 1} - {
        "encoder.norm", "decoder.norm"
    }  # fmt: skip
    names = {name for name in names if not name.startswith(("encoder", "decoder"))}
    if tied:
        assert names == {"embedding.weight"}
        assert model.output_matrix is model.embedding.weight
    else:
        assert names == {"output.weight"} | {
            f"{side}_embedding.weight"
            for side, layers in (("source", encoder), ("target", decoder))
            if layers
        }


@pytest.mark.parametrize("tied", [True, False])
def test_the_output_may_be_tied_apart_from_the_embeddings(tied: bool) -> None:
    changes = {"tied_embeddings": not tied, "output": {"tied": tied, "bias": True}}
    model = make(TransformerConfig.from_dict({**SMALL, **changes}))
    names = {name for name in model.state_dict() if name.startswith("output.")}
    assert names == {"output.bias"} | (set() if tied else {"output.weight"})
    if tied:
        assert model.output_matrix is model.target_embedding.weight
    hidden = torch.randn(3, 16, dtype=torch.float64)
    close(model.logits(hidden), hidden @ model.output_matrix.T + model.output.bias)


def test_the_way_from_hidden_vectors_to_logits() -> None:
    output = {"scale": 0.5, "softcap": 0.8, "transform": "silu", "bias": True}
    model = make(TransformerConfig.from_dict({**SMALL, "output": output}))
    hidden = torch.randn(3, 16, dtype=torch.float64)
    x = torch.nn.functional.silu(model.output_transform(hidden / 2))
    x = torch.nn.functional.layer_norm(
        x, (16,), model.output_norm.weight, model.output_norm.bias, 1e-5
    )
    logits = x @ model.embedding.weight.T + model.output.bias
    close(model.logits(hidden), 0.8 * torch.tanh(logits / 0.8))


def test_every_parameter_gets_a_gradient() -> None:
    for positions in ("learned", "relative"):
        changes = {"positions": positions, "activation": "swiglu", "tied_embeddings": False}
        model = make(TransformerConfig(**{**SMALL, **changes}))
        model(ids(2, 5), ids(2, 6)).square().sum().backward()
        assert not [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]


def test_the_initial_weights_of_the_parts() -> None:
    torch.manual_seed(0)
    parts: dict[str, Any] = {
        "attention": {"head_norm": True},
        "embedding": {"norm": True, "token_types": 40, "position_offset": 2},
        "output": {"tied": False, "bias": True, "transform": "gelu"},
        "norm_place": "both", "positions": "learned", "vocab_size": 500, "d_model": 64,
        "decoder_layers": 0,
    }  # fmt: skip
    state = Transformer(TransformerConfig.from_dict({**SMALL, **parts})).state_dict()
    for name in ("embedding.weight", "source_positions.weight", "token_types.weight"):
        assert float(state[name].std()) == pytest.approx(64**-0.5, rel=0.1), name
    assert state["source_positions.weight"].shape == (18, 64)
    for name, value in state.items():
        if name.endswith("bias"):
            assert not value.any(), name
        elif "norm" in name:
            assert bool((value == 1).all()), name
        else:
            assert 0.02 < float(value.std()) < 0.5, name


def test_masks_take_the_place_of_padding() -> None:
    """Whatever stands where a mask says padding, and in front of a decoder's text too."""
    model = make(TransformerConfig(**{**SMALL, "decoder_layers": 0}))
    source = ids(2, 5)
    mask = torch.tensor([[True] * 5, [True, True, True, False, False]])
    expected = model(torch.where(mask, source, 0))
    close(model(source, mask=mask)[mask], expected[mask])
    changes = {"encoder_layers": 0, "positions": "rotary", "attention": {"windows": [2, 0]}}
    model = make(TransformerConfig.from_dict({**SMALL, **changes}))
    text = ids(2, 5)
    alone = model(None, text[1:, 2:])
    mask = torch.tensor([[True] * 5, [False, False, True, True, True]])
    close(model(None, text, mask=mask)[1:, 2:], alone)
    with pytest.raises(ShapeError, match=r"positions, \(2, 5\); it holds torch.bool of .*\(2, 3\)"):
        model(None, text, mask=mask[:, :3])


def test_dropout_in_training_only() -> None:
    model = Transformer(TransformerConfig(**SMALL))
    source, target = ids(1, 4), ids(1, 4)
    assert not torch.equal(model(source, target), model(source, target))
    model.eval()
    assert torch.equal(model(source, target), model(source, target))


def test_a_lower_precision_of_the_arithmetic_is_near() -> None:
    torch.manual_seed(1)
    model = Transformer(TransformerConfig(**SMALL)).eval()
    source, target = ids(2, 5), ids(2, 6)
    exact = model(source, target)
    model.compute_dtype = torch.bfloat16
    rough = model(source, target)
    assert rough.dtype == torch.bfloat16
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    torch.testing.assert_close(rough.float(), exact, rtol=0.05, atol=0.1)
    assert not torch.equal(rough.float(), exact)


def test_a_text_that_is_too_long_is_refused() -> None:
    model = Transformer(TransformerConfig(**SMALL))
    model(ids(1, 16), ids(1, 16))
    with pytest.raises(ShapeError, match=r"source of 17 tokens .* max_length of 16"):
        model(ids(1, 17), ids(1, 3))
    with pytest.raises(ShapeError, match=r"target of 17 tokens .*Split the text"):
        model(ids(1, 3), ids(1, 17))


@pytest.mark.parametrize(
    ("encoder", "decoder", "given_sides", "words"),
    [
        (1, 1, (True, False), "needs target_ids"),
        (1, 1, (False, True), "needs source_ids"),
        (0, 1, (True, True), "takes no source_ids"),
        (1, 0, (True, True), "takes no target_ids"),
    ],
)
def test_a_side_too_many_or_too_few(
    encoder: int, decoder: int, given_sides: tuple[bool, bool], words: str
) -> None:
    changes = {"encoder_layers": encoder, "decoder_layers": decoder}
    model = Transformer(TransformerConfig(**{**SMALL, **changes}))
    with pytest.raises(ShapeError, match=words):
        model(*(ids(1, 3) if present else None for present in given_sides))


def test_images_and_ids_are_told_apart() -> None:
    part = {"height": 2, "width": 2, "image_height": 4, "image_width": 4, "channels": 1}
    changes = {"decoder_layers": 0, "tied_embeddings": False, "scale_embedding": False}
    images = make(TransformerConfig.from_dict({**SMALL, **changes, "patches": part}))
    pixels = torch.zeros(1, 1, 4, 4, dtype=torch.float64)
    assert images(pixels=pixels).shape == (1, 4, 17)
    with pytest.raises(ShapeError, match="has 2 encoder layers and needs pixels"):
        images(ids(1, 3))
    with pytest.raises(ShapeError, match="reads images and takes no source_ids"):
        images.encode(ids(1, 3), pixels=pixels)
    texts = make(TransformerConfig.from_dict({**SMALL, "decoder_layers": 0}))
    with pytest.raises(ShapeError, match="reads token ids and takes no pixels"):
        texts(ids(1, 3), pixels=pixels)


def test_without_an_output_matrix_there_are_hidden_vectors_alone() -> None:
    changes = {"decoder_layers": 0, "tied_embeddings": False, "output": {"matrix": False}}
    model = make(TransformerConfig.from_dict({**SMALL, **changes}))
    assert not any(name.startswith("output") for name, _ in model.named_parameters())
    assert model.hidden(ids(1, 3), None).shape == (1, 3, 16)
    with pytest.raises(ShapeError, match=r"output\.matrix=False"):
        model(ids(1, 3))
