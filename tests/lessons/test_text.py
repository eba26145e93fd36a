"""What is said to a pupil is said in every language, with the same fields."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path

import pytest

import clearhead.lessons
from clearhead.errors import ConfigError
from clearhead.lessons import check_in
from clearhead.lessons._exercise import exercises_of
from clearhead.lessons._text import LANGUAGES, NOTHING, Text, text

ROOM = Path(clearhead.lessons.__file__).parent
SAYS_SOMETHING = {"text", "Text"}


def calls(name: str) -> list[tuple[str, ast.Call]]:
    """Every call of a function of this name in the lessons' code, with its place."""
    return [
        (f"{path.name}:{node.lineno}", node)
        for path in sorted(ROOM.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == name
    ]


def fields(template: str) -> list[tuple[str, str]]:
    """The fields of a template with their formats, in any order."""
    return sorted(
        (name, f"{conversion or ''}:{spec}")
        for _, name, spec, conversion in string.Formatter().parse(template)
        if name is not None
    )


def test_every_message_has_both_languages_and_their_formats_agree():
    messages = calls("text")
    assert len(messages) > 250
    for place, call in messages:
        en, pt = (ast.literal_eval(argument) for argument in call.args)
        names = sorted(keyword.arg or "" for keyword in call.keywords)
        assert en.strip(), place
        assert pt.strip(), place
        if names:
            assert fields(en) == fields(pt), place
            assert sorted({name for name, _ in fields(en)}) == names, place
        # What stands in backticks is code, and the same in both; so a command says its language.
        code = [one.replace(" --language pt ARQUIVO", " FILE").split("`")[1::2] for one in (en, pt)]
        assert code[0] == code[1], place
        words = re.findall(r"[a-z]{4,}", re.sub(r"[`{(\"'\[].*?[`})\"'\]]", "", en))
        assert en != pt or len(words) < 3, place


def test_nothing_is_said_in_one_language_alone():
    """An `Off` takes a `Text`, and so do those that hint at what is off."""
    for place, call in calls("Off"):
        assert not isinstance(call.args[0], ast.Constant | ast.JoinedStr), place
    for lesson in range(1, 10):
        for number, exercise in exercises_of(lesson).items():
            for said in (exercise.asks, exercise.right):
                assert isinstance(said, Text), number
                assert all(said.within(language) for language in LANGUAGES), number


def test_fields_are_filled_in_with_the_words_of_each_language():
    query = text("query {number}", "consulta {number}", number=2)
    said = (
        text("That is {what:}.", "Isso é a {what:}.", what=query) + NOTHING + text("Add.", "Some.")
    )
    assert said.en == str(said) == "That is query 2. Add."
    assert said.within("pt") == "Isso é a consulta 2. Some."
    assert not NOTHING
    assert text("a set, like {5}", "um conjunto, como {5}").pt == "um conjunto, como {5}"


def test_a_language_that_lessons_do_not_speak():
    with pytest.raises(ConfigError, match=r"'en' \(English\) or 'pt' \(Portuguese\).*'fr'"):
        check_in("fr")
