"""Edits a model of ours while a block runs, by changing steps of its forward passes.

    .zero(), ... of an attention        ``output`` of all its heads, before it is projected
    .head(h).zero(), ...                the same of a head
    .query, .key, .value                the step of that name
    .output of a module                 its last step, such as ``projected`` of an attention
    .zero(), ... of a step              the step itself
    .edge(queries, keys).remove()       ``masked`` := -inf
    .edge(queries, keys).zero()         ``weights`` := 0

The same changes work in a whole pass, where each row is a query, and in decoding with a cache,
where all rows are queries at one position.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ...errors import ConfigError
from ...reference.tracing.editing import Editing, editing
from ...reference.tracing.editor import Change as StepChange
from ..edits import HEADS, KEY, OUTPUT, VALUE, EdgeEdit, Edit, TensorEdit
from ..handles import Edits, Verbs
from . import changes
from .edited_array import edge_change, tensor_change
from .layout import Layout
from .models import NumpyModel, computes_for, transformer_of


@contextmanager
def edit_steps(model: NumpyModel) -> Iterator[StepEdits]:
    """Edit a model of ours within a ``with`` block; see `clearhead.intervene`.

    Raises:
        ConfigError: an edit asks for what is not there, or had no effect.
    """
    edits = StepEdits(Layout.of(transformer_of(model).config))
    block = Editing(computes_for(model), edits.changes)
    with editing(block):
        yield edits
    if block.ran:
        edits.check_applied()


class StepEdits(Edits):
    """The edits of a model of ours, as changes of its steps.

    Attributes:
        changes: for the path of each changed step, its changes in the order of the edits.

    Args:
        layout: of the model.
    """

    verbs: Verbs = changes

    def __init__(self, layout: Layout) -> None:
        self.changes: dict[str, list[StepChange]] = {}
        self._layout = layout
        self._edits: list[Edit] = []

    def check_name(self, choice: str) -> None:
        """Check that a name or a pattern stands for modules, or for steps.

        Raises:
            ConfigError: there is no module of the name; the message suggests similar ones.
        """
        self._layout.matching(choice)

    def add(self, choice: str | int, edit: Edit) -> None:
        """Add an edit of the modules that match a name, a pattern or a number.

        Raises:
            ConfigError: one of them has no such part, or not so many heads.
        """
        new = [
            (path, change)
            for name in self._names(choice, edit)
            for path, change in [self._change(name, edit)]
        ]
        for path, change in new:
            self.changes.setdefault(path, []).append(change)
        self._edits.append(edit)

    def check_applied(self) -> None:
        """Check that every edit had an effect.

        Raises:
            ConfigError: one was.
        """
        for edit in self._edits:
            if not edit.applied:
                raise ConfigError(
                    f"{edit.words} had no effect: the model ran, and the step or the positions "
                    "did not occur."
                )

    def _names(self, choice: str | int, edit: Edit) -> list[str]:
        if isinstance(choice, str):
            return self._layout.matching(choice)
        attentions = self._layout.attentions
        if choice >= len(attentions):
            raise ConfigError(
                f"{edit.words}: the model has {len(attentions)} attentions, 0 to "
                f"{len(attentions) - 1}."
            )
        return [attentions[choice]]

    def _change(self, name: str, edit: Edit) -> tuple[str, StepChange]:
        """Return the path of the step that an edit of a module changes, and its change."""
        attention = self._layout.attention_of(name)
        if isinstance(edit, TensorEdit) and edit.part == OUTPUT:
            return self._output_change(name, edit)
        if attention is None:
            return self._headless_change(name, edit)
        heads = self._layout.heads[attention]
        if isinstance(edit, EdgeEdit):
            step = "masked" if edit.renormalise else "weights"
            return f"{attention}.{step}", edge_change(edit, attention, heads)
        assert isinstance(edit, TensorEdit)
        step = edit.part if edit.part != HEADS else "output"
        if name != attention and edit.part == HEADS:
            step = name.rpartition(".")[2]
        path = f"{attention}.{step}"
        return path, tensor_change(edit, path, heads, whole_rows=step in (KEY, VALUE))

    def _output_change(self, name: str, edit: TensorEdit) -> tuple[str, StepChange]:
        """Return the step with which a module ends, and its change.

        Raises:
            ConfigError: it is a step itself.
        """
        path = self._layout.outputs[name]
        if path == name:
            raise ConfigError(
                f"{edit.words}: {name!r} is a step, not a module: its numbers are "
                f"edits[{name!r}] itself, without .output."
            )
        return path, tensor_change(edit, path, 0, whole_rows=False)

    def _headless_change(self, name: str, edit: Edit) -> tuple[str, StepChange]:
        """Return a step without an axis of heads, and its change.

        Raises:
            ConfigError: the edit names heads, or it is a module.
        """
        is_step = self._layout.outputs[name] == name
        if is_step and isinstance(edit, TensorEdit) and edit.part == HEADS and edit.heads is None:
            return name, tensor_change(edit, name, 0, whole_rows=False)
        inside = [one for one in self._layout.attentions if one.startswith(f"{name}.")]
        hint = f" Name its attention: {', '.join(map(repr, inside))}." if inside else ""
        hint += "" if is_step else f" What the module returns is edits[{name!r}].output."
        raise ConfigError(f"{edit.words} was not applied: {name!r} has no heads.{hint}")
