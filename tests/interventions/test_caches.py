"""Generation with caches and edits: the same logits as one pass over the whole text by hand."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from clearhead.interventions.intervene import intervene  # noqa: E402
from tests.interventions.plain import ByHand, by_hand, on_heads, on_rows, without_edges  # noqa: E402
from tests.maps.families.comparing import ids, padding  # noqa: E402
from tests.maps.families.models import model  # noqa: E402
from tests.maps.families.test_decoders import LAYERS  # noqa: E402

PROMPT, NEW = 6, 5
SETTINGS = {
    "max_new_tokens": NEW,
    "min_new_tokens": NEW,
    "do_sample": False,
    "return_dict_in_generate": True,
    "output_logits": True,
}
# Positions of the prompt, and of tokens that come one by one.
QUERIES, KEYS = [5, 7, 8], [5, 6]


def ask(edits, name):
    edits[name].head([1, 2]).edge(QUERIES, KEYS).remove()
    edits[name].edge([4, 9], [4, 8]).zero()
    edits[name].head(0).at([5, 8]).scale(-1.0)
    edits[name].head(3).value.at([5, 7]).zero()
    edits[name].head(3).query.at(9).scale(2.0)
    edits["lm_head"].output.at([6, 9]).scale(0.5)


HAND = ByHand(
    query=on_heads([3], on_rows([9], lambda x: 2.0 * x)),
    value=on_heads([3], on_rows([5, 7], torch.zeros_like)),
    scores=without_edges(QUERIES, KEYS, [1, 2]),
    weights=without_edges([4, 9], [4, 8], None, 0.0),
    output=on_heads([0], on_rows([5, 8], lambda x: -x)),
)


def check(network, name, prompt, mask=None, **settings):
    with torch.no_grad():
        with intervene(network) as edits:
            ask(edits, name)
            result = network.generate(prompt, attention_mask=mask, **SETTINGS, **settings)
        text = result.sequences[:, :-1]
        if mask is not None:
            mask = torch.cat([mask, torch.ones(len(mask), text.shape[1] - mask.shape[1])], 1).long()
        with by_hand(network, {name: HAND}):
            truth = network(text, attention_mask=mask, use_cache=False).logits
    truth[:, [6, 9]] *= 0.5
    torch.testing.assert_close(
        torch.stack(result.logits, 1), truth[:, PROMPT - 1 :], atol=1e-4, rtol=1e-5
    )


CASES = [
    ("llama", "sdpa", {}),
    ("llama", "sdpa", {"cache_implementation": "static"}),
    ("llama", "sdpa", {"prefill_chunk_size": 4}),
    ("mistral", "eager", {}),
    ("gemma3", "sdpa", {"cache_implementation": "static"}),
    ("gemma3", "eager", {}),
    ("gpt_oss", "eager", {}),
]


@pytest.mark.parametrize(("family", "implementation", "settings"), CASES)
def test_a_text_that_grows(family, implementation, settings):
    network = model(family)
    network.set_attn_implementation(implementation)
    for layer in (0, 1) if "cache_implementation" in settings else (0,):
        check(network, LAYERS[family].format(layer), ids(2, PROMPT), **settings)


def test_a_padded_prompt():
    network = model("llama")
    network.set_attn_implementation("sdpa")
    mask = padding((PROMPT, 3), on_the_left=True)
    check(network, LAYERS["llama"].format(1), ids(2, PROMPT), mask)


def test_beams():
    """Beams change places, and an edit of all of them stays what it is."""
    network = model("llama")
    network.set_attn_implementation("sdpa")
    name = LAYERS["llama"].format(0)
    settings = {**SETTINGS, "num_beams": 3, "output_scores": True}
    with torch.no_grad(), intervene(network) as edits:
        edits[name].head(1).edge([7, 8], 2).remove()
        edited = network.generate(ids(1, PROMPT), **settings)
    hand = {name: ByHand(scores=without_edges([7, 8], [2], [1]))}
    with torch.no_grad(), by_hand(network, hand):
        logits = network(edited.sequences[:, :-1], use_cache=False).logits
    chances = logits[:, PROMPT - 1 :].log_softmax(-1)
    score = chances.gather(-1, edited.sequences[:, PROMPT:, None]).sum() / NEW
    torch.testing.assert_close(edited.sequences_scores[0], score, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_cross_attention_while_a_translation_grows(implementation):
    network = model("bart")
    network.set_attn_implementation(implementation)
    name = "model.decoder.layers.0.encoder_attn"
    source = ids(2, 9)
    with torch.no_grad():
        with intervene(network) as edits:
            edits[name].head(1).edge([1, 3], [2, 8]).remove()
            edits[name].head(2).at([2, 4]).zero()
            edits["model.encoder.layers.1"].output.at(3).zero()
            result = network.generate(source, **SETTINGS)
        encoder = network.model.encoder.layers[1].register_forward_hook(
            lambda module, _, out: on_rows([3], torch.zeros_like)(out)
        )
        hand = ByHand(
            scores=without_edges([1, 3], [2, 8], [1]),
            output=on_heads([2], on_rows([2, 4], torch.zeros_like)),
        )
        with by_hand(network, {name: hand}):
            truth = network(source, decoder_input_ids=result.sequences[:, :-1]).logits
        encoder.remove()
    torch.testing.assert_close(torch.stack(result.logits, 1), truth, atol=1e-4, rtol=1e-5)
