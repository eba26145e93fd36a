"""A line for each text, or why not; and which lines depend on their neighbours."""

from __future__ import annotations

import pickle

import pytest

from clearhead.batch.job.line_translator import LineTranslator
from clearhead.batch.job.line_work import WINDOW
from clearhead.batch.job.lines import Line
from clearhead.errors import CheckpointError, ConfigError, TextError
from clearhead.translation.translator import Translator

CALL = {"max_length": 6, "beam_size": 1}
FORM = {"as_json": False, "scores": True, "alignments": False}


@pytest.fixture(scope="module")
def translator(folder):
    return Translator.load(folder)


def test_it_pickles_small_and_gives_the_same_lines(translator):
    lines = LineTranslator(translator, CALL, FORM)
    content = pickle.dumps(lines)
    assert len(content) < 2_000
    texts = ["the old house", "", "la maison"]
    expected = [f"{one.score:.3f}\t{one.text}" for one in translator.translate(texts, **CALL)]
    assert pickle.loads(content).lines(texts) == lines.lines(texts) == expected
    assert lines.lines([]) == []


def test_one_text_that_fails_is_told_alone(translator, monkeypatch):
    lines = LineTranslator(translator, CALL)
    good, bad = lines.lines(["the house"])[0], "a\ud800"
    first, second = lines.lines(["the house", bad])
    assert first == good
    assert isinstance(second, TextError)
    monkeypatch.setattr(
        "clearhead.batch.job.line_translator.output_lines", lambda *args, **form: iter(["a\nb"])
    )
    assert str(lines.lines(["the house"])[0]) == "its translation has a line break"


def test_engines_whose_lines_depend_on_their_neighbours_translate_whole_windows(translator):
    assert LineTranslator(translator, CALL).grain == 1
    assert LineTranslator(translator, {**CALL, "engine": "torch"}).grain == WINDOW
    assert LineTranslator(translator, CALL).reject_line == ""
    assert LineTranslator(translator, CALL, {**FORM, "as_json": True}).reject_line == "null"


def test_settings_name_the_model_by_its_hash(translator):
    settings = LineTranslator(translator, CALL, FORM).settings
    assert len(settings["model"]["sha256"]) == 64
    assert (settings["beam_size"], settings["scores"]) == (1, True)


def test_what_gives_several_lines_or_has_no_folder_is_refused(translator):
    with pytest.raises(ConfigError, match=r"one for one: .*--json, or leave --n-best"):
        LineTranslator(translator, {**CALL, "n_best": 2}, FORM)
    parts = Translator(translator.engine, translator.tokenizer, translator.config)
    with pytest.raises(CheckpointError, match="this one has none"):
        LineTranslator(parts, CALL)


def test_a_window_has_a_line_for_each_line_and_says_why_some_are_rejected(translator):
    lines = LineTranslator(translator, CALL, column=2)
    content, rejects = lines.window(
        [(1, Line(b"x\tthe house", 11, b"")), (2, Line(b"alone", 5, b""))]
    )
    assert content.split(b"\n")[1:] == [b"", b""]
    assert {place: str(error) for place, error in rejects.items()} == {
        1: "it has no column 2; it has 1"
    }
    assert lines.settings["column"] == 2
