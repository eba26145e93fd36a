"""Checks shapes while the tests run: of the functions whose signature names them.

`jaxtyping.install_import_hook` does so to every function of a module, with shapes or without,
and checks arguments twice. The hook here wraps those alone that have a shape in an annotation, and
looks at these annotations alone: mypy has seen the others. A check takes as long as some operators,
so of each function the first calls are checked and then a part of them; EVERY_SHAPE=1 checks all.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import marshal
import os
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import cache_from_source, source_hash
from pathlib import Path
from typing import Any

import jaxtyping
from beartype import beartype
from beartype.roar import BeartypeCallHintParamViolation

from clearhead.errors import ClearheadError

SHAPES = {"Bool", "Float", "Float64", "Int", "Num", "Shaped"}  # what clearhead.shapes hands out

# So many calls of a function are checked, and then one of so many.
FIRST_CALLS, ONE_OF = (0, 1) if os.environ.get("EVERY_SHAPE") else (40, 20)

# What the wrapping is written in: another one finds no code of this one.
_OWN_SOURCE = source_hash(Path(__file__).read_bytes()).hex()


def install(*rooms: str) -> None:
    """Check the shapes of these packages, none of which is imported yet.

    Raises:
        RuntimeError: one of them is imported already, and would go unchecked.
    """
    early = [name for name in sys.modules if name.startswith(rooms)]
    if early:
        raise RuntimeError(f"{early[0]} is imported before its shapes can be checked.")
    sys.meta_path.insert(0, _Finder(rooms))


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """Check the arguments and the result of the function, from its first call on."""
    checking: Callable[..., Any] | None = None
    calls = 0

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if _is_traced() or any(map(_is_extended, args)):
            return function(*args, **kwargs)
        nonlocal checking, calls
        calls += 1
        if calls > FIRST_CALLS and calls % ONE_OF:
            return function(*args, **kwargs)
        if checking is None:
            checking = _checking(function)
        # An axis has one length within this call.
        try:
            with jaxtyping.jaxtyped("context"):
                return checking(*args, **kwargs)
        except BeartypeCallHintParamViolation:
            # Some tests call with a wrong shape to read the refusal, which is the function's own
            # to write: it comes whether or not this call is one of those that are checked.
            refusal = _refusal(function, *args, **kwargs)
            if refusal is not None:
                raise refusal from None
            raise

    return call


def _refusal(function: Callable[..., Any], *args: Any, **kwargs: Any) -> ClearheadError | None:
    """What a function itself says of its arguments; None where it does not look at them."""
    try:
        function(*args, **kwargs)
    except ClearheadError as error:
        return error
    except Exception:  # it came to grief over them
        return None
    return None


def checked_class(cls: type) -> type:
    """Check the fields of a dataclass when it is made."""
    cls.__init__ = checked(cls.__init__)  # type: ignore[misc]
    return cls


def _checking(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its shapes alone as annotations, checked by beartype."""
    namespace = dict(vars(sys.modules[function.__module__]))
    hints = {
        name: eval(hint, namespace) if isinstance(hint, str) else hint
        for name, hint in function.__annotations__.items()
        if _names_shapes(hint)
    }
    # What beartype reads: the function itself, as another object with other annotations.
    plain = type(function)(
        function.__code__, function.__globals__, function.__name__,
        function.__defaults__, function.__closure__,
    )  # fmt: skip
    plain.__kwdefaults__, plain.__qualname__ = function.__kwdefaults__, function.__qualname__
    plain.__module__, plain.__annotations__ = function.__module__, hints
    return beartype(plain)


def _is_traced() -> bool:
    """Whether the call is recorded as a program, whose lengths need not be numbers yet."""
    torch = sys.modules.get("torch")
    return torch is not None and (
        torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None
    )


def _is_extended(value: object) -> bool:
    """Whether a value is an array of longdouble, a type that jaxtyping does not know."""
    return str(getattr(value, "dtype", "")) in ("float96", "float128", "longdouble")


def _names_shapes(hint: object) -> bool:
    """Whether an annotation, as written or as an object, contains a shape."""
    if not isinstance(hint, str | ast.AST):
        return "jaxtyping" in repr(hint)
    tree = ast.parse(hint, mode="eval") if isinstance(hint, str) else hint
    return any(isinstance(node, ast.Name) and node.id in SHAPES for node in ast.walk(tree))


class _Finder(MetaPathFinder):
    def __init__(self, rooms: Sequence[str]) -> None:
        self.rooms = rooms

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if not any(name == room or name.startswith(f"{room}.") for room in self.rooms):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    def get_code(self, fullname: str) -> Any:
        """From a cache of its own, so that no other run finds the wrapped functions in Python's."""
        source = self.get_data(self.path)
        cache = Path(cache_from_source(self.path, optimization=f"shapes{_OWN_SOURCE}"))
        key = source_hash(source)
        with contextlib.suppress(OSError):
            content = cache.read_bytes()
            if content.startswith(key):
                return marshal.loads(content[len(key) :])
        code = self.source_to_code(source, self.path)
        if not sys.dont_write_bytecode:
            with contextlib.suppress(OSError):  # the folder may be read-only
                self._write(cache, key + marshal.dumps(code))
        return code

    def _write(self, cache: Path, content: bytes) -> None:
        cache.parent.mkdir(exist_ok=True)
        unfinished = cache.with_suffix(f".{os.getpid()}")  # another worker may write it, too
        unfinished.write_bytes(content)
        unfinished.replace(cache)

    def source_to_code(self, data: Any, path: Any, *, _optimize: int = -1) -> Any:  # type: ignore[override]
        tree = _Decorate().visit(ast.parse(data, path))
        return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)


class _Decorate(ast.NodeTransformer):
    """Puts a decorator on functions and dataclasses that name shapes."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.generic_visit(node)
        arguments = node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [x for x in (arguments.vararg, arguments.kwarg) if x is not None]
        hints = [node.returns, *(argument.annotation for argument in every)]
        if any(hint is not None and _names_shapes(hint) for hint in hints):
            node.decorator_list.append(_name("checked", node))
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        self.generic_visit(node)
        fields = [line.annotation for line in node.body if isinstance(line, ast.AnnAssign)]
        is_dataclass = any("dataclass" in ast.dump(x) for x in node.decorator_list)
        if is_dataclass and any(map(_names_shapes, fields)):
            node.decorator_list.insert(0, _name("checked_class", node))
        return node


def _name(function: str, at: ast.AST) -> ast.expr:
    """The expression of a function of this module, wherever it stands."""
    text = f"__import__('importlib').import_module({__name__!r}).{function}"
    expression = ast.parse(text, mode="eval").body
    for node in ast.walk(expression):
        ast.copy_location(node, at)
    return expression
