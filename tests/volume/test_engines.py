"""Each engine is made when it is first used, and searches for nothing twice."""

from __future__ import annotations

import pytest

pytest.importorskip("ctranslate2")
pytest.importorskip("torch")

from clearhead.search.search import search
from clearhead.search.settings import SearchSettings
from clearhead.volume import engines as engines_module
from clearhead.volume.choice import EngineChoice
from clearhead.volume.engines import VolumeEngines
from clearhead.volume.layout import Layout, stored_layout
from tests.volume.conftest import random_sources

SETTINGS = SearchSettings(max_length=20, beam_size=1)


@pytest.fixture
def engines(checkpoint, cache):
    reads = []

    def read_model():
        reads.append(checkpoint)
        return checkpoint

    engines = VolumeEngines(
        checkpoint.config, read_model, checkpoint.tokenizer, checkpoint.engine()
    )
    engines.reads = reads
    return engines


def tokens(results):
    return [[one.tokens for one in row] for row in results]


@pytest.mark.parametrize("engine", ["torch", "ctranslate2"])
def test_it_searches_as_ours_does_and_once(engines, checkpoint, engine):
    choice = engines.choose(engine, "float32", SETTINGS)
    run = engines.search(choice)
    sources = random_sources(checkpoint, 8)
    prefixes = [()] * 8
    results = run(sources, SETTINGS, prefixes, None)
    assert tokens(results) == tokens(search(checkpoint.engine(), sources, SETTINGS))
    before = engines.repeats(choice)
    again = engines.search(choice)(sources[::-1], SETTINGS, prefixes, None)
    assert again == results[::-1]
    assert engines.repeats(choice) == before + 8


def test_the_readable_engine_has_no_search_of_its_own_here(engines):
    choice = engines.choose("auto", "float32", SETTINGS)
    assert choice.engine == "numpy"
    assert engines.search(choice) is None
    assert engines.reads == []


def test_the_model_is_kept_and_another_process_reads_no_weights_to_write_it(
    engines, checkpoint, cache, monkeypatch
):
    folder = engines.folder("int8")
    assert folder.parent == cache
    assert folder.name.endswith("-int8")
    monkeypatch.setattr(engines_module, "write_model", None)  # it is not called again
    other = VolumeEngines(
        checkpoint.config, lambda: checkpoint, checkpoint.tokenizer, checkpoint.engine()
    )
    assert other.folder("int8") == folder


def test_a_layout_is_measured_with_many_sources_and_kept(engines, checkpoint, monkeypatch):
    monkeypatch.setattr(engines_module, "_MEASURED_FROM", 6)
    work = engines_module.Work(threads=1)
    few, many = random_sources(checkpoint, 5), random_sources(checkpoint, 6)
    assert engines.layout("float32", work, few, SETTINGS) == Layout(1)
    layout = engines.layout("float32", work, many, SETTINGS)
    stored = stored_layout(engines.folder("float32"), "1 processors, beam 1")
    assert layout == stored
    monkeypatch.setattr(engines_module, "fastest", None)  # what is kept counts
    assert engines.layout("float32", work, many, SETTINGS) == stored
    wide = engines_module.Work(batch_tokens=77, threads=1)
    assert engines.layout("float32", wide, many, SETTINGS).batch_tokens == 77


def test_the_faster_type_of_torch_is_measured_once(engines, checkpoint, monkeypatch):
    names = []

    def faster(candidates, sources):
        names.append(sorted(candidates))
        return "bfloat16"

    monkeypatch.setattr(engines_module, "faster_compute", faster)
    run = engines.search(EngineChoice("torch", "auto", "as you asked"))
    for count in (2, 3):
        run(random_sources(checkpoint, count), SETTINGS, [()] * count, None)
    assert names == [["bfloat16", "float32"]]
    assert engines.torch_engine("auto", []).compute == "bfloat16"


def test_the_numbers_of_the_model_are_counted(engines, checkpoint):
    assert engines.parameters == sum(weight.size for weight in checkpoint.weights.values())
