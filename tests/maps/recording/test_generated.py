"""One run of ``generate`` of real models against their own eager weights, in float64."""

from __future__ import annotations

import copy
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
import torch

pytest.importorskip("transformers")

from clearhead.errors import TraceError
from clearhead.maps.recorder.record import record
from clearhead.maps.recording.reading import load_recording
from tests.maps.families.comparing import ids, padding
from tests.maps.families.models import model

PROMPT, NEW = 11, 8
BEAMS = {"num_beams": 3, "num_return_sequences": 2, "eos_token_id": [2, *range(4, 12)]}
STATIC = {"cache_implementation": "static"}
CHUNKS = {"prefill_chunk_size": 4}
LOOKUP = {"prompt_lookup_num_tokens": 3}
# Llama and its like compute their norms and rotations in float32, and the two passes differ there.
TOLERANCE = dict.fromkeys(("llama", "mistral", "gemma2", "gemma3"), 1e-5) | dict.fromkeys(
    ("gpt2", "t5", "bart", "marian"), 1e-12
)
ENCODER_DECODERS = ("t5", "bart", "marian")


@pytest.fixture(autouse=True)
def _quiet_transformers():
    logging = pytest.importorskip("transformers").utils.logging
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    yield
    logging.set_verbosity(before)


@cache
def network(family: str) -> Any:
    return copy.deepcopy(model(family)).double()


def run(family: str, **settings: Any) -> tuple[Any, Any, Any, Any]:
    """(recording, prompt, mask, output) of a run."""
    one = network(family)
    one.set_attn_implementation("eager" if family == "gemma2" else "sdpa")
    batch = 1 if "prompt_lookup_num_tokens" in settings or "assistant_model" in settings else 2
    prompt = ids(batch, PROMPT)
    if batch == 1:  # a text that repeats itself, so that drafts are looked up
        prompt = prompt[:, [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2]]
    lengths = (PROMPT, 7)[:batch] if family in ENCODER_DECODERS else (PROMPT,) * batch
    mask = padding(lengths)
    with record(one, values=True) as recording:
        output = one.generate(
            prompt, attention_mask=mask, max_new_tokens=NEW, return_dict_in_generate=True,
            **{"do_sample": False, "eos_token_id": None, **settings},
        )  # fmt: skip
    return recording, prompt, mask, output


def truth(family: str, prompt: Any, mask: Any, output: Any) -> list[Any]:
    """The weights of each attention in a plain pass over the sequences that came out."""
    one = network(family)
    one.set_attn_implementation("eager")
    times = len(output.sequences) // len(prompt)
    mask, tokens = mask.repeat_interleave(times, 0), output.sequences[:, :-1]
    with torch.no_grad():
        if family in ENCODER_DECODERS:
            whole = one(
                prompt.repeat_interleave(times, 0), attention_mask=mask, decoder_input_ids=tokens,
                output_attentions=True,
            )  # fmt: skip
            pairs = zip(whole.decoder_attentions, whole.cross_attentions, strict=True)
            return [weights for pair in pairs for weights in pair]
        mask = torch.cat([mask, mask.new_ones(len(mask), tokens.shape[1] - PROMPT)], 1)
        return one(tokens, attention_mask=mask, output_attentions=True).attentions


CASES = [
    ("llama", BEAMS),
    ("llama", {**BEAMS, "do_sample": True}),
    ("llama", {**BEAMS, **STATIC, **CHUNKS}),
    ("mistral", {**BEAMS, **STATIC}),
    ("gemma2", {**BEAMS, **CHUNKS}),
    ("gemma3", {**STATIC, **CHUNKS}),
    ("mistral", LOOKUP),
    ("gemma3", LOOKUP),
    ("gpt2", LOOKUP),
    ("gpt2", {**BEAMS, **STATIC, **CHUNKS}),
    ("gpt2", STATIC),
    ("t5", BEAMS),
    ("t5", LOOKUP),
    ("bart", {**BEAMS, **STATIC}),
    ("marian", LOOKUP),
]


@pytest.mark.parametrize(
    ("family", "settings"), CASES, ids=[f"{family} {' '.join(more)}" for family, more in CASES]
)
def test_every_sequence_has_the_weights_of_a_plain_pass(family, settings):
    torch.manual_seed(0)
    recording, prompt, mask, output = run(family, **settings)
    assert not recording.refusals
    begin = 1 if family in ENCODER_DECODERS else PROMPT
    generation = recording.generation(prompt, output, decoder_prompt=1)
    expected = truth(family, prompt, mask, output)
    assert len(generation) == len(expected)
    for (name, one), weights in zip(generation.items(), expected, strict=True):
        for row, length in enumerate(generation.lengths):
            filled = output.sequences[row, begin + length :]
            assert len(set(filled.tolist())) <= 1, "nothing but what fills up the row"
            queries = slice(0, begin + length - 1)
            keys = slice(0, weights.shape[3] if one.source.kind == "cross" else queries.stop)
            recorded_weights = one[row, :, queries, keys]
            distance = (recorded_weights - weights[row, :, queries, keys]).abs().max()
            assert float(distance) < TOLERANCE[family], name
            assert not one[row, :, queries.stop :].any(), name


