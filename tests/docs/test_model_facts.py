"""What pages say of the bundled model's size, shape and score is so."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.docs import model_facts
from tests.docs.model_facts import SENTENCES, pages, stored_type, with_facts


@pytest.mark.parametrize("path", SENTENCES)
def test_the_figures_are_those_of_the_model(path):
    text, right = pages()[path]
    assert text == right, "python -m tests.docs.quotes --write puts the right figures in"


def test_figures_are_put_in_their_place():
    sentence = "It has {count} layers ({megabytes} MB)"
    new = with_facts(
        "Yes. It has two layers (15.7 MB).", sentence, {"count": "six", "megabytes": "9.0"}
    )
    assert new == "Yes. It has six layers (9.0 MB)."
    assert with_facts("stored in float16, all", "stored in {stored}", {"stored": "int8"}) == (
        "stored in int8, all"
    )
    for text in ("It has two heads.", "It has 2 layers (1 MB). It has 3 layers (1 MB)."):
        with pytest.raises(ValueError, match=r"must have once: It has {count} layers"):
            with_facts(text, sentence, {})


@pytest.mark.parametrize(("dtype", "name"), [("int8", "int8"), ("float16", "float16")])
def test_the_type_of_most_numbers(tmp_path, dtype, name):
    weights = {"a": np.zeros((4, 4), dtype), "a.scale": np.zeros(4, np.float32)}
    save_file(weights, tmp_path / "model.safetensors")
    assert stored_type(tmp_path / "model.safetensors") == name


def test_other_figures_are_told_and_put_right(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(model_facts, "SENTENCES", {"page.md": ("{millions} million",)})
    facts = model_facts.facts()
    monkeypatch.setattr(model_facts, "ROOT", tmp_path)
    (tmp_path / "page.md").write_text("It has 1.0 million parameters.")
    assert model_facts.check(write=False) == 1
    assert "page.md: other figures" in capsys.readouterr().out
    assert model_facts.check(write=True) == 0
    text = (tmp_path / "page.md").read_text()
    assert text == f"It has {facts['millions']} million parameters."
