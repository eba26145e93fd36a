"""A saved page holds the kinds of the heads of all parts."""

from __future__ import annotations

from clearhead.explorer.contract.answers import Answer
from clearhead.explorer.offline.head_kinds import saved_kinds


class Scripted:
    """Answers with what it was asked."""

    def answer(self, name, params=None):
        return Answer({"name": name, **params})


def test_every_part_is_asked_once() -> None:
    run = {
        "request": {"text": "a"},
        "attention": [{"part": part} for part in ("encoder", "encoder", "__proto__")],
    }
    kinds = saved_kinds(Scripted(), run)
    assert kinds == {
        part: {"name": "head_kinds", "run": {"text": "a"}, "part": part}
        for part in ("encoder", "__proto__")
    }
