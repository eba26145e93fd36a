"""Names say what a thing is: no name that is assigned in the package is a bare participle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import clearhead

SOURCE = Path(clearhead.__file__).parent
FILES = sorted(path for path in SOURCE.rglob("*.py") if "node_modules" not in path.parts)

# Participles and particles that say that something happened to a value, but not what it is.
PARTICIPLES = """
added allowed already answered asked begun bought brought built called caught chosen cleaned
cleared closed come compared computed copied counted cut done drawn dropped due expected
filled finished found given gone got heard held joined kept known led left let lost made
measured met moved named needed noted opened ordered packed passed picked placed planned
played prepared pressed put reached received refused replaced reported requested required
resolved returned said seen sent served shown skipped sold started still stopped stored
struck switched taken taught thought thus told traced tried turned typed understood used
walked wanted watched weighed won worked wrapped written
"""


# Names that users, files or saved pages already know: file -> names.
PUBLIC = {
    "explorer/contract/answers.py": {"chosen", "finished"},
    "explorer/contract/derivation_answers.py": {"given", "replaced"},
    "explorer/contract/run_answers.py": {"replaced", "stored", "taken"},
    "explorer/contract/saved_page.py": {"kept", "stored"},
    "maps/attention_map.py": {"received"},
    "maps/measures/per_position.py": {"Received"},
    "reference/tracing/step.py": {"replaced"},
    "text/corpus.py": {"skipped"},
    "text/corpus_lines.py": {"Skipped"},
    "training/_start.py": {"stopped"},
    "training/loop.py": {"stopped"},
    "training/run_folder/progress.py": {"stopped"},
    "translation/translation.py": {"kept"},
}


def assigned_names(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Every name that a module gives to a value, a parameter, an attribute, function or class."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, node.lineno
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node.lineno


def bare_participles(source: str) -> list[str]:
    names = assigned_names(ast.parse(source))
    return sorted(
        f"{line}: {name}" for name, line in names if name.strip("_").lower() in PARTICIPLES.split()
    )


def test_no_name_is_a_bare_participle():
    surplus, cleared = [], []
    for path in FILES:
        place = path.relative_to(SOURCE).as_posix()
        names = {name.split()[-1]: name for name in bare_participles(path.read_text("utf-8"))}
        public = PUBLIC.get(place, set())
        surplus += [f"{place}, line {names[name]}" for name in sorted(names.keys() - public)]
        cleared += [f"{place} no longer has {name}" for name in sorted(public - names.keys())]
    assert not surplus, "name what the value is:\n" + "\n".join(surplus)
    assert not cleared, "clear PUBLIC:\n" + "\n".join(cleared)


def test_a_bare_participle_is_noticed():
    source = "def kept(given):\n    self.found = 1\n    tokens, _known = given\n    kept_keys = 2\n"
    assert bare_participles(source) == ["1: given", "1: kept", "2: found", "3: _known"]
