"""A line for each text, or why not; and which lines depend on their neighbours."""

from __future__ import annotations

import pickle

import pytest

from clearhead.batch.job import line_translator, part
from clearhead.batch.job.folder import Job, survey_inputs
from clearhead.batch.job.line_translator import LineTranslator
from clearhead.batch.job.line_work import WINDOW
from clearhead.batch.job.lines import Line
from clearhead.batch.job.plan import Plan
from clearhead.errors import CheckpointError, ConfigError, TextError
from clearhead.translation.translator import Translator
from tests.batch.job.jobs import output
from tests.translation.pretrained_translators import saved

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


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("stranger") / "Marian"
    saved(folder, "Marian")
    return Translator.load(folder)


def divided(place, translator, count):
    """Do a job in so many parts, the last one first and each of them interrupted, and return it."""
    plan = Plan.of_shards(
        survey_inputs([place / "in.txt"]), translator.settings, count, translator.grain
    )

    def interrupt(_):
        raise KeyboardInterrupt

    job = Job(place / f"out-{count}", plan, translator)
    job.open()
    for number in range(count, 0, -1):
        if job.plan.part(number).lines > line_translator.WINDOW:
            with pytest.raises(KeyboardInterrupt):
                job.write_part(number, on_lines=interrupt)
        other = pickle.loads(pickle.dumps(job))  # as another worker has it
        other.write_part(number)
    assert job.finish()["rejects"] == 1
    return output(job.folder)


@pytest.mark.parametrize("kind", ["torch", "ctranslate2", "stranger"])
def test_other_engines_and_models_have_the_same_bytes_for_any_division(
    kind, folder, tmp_path, monkeypatch, request
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for module in (line_translator, part):
        monkeypatch.setattr(module, "WINDOW", 4)
    if kind == "stranger":
        model, call = request.getfixturevalue("stranger"), {}
    else:
        pytest.importorskip(kind)
        compute = "bfloat16" if kind == "torch" else "int8"
        call = {**CALL, "engine": kind, "compute": compute}
        model = Translator.load(folder)
    words = ["the", "old", "house", "by", "river", "la", "maison"]
    lines = [" ".join(words[n % 7 :: 1 + n % 3]).encode() for n in range(19)]
    lines[6] = b"\xff"
    (tmp_path / "in.txt").write_bytes(b"\n".join(lines))
    translator = LineTranslator(model, call, {**FORM, "as_json": True})  # with scores to the bit
    outputs = [divided(tmp_path, translator, count) for count in (1, 2, 3)]
    assert outputs[0] == outputs[1] == outputs[2]
    assert outputs[0].count(b"\n") == 19


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
