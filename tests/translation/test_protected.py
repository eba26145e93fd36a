"""Placeholders, addresses and numbers: found, checked, and never lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.translation.protected import as_fragment, attempts, numbers, preserves, spans


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Hello %1$s, you are %s.", ["%1$s", "%s"]),
        ("Hello {name}, {{x}} and ${y}!", ["{name}", "{{x}}", "${y}"]),
        ("%(count)d files, %d%% done, %.2f s", ["%(count)d", "%d", "%.2f"]),
        ("a 50% discount, 100% sure, 5 % of it", []),
        ("Click <b>here</b> or <br/> &amp; go", ["<b>", "</b>", "<br/>", "&amp;"]),
        ("1 < 2 and 3 > 2", []),
        ("See https://a.example/b?c=d#e. Now", ["https://a.example/b?c=d#e"]),
        ("(at www.example.com/x)", ["www.example.com/x"]),
        ("Write to jo.e+x@mail.example.org!", ["jo.e+x@mail.example.org"]),
        ("Ask @jane about #topic", ["@jane", "#topic"]),
        ("Run `make test` now", ["`make test`"]),
        ("I ❤️ tea 🎉🎉", ["❤️", "🎉🎉"]),
    ],
)
def test_spans(sentence, expected):
    assert [span.text for span in spans(sentence)] == expected
    assert all(sentence[span.start : span.end] == span.text for span in spans(sentence))


def test_numbers_leave_out_those_inside_of_spans():
    found = numbers("At 3:30, {0} paid %2$s 1,234.50 for 12 at http://x.example/99")
    assert [span.text for span in found] == ["3", "30", "1,234.50", "12"]


@pytest.mark.parametrize(
    ("source", "output", "kept"),
    [
        ("I have 3 cats.", "J'ai 3 chats.", True),
        ("I have 3 cats.", "J'ai trois chats.", False),
        ("I have 3 cats.", "J'ai 33 chats.", False),
        ("I have 3 cats.", "J'ai 3 ou 3 chats.", False),
        ("It is 1.5 km.", "C'est 1,5 km.", True),
        ("It is 1,234.5 km.", "C'est 1 234,5 km.", True),
        ("It is 1,234 km.", "C'est 1\u202f234 km.", True),
        ("In 2012 300 left.", "En 2012 300 sont partis.", True),
        ("In 1999.", "En 1998.", False),
        ("Two cats", "2 chats", True),
        ("Hi {name}", "Salut {name}", True),
        ("Hi {name}", "Salut {nom}", False),
        ("Hi {name}", "Salut", False),
        ("Hi {name}", "{name} {name}", False),
        ("Hi {{x}}", "Salut {x}", False),
        ("See http://a.b/1.", "Voir http://a.b/1 .", True),
        ("Room {0} of 5", "Salle 5 sur {0}", True),
    ],
)
def test_preserves(source, output, kept):
    assert preserves(source, output) is kept


def test_a_sentence_without_spans_has_one_way():
    (attempt,) = attempts("Where is the station?")
    assert attempt.whole
    assert attempt.result("Where is the station?", "Où est la gare ?") == "Où est la gare ?"


def test_stand_ins_are_put_back():
    source = "Hello {name}, you have %d messages."
    attempt = next(attempts(source))
    (piece,) = attempt.pieces
    assert piece.text == "Hello Tom, you have 37 messages."
    output = attempt.result(source, "Bonjour Tom, vous avez 37 messages.")
    assert output == "Bonjour {name}, vous avez %d messages."
    assert attempt.result(source, "Bonjour, vous avez 37 messages.") is None
    assert attempt.result(source, "Bonjour Tommy, vous avez 37 messages.") is None
    assert attempt.result(source, "Bonjour Tom, Tom, vous avez 37 messages.") is None


def test_stand_ins_avoid_words_that_are_there():
    (piece,) = next(attempts("Tom knows {who}.")).pieces
    assert piece.text == "Tom knows Paul."


def test_the_last_way_always_keeps_every_span():
    source = "Visit https://x.example on 12 May, {name}: <b>now</b>!"
    last = list(attempts(source))[-1]
    assert "".join(piece.text for piece in last.pieces) == source
    kept = [piece.text for piece in last.pieces if not piece.translate]
    for span in ("https://x.example", "12", "{name}", "<b>", "</b>"):
        assert span in kept


@given(
    st.lists(
        st.sampled_from(
            ["{name}", "%s", "%1$s", "{{x}}", "<b>", "3", "1,000", "tea", "and", "a@b.example",
             "😀", ",", "http://x.example/1", "Tom", "Please"]
        ),
        min_size=1,
        max_size=9,
    )
)  # fmt: skip
def test_pieces_of_the_last_way_preserve_whatever_the_model_says(words):
    source = " ".join(words)
    last = list(attempts(source))[-1]
    if last.whole:
        assert not spans(source)
        assert not numbers(source)
        return
    said = "".join("charabia" if piece.translate else piece.text for piece in last.pieces)
    assert preserves(source, said)


@pytest.mark.parametrize(
    ("source", "output", "expected"),
    [
        ("you have", "Vous avez.", "vous avez"),
        ("Stop.", "Arrêtez.", "Arrêtez."),
        ("Hello", " Bonjour. ", "Bonjour"),
        ("new messages", "URL nouvelles", "URL nouvelles"),
        ("", "", ""),
    ],
)
def test_as_fragment(source, output, expected):
    assert as_fragment(source, output) == expected
