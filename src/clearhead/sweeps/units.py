"""What a sweep goes over: which modules and which heads, positions or edges the function."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

import numpy as np
from torch import Tensor

from ..errors import ConfigError
from ..shapes import Array

Over = Literal["heads", "layers", "positions", "edges"]
OVER: tuple[Over, ...] = ("heads", "layers", "positions", "edges")
Places = int | slice | Iterable[int] | None


@dataclass(frozen=True)
class Unit:
    """One edit of a sweep.

    Attributes:
        module: the name of the module.
        entry: which number of the result it is: the place of the module, and of its head,
            position or edge.
    """

    module: str
    entry: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """All edits of a sweep.

    Attributes:
        over: what they are of.
        axes: of the result, as `NamedValues` has them.
        units: in the order in which modules ran.
        places: the positions of the entries along each axis behind the modules'.
    """

    over: Over
    axes: dict[str, tuple[str, ...]]
    units: list[Unit]
    places: tuple[tuple[int, ...], ...] = field(default=())

    def place_of(self, unit: Unit) -> int:
        """Return the head or position that a unit is of."""
        return self.places[0][unit.entry[1]]

    def empty(self) -> Array:
        """Return the result without any number yet."""
        return np.full([len(names) for names in self.axes.values()], np.nan)


def plan_heads(outputs: dict[str, Tensor], heads: Places = None) -> Plan:
    """Return a sweep over heads: [batch, heads, length, head_dim] by the module's name."""
    return _plan_second_axis("heads", "head", outputs, heads)


def plan_layers(outputs: dict[str, Tensor]) -> Plan:
    """Return a sweep over whole outputs of modules."""
    units = [Unit(name, (place,)) for place, name in enumerate(outputs)]
    return Plan("layers", {"module": tuple(outputs)}, units)


def plan_positions(outputs: dict[str, Tensor], positions: Places) -> Plan:
    """Return a sweep over positions of modules' outputs: [batch, length, ...] by name."""
    return _plan_second_axis("positions", "position", outputs, positions)


def _plan_second_axis(over: Over, axis: str, outputs: dict[str, Tensor], choice: Places) -> Plan:
    """Return a sweep over entries of the second axis of modules' outputs."""
    counts = [x.shape[1] for x in outputs.values()]
    places = _places(choice, max(counts), over)
    axes = {"module": tuple(outputs), axis: tuple(map(str, places))}
    units = [
        Unit(name, (row, entry))
        for row, (name, count) in enumerate(zip(outputs, counts, strict=True))
        for entry, place in enumerate(places)
        if place < count
    ]
    return Plan(over, axes, units, (places,))


def plan_edges(visible: dict[str, Array], queries: Places, keys: Places) -> Plan:
    """Return a sweep over edges from a query to a key, of all heads of a module at once.

    Args:
        visible: Bool["queries keys"] by the module's name: whether any head has weight there.
        queries, keys: the positions to sweep over; None for all.
    """
    own_queries = _places(queries, max(x.shape[0] for x in visible.values()), "queries")
    own_keys = _places(keys, max(x.shape[1] for x in visible.values()), "keys")
    axes = {
        "module": tuple(visible),
        "query": tuple(map(str, own_queries)),
        "key": tuple(map(str, own_keys)),
    }
    units = [
        Unit(name, (place, row, column))
        for place, (name, edges) in enumerate(visible.items())
        for row, query in enumerate(own_queries)
        for column, key in enumerate(own_keys)
        if query < edges.shape[0] and key < edges.shape[1] and edges[query, key]
    ]
    return Plan("edges", axes, units, (own_queries, own_keys))


def matching(
    names: Sequence[str],
    pattern: str | Sequence[str] | None,
    what: str,
    argument: str = "modules",
) -> list[str]:
    """Return the names that a pattern, or one of several, stands for.

    Raises:
        ConfigError: there is none.
    """
    if pattern is None:
        return list(names)
    patterns = [pattern] if isinstance(pattern, str) else list(pattern)
    matches = [name for name in names if any(fnmatchcase(name, one) for one in patterns)]
    if not matches:
        examples = ", ".join(map(repr, names[:6])) + (", ..." if len(names) > 6 else "")
        raise ConfigError(
            f"{argument}={pattern!r} is none of the {what} that ran: "
            f"{examples or 'there was none'}."
        )
    return matches


def batches(units: Sequence[Unit], size: int) -> list[list[Unit]]:
    """Return units in batches of at most so many, for the edits of a batch to run side by side.

    A batch that is at least half full ends with its module, since what runs before an edit is
    computed again for all that begin later in the same batch.
    """
    parts: list[list[Unit]] = []
    for unit in units:
        last = parts[-1] if parts else []
        ends = bool(last) and last[-1].module != unit.module and 2 * len(last) >= size
        if not last or ends or len(last) == size:
            parts.append([unit])
        else:
            last.append(unit)
    return parts


def _places(positions: Places, length: int, name: str) -> tuple[int, ...]:
    if positions is None:
        return tuple(range(length))
    if isinstance(positions, slice):
        places = list(range(length))[positions]
    else:
        places = [positions] if isinstance(positions, int) else [int(one) for one in positions]
    if not places or any(not 0 <= place < length for place in places):
        raise ConfigError(
            f"{name} are from 0 to {length - 1} here, at least one of them; got {positions!r}."
        )
    return tuple(dict.fromkeys(places))
