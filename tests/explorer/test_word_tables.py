"""Every text of the page is there in both languages, and is used."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import clearhead.explorer.derivations
from clearhead.reference.tracing.steps import attention, kinds
from tests.explorer.word_tables import (
    FRONT,
    LABELS,
    LANGUAGES,
    Table,
    is_table,
    keys,
    labels,
    read_object,
    sources,
    tables,
    without_comments,
)

DERIVATIONS = Path(clearhead.explorer.derivations.__file__).parent


def code() -> dict[Path, str]:
    """The page's sources but the tables."""
    return {
        path: without_comments(path.read_text("utf-8")) for path in sources() if not is_table(path)
    }


CODE = code()


def readers(name: str) -> str:
    """The text of all sources that import a table."""
    target = (FRONT / name).with_suffix("")
    texts = []
    for path, text in CODE.items():
        imports = re.findall(r'from "(\.[^"]*)"', text)
        if any((path.parent / each).resolve() == target for each in imports):
            texts.append(text)
    return "\n".join(texts)


def unused(table: Table, text: str) -> list[str]:
    """The words of a table that a text does not name.

    Words of a nested table are all used where the text passes the nested table on as a whole, or
    chooses from it by a variable.
    """
    result = []
    for key, value in table.items():
        name = re.escape(key)
        taken_out = rf"[{{,]\s*{name}\s*[,}}]|[{{,]\s*{name}: \w+[^{{}}]*\}} ="
        if not re.search(rf"\.{name}\b|{taken_out}", text):
            result.append(key)
        elif isinstance(value, dict) and not re.search(rf"\.{name}\b(?!\??\.)|\b{name}\[", text):
            result += [f"{key}.{each}" for each in unused(value, text)]
    return result


def test_both_languages_have_the_same_words() -> None:
    assert len(tables()) > 6
    for name, languages in tables().items():
        assert sorted(languages) == sorted(LANGUAGES), name
        assert list(keys(languages["en"])) == list(keys(languages["pt"])), name


def test_no_text_is_empty() -> None:
    for name, languages in tables().items():
        for language, table in languages.items():
            for key, value in _texts(table):
                assert value.strip('"`'), (name, language, key)


def _texts(table: Table) -> list[tuple[str, str]]:
    return [
        pair
        for key, value in table.items()
        for pair in (_texts(value) if isinstance(value, dict) else [(key, value)])
    ]


def test_no_text_in_two_languages_stands_outside_the_tables() -> None:
    for path, text in CODE.items():
        assert not re.search(r"\b(en|pt): [\"'`]", text), path


@pytest.mark.parametrize("name", [name for name in tables() if name != LABELS])
def test_every_word_is_used(name: str) -> None:
    assert unused(tables()[name]["en"], readers(name)) == []


def test_every_label_of_an_operand_has_a_text_and_no_text_is_for_none() -> None:
    declared = {
        operand.label
        for kind in kinds()
        for rule in kind.rules
        for wrapped in (rule, attention.causal(rule), attention.windowed(rule))
        for operand in wrapped.operands
    }
    in_python = {label for path in DERIVATIONS.glob("_*.py") for label in _labels_in(path)}
    in_page = {
        label for text in CODE.values() for label in re.findall(r'\blabel: \{ key: "(\w+)"', text)
    }
    in_programs = {
        label
        for path in DERIVATIONS.glob("short_*.py")
        for label in re.findall(r'"key": "(\w+)"', path.read_text("utf-8"))
    }
    assert in_python
    assert in_programs
    assert declared | in_python | in_page | in_programs == set(labels("en"))


def _labels_in(path: Path) -> set[str]:
    """The labels of the operands that a module of derivations makes."""
    makers = {"array", "scalar", "constant"}
    return {
        constant.value
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in makers
        for constant in ast.walk(call.args[1])
        if isinstance(constant, ast.Constant) and isinstance(constant.value, str)
    }


def test_a_label_that_names_something_does_so_in_both_languages() -> None:
    english, portuguese = labels("en"), labels("pt")
    with_name = {key for key, text in english.items() if "{name}" in text}
    assert with_name == {key for key, text in portuguese.items() if "{name}" in text}
    operands = [op for kind in kinds() for rule in kind.rules for op in rule.operands]
    in_programs = {"largestOnly", "restOfSum", "largestTerms", "restOfProduct"}
    assert with_name - in_programs == {operand.label for operand in operands if operand.name}


def test_a_missing_and_an_unused_word_are_found() -> None:
    """The reader itself: nested words, functions with commas and braces, words by variable."""
    text = """{
      plain: "a, b}",
      made: (n: number, of: string) => `${n} {of} ${of ? "," : "}"}`,
      parts: { "final mark": "x", self: "y" },
      rest: {
        one: "1",
        two: "2",
      },
    } as const"""
    table, end = read_object(text, 0)
    assert text[end:] == " as const"
    assert list(keys(table)) == [
        "plain", "made", "parts.final mark", "parts.self", "rest.one", "rest.two",
    ]  # fmt: skip
    assert unused(table, "t.plain; t.parts[part]; t.rest.two") == ["made", "rest.one"]
    assert unused(table, "t.plain; t.made(2, x); names={t.parts}") == ["rest"]
    assert unused(table, "const { plain, made, rest } = t; rest.one") == ["parts", "rest.two"]
