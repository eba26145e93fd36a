"""The TypeScript of the page for the questions and answers: ``front/core/protocol.ts``.

It is written from the JSON schemas of the same models that read questions, so the page's compiler
finds where the page and Python differ. What Python calls RunQuestion and RunAnswer, the page
calls RunParams and Run.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from .. import answers, derivation_answers, edits, parts, questions, run_answers, saved_page
from ..answers import ANSWERS
from ..first_screen import answers as first_screen
from ..first_screen import checkpoints, head_kinds
from ..meaning import lens, neighbours, sweep
from ..reading import QUESTIONS
from .openapi import Error, ErrorWords, definitions

MODULES = (
    questions,
    edits,
    parts,
    checkpoints,
    answers,
    lens,
    neighbours,
    sweep,
    head_kinds,
    first_screen,
    run_answers,
    derivation_answers,
    saved_page,
)
WIDTH = 100
HEADING = """\
/** The questions that a source answers, and the shapes of their answers. Null in JSON stands for
 * -infinity. Written by `python -m clearhead.explorer.contract`: change
 * src/clearhead/explorer/contract instead. */
"""
ENDING = """\
export type Question = keyof Questions;
export type Params<Q extends Question> = Questions[Q]["params"];
export type Json<Q extends Question> = Questions[Q]["json"];
"""
Schema = Mapping[str, Any]


def typescript() -> str:
    """Return the whole file."""
    schemas = definitions("{model}")
    parts = [HEADING]
    parts += [_declaration(name, schema) for name, schema in schemas.items() if _is_ours(name)]
    parts += [_questions(), ENDING]
    return "\n".join(parts)


def _is_ours(name: str) -> bool:
    return name not in (Error.__name__, ErrorWords.__name__)


def _questions() -> str:
    """Return the table of all questions."""
    lines = [
        f"  {one.question}: {{ params: {_name(one.__name__)}; json: "
        f"{_name(ANSWERS[one.question].__name__)} }};"
        for one in QUESTIONS.values()
    ]
    return "\n".join(["export interface Questions {", *lines, "}", ""])


def _name(name: str) -> str:
    """Return what the page calls a type."""
    return re.sub("Question$", "Params", name).removesuffix("Answer")


def _declaration(name: str, schema: Schema) -> str:
    """Return the declaration of one type."""
    comment = "".join(_comment(_doc(name)[0], ""))
    if schema.get("type") != "object":
        line = f"export type {_name(name)} = {_type(schema)};"
        if len(line) > WIDTH:
            line = line.replace(" = ", " =\n  | ").replace(" | ", "\n  | ").replace("\n \n", "\n")
        return f"{comment}{line}\n"
    notes = _doc(name)[1]
    required_keys = schema.get("required", ())
    if not schema.get("properties"):
        return f"{comment}export type {_name(name)} = Record<string, never>;\n"
    lines = [f"{comment}export interface {_name(name)} {{\n"]
    for key, entry in schema["properties"].items():
        lines += _comment(notes.get(key, ""), "  ")
        lines.append(f"  {key}{'' if key in required_keys else '?'}: {_type(entry)};\n")
    return "".join([*lines, "}\n"])


def _type(schema: Schema) -> str:
    """Return the type of a schema, in one line."""
    if "$ref" in schema:
        return _name(schema["$ref"])
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(map(json.dumps, schema["enum"]))
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return " | ".join(dict.fromkeys(_type(one) for one in schema[choice]))
    if schema["type"] == "array":
        return _array(schema)
    if schema["type"] == "object":
        values = schema["additionalProperties"]
        return f"Record<string, {'unknown' if values is True else _type(values)}>"
    return "number" if schema["type"] == "integer" else str(schema["type"])


def _array(schema: Schema) -> str:
    if "prefixItems" in schema:
        return f"[{', '.join(map(_type, schema['prefixItems']))}]"
    items = _type(schema["items"])
    if schema.get("minItems") == schema.get("maxItems") == 2:
        return f"[{items}, {items}]"
    return f"({items})[]" if "|" in items else f"{items}[]"


def _doc(name: str) -> tuple[str, dict[str, str]]:
    """Return the first paragraph of a type's docstring, and what it says of each attribute."""
    for module in MODULES:
        if inspect.isclass(owner := getattr(module, name, None)):
            break
    else:
        return "", {}
    first, _, attributes = inspect.cleandoc(owner.__doc__ or "").partition("\n\nAttributes:\n")
    notes: dict[str, str] = {}
    for keys, text in re.findall(r"^    (\w[\w, ]*): (.*(?:\n     .*)*)", attributes, re.M):
        notes |= dict.fromkeys(keys.split(", "), " ".join(text.split()))
    return " ".join(first.split()), notes


def _comment(text: str, indent: str) -> Iterator[str]:
    """Yield the lines of a comment that stands before a declaration."""
    if not text:
        return
    text = re.sub(r"\bNone\b", "null", text).replace("``", "`")
    words = f"/** {text[0].upper()}{text[1:]} */".split(" ")
    line = indent
    for word in words:
        if len(line) + len(word) >= WIDTH and word != "*/":
            yield f"{line.rstrip()}\n"
            line = f"{indent} * "
        line += f"{word} "
    yield f"{line.rstrip()}\n"
