"""Other people's models walk as they were read."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from clearhead.config_parts import OutputConfig
from clearhead.errors import CheckpointError, ConfigError
from clearhead.explorer import explorer_of
from clearhead.explorer.explorer import Explorer
from clearhead.explorer.models.kinds import read_model
from clearhead.explorer.models.others import PretrainedTranslation, walked_pretrained
from clearhead.generation.generate import generate
from clearhead.generation.settings import GenerationSettings
from clearhead.pretrained.reading import read_pretrained
from clearhead.tasks.model import Model
from tests.explorer.others import gpt2_folder
from tests.reference.models import random_weights, small_config

TEXT = "The cat sleeps."


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return read_pretrained(gpt2_folder(tmp_path_factory.mktemp("others") / "gpt2"))


@pytest.fixture(scope="module")
def translating(model):
    """The same tokenizer, and an encoder with a decoder, as a T5 is."""
    config = small_config(vocab_size=340, max_length=40, positions="relative", start_id=0, end_id=0)
    weights = {
        name: (2 * array).astype(np.float32) for name, array in random_weights(config).items()
    }
    return dataclasses.replace(
        model,
        config=config,
        weights=weights,
        tasks=frozenset({"translate"}),
        generation={"decoder_start_token_id": 5, "eos_token_id": 0, "num_beams": 7,
                    "bad_words_ids": [[9]], "do_sample": True, "max_length": 3},
    )  # fmt: skip


def test_special_tokens_are_those_of_the_tokenizer(gpt2):
    # The ids 1 and 2 are ordinary ones here.
    assert [gpt2.models.token(number)["special"] for number in range(3)] == [True, False, False]
    assert gpt2.answer("model").json["provenance"]["family"] == "GPT-2"


def test_the_vocabulary_is_searched_for_words(gpt2):
    tokens = gpt2.answer("words", {"query": "ca"}).json["tokens"]
    assert "▁cat" in [token["piece"] for token in tokens]
    assert not any(token["special"] for token in tokens)


def test_weights_lie_once_in_memory(model):
    walked = walked_pretrained(model)
    name = "decoder.layers.0.feed_forward.up.weight"
    for twin in (walked.fast.model, walked.reference):
        assert np.shares_memory(twin.weights[name], model.weights[name])


def test_a_translation_follows_the_settings_of_its_files(translating):
    explorer = Explorer(translating, name="theirs")
    assert isinstance(explorer.models, PretrainedTranslation)
    answer = explorer.answer("run", {"text": TEXT, "beam_size": 3}).json
    source = translating.tokenizer.encode(TEXT)
    settings = GenerationSettings(
        num_beams=3, max_new_tokens=3 * len(source) + 20, bad_words_ids=((9,),), eos_token_id=(0,),
        decoder_start_token_id=5,
    )  # fmt: skip
    ((best, *_),) = generate(
        explorer.models.fast, [source], settings, has_encoder=True, starts=[[5]], positions=39
    )
    assert [token["id"] for token in answer["decoder_input"]] == [5, *best.content]
    assert answer["predicted"][-1]["id"] == 0
    assert 0 < answer["check"]["largest"] < 1e-3
    assert explorer.answer("model").json["kind"] == "translation"
    assert "beam" not in explorer.answer("model").json["abilities"]
    with pytest.raises(ConfigError, match=r"beam: this model has no search of ours"):
        explorer.answer("beam", {"run": answer["request"]})


def test_a_model_without_a_tokenizer_is_refused_with_why(model):
    without = dataclasses.replace(model, tokenizer=None, no_tokenizer="There is no tokenizer.json.")
    with pytest.raises(CheckpointError, match=r"There is no tokenizer\.json\."):
        explorer_of(without)


def test_a_model_that_reads_no_text_is_refused(model):
    config = small_config(decoder_layers=0)
    pictures = dataclasses.replace(model, config=config, tasks=frozenset({"classify"}))
    with pytest.raises(ConfigError, match=r"walks models that read text; this GPT-2 model"):
        walked_pretrained(pictures)


def test_a_folder_is_explored_by_its_name(tmp_path):
    explorer = explorer_of(gpt2_folder(tmp_path / "tiny"))
    assert explorer.answer("model").json["name"] == "tiny"
    assert read_model(tmp_path / "tiny").family.name == "GPT-2"


def test_a_task_is_told_to_the_model_in_its_way(translating):
    settings = {"task_specific_params": {
        "translation_en_to_fr": {"prefix": "to French: ", "num_beams": 2},
        "translation_en_to_de": {"prefix": "to German: "},
    }}  # fmt: skip
    model = dataclasses.replace(translating, settings=settings)
    explorer = Explorer(model, task="en-fr")
    run = explorer.answer("run", {"text": TEXT}).json
    words = translating.tokenizer.encode(f"to French: {TEXT}")
    assert [token["id"] for token in run["source"]] == words
    # Told nothing, it does what the text says.
    plain = Explorer(model).answer("run", {"text": f"to French: {TEXT}"}).json
    assert plain["source"] == run["source"]
    with pytest.raises(ConfigError, match=r"knows no task 'en-pt'"):
        Explorer(model, task="en-pt")


def test_a_language_comes_before_the_words_of_a_target(translating):
    forced = {**translating.generation, "forced_bos_token_id": 17}
    explorer = Explorer(dataclasses.replace(translating, generation=forced))
    own = explorer.answer("run", {"text": TEXT}).json["decoder_input"]
    given = explorer.answer("run", {"text": TEXT, "target": " the cat"}).json["decoder_input"]
    assert [row[1]["id"] for row in (own, given)] == [17, 17]
    words = translating.tokenizer.encode_plain(" the cat")
    assert [token["id"] for token in given[2:]] == words


def test_a_task_where_nothing_is_translated_is_refused(model, checkpoint, gpt2):
    with pytest.raises(ConfigError, match=r"for models that translate, and this GPT-2 is none"):
        walked_pretrained(model, "en-fr")
    with pytest.raises(ConfigError, match=r"A model of ours knows one task alone"):
        explorer_of(checkpoint, task="en-fr")
    with pytest.raises(ConfigError, match=r"leave task='en-fr' out"):
        explorer_of(gpt2, task="en-fr")


def test_a_classifier_of_someone_elses_is_walked(model):
    """What it predicts are its labels, with the probabilities that `classify` gives."""
    output = OutputConfig(labels=3, bias=True, transform="tanh", transform_norm=False)
    config = small_config(vocab_size=340, max_length=40, decoder_layers=0, output=output)
    classifier = dataclasses.replace(
        model,
        config=config,
        weights={name: x.astype(np.float32) for name, x in random_weights(config).items()},
        tasks=frozenset({"embed", "classify"}),
        settings={"id2label": {"0": "good", "1": "bad", "2": "neither"}},
    )
    answer = Explorer(classifier).answer("run", {"text": TEXT}).json
    labels = {one["label"]: one["probability"] for one in answer["labels"]}
    result = Model(classifier).classify(TEXT, top=3)
    assert labels == pytest.approx({one.name: one.probability for one in result.labels}, rel=1e-4)
