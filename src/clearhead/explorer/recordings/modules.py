"""The attention modules of a recording: their names, and their grouping into parts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from ...errors import ConfigError, ShapeError, TraceError

if TYPE_CHECKING:
    from ...maps.attention_map import AttentionMap

Tokens = Sequence[str] | Sequence[Sequence[str]]


@dataclass(frozen=True, eq=False)
class Module:
    """One attention of a recording.

    Attributes:
        path: the module's name; for its third call, with ``#2`` appended.
        map: its weights, none of which is stored.
        part: the stack that it belongs to.
        layer: its index in that stack, from 0.
    """

    path: str
    map: AttentionMap
    part: str = ""
    layer: int = 0

    @property
    def kind(self) -> Literal["self", "cross"]:
        """Whether queries and keys come from one sequence or from two."""
        return "cross" if self.map.source.kind == "cross" else "self"


@dataclass(frozen=True)
class Labels:
    """User-given names of positions.

    Attributes:
        tokens: of the sequence of the queries, or of each row of the batch.
        source_tokens: of the other sequence, in a model with two.
    """

    tokens: Tokens | None = None
    source_tokens: Tokens | None = None

    def of(self, module: Module, side: str, row: int) -> list[str]:
        """Return the names of one side, ``"query"`` or ``"key"``, in a row of the batch."""
        length = module.map.shape[2 if side == "query" else 3]
        return self.names(module, side, row) or [str(i) for i in range(length)]

    def names(self, module: Module, side: str, row: int) -> list[str] | None:
        """Return the names of one side in a row of the batch; None if it has none."""
        length = module.map.shape[2 if side == "query" else 3]
        recorded = module.map.query_labels if side == "query" else module.map.key_labels
        lists = [self.tokens, self.source_tokens]
        if module.kind == "cross" and side == "key":
            lists.reverse()
        for names in lists:
            labels = _row(names, row)
            if labels is not None and len(labels) == length:
                return labels
        return None if recorded is None else list(recorded[row])

    def check(self, modules: Sequence[Module]) -> None:
        """Raise ShapeError if no recorded sequence has the length of a list."""
        lengths = sorted({length for module in modules for length in module.map.shape[2:]})
        rows = {module.map.shape[0] for module in modules}
        for what, names in (("tokens", self.tokens), ("source_tokens", self.source_tokens)):
            if names is None:
                continue
            nested = not isinstance(names[0], str) if len(names) else False
            if nested and len(names) not in rows:
                raise ShapeError(
                    f"{what} has {len(names)} lists, and the recording {_listed(sorted(rows))} "
                    f"rows in its batch; give one list for each row, or one for all."
                )
            counts = {len(one) for one in names} if nested else {len(names)}
            for count in sorted(counts - set(lengths)):
                raise ShapeError(
                    f"{what} names {count} positions, and the recording has sequences of "
                    f"{_listed(lengths)}; give as many names as a sequence has positions."
                )


def modules_of(recorded: Any) -> tuple[list[Module], list[str]]:
    """Return the modules whose weights can be shown, in the order of their calls.

    Args:
        recorded: a Recording, maps by name, or one AttentionMap.

    Returns:
        The modules, with their parts, and a sentence for each attention that is left out.

    Raises:
        ConfigError: ``recorded`` is none of these, or nothing in it can be shown.
    """
    modules: list[Module] = []
    notes: list[str] = []
    for path, one in _maps(recorded):
        if isinstance(one, str):
            notes.append(f"{path}: {one}")
        elif 0 in (*one.shape, one.query.shape[-1]):
            sizes = " x ".join(map(str, (*one.shape, one.query.shape[-1])))
            notes.append(f"{path}: nothing attended in it (its shape is {sizes}).")
        else:
            modules.append(Module(path, one))
    if not modules:
        left_out = " ".join(notes) or "No module attended while it was recorded."
        raise ConfigError(f"There is nothing to show in this recording. {left_out}")
    return _in_parts(modules), notes


def _maps(recorded: Any) -> Iterator[tuple[str, AttentionMap | str]]:
    """Yield names with maps, or with a sentence if a map cannot be shown."""
    from ...maps.attention_map import AttentionMap
    from ...maps.recording.recording import Recording

    if isinstance(recorded, AttentionMap):
        yield recorded.source.module or "attention", recorded
    elif isinstance(recorded, Recording):
        for name in recorded:
            calls = recorded.count_calls(name)
            for call in range(calls):
                path = name or "model"
                yield path if calls == 1 else f"{path}#{call}", _one(recorded, name, call)
    elif isinstance(recorded, Mapping) and all(
        isinstance(one, AttentionMap) for one in recorded.values()
    ):
        yield from recorded.items()
    else:
        raise ConfigError(
            f"The explorer shows a Recording, an AttentionMap, or a dictionary of AttentionMaps "
            f"by name; got {type(recorded).__name__}."
        )


def _one(recording: Any, name: str, call: int) -> AttentionMap | str:
    from ...maps.attention_map import AttentionMap

    try:
        one = recording[name, call]
    except TraceError as error:
        return str(error)
    if isinstance(one, AttentionMap):
        return one
    return "only summaries were kept of it; record without summaries= to see its weights."


def _in_parts(modules: list[Module]) -> list[Module]:
    """Assign modules to parts: those with the same stack and shape are layers of one part.

    Modules belong to one stack if their names differ only in numbers. If there is only one stack
    of self-attention, it is called ``self``, and a single one of cross-attention ``cross``.
    """
    stacks: dict[tuple[Any, ...], list[Module]] = {}
    for module in modules:
        stack = re.sub(r"\d+", "*", module.path)
        stacks.setdefault((module.kind, stack, module.map.shape), []).append(module)
    kinds = [kind for kind, *_ in stacks]
    names: set[str] = set()
    members_of_parts: dict[str, Module] = {}
    for (kind, stack, _), members in stacks.items():
        name = short = kind if kinds.count(kind) == 1 else stack
        number = 1
        while name in names:
            number += 1
            name = f"{short} ({number})"
        names.add(name)
        for layer, module in enumerate(members):
            members_of_parts[module.path] = replace(module, part=name, layer=layer)
    return [members_of_parts[module.path] for module in modules]


def _row(names: Tokens | None, row: int) -> list[str] | None:
    if names is None or not len(names):
        return None
    if isinstance(names[0], str):
        return [str(name) for name in names]
    return [str(name) for name in names[row]] if row < len(names) else None


def _listed(numbers: Sequence[int]) -> str:
    return " or ".join(map(str, numbers))
