"""A model's copying scores have the names of the recording of its stack, or a reason."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from clearhead.cli.inspect._copying import copying_of  # noqa: E402
from clearhead.surveys.text_model import Model  # noqa: E402


def test_names_are_those_of_the_stack_that_runs(folder):
    model = Model(folder("gpt2"), "cpu", "auto", copies=True)
    source = model.tokens("the cat sat on the mat and the dog sat")
    copying = copying_of(model, source, None)
    with model.recording_of([], None) as recording:
        model.run(source, None)
    assert list(copying.scores) == list(recording)
    assert not copying.notes


def test_an_encoder_decoder_model_has_them_of_its_decoder(folder):
    model = Model(folder("t5"), "cpu", "auto", copies=True)
    source, target = model.tokens("the cat"), model.tokens("the dog sat", target=True)
    copying = copying_of(model, source, target)
    assert all(name.startswith("decoder.block") for name in copying.scores)
    assert any("reads what another stack returns" in note for note in copying.notes)
    bert = copying_of(Model(folder("bert"), "cpu", "auto", copies=True), source, None)
    assert bert.notes == (
        "no copying scores: it has no matrix that gives the logits of the next word",
    )
