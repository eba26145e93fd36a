"""generate with a cache: step after step is one map per layer, of all steps' queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from clearhead.maps.recorder.record import record  # noqa: E402
from tests.maps.families.comparing import (  # noqa: E402
    assert_maps,
    assert_same_bits,
    decoder_maps,
    ids,
    padding,
    self_maps,
)
from tests.maps.families.models import model  # noqa: E402
from tests.maps.families.test_decoders import EAGER_ONLY, LAYERS  # noqa: E402
from tests.maps.families.test_encoder_decoders import NAMES  # noqa: E402

PROMPT, NEW = 6, 5
SETTINGS = {
    "max_new_tokens": NEW,
    "min_new_tokens": NEW,
    "do_sample": False,
    "return_dict_in_generate": True,
    "output_logits": True,
}


def generated(network: Any, inputs: dict, **more: Any) -> tuple[Any, Any]:
    """(recording, the truth under eager attention): outputs are checked to be the same."""
    settings = {**SETTINGS, **more}
    plain = network.generate(**inputs, **settings)
    with record(network) as recording:
        recorded_output = network.generate(**inputs, **settings)
    assert_same_bits(
        (plain.sequences, plain.logits), (recorded_output.sequences, recorded_output.logits)
    )
    before = network.config._attn_implementation
    network.set_attn_implementation("eager")
    truth = network.generate(**inputs, **settings, output_attentions=True)
    network.set_attn_implementation(before)
    assert torch.equal(truth.sequences, recorded_output.sequences)
    return recording, truth


def merged(steps: Sequence[Sequence[Any]], *, causal: bool = True) -> list[Any]:
    """The weights of each layer: queries of all steps against all keys, 0 where none was seen.

    A cache that drops what lies beyond a window gives fewer keys, the last of which is the
    query's own.
    """
    layers = []
    for weights in zip(*steps, strict=True):
        queries = sum(w.shape[2] for w in weights)
        keys = queries if causal else weights[0].shape[3]
        whole = torch.zeros(*weights[0].shape[:2], queries, keys)
        first = 0
        for w in weights:
            last = first + w.shape[2]
            end = last if causal else keys
            whole[:, :, first:last, end - w.shape[3] : end] = w
            first = last
        layers.append(whole)
    return layers


CASES = [
    (family, implementation)
    for family in ("gpt2", "llama", "mistral", "gemma3", "gpt_oss")
    for implementation in ("sdpa", "eager")
    if implementation == "eager" or family not in EAGER_ONLY
]


@pytest.mark.parametrize(("family", "implementation"), CASES)
@pytest.mark.parametrize("lengths", [(PROMPT, PROMPT), (PROMPT, 3)], ids=["full", "padded"])
def test_language_models(family, implementation, lengths):
    network = model(family)
    network.set_attn_implementation(implementation)
    mask = padding(lengths, on_the_left=True)
    inputs = {"input_ids": ids(2, PROMPT), "attention_mask": mask}
    recording, truth = generated(network, inputs)
    expected = self_maps(LAYERS[family], merged(truth.attentions))
    real = torch.cat([mask.bool(), torch.ones(2, NEW - 1, dtype=torch.bool)], 1)
    assert_maps(recording, expected, rows=real)


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@pytest.mark.parametrize("family", ["t5", "bart", "whisper"])
def test_encoder_decoders(family, implementation):
    network = model(family)
    network.set_attn_implementation(implementation)
    inputs: dict[str, Any] = {"input_ids": ids(2, 9), "attention_mask": padding((9, 5))}
    if family == "whisper":
        generator = torch.Generator().manual_seed(0)
        inputs = {"input_features": torch.randn(2, 8, 24, generator=generator)}
    more = {"use_cache": True, "eos_token_id": None} if family == "whisper" else {}
    recording, truth = generated(network, inputs, **more)
    encoder, own, cross = NAMES[family]
    expected = self_maps(encoder, truth.encoder_attentions) | decoder_maps(
        own,
        cross,
        merged(truth.decoder_attentions),
        merged(truth.cross_attentions, causal=False),
    )
    assert_maps(recording, expected)


def test_two_passes_are_not_one_generation():
    """Without a cache between them, calls of a module are calls, not steps."""
    network = model("llama")
    network.set_attn_implementation("sdpa")
    one, two = ids(1, 5, seed=1), ids(1, 7, seed=2)
    with torch.no_grad(), record(network) as recording:
        network(input_ids=one, use_cache=False)
        network(input_ids=two, use_cache=False)
    for layer in recording:
        assert [network.shape[2:] for network in recording.calls(layer)] == [(5, 5), (7, 7)]


def test_calls_without_a_cache_are_calls_even_of_one_text():
    network = model("llama")
    network.set_attn_implementation("sdpa")
    with torch.no_grad(), record(network) as recording:
        for _ in range(2):
            network(input_ids=ids(1, 5), use_cache=False)
    first, second = recording.calls("model.layers.1.self_attn")
    assert first.shape == second.shape == (1, 4, 5, 5)
    assert torch.equal(first.dense(), second.dense())
