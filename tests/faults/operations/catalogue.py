"""All pieces of work, and what is made and imported before any of them."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.faults.operations import models, numbers, runs, texts
from tests.faults.operations.operation import Operation, do, share_models

OPERATIONS = (
    *texts.OPERATIONS,
    *numbers.OPERATIONS,
    *models.OPERATIONS,
    *runs.OPERATIONS,
)


def chosen(*, short: bool) -> tuple[Operation, ...]:
    """Return all operations, or those of the short form."""
    return tuple(one for one in OPERATIONS if one.short_calls or not short)


def share(folder: Path, *, short: bool) -> None:
    """Make what all operations read, before any process is forked."""
    share_models(folder)
    texts.share()
    runs.share(stopped=True)
    if not short:
        models.share_onnx()


def import_early(operations: Iterable[Operation], base: Path) -> None:
    """Import here what the operations import when they work: each fork would do it again."""
    for number, operation in enumerate(operations):
        folder = base / f"import {number}"
        folder.mkdir()
        names = folder / "modules"

        def work(one: Operation = operation, there: Path = folder, note: Path = names) -> None:
            before = set(sys.modules)
            one.begin(there)
            try:
                one.work(there)
            except SystemExit as end:
                if end.code:
                    raise
            note.write_text("\n".join(sorted(set(sys.modules) - before)))

        do(work, folder)
        for name in names.read_text().split():
            with contextlib.suppress(Exception):  # some cannot be imported by themselves
                importlib.import_module(name)
