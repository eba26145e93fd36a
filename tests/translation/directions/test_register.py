"""A register is a token in front of the source, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest

import clearhead
from clearhead.errors import CheckpointError, ConfigError
from clearhead.file_reading import FileProblem
from clearhead.json_fields import Fields
from clearhead.text.tags import TAGS
from clearhead.translation.checkpoint import read_checkpoint
from clearhead.translation.directions.register import read_registers, register_tags, with_tags
from clearhead.translation.sentences.segments import Piece
from clearhead.translation.translator import Translator
from tests.translation.conftest import write_checkpoint

BOTH = ("tu", "vous")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("registers")
    return write_checkpoint(place / "model", states={"registers": ["tu", "vous"]})


@pytest.fixture(scope="module")
def translator(folder):
    return Translator.load(folder)


def test_a_register_is_the_id_of_its_tag():
    assert register_tags("auto", ()) == register_tags("auto", BOTH) == ()
    assert register_tags("tu", BOTH) == (TAGS["tu"],)
    assert register_tags("vous", BOTH) == (TAGS["vous"],)


def test_what_a_model_was_not_trained_with_is_refused():
    with pytest.raises(ConfigError) as error:
        register_tags("vous", ())
    assert str(error.value) == (
        "register='vous' was asked of a model that was trained without registers, and would read "
        "its tag as noise. Leave register at 'auto', or train a model with a register_share above "
        "0 in a [[data.corpus]]."
    )
    with pytest.raises(ConfigError, match="trained with the registers tu alone"):
        register_tags("vous", ("tu",))
    with pytest.raises(ConfigError, match=r"register must be one of auto, tu, vous; it is .polite"):
        register_tags("polite", BOTH)


def test_a_config_states_registers():
    assert read_registers(Fields({}, "the file")) == ()
    assert read_registers(Fields({"registers": ["vous"]}, "the file")) == ("vous",)
    with pytest.raises(FileProblem) as error:
        read_registers(Fields({"registers": ["sie"]}, "the file"))
    assert "and this version of clearhead knows: tu, vous" in error.value.reason
    with pytest.raises(FileProblem):
        read_registers(Fields({"registers": "tu"}, "the file"))


def test_a_damaged_statement_is_told_with_the_file(tmp_path):
    folder = write_checkpoint(tmp_path / "model", states={"registers": [1]})
    with pytest.raises(CheckpointError, match=r"Cannot read .*config\.json: .*registers"):
        read_checkpoint(folder)


def test_a_tag_is_shown_as_a_token():
    assert with_tags(["<0xFE>", "▁Go"], [TAGS["tu"], 300]) == ["<tu>", "▁Go"]
    assert with_tags([], []) == []


def test_the_tag_stands_before_every_sentence(translator):
    text = "Where is the station? The old man."
    plain = translator.translate(text, alignment=True, max_length=6)
    tagged = translator.translate(text, alignment=True, max_length=6, register="vous")
    sentences = [segment for segment in tagged.segments if not segment.kept]
    assert len(sentences) == 2
    assert all(segment.source_tokens[0] == "<vous>" for segment in sentences)
    without = [token for token in tagged.source_tokens if token != "<vous>"]
    assert without == list(plain.source_tokens)
    assert tagged.alignment.shape == (len(tagged.tokens), len(plain.source_tokens) + 2)
    assert [s.source for s in tagged.segments] == [s.source for s in plain.segments]
    assert tagged.score != plain.score
    assert translator.translate(text, max_length=6, register="auto") == translator.translate(
        text, max_length=6
    )


def test_the_log_probabilities_are_those_of_the_source_with_its_tag(translator):
    tokenizer = translator.tokenizer
    (translation,) = translator.translate(["Go to the house."], max_length=5, register="tu")
    source = [TAGS["tu"], *tokenizer.encode("Go to the house."), 2]
    (segment,) = translation.segments
    target = [tokenizer.pieces(range(tokenizer.vocab_size)).index(t) for t in segment.tokens]
    decoding = translator.engine.begin([source])
    row, token = np.zeros(1, np.int64), 1
    for expected, following in zip(segment.token_log_probs, target, strict=False):
        log_probs = decoding.advance(np.array([token]), row)
        assert log_probs[0, following] == pytest.approx(expected, rel=1e-4)
        token = following


def test_marks_go_to_the_words_that_they_stood_at(folder):
    """The aligner sees the tag and the sentence; the tag is part of no word."""
    translator = Translator.load(folder)
    asked = []

    def align(source, target, layer, rows):
        asked.append(source)
        weights = np.zeros((len(target), len(source)), np.float32)
        weights[:, 0] = 9.0  # all looks at the tag, which is no word
        weights[:, -1] = 1.0  # and next at the last word
        return weights

    translator._sentence_translator.align = align
    text = translator.translate("The old <b>house</b>", max_length=6, register="tu").text
    assert asked[0][0] == TAGS["tu"]
    assert text.startswith("<b>")
    assert text.count("<b>") == text.count("</b>") == 1


def test_the_tag_counts_in_the_length_of_a_source(folder):
    translator = Translator.load(folder)
    lengths = []
    begin = translator.engine.begin
    translator.engine.begin = lambda sources: lengths.extend(map(len, sources)) or begin(sources)
    text = "the old man walks to the house by the river " * 6
    translator.translate(text, max_length=2, register="tu", split=False)
    with_tag = max(lengths)
    assert with_tag <= translator.longest_source + 1  # the end token
    assert "".join(piece.text for piece in translator.split(text)) == text


@pytest.mark.parametrize("text", ["- Go.\n\n  {n} cups.", "(Go.) Tom: Go.", "", "12:30", "😀 Go"])
def test_what_is_kept_is_kept_with_a_register(translator, text):
    plain = translator.translate(text, max_length=3)
    tagged = translator.translate(text, max_length=3, register="tu")
    assert "".join(segment.source for segment in tagged.segments) == text
    assert tagged.text.count("{n}") == text.count("{n}")
    assert [s.text for s in tagged.segments if s.kept] == [s.text for s in plain.segments if s.kept]


def test_pieces_that_were_split_are_encoded_without_a_tag(translator):
    sentence = translator._sentence_translator.sentence(Piece("Go.", True))
    assert not set(sentence.parts[0].ids) & set(TAGS.values())


def test_the_trace_reads_the_tag(folder, tmp_path):
    trace = clearhead.trace("The old man.", model=folder, target="La", register="vous")
    assert trace["encoder.tokens"].value[0, 0] == TAGS["vous"]
    plain = clearhead.trace("The old man.", model=folder, target="La")
    assert trace["encoder.tokens"].value.shape[1] == plain["encoder.tokens"].value.shape[1] + 1
    with pytest.raises(ConfigError, match="trained without registers"):
        clearhead.trace("The old man.", model=write_checkpoint(tmp_path / "plain"), register="vous")
