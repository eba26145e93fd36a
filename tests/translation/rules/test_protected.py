"""Placeholders, addresses and numbers: named, and counted in a translation."""

from __future__ import annotations

import pytest

from clearhead.translation.rules.protected import has_words, numbers, preserves, spans


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
    number_spans = numbers("At 3:30, {0} paid %2$s 1,234.50 for 12 at http://x.example/99")
    assert [span.text for span in number_spans] == ["3", "30", "1,234.50", "12"]


@pytest.mark.parametrize(
    ("source", "output", "expected"),
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
def test_preserves(source, output, expected):
    assert preserves(source, output) is expected


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Hi {name}", True),
        ("{name}: 12 https://a.example/b", False),
        ("<b>a</b>", True),
        ("", False),
    ],
)
def test_has_words(sentence, expected):
    assert has_words(sentence) is expected
