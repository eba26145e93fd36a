"""The imports of src/ are the arrows of ARCHITECTURE.md, and its rooms stay small."""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import clearhead

SOURCE = Path(clearhead.__file__).parent
ROOT = SOURCE.parent.parent

# Known to every room; what each of these may import of the others.
GROUND = {
    "_version": set(),
    "errors": set(),
    "files": set(),
    "shapes": set(),
    "visible": set(),
    "head_kinds": {"shapes"},
    "setting_fields": {"errors", "visible"},
    "config_parts": {"errors", "setting_fields"},
    "config": {"errors", "setting_fields", "config_parts"},
    "file_reading": {"errors", "visible"},
    "json_fields": {"file_reading", "visible"},
    "tensor_header": {"file_reading", "json_fields", "visible"},
    "tensor_file": {"file_reading", "tensor_header", "visible"},
    "weight_storage": {
        *("errors", "file_reading", "files", "json_fields"),
        *("tensor_file", "tensor_header", "visible"),
    },
}
# The public names, which load what they name, and the way into the command line.
DOORS = ("clearhead", "__main__")
# A dozen files, or a few more; about 300 lines.
MOST_FILES, MOST_LINES = 14, 330
DIAGRAM = re.compile(r"```mermaid\nflowchart TD\n(.*?)```", re.DOTALL)

WITHOUT_TORCH = (
    "_version",
    "errors",
    "config",
    "config_parts",
    "files",
    "visible",
    "file_reading",
    "json_fields",
    "setting_fields",
    "tensor_header",
    "tensor_file",
    "weight_storage",
    "shapes",
    "head_kinds",
    "reference",
    "engine",
    "text",
    "corpora",
    "search",
    "generation",
    "pretrained",
    "translation",
    "volume",
    "lens",
    "lessons",
    "tasks",
    "batch",
    "export",
    "explorer",
    "clearhead",
    "cli",
)
# Room -> the packages that its modules may import when they are loaded.
AT_LOAD = {
    "_version": set(),
    "errors": set(),
    "config": set(),
    "config_parts": set(),
    "files": set(),
    "setting_fields": set(),
    "visible": set(),
    "file_reading": set(),
    "json_fields": set(),
    "tensor_header": set(),
    "tensor_file": {"numpy"},
    "weight_storage": {"numpy"},
    "head_kinds": {"numpy"},
    "shapes": {"numpy", "jaxtyping"},  # the second only where it was imported before
    "clearhead": set(),
    "__main__": set(),
    "cli": {"click", "numpy"},
    "reference": {"numpy", "safetensors"},
    "engine": {"numpy"},
    "text": {"numpy", "tokenizers"},
    "corpora": {"numpy"},
    "search": {"numpy"},
    "generation": {"numpy"},
    "pretrained": {"numpy", "tokenizers"},
    "translation": {"numpy", "safetensors", "tokenizers"},
    "volume": {"numpy"},  # PyTorch and CTranslate2 when they translate
    "lens": {"numpy"},
    "lessons": {"numpy"},
    "tasks": {"numpy"},
    "batch": {"numpy"},  # engines of clusters, tables and pictures when they are used
    "export": {"numpy"},  # what it writes for is loaded when it writes
    "interventions": {"torch", "numpy"},  # in steps/ NumPy alone
    "maps": {"torch", "numpy", "safetensors"},
    "attribution": {"torch", "numpy"},
    "sweeps": {"torch", "numpy"},
    "nn": {"torch", "numpy"},
    "explorer": {"numpy", "pydantic", "pydantic_core", "typing_extensions"},
    "surveys": {"numpy"},  # PyTorch and transformers when a model is loaded, Arrow when it writes
    "training": {"torch", "numpy", "safetensors"},
}
# The server and the widget are what an extra is for, and are themselves loaded when it is used.
SERVER = {"numpy", "pydantic_core", "starlette"}
AT_LOAD_OF = {
    "clearhead.explorer.server.access": SERVER,
    "clearhead.explorer.server.app": SERVER,
    "clearhead.explorer.server.connections": {"uvicorn"},
    "clearhead.explorer.server.guard": SERVER,
    "clearhead.explorer.server.notices": SERVER,
    "clearhead.explorer.widget": {"anywidget", "numpy", "traitlets"},
}


