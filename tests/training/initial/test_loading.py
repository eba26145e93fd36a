"""Loss and gradients of every family that can be fine-tuned, against transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clearhead.pretrained.weight_files import open_weights
from clearhead.pretrained.weights import tensors_of, weight_places
from clearhead.training.loop import Trainer
from clearhead.training.step import batch_loss
from tests.reference.exact_transformers import double_throughout
from tests.training.initial.families import (
    MODELS,
    batch_of,
    origin_of,
    our_model,
    pretrained_of,
    random_model,
    their_gradients,
    their_loss,
)
from tests.training.initial.folders import save_model, settings_of

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


@pytest.mark.parametrize("name", MODELS)
def test_loss_and_gradients_are_those_of_transformers(name: str, tmp_path: Path) -> None:
    """In float64, the gradient of every parameter, by the place in the files it is read from."""
    theirs = random_model(name)
    origin = origin_of(theirs, tmp_path)
    ours, batch = our_model(origin), batch_of(origin)
    loss = batch_loss(ours, batch, 0.0).smoothed
    loss.backward()
    with double_throughout():
        their = their_loss(theirs, batch)
        their.backward()
    assert float(loss.detach()) > 1
    assert float(loss.detach()) == pytest.approx(float(their.detach()), rel=1e-10)
    gradients, source = their_gradients(theirs), pretrained_of(origin)
    with open_weights(tmp_path) as files:
        tensors = tensors_of(tmp_path, files, source.family)
        places = weight_places(source.family, source.config, tensors, source.settings)
    for weight, parameter in ours.named_parameters():
        place = places[weight]
        gradient = gradients.get(tensors.names[place.name].replace("embed_out", "lm_head"))
        if not parameter.requires_grad:
            assert (parameter.grad, gradient) == (None, None), weight
            continue
        assert gradient is not None, (weight, tensors.names[place.name])
        array = gradient.numpy()
        array = array.T if place.transposed else array
        array = array if place.rows is None else array[place.rows]
        slope = 1.0
        if place.restore is not None and place.change is not None:
            slope = float(place.change(np.ones(1))[0] - place.change(np.zeros(1))[0])
        elif place.change is not None:
            array = place.change(array)
        assert parameter.grad is not None, weight
        np.testing.assert_allclose(
            parameter.grad.numpy() * slope, array, rtol=1e-7, atol=1e-8, err_msg=weight
        )


@pytest.mark.parametrize("name", ["Marian", "T5", "NLLB", "Llama"])
def test_loss_of_texts_at_the_beginning(name: str, tmp_path: Path) -> None:
    """In float32, of the development set, with the tokenizer and the labels of transformers."""
    initial = tmp_path / "initial"
    save_model(initial, name)
    settings = settings_of(name, tmp_path, initial)
    trainer = Trainer(settings, tmp_path / "run")
    trainer.lock.release()
    tokenizer = transformers.AutoTokenizer.from_pretrained(initial)
    kind = json.loads((initial / "config.json").read_text())["architectures"][0]
    model = getattr(transformers, kind).from_pretrained(initial).eval()
    assert settings.data.development is not None
    loss, count = 0.0, 0
    for line in Path(settings.data.development).read_text().splitlines():
        source, _, target = line.partition("\t")
        inputs = their_inputs(name, tokenizer, source, target)
        with torch.no_grad():
            mean = model(**inputs).loss
        number = inputs["labels"].shape[1] - (not target)  # nothing predicts the first of a text
        loss, count = loss + float(mean) * number, count + number
    assert trainer.development_loss() == pytest.approx(loss / count, rel=1e-5)


def their_inputs(name: str, tokenizer: Any, source: str, target: str) -> dict[str, Any]:
    if not target:
        ids = tokenizer(source, return_tensors="pt").input_ids
        end = torch.tensor([[tokenizer.eos_token_id]])
        whole = torch.cat([ids, end], dim=1)
        return {"input_ids": whole, "labels": whole}
    prefix = {"Marian": ">>fra<< ", "T5": "translate English to French: "}.get(name, "")
    if name == "NLLB":
        tokenizer.src_lang, tokenizer.tgt_lang = "eng_Latn", "fra_Latn"
    inputs = tokenizer(prefix + source, text_target=target, return_tensors="pt")
    return {key: inputs[key] for key in ("input_ids", "attention_mask", "labels")}
