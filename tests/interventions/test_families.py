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
        lambda e: e.head([0, 3]).at(slice(6, None)).scale(-2.0),
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


def gradients(network, loss):
    parameters = [p for p in network.parameters() if p.requires_grad]
    found = torch.autograd.grad(loss, parameters, allow_unused=True)
    return [torch.zeros(1) if g is None else g for g in found]


def check(network, implementation, name, edit, inputs, real=None):
    """Outputs and the gradients of all weights, against those by hand."""
    ask, hand = EDITS[edit] if isinstance(edit, str) else edit
    network.set_attn_implementation(implementation)

    def run():
        output = network(**inputs)
        output = output.logits if hasattr(output, "logits") else output.last_hidden_state
        return output if real is None else output[real]

    plain = run()
    with intervene(network) as edits:
        ask(edits[name])
        output = run()
    with by_hand(network, {name: hand}):
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
@pytest.mark.parametrize(("family", "implementation"), DECODERS)
def test_decoders(family, implementation, edit):
    mask = padding((11, 7), on_the_left=True)
    inputs = {"input_ids": ids(2, 11), "attention_mask": mask, "use_cache": False}
    layer = LAYERS[family].format(0)
    check(model(family), implementation, layer, edit, inputs, mask.bool())


@pytest.mark.parametrize("part", [0, 1, 2])
@pytest.mark.parametrize("edit", ["a head is left out", "edges of one head removed, others of two to 0"])
@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@pytest.mark.parametrize("family", list(NAMES))
def test_encoder_decoders(family, implementation, edit, part):
    inputs = inputs_of(family, (11, 9), (11, 8))
    real = inputs["decoder_attention_mask"].bool()
    check(model(family), implementation, NAMES[family][part].format(1), edit, inputs, real)


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


@pytest.mark.parametrize("edit", ["queries and keys of heads", "edges of all heads removed"])
@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@pytest.mark.parametrize("build", [bert, vit])
def test_encoders(build, implementation, edit):
    network, inputs, name = build()
    real = inputs["attention_mask"].bool() if "attention_mask" in inputs else None
    check(network, implementation, name, edit, inputs, real)