# Read when the first test asks, and not when the tests are collected, which every process does.
@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the package, by its dotted name."""
    trees = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = ("clearhead", *path.relative_to(SOURCE).with_suffix("").parts)
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        trees[name] = ast.parse(path.read_text("utf-8"), filename=str(path))
    return trees


@cache
def packages() -> set[str]:
    return {name.rpartition(".")[0] for name in modules() if "." in name}


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "clearhead"


@cache
def imported(name: str, *, at_load: bool) -> frozenset[str]:
    """The dotted names of the modules that `name` imports, anywhere or only when it is loaded.

    Imports under ``if TYPE_CHECKING`` count as anywhere: an arrow is an arrow in a type, too.
    """
    targets: set[str] = set()
    stack: list[ast.AST] = [modules()[name]]
    while stack:
        node = stack.pop()
        if at_load and (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
        ):
            continue
        if isinstance(node, ast.Import):
            targets.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            targets.update(_from_targets(name, node))
        stack.extend(ast.iter_child_nodes(node))
    return frozenset(targets)


def _from_targets(name: str, node: ast.ImportFrom) -> set[str]:
    base = node.module or ""
    if node.level:
        package = name.split(".") if name in packages() else name.split(".")[:-1]
        package = package[: len(package) - node.level + 1]
        base = ".".join([*package, *([node.module] if node.module else [])])
    targets = set()
    for alias in node.names:
        full = f"{base}.{alias.name}"
        targets.add(full if full in modules() else base)
    return targets


def inside(targets: frozenset[str]) -> set[str]:
    return {target for target in targets if target.split(".")[0] == "clearhead"}


def outside(targets: frozenset[str]) -> set[str]:
    roots = {target.split(".")[0] for target in targets}
    return roots - {"clearhead"} - set(sys.stdlib_module_names)


def place(module: str) -> str:
    """Return the folder of a module, two rooms deep: ``maps/recorder``, or ``maps`` for its own."""
    parts = module.split(".")[1:]
    return "/".join((parts if module in packages() else parts[:-1])[:2])


def drawn_arrows(diagram: str) -> set[tuple[str, str]]:
    """Return the arrows of a Mermaid flowchart: ``a --> b & c`` draws two."""
    arrows = set()
    for line in diagram.strip().splitlines():
        start, ends = line.split(" --> ")
        arrows |= {(start.strip(), end.strip()) for end in ends.split("&")}
    return arrows


@cache
def arrows() -> list[tuple[str, str]]:
    """Every import of the package's own: who, and what."""
    return [
        (name, target)
        for name in modules()
        for target in inside(imported(name, at_load=False)) - {name}
        if target in modules()
    ]


DIAGRAMS = [
    drawn_arrows(diagram)
    for diagram in DIAGRAM.findall((ROOT / "ARCHITECTURE.md").read_text("utf-8"))
]


def test_the_diagram_of_the_house_has_the_arrows_of_the_imports():
    ends = {(room(name), room(target)) for name, target in arrows()}
    outer = {*GROUND, *DOORS}
    assert {(a, b) for a, b in ends if a != b and not {a, b} & outer} == DIAGRAMS[0]


@pytest.mark.parametrize(("number", "inner"), [(1, "maps"), (2, "explorer")])
def test_the_diagram_of_a_room_has_the_arrows_of_its_imports(number, inner):
    ends = {
        (place(name), place(target))
        for name, target in arrows()
        if room(name) == room(target) == inner
    }
    assert {(a, b) for a, b in ends if a != b} == DIAGRAMS[number]


@pytest.mark.parametrize("diagram", DIAGRAMS)
def test_arrows_point_one_way(diagram):
    graph: dict[str, set[str]] = {}
    for start, end in diagram:
        graph.setdefault(start, set()).add(end)
    assert tuple(TopologicalSorter(graph).static_order())