def test_each_new_token_has_the_row_that_generate_returned():
    """The rows of beams in the weights of each step, as ``beam_indices`` say."""
    recording, prompt, mask, output = run("gpt2", **BEAMS)
    one = network("gpt2")
    one.set_attn_implementation("eager")
    own = one.generate(
        prompt, attention_mask=mask, max_new_tokens=NEW, return_dict_in_generate=True,
        output_attentions=True, **{"do_sample": False, **BEAMS},
    )  # fmt: skip
    assert torch.equal(own.sequences, output.sequences)
    assert any(call[0].lineage.is_reordered for call in recording._contents.calls.values())
    generation = recording.generation(prompt, output)
    for layer, name in enumerate(generation):
        rows = generation.written_from(name)
        for sequence, length in enumerate(generation.lengths):
            for token in range(length):
                beam = int(own.beam_indices[sequence, token])
                expected = own.attentions[token][layer][beam, :, -1]
                weights = rows[sequence, :, token, : expected.shape[-1]]
                assert float((weights - expected).abs().max()) < TOLERANCE["gpt2"]


def test_an_assistant_is_left_out_and_its_rejected_tokens_are_dropped():
    recording, prompt, mask, output = run("gpt2", assistant_model=model("llama"))
    assert any(
        "another model ran" in note and "LlamaForCausalLM" in note for note in recording.notes
    )
    assert "tokens that were drafted and rejected left out" in str(recording[0].source.notes)
    generation = recording.generation(prompt, output)
    for one, weights in zip(generation.values(), truth("gpt2", prompt, mask, output), strict=True):
        assert one.shape[2] == PROMPT + NEW - 1
        assert float((one.dense() - weights).abs().max()) < TOLERANCE["gpt2"]


def test_what_the_last_step_rejected_is_left_out_too():
    """The text ends while drafts behind its end have been read."""
    _, _, _, output = run("gpt2", **LOOKUP)
    longer = 0
    for end in sorted(set(output.sequences[0, PROMPT:].tolist())):
        recording, prompt, mask, output = run("gpt2", **LOOKUP, eos_token_id=end)
        tokens = output.sequences.shape[1] - 1
        one = recording[0]
        longer += one.shape[2] > tokens
        if one.shape[2] > tokens:
            assert "recording.generation(prompt, output) leaves out" in str(one.source.notes)
        generation = recording.generation(prompt, output)
        expected = truth("gpt2", prompt, mask, output)
        for one, weights in zip(generation.values(), expected, strict=True):
            assert one.shape[2:] == (tokens, tokens)
            assert float((one.dense() - weights).abs().max()) < TOLERANCE["gpt2"]
    assert longer


def test_drafts_of_the_models_own_layers_are_left_out():
    recording, prompt, mask, output = run("llama", assistant_early_exit=1, assistant_model=None)
    assert any("run to draft tokens that it then checks" in note for note in recording.notes)
    generation = recording.generation(prompt, output)
    for one, weights in zip(generation.values(), truth("llama", prompt, mask, output), strict=True):
        assert float((one.dense() - weights).abs().max()) < TOLERANCE["llama"]


def test_beams_need_what_generate_returned():
    recording, prompt, _, output = run("llama", **BEAMS)
    with pytest.raises(TraceError, match=r"changed places .*return_dict_in_generate=True"):
        recording.generation(prompt, output.sequences)
    shifted = SimpleNamespace(beam_indices=(output.beam_indices.flip(0) + 1) % 3)
    with pytest.raises(TraceError, match="The beams of the output are not those of the recording"):
        recording.generation(prompt, shifted)
    with pytest.raises(TraceError, match=r"behind a prompt of 5 tokens"):
        recording.generation(5, output)
    again = SimpleNamespace(beam_indices=output.beam_indices.repeat(1, 3))
    with pytest.raises(TraceError, match="new tokens, and 8 were recorded"):
        recording.generation(prompt, again)


def test_a_file_has_the_sequences_of_one_row_each(tmp_path):
    recording, prompt, _, output = run("llama")
    loaded = load_recording(recording.save(tmp_path / "one.safetensors"))
    spans = {"document": (4, 9)}
    expected = recording.generation(prompt, output).spans(spans).mean()
    assert torch.equal(loaded.generation(prompt, output).spans(spans).mean(), expected)
    recording, prompt, _, output = run("llama", **BEAMS)
    loaded = load_recording(recording.save(tmp_path / "two.safetensors"))
    with pytest.raises(TraceError, match="before saving the recording"):
        loaded.generation(prompt, output)


def test_what_is_no_run_of_generate():
    recording, prompt, _, output = run("llama")
    with pytest.raises(TraceError, match=r"The output has \[1, 19\] tokens, and 2 rows of 18"):
        recording.generation(prompt, output.sequences[:1])
    with pytest.raises(TraceError, match="The prompt has 30 tokens, and only 18 queries"):
        recording.generation(30)
    assert recording.generation(PROMPT).lengths == (NEW, NEW)
    recording, prompt, _, output = run("llama", use_cache=False)
    with pytest.raises(TraceError, match=r"called 8 times.*use_cache=True"):
        recording.generation(prompt, output)
    recording, prompt, _, output = run("marian", **LOOKUP)
    with pytest.raises(TraceError, match="pass decoder_prompt="):
        recording.generation(prompt, output)
    with record(network("bart"), layers="*encoder_attn") as recording:
        output = network("bart").generate(prompt, max_new_tokens=3, min_new_tokens=3)
    with pytest.raises(TraceError, match="the self-attention before it tells: record it, too"):
        recording.generation(prompt, output)
    with record(network("llama")) as recording:
        pass
    with pytest.raises(TraceError, match="holds no attention"):
        recording.generation(prompt)
