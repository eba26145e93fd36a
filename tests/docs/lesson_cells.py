"""The code of a lesson, and what of it is the same in every language."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LESSONS = Path(__file__).resolve().parents[2] / "lessons"
CELL = re.compile(r"```\{code-cell\}\n(?::tags: ([^\n]*)\n)?(.*?)```", re.DOTALL)
_WIDTH = re.compile(r"^((?:.?[<>=^])?[-+ ]?)\d+")
_LANGUAGE = "check = check_in('pt')"


@dataclass(frozen=True)
class Cell:
    """A code cell: its tags, and its code without them."""

    tags: str
    code: str


def cells_of(page: Path) -> list[Cell]:
    """Return the cells of a page, in their order."""
    return [Cell(*groups) for groups in CELL.findall(page.read_text("utf-8"))]


def pairs_of_pages() -> Iterator[tuple[Path, Path]]:
    """Yield each English page of lessons and solutions, with its Portuguese one."""
    for folder in ("", "solutions"):
        pages = [sorted((LESSONS / room / folder).glob("[0-9]-*.md")) for room in ("", "pt")]
        yield from zip(*pages, strict=True)


@dataclass
class Skeleton:
    """Code without its words.

    Attributes:
        statements: as `ast.dump` writes them, with ... for each text. Of an f-string its fields
            stay, in any order and of any width; of a name `check_in` the `check` stays.
        texts: what was taken out, in the order of the code; an f-string with {} for its fields.
        keys: those of them by which something is looked up, or stands in a dictionary.
    """

    statements: list[str]
    texts: list[str]
    keys: list[str]


class _Masking(ast.NodeTransformer):
    def __init__(self) -> None:
        self.texts: list[str] = []
        self.keys: list[str] = []

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if not isinstance(node.value, str):
            return node
        self.texts.append(node.value)
        return ast.Constant(...)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        fields = []
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                spec = ast.unparse(part.format_spec)[2:-1] if part.format_spec else ""
                value = ast.unparse(self.visit(part.value))
                fields.append((value, part.conversion, _WIDTH.sub(r"\1", spec)))
        self.texts.append(
            "".join(
                str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
            )
        )
        return ast.Constant(("f", *sorted(fields)))

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        return self._with_keys(node, [node.slice])

    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        return self._with_keys(node, [key for key in node.keys if key is not None])

    def _with_keys(self, node: ast.AST, keys: list[ast.expr]) -> ast.AST:
        alone = _Masking()
        for key in keys:
            if isinstance(key, ast.Constant | ast.JoinedStr | ast.Tuple):
                alone.visit(copy.deepcopy(key))
        self.keys += alone.texts
        return self.generic_visit(node)


def skeleton_of(code: str) -> Skeleton:
    """Return what of a cell's code does not depend on the language of its lesson."""
    tree = ast.parse(code)
    tree.body = [node for node in tree.body if ast.unparse(node) != _LANGUAGE]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "clearhead.lessons":
            for alias in node.names:
                alias.name = alias.name.removesuffix("_in")
    masking = _Masking()
    masking.visit(tree)
    return Skeleton([ast.dump(node) for node in tree.body], masking.texts, masking.keys)
