"""All kinds of trouble, in pieces that two cores share."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults.operations.catalogue import chosen
from tests.faults.troubles.contents import not_a_number, not_a_number_in_the_optimizer, odd_files
from tests.faults.troubles.disks import read_only, small_disk
from tests.faults.troubles.memory import COMMANDS, memory_limits
from tests.faults.troubles.processes import clock_set_back, copied_while_it_runs, two_processes
from tests.faults.troubles.row import Row


def trouble_works(base: Path, *, short: bool) -> list[tuple[str, Callable[[], Any]]]:
    """The trials of every kind of trouble; those of one name are added up."""
    operations = chosen(short=short)
    slices = [operations] if short else [(one,) for one in reversed(operations)]
    works: list[tuple[str, Callable[[], Row]]] = [
        (trouble.__name__, partial(trouble, base, some, short=short))
        for trouble in (two_processes, small_disk)
        for some in slices
    ]
    works += [
        (memory_limits.__name__, partial(memory_limits, base, name, short=short))
        for name in reversed(list(COMMANDS)[: 1 if short else None])
    ]
    works += [
        (trouble.__name__, partial(trouble, base, operations, short=short))
        for trouble in (copied_while_it_runs, read_only, clock_set_back)
    ]
    works += [
        (trouble.__name__, partial(trouble, base))
        for trouble in (not_a_number, *(not_a_number_in_the_optimizer, odd_files) * (not short))
    ]
    return [(name, partial(_row, work)) for name, work in works]


def _row(work: Callable[[], Row]) -> dict[str, Any]:
    return work().to_dict()
