"""One object for any model: texts in and out, and every number between."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.errors import CheckpointError, ConfigError, ShapeError, TraceError
from clearhead.tasks.generated_text import GeneratedText
from clearhead.tasks.loading import load
from tests.tasks import tiny_models as tiny

TEXT = "The old house"
IDS = [[5, 6, 7, 8]]


def model_of(name, **options):
    return load(tiny.folder_of(name), **options)


# Text


@pytest.mark.parametrize("name", ["gpt2", "marian"])
def test_what_is_written_for_a_text_is_what_is_written_for_its_ids(name):
    model = model_of(name)
    text = model.generate(TEXT, max_new_tokens=5)
    assert isinstance(text, GeneratedText)
    assert str(text) == text.text
    ids = model.tokenizer.encode(TEXT)
    assert list(text.ids) == model.generate_ids(ids, max_new_tokens=5)
    assert text == model.generate([TEXT, "A"], max_new_tokens=5)[0]


@pytest.mark.parametrize("name", ["gpt2", "t5"])
def test_a_stream_is_the_text_in_pieces(name):
    model = model_of(name)
    options = {"max_new_tokens": 8, "do_sample": True, "seed": 4}
    text = model.generate(TEXT, **options).text
    pieces = model.generate(TEXT, stream=True, **options)
    assert iter(pieces) is pieces
    assert "".join(pieces) == text == "".join(model.stream(TEXT, **options))
    arrivals = []
    model.generate(TEXT, on_token=lambda number, token: arrivals.append((number, token.id)))
    assert [token for _, token in arrivals] == list(model.generate(TEXT).ids)


def test_streams_that_cannot_be():
    model = model_of("gpt2")
    with pytest.raises(ConfigError, match="num_beams is 4"):
        model.generate(TEXT, stream=True, num_beams=4)
    for options in ({"prompt": [TEXT]}, {"prompt": TEXT, "on_token": print}):
        with pytest.raises(ConfigError, match="stream=True is for one prompt"):
            model.generate(**options, stream=True)
    assert model.uses_beam(num_beams=4)
    assert not model.uses_beam()


def test_several_results_stand_beside_the_first():
    text = model_of("gpt2").generate(TEXT, max_new_tokens=4, num_beams=3, num_return_sequences=2)
    assert text.text == text.alternatives[0].text
    assert [one.score for one in text.alternatives] == sorted(
        (one.score for one in text.alternatives), reverse=True
    )


def test_an_empty_prompt_is_the_start_token():
    model = model_of("gpt2")
    assert list(model.generate("", max_new_tokens=3).ids) == model.generate_ids(
        [tiny.END], max_new_tokens=3
    )
    assert model.generate([]) == []


def test_a_text_is_written_to_its_end_or_to_256_tokens():
    text = model_of("t5").generate(TEXT, suppress_tokens=[tiny.END])
    assert (len(text.ids), text.reason) == (256, "length")


@pytest.mark.parametrize("prompt", [None, 5, b"abc", ["The", 5]])
def test_a_prompt_that_is_no_text(prompt):
    with pytest.raises(TypeError, match="A prompt is a str"):
        model_of("gpt2").generate(prompt)


def test_a_translator_translates():
    model = model_of("marian")
    options = {"max_new_tokens": 5}
    assert model.translate(f"{TEXT}.", **options).text == model.generate(f"{TEXT}.", **options).text
    assert [one.source for one in model.translate([TEXT, "A cat."], **options)] == [TEXT, "A cat."]


def test_masks_are_filled_and_texts_embedded():
    model = model_of("bert")
    (mask,) = model.fill_mask("The old <mask> stands.", top=3).masks
    assert len(mask) == 3
    assert model.embed([TEXT, "A"]).vectors.shape == (2, 24)
    with pytest.raises(CheckpointError, match="does not embed texts"):
        model_of("gpt2").embed(TEXT)


def test_ours_is_such_a_model_too():
    model = load()
    assert model.tasks == {"translate", "generate"}
    assert model.family == "clearhead"
    assert model.generate("The old house.").text == model.translate("The old house.").text
    with pytest.raises(CheckpointError, match="does not fill masks"):
        model.fill_mask("a <mask>")


# Numbers


@pytest.mark.parametrize("name", tiny.MODELS)
def test_every_number_is_traced_and_can_be_replaced(name):
    model = model_of(name, dtype="float64")
    inputs = {"ids": IDS} | ({"target_ids": [[0, 9, 10]]} if name in tiny.TRANSLATORS else {})
    trace = model.trace(**inputs)
    logits = trace["logits"].value
    np.testing.assert_allclose(logits, model.logits(*inputs.values()), rtol=0, atol=1e-12)
    steps = [step for step in trace if step.value.dtype.kind == "f"]
    assert steps[-1].path == "probabilities"
    assert len(steps) > 40
    rng = np.random.default_rng(0)
    # One step of each kind, somewhere in the model.
    shuffled = [steps[place] for place in rng.permutation(len(steps) - 1)]
    kinds = {step.path.split(".")[-1]: step for step in shuffled}
    for step in kinds.values():
        change = np.where(np.isfinite(step.value), 1 + rng.random(step.value.shape), 0.0)
        changed = model.trace(
            **inputs, keep="logits", replace={step.path: lambda value, by=change: value + by}
        )
        assert not np.allclose(changed["logits"].value, logits, atol=1e-9), step.path


def test_a_replacement_that_matches_nothing():
    with pytest.raises(TraceError, match=r"decoder\.layer\.0"):
        model_of("gpt2").trace(ids=IDS, replace={"decoder.layer.0.input": lambda value: value})


def test_padding_is_traced_as_it_is_computed():
    model = model_of("gpt2")
    ids, mask = [[0, 5, 6], [7, 8, 9]], [[0, 1, 1], [1, 1, 1]]
    trace = model.trace(ids=ids, mask=mask)
    np.testing.assert_array_equal(trace["logits"].value, model.logits(ids, mask=mask))
    encoder = model_of("bert")
    trace = encoder.trace(ids=ids, token_types=[[0, 0, 1], [0, 1, 1]], mask=mask)
    expected = encoder.logits(ids, token_types=[[0, 0, 1], [0, 1, 1]], mask=mask)
    np.testing.assert_allclose(trace["logits"].value, expected, rtol=0, atol=1e-5)


def test_a_text_is_traced_with_its_own_continuation():
    model = model_of("marian")
    trace = model.trace(f"{TEXT}.")
    target = model.generate_ids(model.tokenizer.encode(f"{TEXT}."))
    target = [model.config.start_id, *(token for token in target if token != tiny.END)]
    assert trace["decoder.tokens"].value.tolist() == [target]
    written = model.trace(TEXT, target="La maison")["decoder.tokens"].value.tolist()
    assert written == [[model.config.start_id, *model.tokenizer.encode_plain("La maison")]]
    single = model.trace(ids=[5, 6, tiny.END], target_ids=[0, 9])
    assert single["logits"].shape == (1, 2, tiny.VOCABULARY)


def test_a_task_is_traced_as_it_is_translated():
    model = model_of("t5", task="en-fr")
    read = model.trace("A cat.")["encoder.tokens"].value[0].tolist()
    assert read == model.tokenizer.encode("translate English to French: A cat.")
    without = model_of("t5").trace("A cat.")["encoder.tokens"].value[0].tolist()
    assert without == model.tokenizer.encode("A cat.")  # the text itself says what to do


@pytest.mark.parametrize("name", [*tiny.TRANSLATORS, *tiny.DECODERS])
def test_what_adds_to_a_logit_adds_up(name):
    model = model_of(name, dtype="float64")
    inputs = {"ids": IDS} | ({"target_ids": [[0, 9, 10]]} if name in tiny.TRANSLATORS else {})
    attribution = model.attribute(**inputs)
    assert attribution.error < 1e-6
    assert attribution.token == model.trace(**inputs)["logits"].value[0, -1].argmax()
    readings = model.logit_lens(**inputs, count=3)
    assert [reading.layers for reading in readings] == [0, 1, 2]
    assert readings[-1].tokens[0] == attribution.token
    assert readings[-1].final_rank == 1


def test_a_token_by_its_piece():
    model = model_of("gpt2")
    assert model.token_id("The") == model.tokenizer.id_of("The")
    assert model.attribute(TEXT, token="The").token == model.token_id("The")
    with pytest.raises(ConfigError, match="'The old house' is no single token"):
        model.token_id(TEXT)


@pytest.mark.parametrize(
    ("inputs", "error", "words"),
    [
        ({}, ConfigError, "Give a text, or its ids"),
        ({"text": TEXT, "ids": IDS}, ConfigError, "not both"),
        ({"text": [TEXT, TEXT]}, TypeError, "A text is a str"),
        ({"text": TEXT, "target": "La"}, ConfigError, "leave target and target_ids"),
        ({"ids": [[5, 6], [7]]}, ShapeError, "rows of ids must have the same length"),
    ],
)
def test_what_cannot_be_traced(inputs, error, words):
    with pytest.raises(error, match=words):
        model_of("gpt2").trace(**inputs)


def test_two_targets_or_two_sources_without_one():
    model = model_of("marian")
    with pytest.raises(ConfigError, match="target or target_ids, not both"):
        model.trace(TEXT, target="La", target_ids=[[0, 5]])
    with pytest.raises(ShapeError, match="one source is traced at a time"):
        model.trace(ids=[[5, 1], [6, 1]])