def test_the_ground_and_the_doors_keep_to_their_side():
    for name, target in arrows():
        assert room(target) not in DOORS or room(name) in DOORS, f"{name} imports {target}"
        if room(name) in GROUND:
            allowed = {*GROUND[room(name)], room(name)}
            assert room(target) in allowed, f"{name} imports {target}"


def test_there_is_no_circle_between_modules():
    """Not even one of imports that are late or only for types."""
    graph = {name: inside(imported(name, at_load=False)) - {name} for name in modules()}
    for name, targets in graph.items():
        # A package that gathers its modules' names is loaded before them and known to them.
        targets -= {package for package in packages() if name.startswith(f"{package}.")}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' -> '.join(error.args[1])}")


def test_rooms_and_files_are_small():
    sizes = Counter(
        name.rpartition(".")[0] if name not in packages() else name for name in modules()
    )
    crowded = {name: size for name, size in sizes.items() if size > MOST_FILES}
    assert not crowded, "a room of its own for some of them, please"
    for name in modules():
        path = SOURCE.joinpath(*name.split(".")[1:])
        path = path / "__init__.py" if name in packages() else path.with_suffix(".py")
        lines = path.read_text("utf-8").count("\n")
        assert lines <= MOST_LINES, (
            f"{name} has {lines} lines; some of them are a file of their own"
        )


def test_no_room_of_the_light_set_loads_torch():
    late = ("cli", "clearhead", "explorer", "export", "tensor_file", "volume")
    assert not [
        name
        for name in modules()
        if room(name) in WITHOUT_TORCH
        and "torch" in outside(imported(name, at_load=room(name) in late))
    ]


def test_optional_packages_are_loaded_when_they_are_needed():
    surplus = []
    for name in modules():
        allowed = AT_LOAD_OF.get(name, AT_LOAD[room(name)])
        early = outside(imported(name, at_load=True)) - allowed
        surplus += [f"{name} imports {package}" for package in sorted(early)]
    assert not surplus, "import these where they are used:\n" + "\n".join(surplus)


def test_what_an_extra_is_for_is_loaded_late():
    assert not [
        name
        for name in set(modules()) - set(AT_LOAD_OF)
        if inside(imported(name, at_load=True)) & set(AT_LOAD_OF)
    ]


def test_the_reference_stands_alone():
    for name in modules():
        if room(name) == "reference":
            assert outside(imported(name, at_load=False)) <= {"numpy", "safetensors"}


def test_the_drawing_names_every_room():
    drawing = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    for path in SOURCE.iterdir():
        if path.is_dir() and path.name != "__pycache__":
            assert f"{path.name}/" in drawing, f"ARCHITECTURE.md does not mention {path.name}/"


# What parses a format or opens a file of one: src/clearhead has one way for each.
READERS = {
    "json.load",
    "json.loads",
    "tomllib.load",
    "tomllib.loads",
    "np.load",
    "np.fromfile",
    "torch.load",
    "safe_open",
    "load_file",
    "from_file",
    "pickle.load",
    "pickle.loads",
    "eval",
    "exec",
}
METHODS = (".safe_open", ".load_file", ".from_file")


def calls(name: str) -> set[str]:
    """What a module calls, as it is written."""
    nodes = (node.func for node in ast.walk(modules()[name]) if isinstance(node, ast.Call))
    return {ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute | ast.Name)}


def test_there_is_one_way_to_read_a_file_of_a_stranger():
    """file_reading, json_fields and tensor_file look at everything before it is obeyed."""
    ways = [
        f"{name} calls {call}"
        for name in sorted(set(modules()) - {"clearhead.file_reading"})
        for call in sorted(calls(name))
        if call in READERS or call.endswith(METHODS)
    ]
    assert not ways, "read with clearhead.file_reading instead:\n" + "\n".join(ways)


def test_that_way_is_seen_by_this_test():
    assert calls("clearhead.file_reading") & READERS == {"json.loads", "tomllib.loads"}
