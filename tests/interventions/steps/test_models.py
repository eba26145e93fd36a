"""Models of ours, loaded and not: translation, generation, traces, with edits."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import clearhead
from clearhead.engine.reference_engine import ReferenceEngine
from clearhead.errors import ConfigError
from clearhead.interventions.steps.models import computes_for, is_ours, transformer_of
from clearhead.reference.transformer import Transformer
from tests.reference.models import random_weights, small_config

TEXT = "The old man reads a letter in the garden."
CROSS = "decoder.layers.1.cross_attention"


@pytest.fixture(scope="module")
def model():
    return clearhead.load("en-fr")


def test_what_is_ours():
    config = small_config()
    transformer = Transformer(config, random_weights(config))
    engine = ReferenceEngine(transformer)
    assert is_ours(transformer)
    assert is_ours(engine)
    assert transformer_of(engine) is transformer
    assert computes_for(engine)(transformer)
    assert not computes_for(engine)(Transformer(config, random_weights(config)))
    assert not is_ours("en-fr")


def test_a_translation_with_an_edit_is_that_of_the_page_s_engine(model):
    from clearhead.explorer.contract.edits import MaskToken, changes_of
    from clearhead.explorer.passes.edited_engine import edited_engine
    from clearhead.translation.translator import Translator

    plain = model.translate(TEXT).text
    with clearhead.intervene(model) as edits:
        for name in ("encoder.*.self_attention", "*.cross_attention"):
            edits[name].edge(None, 2).remove()
        edited = model.translate(TEXT).text
        trace = model.trace(TEXT)
    assert (trace[f"{CROSS}.weights"].value[..., 2] == 0).all()
    changes = changes_of([MaskToken(position=2)], model.config)
    engine = edited_engine(model.engine, changes)
    assert edited == Translator.from_checkpoint(model.source, engine=engine).translate(TEXT).text
    assert edited != plain == model.translate(TEXT).text


def test_generation_with_an_edit_is_greedy_over_edited_passes(model):
    with clearhead.intervene(model) as edits:
        edits[CROSS].head([0, 1]).zero()
        edits["decoder.layers.0"].output.at(2).scale(0.5)
        source = [*model.inputs(TEXT).arguments["source_ids"][0]]
        (ids,) = [model.generate_ids(source, num_beams=1, max_new_tokens=6)]
        logits = model.logits(np.array([source]), np.array([[model.config.start_id, *ids]]))
    allowed = [token for token in range(logits.shape[-1])
               if token not in (model.config.pad_id, model.config.start_id)]  # fmt: skip
    best = [allowed[row[allowed].argmax()] for row in logits[0, :-1]]
    assert best == [*ids]


def test_a_translator_is_edited_where_it_computes(model):
    translator = clearhead.Translator.load("en-fr")
    with clearhead.intervene(translator) as edits:
        edits["decoder.layers.0.cross_attention"].zero()
        assert translator.translate(TEXT).text != model.translate(TEXT).text
        for options in ({"threads": 2}, {"engine": "auto"}):
            with pytest.raises(ConfigError, match=r"translate with engine=\"numpy\" and threads=1"):
                translator.translate([TEXT], **options)
    assert translator.translate(TEXT).text == model.translate(TEXT).text


def test_pytorch_is_not_loaded():
    program = f"""
import sys
import clearhead
model = clearhead.load("en-fr")
with clearhead.intervene(model) as edits:
    edits["{CROSS}"].head(1).zero()
    model.trace("A cat.", target="Un chat.")
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
