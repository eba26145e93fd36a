"""Runs that begin from someone else's model: what they end with is such a model again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import clearhead as ch
from clearhead.errors import CorpusError
from clearhead.pretrained.reading import read_pretrained
from clearhead.training.loop import Trainer
from tests.training.initial.folders import KINDS, save_model, settings_of

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


@pytest.mark.parametrize("name", ["Marian", "mBART", "T5", "Llama", "BERT", "RoBERTa"])
def test_a_run_from_a_model_of_each_kind(name: str, tmp_path: Path) -> None:
    """The finished model has the weights of the run, the tokenizer, and the numbers there."""
    initial = tmp_path / "initial"
    save_model(initial, name)
    trainer = Trainer(settings_of(name, tmp_path, initial), tmp_path / "run")
    first = trainer.development_loss()
    finished = trainer.train()
    assert trainer.development_loss() < first
    before, after = read_pretrained(initial), read_pretrained(finished)
    last = {key: value.numpy() for key, value in trainer.model.state_dict().items()}
    mean = average(tmp_path / "run")
    assert after.weights.keys() == last.keys() == mean.keys()
    for key, weight in after.weights.items():
        np.testing.assert_allclose(weight, mean[key], atol=1e-6, err_msg=key)
    assert any(not np.array_equal(after.weights[key], before.weights.get(key)) for key in last)
    text, languages = "one two three", KINDS[name][4] if name in ("mBART", "NLLB") else None
    language = languages and languages[0]
    ids = after.require_tokenizer().encode(text)
    assert ids == before.require_tokenizer().encode(text, language=language)
    assert (finished / "clearhead.json").is_file()
    assert_transformers_agrees(finished)
    assert_it_does_what_it_learnt(finished, name)


def average(run: Path) -> dict[str, np.ndarray]:
    """The mean of the last two checkpoints."""
    from clearhead.training.checkpoint import average_weights, states

    mean = average_weights(state / "model.safetensors" for state in states(run)[-2:])
    return {name: value.numpy() for name, value in mean.items()}


def assert_transformers_agrees(folder: Path) -> None:
    """The class that config.json names computes what the model of the run does."""
    kind = json.loads((folder / "config.json").read_text())["architectures"][0]
    theirs = getattr(transformers, kind).from_pretrained(folder, attn_implementation="eager")
    model = ch.load(folder)
    ids = np.array([[5, 9, 7, 6]])
    inputs = {"input_ids": torch.from_numpy(ids)}
    labels = bool(model.config.output.labels)
    if model.config.encoder_layers and model.config.decoder_layers:
        inputs["decoder_input_ids"] = torch.from_numpy(ids[:, ::-1].copy())
        ours = model.logits(ids, ids[:, ::-1])
    else:
        ours = model.logits(ids)
    with torch.no_grad():
        logits = theirs.eval()(**inputs).logits.numpy()
    np.testing.assert_allclose(ours[:, 0] if labels else ours, logits, atol=2e-5)


def assert_it_does_what_it_learnt(folder: Path, name: str) -> None:
    model, task = ch.load(folder), KINDS[name][3]
    if task == "classification":
        result = model.classify("two three")
        assert result.labels[0].name.startswith("it is ")
    elif task == "language":
        assert model.generate("one two", max_new_tokens=3).text is not None
    else:
        options = {"task": "en-fr"} if name == "T5" else {}
        translator = ch.load(folder, **options)
        assert isinstance(translator.translate("one two.", max_length=5).text, str)


def test_bits_do_not_depend_on_stops(tmp_path: Path) -> None:
    """It ended after a step and was started anew; in micro-batches, as processes share them."""
    save_model(tmp_path / "initial", "Marian")
    settings = settings_of("Marian", tmp_path, tmp_path / "initial", micro_batches=2)
    whole = Trainer(settings, tmp_path / "whole").train()
    first = settings_of("Marian", tmp_path, tmp_path / "initial", micro_batches=2, max_steps=1)
    Trainer(first, tmp_path / "parts").train()
    parts = Trainer(settings, tmp_path / "parts").train()
    content = (whole / "model.safetensors").read_bytes()
    assert (parts / "model.safetensors").read_bytes() == content


def test_another_file_of_the_initial_model_is_noticed(tmp_path: Path) -> None:
    save_model(tmp_path / "initial", "BART")
    settings = settings_of("BART", tmp_path, tmp_path / "initial", max_steps=1)
    Trainer(settings, tmp_path / "run").train()
    (tmp_path / "initial/merges.txt").write_text("#version: 0.2\n")
    with pytest.raises(CorpusError, match=r"merges\.txt \(training\.initial, merges\.txt\) had"):
        Trainer(settings, tmp_path / "run")
