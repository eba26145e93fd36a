"""Which kind of model something is."""

from __future__ import annotations

import json

import numpy as np
import pytest

from clearhead.errors import CheckpointError
from clearhead.explorer.models.classifier import ClassifierModel
from clearhead.explorer.models.encoder import EncoderModel
from clearhead.explorer.models.generation import GenerationModel
from clearhead.explorer.models.kinds import read_model, walked_model
from clearhead.explorer.models.translation import TranslationModel
from clearhead.pretrained.model import PretrainedModel
from clearhead.translation.checkpoint import Checkpoint
from tests.explorer.others import gpt2_folder
from tests.translation.conftest import write_checkpoint, write_classifier


@pytest.mark.parametrize(
    ("sides", "kind"),
    [((1, 1), TranslationModel), ((0, 1), GenerationModel), ((1, 0), EncoderModel)],
)
def test_a_checkpoint_of_ours_is_what_its_stacks_make_it(tmp_path, sides, kind):
    encoder, decoder = sides
    folder = write_checkpoint(tmp_path / "m", encoder_layers=encoder, decoder_layers=decoder)
    checkpoint = read_model(folder)
    assert isinstance(checkpoint, Checkpoint)
    assert type(walked_model(checkpoint)) is kind


def test_what_ours_reads_has_the_tokens_that_it_was_trained_with(tmp_path):
    generation = walked_model(read_model(write_checkpoint(tmp_path / "g", encoder_layers=0)))
    encoder = walked_model(read_model(write_checkpoint(tmp_path / "e", decoder_layers=0)))
    words = list(generation.tokenizer.encode("The man."))
    assert generation.encode("The man.") == [1, *words]
    assert encoder.encode("The man.") == [*words, 2]
    assert generation.encode_words("The man.") == words


def test_weights_that_are_not_the_configs_are_refused(tmp_path):
    checkpoint = read_model(write_checkpoint(tmp_path / "m", encoder_layers=0))
    weights = {**checkpoint.weights, "decoder.norm.weight": np.ones(3, np.float32)}
    wrong = Checkpoint(checkpoint.config, weights, checkpoint.tokenizer, {}, tmp_path)
    with pytest.raises(CheckpointError, match=r"not those of its config.json. .* decoder.norm"):
        walked_model(wrong)


def test_a_folder_of_transformers_is_told_by_its_config(tmp_path):
    folder = gpt2_folder(tmp_path / "gpt2")
    model = read_model(folder)
    assert isinstance(model, PretrainedModel)
    assert type(walked_model(model)) is GenerationModel
    (folder / "config.json").write_text(json.dumps({"hidden": 3}))
    with pytest.raises(CheckpointError, match=r"config.json must hold an object"):
        read_model(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"Cannot read .*config.json"):
        read_model(folder)


def test_a_name_that_is_nothing_is_refused_with_what_there_is():
    with pytest.raises(CheckpointError, match=r"neither a bundled model \(.*en-fr.*\) nor"):
        read_model("no-such-model")


def test_a_classifier_of_ours_is_an_encoder_whose_logits_are_no_words(tmp_path):
    model = walked_model(read_model(write_classifier(tmp_path / "c")))
    assert type(model) is ClassifierModel
    assert model.labels == ("no", "so so", "yes")
    assert not model.predicts_words
    words = list(model.tokenizer.encode("The man."))
    assert model.encode("The man.") == [1, *words, 2]
