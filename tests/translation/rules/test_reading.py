"""Sentences as the bundled model reads them, and their translations as people write."""

from __future__ import annotations

import random
import unicodedata

import pytest

from clearhead.text.tokenizer import Tokenizer
from clearhead.translation.checkpoint import bundled_models, read_checkpoint
from clearhead.translation.rules.reading import Reader
from clearhead.translation.translator import Translator

bundled = pytest.mark.skipif("en-fr" not in bundled_models(), reason="no model is bundled")


@pytest.fixture(scope="module")
def reader():
    return Reader(read_checkpoint("en-fr").tokenizer)


@pytest.fixture(scope="module")
def translator():
    return Translator.load("en-fr")


@bundled
def test_a_thousand_plain_sentences_are_read_as_they_are(reader):
    generator = random.Random(3)
    who = ["I", "You", "We", "They", "Tom", "My sister", "The old man", "That dog", "Mr. Brown"]
    does = ["saw", "don't like", "can't find", "bought", "never eats", "would like", "'ve seen"]
    what = ["a house", "the U.S. Army", "two red apples", "12 books", "$3.50", "NASA's map", "tea"]
    when = ["", " today", " at 5 p.m", ", I think", " in Paris, London and New York", " on Monday"]
    mark = [".", "!", "?"]
    sentences = {
        f"{generator.choice(who)} {generator.choice(does)} {generator.choice(what)}"
        f"{generator.choice(when)}{generator.choice(mark)}"
        for _ in range(3000)
    }
    assert len(sentences) > 1000
    for sentence in sorted(sentences)[:1000]:
        reading = reader.read(sentence)
        assert (reading.text, reading.actions, reading.marks) == (sentence, (), ())


SENTENCES = ["Close the door.", "I love tea.", "Where is the station?", "My brother is tired!"]


@bundled
@pytest.mark.parametrize(
    ("around", "change"),
    [
        (str.format, str.format),
        *[
            (lambda text, form=form: form.format(text), lambda text, form=form: form.format(text))
            for form in [
                "Tom: {}", "[{}]", "{{{}}}", "~~{}~~", "'{}'", "({})", '"{}"', "“{}”", "**{}**",
                "_{}_", "- {}", "# {}", "> {}", "1. {}", "<p>{}</p>", "{} 😀", "« {} »",
                "Mary Jane: \"{}\"",
            ]
        ],
        (str.upper, str.upper),
        (lambda text: unicodedata.normalize("NFD", text[:3] + "\u00ad" + text[3:]), str.format),
        (lambda text: text[:-1], lambda text: text.rstrip(" .!?")),
        (lambda text: text[:-1] + " 😀" + text[-1], None),
    ],
)  # fmt: skip
def test_a_translation_is_that_of_the_plain_sentence_inside(translator, around, change):
    plain = [translation.text for translation in translator.translate(SENTENCES)]
    texts = [around(sentence) for sentence in SENTENCES]
    translations = [translation.text for translation in translator.translate(texts)]
    if change is None:
        assert [text.replace(" 😀", "") for text in translations] == plain
        assert all(text.count(" 😀") == 1 for text in translations)
    else:
        assert translations == [change(text) for text in plain]


@bundled
def test_every_action_is_told_and_sources_are_the_users_text(translator):
    text = 'Tom: "CLOSE THE <b>DOOR</b>" 😀'
    translation = translator.translate(text)
    assert "".join(segment.source for segment in translation.segments) == text
    kept_stretches = [
        (s.text, s.actions[0].rule) for s in translation.segments if s.kept and s.actions
    ]
    assert ("Tom: ", "speaker") in kept_stretches
    (sentence,) = [segment for segment in translation.segments if not segment.kept]
    assert sentence.read == "Close the door."
    assert [action.rule for action in sentence.actions] == ["marks", "case", "final mark"]
    plain = translation.to_dict()
    assert plain["segments"][0]["read"] == "Close the door."
    assert {rule["rule"] for rule in plain["segments"][0]["rules"]} == {
        "marks", "case", "final mark",
    }  # fmt: skip
    assert {"text": "Tom: ", "rule": "speaker"} in plain["kept"]


@bundled
def test_rules_may_be_left_out(translator):
    segment = translator.translate("CLOSE THE DOOR", adapt=False).segments[0]
    assert segment.actions == ()
    assert segment.read == "CLOSE THE DOOR"


def test_a_model_that_knows_no_marks_or_capitals_is_not_given_any():
    reader = Reader(Tokenizer.train(["seventy one thousand"] * 5, 300))
    reading = reader.read("seventy one")
    assert (reading.text, reading.actions) == ("seventy one", ())
