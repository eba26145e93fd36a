from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.translation.rules.inline_marks import put_back, take_out
from clearhead.translation.rules.links import WORD, Links, link_words


def linked(source, target, source_words):
    """Links from the target's words to the source's, by number."""
    columns = tuple(match.span() for match in WORD.finditer(source))
    rows = tuple(match.span() for match in WORD.finditer(target))
    return Links(columns, rows, tuple(source_words))


@pytest.mark.parametrize(
    ("sentence", "plain", "target", "source_words", "restored"),
    [
        ("Please <b>close</b> the door.", "Please close the door.", "Veuillez fermer la porte.",
         [0, 1, 2, 3], "Veuillez <b>fermer</b> la porte."),
        ("_Close_ the door.", "Close the door.", "Fermez la porte !", [0, 1, 2],
         "_Fermez_ la porte !"),
        ("a <b>red</b> car", "a red car", "une voiture rouge", [0, 2, 1],
         "une voiture <b>rouge</b>"),
        ("I love tea 😀.", "I love tea.", "J'adore le thé.", [1, 2, 2], "J'adore le thé 😀."),
        ("I 😀 love tea.", "I love tea.", "Moi aime thé.", [0, 1, 2], "Moi 😀 aime thé."),
        ('"Hello," she said.', "Hello, she said.", "Bonjour, dit elle.", [0, 2, 1],
         '"Bonjour," dit elle.'),
        ("See [the map](https://a.org/b) now.", "See the map now.", "Voir la carte ici.",
         [0, 1, 2, 3], "Voir [la carte](https://a.org/b) ici."),
        ("One<br/> two.", "One two.", "Un deux.", [0, 1], "Un<br/> deux."),
        ("A <b>very <i>red</i></b> car.", "A very red car.", "Une auto très rouge.", [0, 3, 1, 2],
         "Une auto <b>très <i>rouge</i></b>."),
        ("I was (at school) today.", "I was at school today.", "Je fus à école hui.",
         [0, 1, 2, 3, 4], "Je fus (à école) hui."),
        ('"Stop!', "Stop!", "Arrête !", [0], '"Arrête !'),
    ],
)  # fmt: skip
def test_marks_go_where_their_words_go(sentence, plain, target, source_words, restored):
    text, marks = take_out(sentence)
    assert text == plain
    assert put_back(target, marks, linked(plain, target, source_words)) == restored


@pytest.mark.parametrize(
    ("sentence", "target", "source_words", "restored"),
    [
        ("{n} cups (tea)", "{n} ///", [2], "({n}) ///"),
        ("Two cups😀 of tea", "Deux {long_name}", [0, 1], "Deux {long_name}😀"),
        ("<b>See</b> it now", "https://a.org/voir ici", [0, 0, 0, 0, 1], None),
    ],
)
def test_no_mark_goes_into_a_placeholder(sentence, target, source_words, restored):
    plain, marks = take_out(sentence)
    text = put_back(target, marks, linked(plain, target, source_words))
    assert restored is None or text == restored
    for placeholder in ("{n}", "{long_name}", "https://a.org/voir"):
        assert (placeholder in text) == (placeholder in target)


@pytest.mark.parametrize(
    "text",
    ["Close the door.", "It's Tom's.", "2 * 3 * 4 is it.", "snake_case_name here", "{name} came.",
     "`a *b* c` is code.", "https://a.org/_b_/c d", "5 < 6 and 7 > 6 here", "rock 'n' roll", "a_b"],
)  # fmt: skip
def test_what_is_no_mark_stays(text):
    if text != "rock 'n' roll":
        assert take_out(text) == (text, ())


TOKENS = ["<b>", "</b>", "<i>", "</i>", "<br>", "<img src='x'/>", "**", "_", '"', "“", "”", "(",
          ")", "😀", "one", "two", "red", ",", "."]  # fmt: skip
SENTENCES = st.lists(st.sampled_from(TOKENS), min_size=1, max_size=14).map(" ".join)
SQUEEZED = st.lists(st.sampled_from(TOKENS), min_size=1, max_size=10).map("".join)
TARGETS = st.lists(st.sampled_from(["un", "deux", "rouge", ",", "!"]), max_size=8).map(" ".join)


@settings(max_examples=400)
@given(st.one_of(SENTENCES, SQUEEZED), TARGETS, st.data())
def test_nothing_is_lost_or_doubled_or_crossed_whatever_the_links(sentence, target, data):
    plain, marks = take_out(sentence)
    inserted = "".join(mark.opening + mark.closing for mark in marks)
    assert Counter(re.sub(r"\s", "", plain + inserted)) == Counter(re.sub(r"\s", "", sentence))
    columns = len(WORD.findall(plain))
    rows = len(WORD.findall(target)) if columns else 0
    source_words = [data.draw(st.integers(0, max(columns - 1, 0))) for _ in range(rows)]
    restored = put_back(target, marks, linked(plain, target, source_words))
    assert Counter(re.sub(r"\s", "", restored)) == Counter(re.sub(r"\s", "", target + inserted))
    # Numbered anew, each pair is a kind of bracket: they must balance.
    names = [
        (f"<{n}:", f":{n}>") if mark.is_pair else (f"[{n}]", "") for n, mark in enumerate(marks)
    ]
    renamed = [
        type(mark)(mark.start, mark.end, opening, closing, mark.space_before, mark.space_after)
        for mark, (opening, closing) in zip(marks, names, strict=True)
    ]
    stack = []
    restored = put_back(target, renamed, linked(plain, target, source_words))
    for opening, closing in re.findall(r"<(\d+):|:(\d+)>", restored):
        if opening:
            stack.append(opening)
        else:
            assert stack.pop() == closing
    assert stack == []


def test_links_by_place_serve_where_there_is_no_attention():
    plain, marks = take_out("one <b>two</b> three")
    assert put_back("un deux trois", marks, link_words(plain, "un deux trois", None)) == (
        "un <b>deux</b> trois"
    )
