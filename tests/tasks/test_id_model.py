"""A model of any family on token ids, against transformers."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.errors import CheckpointError, ConfigError, ShapeError
from clearhead.tasks.loading import load
from tests.tasks import tiny_models as tiny

torch = tiny.torch
IDS = [[5, 6, 7], [8, 9, 10]]


def truth(model, ids, mask, target_ids=None):
    """The logits of transformers, in float32."""
    inputs = {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask).long()}
    if target_ids is not None:
        inputs["decoder_input_ids"] = torch.tensor(target_ids)
    with torch.no_grad():
        return model(**inputs).logits.numpy()


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("name", tiny.MODELS)
def test_logits_of_a_padded_batch_are_those_of_transformers(name, side):
    folder, theirs = tiny.saved(name)
    ids, mask = tiny.padded(theirs, side=side)
    targets = np.random.default_rng(1).integers(4, tiny.VOCABULARY, (3, 6))
    targets = targets if name in tiny.TRANSLATORS else None
    expected = truth(theirs, ids, mask, targets)
    logits = load(folder).logits(ids, targets, mask=mask)
    real = mask if targets is None else np.ones(targets.shape, bool)
    # transformers gives NaN in rows of local layers that see padding alone; ours are not looked at.
    np.testing.assert_allclose(logits[real], expected[real], rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["gpt2", "bert", "marian"])
def test_float64_is_float64(name):
    folder, theirs = tiny.saved(name)
    ids, mask = tiny.padded(theirs)
    targets = ids if name in tiny.TRANSLATORS else None
    logits = load(folder, dtype="float64").logits(ids, targets, mask=mask)
    assert logits.dtype == np.float64
    # Padding of a target is read as any other token, by transformers too.
    real = mask if targets is None else np.ones_like(mask)
    expected = tiny.logits_of(theirs, ids, mask, targets)
    np.testing.assert_allclose(logits[real], expected[real], rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["t5", "bart", "llama", "gpt2", "bert"])
def test_hidden_vectors_are_those_before_the_head(name):
    folder, theirs = tiny.saved(name)
    inner = theirs.get_encoder() if name in tiny.TRANSLATORS else theirs.base_model
    with torch.no_grad():
        expected = inner(torch.tensor(IDS)).last_hidden_state.numpy()
    np.testing.assert_allclose(load(folder).hidden(IDS), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("form", [np.array, list, torch.tensor])
def test_ids_and_masks_come_in_any_form(form):
    model = load(tiny.folder_of("gpt2"))
    expected = model.logits(np.array(IDS), mask=np.array([[True, True, False], [True] * 3]))
    logits = model.logits(form(IDS), mask=form([[1, 1, 0], [1, 1, 1]]))
    np.testing.assert_array_equal(logits, expected)


SETTINGS = [
    {"max_new_tokens": 6},
    {"max_length": 12},
    {},
    {"max_new_tokens": 6, "num_beams": 4, "num_return_sequences": 2, "length_penalty": 0.5},
    {"max_new_tokens": 6, "do_sample": True, "seed": 3, "top_p": 0.9, "temperature": 0.8},
    {"max_new_tokens": 5, "bad_words_ids": [[5], [7, 9]], "no_repeat_ngram_size": 2},
    {"max_new_tokens": 8, "eos_token_id": [1, *range(20, 160)], "min_new_tokens": 3},
    {"max_new_tokens": 4, "forced_eos_token_id": 7, "repetition_penalty": 1.3},
]


def tokens_of_transformers(model, ids, *, seed=None, **settings):
    if seed is not None:
        torch.manual_seed(seed)
    inputs = torch.tensor([ids])
    first = 1 if model.config.is_encoder_decoder else len(ids)
    ends = settings.get("eos_token_id", model.generation_config.eos_token_id)
    ends = ends if isinstance(ends, list) else [ends]
    rows = model.generate(inputs, attention_mask=torch.ones_like(inputs), **settings)
    rows = rows[:, first:].tolist()
    stops = [next((n for n, t in enumerate(row, 1) if t in ends), len(row)) for row in rows]
    return [row[:stop] for row, stop in zip(rows, stops, strict=True)]


@pytest.mark.filterwarnings("ignore:Using the model-agnostic default")
@pytest.mark.parametrize("name", [*tiny.TRANSLATORS, *tiny.DECODERS])
def test_generated_ids_are_those_of_transformers(name):
    folder, theirs = tiny.saved(name)
    model = load(folder)
    rng = np.random.default_rng(0)
    for settings in SETTINGS:
        ids = [*rng.integers(4, tiny.VOCABULARY, rng.integers(1, 7)).tolist(), tiny.END]
        ours = model.generate_ids([ids], **settings)
        assert ours == tokens_of_transformers(theirs, ids, **settings), settings


def test_inputs_of_a_batch_are_generated_for_as_if_alone():
    model = load(tiny.folder_of("llama"))
    alone = [model.generate_ids(ids, max_new_tokens=4) for ids in ([5, 6, 7], [8, 9])]
    assert model.generate_ids([[5, 6, 7], [8, 9]], max_new_tokens=4) == alone
    padded = torch.tensor([[5, 6, 7], [0, 8, 9]])
    mask = torch.tensor([[1, 1, 1], [0, 1, 1]])
    assert model.generate_ids(padded, mask=mask, max_new_tokens=4) == alone


def test_a_model_says_what_it_is():
    assert repr(load(tiny.folder_of("bert"))).endswith(
        "BERT, 2 encoder layers, d_model 24; embed, fill_mask>"
    )
    model = load(tiny.folder_of("t5"))
    assert model.tasks == {"translate", "generate"}
    assert (model.family, model.config.encoder_layers) == ("T5", 2)
    assert model.tokenizer is not None
    assert model.engine.model.config is model.config
    assert model.source.folder == tiny.folder_of("t5")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda model: model.logits([5, 6]), r"For a single row, give \[ids\]"),
        (lambda model: model.logits(IDS, IDS), "takes ids alone"),
        (lambda model: model.logits([[300]]), "ids hold 300, and this model's ids are 0 to 299"),
        (lambda model: model.logits([[5] * 49]), "a length of 49, and this model reads at most 48"),
        (lambda model: model.generate_ids([[]]), "Input 0 has no ids"),
        (lambda model: model.generate_ids("abc"), "ids must be whole numbers.*of type str"),
        (lambda model: model.generate_ids(None), "of type NoneType"),
        (lambda model: model.generate_ids([1.5]), "input 0 is float64"),
        (lambda model: model.generate_ids(IDS, mask=[[0, 0, 0], [1, 1, 1]]), "needs a real token"),
        (lambda model: model.generate_ids(IDS, mask=[[1, 1]]), r"shape of ids, \(2, 3\)"),
    ],
)
def test_ids_that_cannot_be_read_are_refused(call, words):
    with pytest.raises(ShapeError, match=words):
        call(load(tiny.folder_of("gpt2")))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"max_new_token": 3}, "Unknown generation setting 'max_new_token'"),
        ({"max_new_tokens": 0}, "max_new_tokens must be at least 1; it is 0"),
        ({"max_length": 2}, "has 2 tokens, and max_length is 2: .*max_new_tokens instead"),
        ({"num_return_sequences": 2}, "num_return_sequences must not exceed num_beams"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, words):
    with pytest.raises(ConfigError, match=words):
        load(tiny.folder_of("gpt2")).generate_ids([5, 6], **settings)


def test_a_prompt_as_long_as_the_model_has_no_hint_that_does_not_help():
    with pytest.raises(ConfigError, match=r"and the model reads 48: nothing can follow. Shorten"):
        load(tiny.folder_of("gpt2")).generate_ids([5] * 49)


def test_what_a_model_is_not_for_is_refused():
    encoder = load(tiny.folder_of("bert"))
    with pytest.raises(CheckpointError, match="is a BERT, which does not generate; its tasks: emb"):
        encoder.generate_ids([5])
    with pytest.raises(ShapeError, match="takes ids alone"):
        encoder.logits(IDS, IDS)
    with pytest.raises(ShapeError, match="give ids and target_ids"):
        load(tiny.folder_of("t5")).logits(IDS)
    with pytest.raises(CheckpointError, match="which does not fill masks; its tasks: generate"):
        load(tiny.folder_of("gpt2")).require("fill_mask")


def test_a_family_knows_the_first_token_of_its_decoder_where_no_file_names_it():
    folder = tiny.folder_of("t5", decoder_start_token_id=None)
    named = load(tiny.folder_of("t5")).generate_ids([5, 6, 1])
    assert load(folder).generate_ids([5, 6, 1]) == named
