"""The list of everyday sentences is read strictly, and compared exactly."""

from __future__ import annotations

import pytest

from benchmarks.translation_quality.everyday import (
    EverydaySentence,
    expand,
    normalise,
    read_everyday,
)
from clearhead.errors import CorpusError


def sentences_of(tmp_path, text):
    path = tmp_path / "list.toml"
    path.write_text(text, "utf-8")
    return read_everyday(path)


def test_a_list_is_read_in_its_order(tmp_path):
    text = '[a]\n"Yes." = ["Oui."]\n[b]\n"no" = ["non", "(ah |)ça non"]\n'
    assert sentences_of(tmp_path, text) == [
        EverydaySentence("a", "Yes.", ("Oui.",)),
        EverydaySentence("b", "no", ("non", "ah ça non", "ça non")),
    ]


def test_a_form_stands_for_every_choice():
    assert expand("Un (bon|beau) jour(.| !)") == [
        "Un bon jour.",
        "Un bon jour !",
        "Un beau jour.",
        "Un beau jour !",
    ]
    assert expand("Non(,|) merci.") == ["Non, merci.", "Non merci."]


@pytest.mark.parametrize("form", ["a (b", "a) b", "a|b", "(a|(b|c))", "a ((b))"])
def test_a_form_that_is_not_closed_is_refused(form):
    with pytest.raises(CorpusError, match=r"write \(a\|b\), or two forms"):
        expand(form)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[a]\n"Yes." = ["Oui."]\n"Yes." = ["Si."]', "is not TOML"),
        ('"Yes." = ["Oui."]', "is not a group"),
        ("[a]", "is not a group"),
        ('[a]\n"Yes." = ["Oui."]\n[b]\n"Yes." = ["Si."]', "stands in a and in b; leave one"),
        ('[a]\n"Yes." = "Oui."', "a list of French forms"),
        ('[a]\n"Yes." = []', "a list of French forms"),
        ('[a]\n"Yes." = ["Oui.", "(Si|Oui)."]', "written twice"),
        ('[a]\n"Yes." = ["Oui"]', "must end with a mark"),
        ('[a]\n"yes" = ["oui."]', "must end with a mark"),
        ('[a]\n"Yes." = ["oui."]', "must begin with a capital"),
        ('[a]\n"Yes!" = ["Oui!"]', "no space before a mark"),
        ('[a]\n"Yes." = ["Oui  da."]', "surplus or unusual spaces"),
        ('[a]\n"Yes!" = ["Oui\u00a0!"]', "surplus or unusual spaces"),
        ('[a]\n"Yes." = [""]', "is empty"),
        ('[a]\n"Yes." = ["J\u2019aime."]', "plain apostrophes"),
        ('[a]\n"Yes." = ["E\u0301té."]', "normal form C"),
    ],
)
def test_a_list_of_another_form_is_refused(tmp_path, text, words):
    with pytest.raises(CorpusError, match=words):
        sentences_of(tmp_path, text)


def test_an_error_names_the_place(tmp_path):
    with pytest.raises(CorpusError, match=r"list.toml, \[a\] 'Yes.': 'Oui' must end"):
        sentences_of(tmp_path, '[a]\n"Yes." = ["Oui"]')


@pytest.mark.parametrize(
    "text",
    [
        "C'est l'été !",
        "C\u2019est l\u2019été\u202f!",
        "C'est l'e\u0301te\u0301!",
        " C'est  l'été ! ",
    ],
)
def test_spaces_apostrophes_and_normal_forms_make_no_difference(text):
    assert EverydaySentence("a", "It's summer!", ("C'est l'été !",)).accepts(text)


@pytest.mark.parametrize("text", ["C'est l'été.", "c'est l'été !", "C'est l'ete !", "C'est été !"])
def test_everything_else_does(text):
    assert not EverydaySentence("a", "It's summer!", ("C'est l'été !",)).accepts(text)


def test_the_first_letter_is_free_where_the_source_begins_small():
    sentence = EverydaySentence("a", "hello", ("bonjour",))
    assert sentence.accepts("Bonjour")
    assert not sentence.accepts("BONJOUR")


def test_a_normal_text_has_plain_spaces():
    assert normalise("Où\u00a0est\u2009l\u2019eau\u202f?") == "Où est l'eau?"
