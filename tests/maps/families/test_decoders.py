"""Language models: grouped heads, windows, soft caps, local and global layers, sinks."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tests.maps.families.comparing import (  # noqa: E402
    assert_maps,
    ids,
    own_attentions,
    padding,
    recorded,
    self_maps,
)
from tests.maps.families.models import model  # noqa: E402

LAYERS = {
    "gpt2": "transformer.h.{}.attn",
    "llama": "model.layers.{}.self_attn",
    "mistral": "model.layers.{}.self_attn",
    "gemma2": "model.layers.{}.self_attn",
    "gemma3": "model.layers.{}.self_attn",
    "gpt_oss": "model.layers.{}.self_attn",
}
# transformers has no other for these: the fused kernel knows neither soft caps nor sinks.
EAGER_ONLY = {"gemma2", "gpt_oss"}
CASES = [
    (family, implementation)
    for family in LAYERS
    for implementation in ("sdpa", "eager")
    if implementation == "eager" or family not in EAGER_ONLY
]


@pytest.mark.parametrize(("family", "implementation"), CASES)
@pytest.mark.parametrize("lengths", [(11, 11), (11, 6)])
def test_a_forward_pass(family, implementation, lengths):
    decoder = model(family)
    decoder.set_attn_implementation(implementation)
    mask = padding(lengths, on_the_left=True)
    inputs = {"input_ids": ids(2, 11), "attention_mask": mask, "use_cache": False}
    recording = recorded(decoder, inputs)
    truth = own_attentions(decoder, inputs).attentions
    # Queries at padding see nothing: eager spreads their weight evenly, the fused kernel gives 0.
    assert_maps(
        recording, self_maps(LAYERS[family], truth), rows=mask.bool() & (mask.sum(1) > 0)[:, None]
    )
    if implementation == "eager":
        assert_maps(recording, self_maps(LAYERS[family], truth))


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_no_mask_is_given(implementation):
    decoder = model("llama")
    decoder.set_attn_implementation(implementation)
    inputs = {"input_ids": ids(1, 11), "use_cache": False}
    recording = recorded(decoder, inputs)
    assert_maps(recording, self_maps(LAYERS["llama"], own_attentions(decoder, inputs).attentions))


@pytest.mark.parametrize("family", ["mistral", "gemma3", "gpt_oss"])
def test_a_window_is_a_window(family):
    """Keys beyond the window have no weight, and the last one within has some."""
    decoder = model(family)
    decoder.set_attn_implementation("eager" if family in EAGER_ONLY else "sdpa")
    recording = recorded(decoder, {"input_ids": ids(1, 11), "use_cache": False})
    local = recording[LAYERS[family].format(0)]
    assert float(local[0, :, 10, :7].abs().max()) == 0
    assert float(local[0, :, 10, 7:].min()) > 0
    if family != "mistral":
        assert float(recording[LAYERS[family].format(1)][0, :, 10, :7].min()) > 0


def test_keys_of_grouped_heads_are_kept_once():
    decoder = model("llama")
    decoder.set_attn_implementation("sdpa")
    for mask in (None, padding((11, 6), on_the_left=True)):
        inputs = {"input_ids": ids(2, 11), "attention_mask": mask, "use_cache": False}
        attention_map = recorded(decoder, inputs)["model.layers.0.self_attn"]
        assert tuple(attention_map.key.shape) == (2, 2, 11, 8)
        assert tuple(attention_map.query.shape) == (2, 4, 11, 8)


def test_a_sink_takes_its_part_of_the_weight():
    decoder = model("gpt_oss")
    decoder.set_attn_implementation("eager")
    recording = recorded(decoder, {"input_ids": ids(1, 11), "use_cache": False})
    sums = recording["model.layers.1.self_attn"].dense().sum(-1)
    assert float(sums.max()) < 1 - 1e-4
    sinks = decoder.model.layers[1].self_attn.sinks
    torch.testing.assert_close(recording["model.layers.1.self_attn"].scoring.sinks, sinks.detach())


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_bfloat16(implementation):
    decoder = transformers.LlamaForCausalLM(model("llama").config).eval()
    decoder.load_state_dict(model("llama").state_dict())
    decoder.to(torch.bfloat16).set_attn_implementation(implementation)
    mask = padding((11, 6), on_the_left=True)
    inputs = {"input_ids": ids(2, 11), "attention_mask": mask, "use_cache": False}
    recording = recorded(decoder, inputs)
    truth = own_attentions(decoder, inputs).attentions
    # The first layer's queries and keys are the same bits under both attentions; later ones drift.
    first = recording["model.layers.0.self_attn"].dense()
    real = mask.bool()
    torch.testing.assert_close(
        first.transpose(1, 2)[real],
        truth[0].float().transpose(1, 2)[real],
        atol=4 * torch.finfo(torch.bfloat16).eps,
        rtol=0,
    )
    last = recording["model.layers.1.self_attn"].dense().sum(-1).transpose(1, 2)[real]
    torch.testing.assert_close(last, torch.ones_like(last), atol=1e-5, rtol=0)
