"""Which models are edited in this thread: their passes are watched by an `Editor`."""

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
    """Changes of a model while a block runs.

    Attributes:
        computes: tells whether a `Transformer` is the model, or one that computes for it.
        changes: for the path of a step, what is done to it.
        ran: whether the model ran.
    """

    computes: Callable[[object], bool]
    changes: dict[str, list[Change]]
    ran: bool = False


class _Running(threading.local):
    """The blocks of this thread, the outermost first."""

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
    """Return whether a model is edited in this thread: whether a block has a change of it.

    Args:
        model: a `Transformer`, or an engine that has one.
    """
    inner = getattr(model, "model", model)
    return any(block.changes and block.computes(inner) for block in _RUNNING.blocks)


def watcher_of(
    model: object, watcher: Watcher = OFF, *, start: int | None = None, length: int = 1
) -> Watcher:
    """Return what watches a pass of a model: an `Editor` before ``watcher``, where it is edited.

    Args:
        model: the `Transformer` that runs.
        watcher: what watches besides; an `Editor` is returned as it is.
        start: with a cache, the position of the first query; None without.
        length: with a cache, how many queries there are.

    Raises:
        ConfigError: a cache that holds something gets several positions at once.
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
    """Return the changes of several blocks, those of inner blocks last."""
    by_path: dict[str, list[Change]] = {}
    for changes in several:
        for path, of_path in changes.items():
            by_path.setdefault(path, []).extend(of_path)
    return by_path
