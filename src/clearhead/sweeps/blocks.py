"""Reuses the outputs of blocks that run before an edit.

An edit changes nothing that was computed before it. So members of a model's `nn.ModuleList`s that
had finished when the edited module began are not computed again: they return their outputs of the
plain run.

This is tested once for each model, since a block may also write to memory that another reads. The
model is run with other texts, and then with its own while some of the blocks return their stored
outputs: the metric must be that of the plain run. For any two blocks, some of these runs reuses the
earlier one and computes the later one; as many runs as the number of blocks has binary digits are
enough.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from torch import nn

from ..errors import ConfigError
from .rows import mapped, repeat


@dataclass
class Block:
    """A member of an `nn.ModuleList`.

    Attributes:
        name: of the module.
        module: the module itself.
        begin, end: when it last ran, counted in calls of modules.
        output: its output.
        runs: the number of its calls.
        is_plain: whether it returned only tensors, and no cache or other object.
        is_kept: whether it is a part of a block that finished before the heads' outputs, as
            projections do.
    """

    name: str
    module: nn.Module
    begin: int = -1
    end: int = -1
    output: Any = None
    runs: int = 0
    is_plain: bool = True
    is_kept: bool = False

    @property
    def is_known(self) -> bool:
        """Whether it returns in another run its output."""
        return self.runs == 1 and self.is_plain


def _outermost(blocks: Sequence[Block]) -> list[Block]:
    """Return the blocks that are not inside others, in the order of the run."""
    names = {one.name for one in blocks}
    outer = [one for one in blocks if names.isdisjoint(_around(one.name))]
    return sorted(outer, key=lambda one: one.begin)


def _around(name: str) -> list[str]:
    """Return the names of the modules around a module, the outermost first."""
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts))]


class Blocks:
    """The blocks of one plain run, and which of them may be reused.

    Args:
        model: the model.
        batch: the number of texts.
    """

    def __init__(self, model: nn.Module, batch: int) -> None:
        self._model, self._batch = model, batch
        self._clock, self._usable = 0, True
        self._begins: dict[str, int] = {}
        self._blocks = [
            Block(f"{name}.{place}" if name else place, block)
            for name, module in model.named_modules()
            if isinstance(module, nn.ModuleList)
            for place, block in module.named_children()
        ]
        own = {block.name for block in self._blocks}
        self._parts = [
            Block(name, module)
            for name, module in model.named_modules()
            if name not in own and not own.isdisjoint(_around(name))
        ]
        self._insides: dict[str, list[Block]] = {}
        for part in self._parts:
            for name in own.intersection(_around(part.name)):
                self._insides.setdefault(name, []).append(part)
        self._heads: dict[str, int] = {}

    @property
    def names(self) -> list[str]:
        """The outermost blocks that ran, in order."""
        return [block.name for block in _outermost([one for one in self._blocks if one.runs])]

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Note, within the ``with`` block, when modules run and what blocks return."""
        with ExitStack() as stack:
            for name, module in self._model.named_modules():
                hook = module.register_forward_pre_hook(self._noting_begin(name))
                stack.callback(hook.remove)
            for block in (*self._blocks, *self._parts):
                stack.callback(block.module.register_forward_hook(self._noting_end(block)).remove)
            yield

    def note_heads(self, name: str) -> None:
        """Note that the outputs of an attention's heads have been computed.

        Modules that finished earlier in the block around it, such as the projections of queries,
        keys and values, do not depend on the heads; their outputs are kept until the sweep ends.
        """
        self._clock += 1
        self._heads.setdefault(name, self._clock)
        for around in _around(name):
            for part in self._insides.get(around, ()):
                part.is_kept = part.is_kept or part.output is not None

    def _noting_begin(self, name: str) -> Any:
        def note(module: nn.Module, args: Any) -> None:
            self._clock += 1
            self._begins.setdefault(name, self._clock)

        return note

    def _noting_end(self, block: Block) -> Any:
        def note(module: nn.Module, args: Any, output: Any) -> None:
            self._clock += 1
            block.runs += 1
            block.begin, block.end = self._begins[block.name], self._clock
            try:
                # A copy, because its readers may overwrite it.
                block.output = mapped(output, lambda x: x.detach().clone())
            except ConfigError:  # a cache, or another object
                block.is_plain = False
            for part in self._insides.get(block.name, ()):
                part.output = part.output if part.is_kept else None

        return note

    @property
    def modules(self) -> list[str]:
        """The modules that ran, in the order of their beginnings."""
        return sorted((name for name in self._begins if name), key=self._begins.__getitem__)

    @property
    def usable(self) -> bool:
        """Whether blocks may be reused."""
        return self._usable

    def try_short_cuts(
        self, measure: Callable[[int], float], before: float, copies: int = 1
    ) -> None:
        """Try the short cuts, and take none from now on if they change a measure.

        The model must have run with other texts since its blocks were watched, so that anything
        that a block wrote elsewhere belongs to those.

        Args:
            measure: runs the model with a number of copies of its texts, and returns the metric.
            before: the metric without short cuts.
            copies: the number of copies; two stand for more.
        """
        blocks = _outermost([one for one in self._blocks if one.is_known])
        trials = [(blocks, copies)]
        for digit in range((len(blocks) - 1).bit_length() if blocks else 0):
            trials.append(([one for i, one in enumerate(blocks) if not i >> digit & 1], 1))
        self._usable = self._hold(trials, measure, before)
        parts = _outermost([one for one in self._parts if one.is_kept and one.is_known])
        if not self._usable or (parts and not self._hold([(parts, copies)], measure, before)):
            self._parts.clear()

    def _hold(
        self,
        trials: Sequence[tuple[Sequence[Block], int]],
        measure: Callable[[int], float],
        before: float,
    ) -> bool:
        """Return whether a measure stays the same while some modules are reused."""
        for some, count in trials:
            try:
                with self.short_cut(some, count):
                    number = measure(count)
            except Exception:
                number = math.nan
            if not math.isclose(number, before, rel_tol=1e-5, abs_tol=1e-6):
                return False
        return True

    def before(self, modules: Sequence[str]) -> list[Block]:
        """Return the blocks that finished before any of some modules began."""
        if not self._usable:
            return []
        begin = min(map(self.begin, modules))
        return _outermost([one for one in self._blocks if one.is_known and one.end < begin])

    def before_heads(self, modules: Sequence[str]) -> list[Block]:
        """Return the blocks, and parts of them, that finished before any of some heads' outputs.

        Then only the heads' outputs may be edited, not queries, keys or values.
        """
        if not self._usable:
            return []
        begin = min(self._heads.get(name, self.begin(name)) for name in modules)
        parts = [one for one in self._parts if one.is_kept]
        return _outermost(
            [one for one in (*self._blocks, *parts) if one.is_known and one.end < begin]
        )

    def begin(self, name: str) -> int:
        """Return when a module began, or the module around it if it has no call of its own."""
        while name and name not in self._begins:
            name = name.rpartition(".")[0]
        return self._begins.get(name, 0)

    @contextmanager
    def short_cut(self, blocks: Sequence[Block], copies: int) -> Iterator[None]:
        """Within the ``with`` block, let blocks return stored outputs, repeated for the copies."""
        with ExitStack() as stack:
            for block in blocks:
                # A copy, because its readers may overwrite it.
                output = mapped(block.output, lambda x: repeat(x.clone(), self._batch, copies))
                _replace_forward(block.module, output, stack)
            yield


def _replace_forward(module: nn.Module, output: Any, stack: ExitStack) -> None:
    before = module.__dict__.get("forward")

    def restore() -> None:
        if before is None:
            del module.__dict__["forward"]
        else:
            module.__dict__["forward"] = before

    module.__dict__["forward"] = lambda *args, **kwargs: output
    stack.callback(restore)
