"""What is traced, by models of any kind."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.cli.trace._subject import Subject
from clearhead.errors import ConfigError
from clearhead.translation.translator import Translator
from tests.tasks import tiny_models as tiny
from tests.translation.conftest import write_checkpoint


def subject_of(name, text="The old house", **options):
    return Subject(str(tiny.folder_of(name)), text, **options)


def test_a_translation_of_ours():
    subject = Subject("en-fr", "The old house.")
    translation = Translator.load("en-fr").translate("The old house.")
    assert subject.translation == translation.text
    assert subject.pieces(subject.predicted[:-1]) == list(translation.tokens)
    assert (subject.part, subject.position) == ("cross", 0)
    assert subject.predicted[-1] == subject.model.config.end_id
    assert subject.predicted[0] == subject.target[1]


def test_a_translator_of_others():
    subject = subject_of("marian", "The old.", target="La maison")
    assert subject.translates
    assert subject.translation == "La maison"
    assert set(subject.parts) == {"cross", "encoder", "decoder"}
    assert subject.logits.shape == (len(subject.target), tiny.VOCABULARY)
    head = subject.head("cross", 1, 0)
    assert head.values["weights"].shape == (len(subject.target), len(subject.source))


def test_a_task_is_read_before_the_text():
    subject = subject_of("t5", "A cat.", task="en-fr")
    pieces = "".join(subject.pieces(subject.source)).replace("▁", " ")
    assert pieces.startswith("translate English to French: A cat.")


def test_a_prompt():
    subject = subject_of("gpt2")
    assert (subject.part, subject.parts, subject.source) == ("decoder", ["decoder"], ())
    assert subject.position == len(subject.target) - 1
    assert subject.predicted[:-1] == subject.target[1:]
    assert subject.predicted[-1] == subject.logits[-1].argmax()
    np.testing.assert_allclose(subject.probabilities.sum(axis=-1), 1)
    assert subject.likeliest(subject.position).target_rank == 1


def test_a_text_with_a_mask():
    subject = subject_of("bert", "The old <mask> stands.")
    assert (subject.part, subject.target) == ("encoder", ())
    assert subject.pieces(subject.ids)[subject.position] == "<mask>"
    assert subject_of("bert", "The old house").position == 0


def test_steps_by_their_paths():
    subject = subject_of("gpt2")
    paths = [step.path for step in subject.steps("*.self_attention.weights")]
    assert paths == [f"decoder.layers.{layer}.self_attention.weights" for layer in (0, 1)]


def test_what_a_model_has_not():
    with pytest.raises(ConfigError, match=r"--part cross was asked for, and .* has: decoder"):
        subject_of("gpt2").head("cross", 0, 0)
    with pytest.raises(ConfigError, match="--layer must be between 0 and 1"):
        subject_of("gpt2").head("decoder", 2, 0)
    with pytest.raises(ConfigError, match="leave target"):
        subject_of("gpt2", target="La maison")
    with pytest.raises(ConfigError, match="knows no task 'en-de'"):
        subject_of("t5", task="en-de")


def test_a_register_is_a_token_of_the_source(tmp_path):
    folder = write_checkpoint(tmp_path / "model", states={"registers": ["tu"]})
    subject = Subject(str(folder), "The old man.", "La maison", register="tu")
    assert subject.pieces(subject.source)[0] == "<tu>"
    assert subject.head("cross", 0, 0).keys[0] == "<tu>"
    with pytest.raises(ConfigError, match="trained without registers"):
        Subject(str(write_checkpoint(tmp_path / "plain")), "The old man.", register="tu")
    with pytest.raises(ConfigError, match="trained without registers"):
        subject_of("marian", "The old.", register="vous")
