"""Families of transformers with edits: the same numbers as attention written out by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from clearhead.interventions.intervene import intervene  # noqa: E402
from tests.interventions.plain import ByHand, by_hand, on_heads, on_rows, without_edges  # noqa: E402
from tests.maps.families.comparing import ids, lively, padding  # noqa: E402
from tests.maps.families.models import model  # noqa: E402
from tests.maps.families.test_decoders import EAGER_ONLY, LAYERS  # noqa: E402
from tests.maps.families.test_encoder_decoders import NAMES, inputs_of  # noqa: E402

QUERIES, KEYS = [5, 6, 8], [5, 6]


def turned(x):
    return 0.5 * x.flip(-1) + 1.0


EDITS: dict[str, tuple[Callable[[Any], None], ByHand]] = {
    "a head is left out": (
        lambda e: e.head(2).zero(),
        ByHand(output=on_heads([2], torch.zeros_like)),
    ),
    "heads at positions": (
        lambda e: e.head([0, 3]).at(slice(6, 11)).scale(-2.0),
        ByHand(output=on_heads([0, 3], on_rows(list(range(6, 11)), lambda x: -2.0 * x))),
    ),
    "queries and keys of heads": (
        lambda e: (e.head(1).query.apply(turned), e.head([1, 2]).key.at([5, 6]).scale(1.5)),
        ByHand(
            query=on_heads([1], turned), key=on_heads([1, 2], on_rows([5, 6], lambda x: 1.5 * x))
        ),
    ),
    "values of one head at one key": (
        lambda e: e.head(3).value.at(5).zero(),
        ByHand(value=on_heads([3], on_rows([5], torch.zeros_like))),
    ),
    "edges of all heads removed": (
        lambda e: e.edge(QUERIES, KEYS).remove(),
        ByHand(scores=without_edges(QUERIES, KEYS)),
    ),
    "edges of one head removed, others of two to 0": (
        lambda e: (
            e.head(1).edge(QUERIES, KEYS).remove(),
            e.head([1, 2]).edge([6, 7], [5, 6]).zero(),
        ),
        ByHand(
            scores=without_edges(QUERIES, KEYS, [1]),
            weights=without_edges([6, 7], [5, 6], [1, 2], 0.0),
        ),
    ),
    "a key that nobody attends to": (
        lambda e: e.edge(None, 5).remove(),
        ByHand(scores=without_edges(list(range(11)), [5])),
    ),
}
DECODERS = [
    (family, implementation)
    for family in LAYERS
    for implementation in ("sdpa", "eager")
    if implementation == "eager" or family not in EAGER_ONLY
]


def ask_for_all(e):
    e.head([0, 3]).at(slice(6, 11)).scale(-2.0)
    e.head(1).query.apply(turned)
    e.head([1, 2]).key.at([5, 6]).scale(1.5)
    e.head(3).value.at(5).zero()
    e.edge(8, [5, 7]).remove()
    e.head([1, 2]).edge(QUERIES, KEYS).remove()
    e.head([0, 1]).edge([6, 7], [5, 6]).zero()


def both(one, other):
    return lambda x: other(one(x))


ALL = (
    ask_for_all,
    ByHand(
        query=on_heads([1], turned),
        key=on_heads([1, 2], on_rows([5, 6], lambda x: 1.5 * x)),
        value=on_heads([3], on_rows([5], torch.zeros_like)),
        scores=both(without_edges([8], [5, 7]), without_edges(QUERIES, KEYS, [1, 2])),
        weights=without_edges([6, 7], [5, 6], [0, 1], 0.0),
        output=on_heads([0, 3], on_rows(list(range(6, 11)), lambda x: -2.0 * x)),
    ),
)


def gradients(network, loss):
    parameters = [p for p in network.parameters() if p.requires_grad]
    found = torch.autograd.grad(loss, parameters, allow_unused=True)
    return [torch.zeros(1) if g is None else g for g in found]


def check(network, implementation, names, edit, inputs, real=None):
    """Outputs and the gradients of all weights, against those by hand."""
    ask, hand = edit
    network.set_attn_implementation(implementation)

    def run():
        output = network(**inputs)
        output = output.logits if hasattr(output, "logits") else output.last_hidden_state
        return output if real is None else output[real]

    plain = run()
    with intervene(network) as edits:
        for name in names:
            ask(edits[name])
        output = run()
    with by_hand(network, dict.fromkeys(names, hand)):
        truth = run()
    scale = float(truth.detach().abs().max())
    torch.testing.assert_close(output, truth, atol=2e-5 * scale, rtol=0)
    assert float((output - plain).detach().abs().max()) > 1e-3 * scale, "the edit shows nowhere"
    assert torch.equal(run(), plain), "the model is not as it was"
    # The gradients of the edited pass are taken behind the block.
    ours, theirs = (gradients(network, x.square().mean()) for x in (output, truth))
    largest = max(float(x.abs().max()) for x in theirs)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5 * largest, rtol=1e-3)


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_each_edit(implementation, edit):
    mask = padding((11, 7), on_the_left=True)
    inputs = {"input_ids": ids(2, 11), "attention_mask": mask, "use_cache": False}
    layer = LAYERS["llama"].format(0)
    check(model("llama"), implementation, [layer], EDITS[edit], inputs, mask.bool())


@pytest.mark.parametrize(("family", "implementation"), DECODERS)
def test_decoders(family, implementation):
    mask = padding((11, 7), on_the_left=True)
    inputs = {"input_ids": ids(2, 11), "attention_mask": mask, "use_cache": False}
    layers = [LAYERS[family].format(layer) for layer in (0, 1)]
    check(model(family), implementation, layers, ALL, inputs, mask.bool())


def test_no_mask_and_as_many_texts_as_heads():
    """The kernel is told that attention is causal, and the shape does not tell the heads."""
    inputs = {"input_ids": ids(4, 11), "use_cache": False}
    check(model("llama"), "sdpa", [LAYERS["llama"].format(0)], ALL, inputs)


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@pytest.mark.parametrize("family", list(NAMES))
def test_encoder_decoders(family, implementation):
    inputs = inputs_of(family, (11, 9), (11, 8))
    real = inputs["decoder_attention_mask"].bool()
    names = [name.format(1) for name in NAMES[family]]
    check(model(family), implementation, names, ALL, inputs, real)


def bert():
    config = transformers.BertConfig(
        vocab_size=64, max_position_embeddings=32, hidden_size=32, num_hidden_layers=2,
        num_attention_heads=4, intermediate_size=48,
    )  # fmt: skip
    inputs = {"input_ids": ids(2, 11), "attention_mask": padding((11, 7))}
    return lively(transformers.BertModel(config)), inputs, "encoder.layer.0.attention.self"


def vit():
    config = transformers.ViTConfig(
        image_size=16, patch_size=4, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=48,
    )  # fmt: skip
    image = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    return lively(transformers.ViTModel(config)), {"pixel_values": image}, "layers.0.attention"


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@pytest.mark.parametrize("build", [bert, vit])
def test_encoders(build, implementation):
    network, inputs, name = build()
    real = inputs["attention_mask"].bool() if "attention_mask" in inputs else None
    check(network, implementation, [name], ALL, inputs, real)


@pytest.mark.filterwarnings("ignore:.*flex_attention called without torch.compile")
@pytest.mark.parametrize("family", ["llama", "gemma2"])
def test_flex_attention(family, monkeypatch):
    from torch.nn.attention import flex_attention as of_torch
    from transformers import masking_utils

    def block_mask(*args, _compile=False, **kwargs):  # compiling it would take a minute
        return of_torch.create_block_mask(*args, **kwargs)

    monkeypatch.setattr(masking_utils, "create_block_mask", block_mask)
    network, name = model(family), LAYERS[family].format(0)
    mask = padding((11, 7), on_the_left=True)
    inputs = {"input_ids": ids(2, 11), "attention_mask": mask, "use_cache": False}
    network.set_attn_implementation("flex_attention")
    try:
        with torch.no_grad(), intervene(network) as edits:
            ALL[0](edits[name])
            output = network(**inputs).logits[mask.bool()]
    finally:
        network.set_attn_implementation("eager")
    with torch.no_grad(), by_hand(network, {name: ALL[1]}):
        truth = network(**inputs).logits[mask.bool()]
    torch.testing.assert_close(output, truth, atol=1e-4, rtol=1e-5)
