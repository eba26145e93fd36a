"""FlexAttention: masks and scores that are functions of positions.

transformers compiles it, which takes more than a minute on two cores, so that most tests run its
uncompiled form.
"""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.maps.families import comparing  # noqa: E402
from tests.maps.families.models import model  # noqa: E402
from tests.maps.families.test_decoders import LAYERS  # noqa: E402
from tests.maps.families.test_encoder_decoders import expected, inputs_of  # noqa: E402


@pytest.fixture
def uncompiled(monkeypatch):
    from torch.nn.attention import flex_attention as of_torch
    from transformers import masking_utils
    from transformers.integrations import flex_attention as of_transformers

    def block_mask(*args, _compile=False, **kwargs):
        return of_torch.create_block_mask(*args, **kwargs)

    monkeypatch.setattr(masking_utils, "create_block_mask", block_mask)
    monkeypatch.setattr(of_torch, "_FLEX_ATTENTION_DISABLE_COMPILE_DEBUG", True)
    monkeypatch.setattr(
        of_transformers.WrappedFlexAttention, "__call__", lambda self: of_torch.flex_attention
    )


def check_language_model(family: str, lengths: tuple[int, ...]) -> None:
    network = model(family)
    network.set_attn_implementation("flex_attention")
    mask = comparing.padding(lengths, on_the_left=True)
    inputs = {"input_ids": comparing.ids(2, 11), "attention_mask": mask, "use_cache": False}
    try:
        recording = comparing.recorded(network, inputs)
        truth = comparing.own_attentions(network, inputs).attentions
    finally:
        network.set_attn_implementation("eager")
    comparing.assert_maps(recording, comparing.self_maps(LAYERS[family], truth), rows=mask.bool())
    assert all("flex" in network.source.kernel for network in recording.values())


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.filterwarnings("ignore:.*flex_attention called without torch.compile")
@pytest.mark.parametrize("lengths", [(11, 11), (11, 6)])
@pytest.mark.parametrize("family", ["llama", "mistral", "gemma2", "gemma3"])
def test_language_models(family, lengths):
    check_language_model(family, lengths)


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.filterwarnings("ignore:.*flex_attention called without torch.compile")
def test_an_encoder_and_a_decoder():
    network = model("bart")
    network.set_attn_implementation("flex_attention")
    inputs = inputs_of("bart", (9, 5), (7, 4))
    try:
        recording = comparing.recorded(network, inputs)
        truth = comparing.own_attentions(network, inputs)
    finally:
        network.set_attn_implementation("eager")
    comparing.assert_maps(recording, expected("bart", truth))


@pytest.mark.heavy
def test_compiled_as_transformers_does_it_each_module_is_named():
    network = model("llama")
    network.set_attn_implementation("flex_attention")
    try:
        recording = comparing.recorded(network, {"input_ids": comparing.ids(1, 11)})
    finally:
        network.set_attn_implementation("eager")
    assert list(recording.refusals) == [LAYERS["llama"].format(i) for i in range(2)]
    for refusal in recording.refusals.values():
        assert "chooses FlexAttention, which transformers compiles" in refusal.why
