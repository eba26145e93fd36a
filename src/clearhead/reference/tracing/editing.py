"""Keeps track of the models that are edited in this thread, and watches their passes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ...errors import ConfigError
from .editor import Change, Changes, Editor
from .trace import OFF
from .watcher import Watcher


@dataclass(eq=False)
class Editing:
    """The changes of a model while a block runs.

    Attributes:
        computes: returns whether a `Transformer` is the model, or one that computes for it.
        changes: the changes of each step, by path.
        ran: whether the model has run.
    """

    computes: Callable[[object], bool]
    changes: dict[str, list[Change]]
    ran: bool = False


class _Running(threading.local):
    """The active blocks of this thread, the outermost first."""

    def __init__(self) -> None:
        self.blocks: list[Editing] = []


_RUNNING = _Running()


@contextmanager
def editing(block: Editing) -> Iterator[None]:
    """Change a model while a ``with`` block runs, in this thread."""
    _RUNNING.blocks.append(block)
    try:
        yield
    finally:
        _RUNNING.blocks.remove(block)


def is_edited(model: object) -> bool:
    """Return whether some block in this thread has changes of a model.

    Args:
        model: a `Transformer`, or an engine that has one.
    """
    inner = getattr(model, "model", model)
    return any(block.changes and block.computes(inner) for block in _RUNNING.blocks)


def watcher_of(
    model: object, watcher: Watcher = OFF, *, start: int | None = None, length: int = 1
) -> Watcher:
    """Return the watcher for a pass of a model; if it is edited, an `Editor` around ``watcher``.

    Args:
        model: the `Transformer` that runs.
        watcher: a further watcher; an `Editor` is returned unchanged.
        start: with a cache, the position of the first query; None without a cache.
        length: with a cache, the number of queries.

    Raises:
        ConfigError: several positions at once are to be added to a cache that is not empty.
    """
    if not _RUNNING.blocks or isinstance(watcher, Editor):
        return watcher
    blocks = [block for block in _RUNNING.blocks if block.computes(model)]
    for block in blocks:
        block.ran = True
    changes = _by_path([block.changes for block in blocks])
    if not changes:
        return watcher
    if start and length != 1:
        raise ConfigError(
            f"An edited model goes on from a cache one token at a time; {length} came. Give it "
            "one position after the other, or all of them without a cache."
        )
    return Editor(changes, start if length == 1 else None, watcher=watcher)


def _by_path(several: list[dict[str, list[Change]]]) -> Changes:
    """Return the changes of several blocks by path, those of inner blocks last."""
    by_path: dict[str, list[Change]] = {}
    for changes in several:
        for path, of_path in changes.items():
            by_path.setdefault(path, []).extend(of_path)
    return by_path
