"""The page's tables of words, read from their TypeScript without Node.

A table is a folder's ``words*.ts``: one object of texts for each language. Only what such files
contain is read: nested object literals whose values are texts, or functions that make one.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clearhead.explorer

FRONT = Path(clearhead.explorer.__file__).parent / "front"
LANGUAGES = ("en", "pt")
OPENING, CLOSING = "([{", ")]}"

Table = dict[str, Any]


def sources() -> list[Path]:
    """The page's TypeScript, without what npm installed."""
    return [
        path
        for path in sorted(FRONT.rglob("*.ts*"))
        if path.suffix in (".ts", ".tsx") and "node_modules" not in path.parts
    ]


def is_table(path: Path) -> bool:
    return re.fullmatch(r"words(_\w+)?\.ts", path.name) is not None


@functools.cache
def tables() -> dict[str, dict[str, Table]]:
    """Name of a table -> language -> its words; a table's parts in several files are one."""
    result: dict[str, dict[str, Table]] = {}
    for path in filter(is_table, sources()):
        text = without_comments(path.read_text("utf-8"))
        name = path.relative_to(FRONT).as_posix()
        name = re.sub(r"_(en|pt)\.ts$", ".ts", name)
        for match in re.finditer(r"\b(en|pt)\b(?::\s*[\w ]+?)?\s*[=:]\s*(?=\{)", text):
            table, _ = read_object(text, match.end())
            result.setdefault(name, {})[match[1]] = table
    return result


def read_object(text: str, start: int) -> tuple[Table, int]:
    """Return the object literal that begins at ``start``, and the place behind it."""
    assert text[start] == "{"
    result: Table = {}
    place = start + 1
    while True:
        match = re.compile(r"\s*(?:(\w+)|\"([^\"]+)\")\s*:\s*|[\s,]*\}").match(text, place)
        assert match is not None, text[place : place + 80]
        if match[0].endswith("}"):
            return result, match.end()
        key = match[1] or match[2]
        if text[match.end()] == "{":
            result[key], place = read_object(text, match.end())
            if cast := re.compile(r"\s+as\s+\w+(<[^>]*>)?").match(text, place):
                place = cast.end()
            place = skip(text, place, ",}")
        else:
            place = skip(text, match.end(), ",}")
            result[key] = text[match.end() : place].strip()
        if text[place] == ",":
            place += 1


def skip(text: str, start: int, ends: str) -> int:
    """Return the place of the first of ``ends`` outside of strings and brackets."""
    place, depth = start, 0
    while depth or text[place] not in ends:
        if text[place] in "\"'`":
            place = end_of_string(text, place)
            continue
        depth += (text[place] in OPENING) - (text[place] in CLOSING)
        place += 1
    return place


def end_of_string(text: str, start: int) -> int:
    """Return the place behind a string or template that begins at ``start``."""
    quote, place = text[start], start + 1
    while text[place] != quote:
        if quote == "`" and text.startswith("${", place):
            place = skip(text, place + 2, "}")
        place += 2 if text[place] == "\\" else 1
    return place + 1


def without_comments(text: str) -> str:
    return re.sub(r"/\*.*?\*/|(?<![:\"'`])//[^\n]*", "", text, flags=re.DOTALL)


def keys(table: Table, before: str = "") -> Iterator[str]:
    """The dotted paths of all texts of a table."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from keys(value, f"{before}{key}.")
        else:
            yield f"{before}{key}"


def plain_texts(table: Table) -> dict[str, str]:
    """The texts of a table that has nothing but strings."""
    return {key: value.strip('"') for key, value in table.items()}


@functools.cache
def labels(language: str = "en") -> dict[str, str]:
    """What operands are, in one of the page's languages: the text of each label's key."""
    return plain_texts(tables()[LABELS][language])


LABELS = "where_from/words.ts"
