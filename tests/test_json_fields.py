"""Members of a JSON object are taken by their type, or refused by their name."""

from __future__ import annotations

import json

import pytest

from clearhead.file_reading import FileProblem, parse_json
from clearhead.json_fields import MOST, Fields, with_checksum

FIELDS = Fields(
    {
        "text": "x",
        "flag": True,
        "integer": 3,
        "number": 2.5,
        "null": None,
        "texts": ["a", "b"],
        "integers": [0, 7],
        "object": {"inner": 1},
        "objects": [{"inner": 1}, {}],
        "mixed": [1, "a", True],
        "large": 1 << 60,
    },
    "the file",
)


def test_what_fits_is_given():
    assert FIELDS.text("text") == "x"
    assert FIELDS.flag("flag") is True
    assert FIELDS.integer("integer", least=3, most=3) == 3
    assert FIELDS.number("number") == 2.5
    assert type(FIELDS.number("integer")) is float
    assert FIELDS.texts("texts") == ["a", "b"]
    assert FIELDS.integers("integers") == [0, 7]
    assert FIELDS.object("object").integer("inner") == 1
    assert [one.names() for one in FIELDS.objects("objects")] == [["inner"], []]
    assert FIELDS.mapping("object") == {"inner": 1}
    assert FIELDS.value("null") is None
    assert FIELDS.members()["integer"] == 3
    assert FIELDS.integer("large", most=1 << 60) == 1 << 60


def test_null_is_not_had():
    assert FIELDS.has("text")
    assert not FIELDS.has("null")
    assert not FIELDS.has("absent")


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (lambda f: f.text("absent"), "the file lacks 'absent'"),
        (lambda f: f.text("integer"), "'integer' of the file is a whole number, not a text"),
        (lambda f: f.text("null"), "'null' of the file is null, not a text"),
        (lambda f: f.flag("integer"), "is a whole number, not true or false"),
        (lambda f: f.integer("flag"), "'flag' of the file is true or false, not a whole number"),
        (lambda f: f.integer("number"), "is a number, not a whole number"),
        (lambda f: f.integer("integer", least=4), "is 3; it must be from 4 to "),
        (lambda f: f.integer("integer", most=2), "is 3; it must be from -2 to 2"),
        (lambda f: f.integer("large"), rf"it must be from -{MOST} to {MOST}"),
        (lambda f: f.number("flag"), "is true or false, not a number"),
        (lambda f: f.number("large"), "is 1152921504606846976, which is too large"),
        (lambda f: f.texts("mixed"), r"'mixed' of the file, \[0\] is a whole number, not a text"),
        (lambda f: f.texts("text"), "is a text, not a list"),
        (lambda f: f.integers("mixed"), r"'mixed' of the file, \[1\] is a text, not a whole"),
        (
            lambda f: f.objects("mixed"),
            r"'mixed' of the file\[0\] is a whole number, not an object",
        ),
        (lambda f: f.object("texts"), "is a list, not an object"),
        (lambda f: f.mapping("texts"), "is a list, not an object"),
        (lambda f: f.object("object").text("x"), "'object' of the file lacks 'x'"),
        (lambda f: f.object("object").only(("a",)), "has 'inner', which is none of its members"),
        (lambda f: Fields([], "the file"), "the file is a list, not an object"),
        (lambda f: Fields({}, "it").text("\x1b"), r"it lacks '\\x1b'"),
    ],
)
def test_what_does_not_fit_is_named(question, words):
    with pytest.raises(FileProblem, match=words):
        question(FIELDS)


CONTENT = {"b": [1, 2.5], "a": {"text": "é", "none": None}}


def test_a_checksum_does_not_depend_on_order_and_spaces():
    text = json.dumps(dict(reversed(with_checksum(CONTENT).items())), indent=3)
    Fields(parse_json(text), "the file").check_sum()
    Fields(CONTENT, "the file").check_sum()  # which has none


def test_a_checksum_tells_another_letter_or_digit():
    text = json.dumps(with_checksum(CONTENT), ensure_ascii=False)
    for old, new in (("2.5", "2.4"), ("é", "è"), ("none", "nonf"), ("[1", "[3")):
        with pytest.raises(FileProblem, match="the file is not what was written"):
            Fields(parse_json(text.replace(old, new)), "the file").check_sum()
    with pytest.raises(FileProblem, match="crc32"):
        Fields({"crc32": "none"}, "the file").check_sum()
