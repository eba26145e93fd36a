"""Edits of a PyTorch model while a block runs, with its kernels fused."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import nn

from ..errors import ConfigError
from ..maps.recorder.owners import ModuleNames
from ..maps.recorder.selection import matching_modules
from . import changes
from .edits import OUTPUT, Edit, TensorEdit
from .handles import Edits, Verbs
from .hooks import ModuleHooks
from .running import RUNNING, EditedModel


@contextmanager
def edit_modules(model: nn.Module) -> Iterator[ModuleEdits]:
    """Edit a PyTorch model within a ``with`` block; see `clearhead.intervene`.

    Raises:
        ConfigError: an edit asks for what is not there, or could not be applied exactly.
    """
    edited_model = EditedModel(model, ModuleNames(model))
    with ExitStack() as stack:
        edits = ModuleEdits(edited_model, stack)
        stack.callback(edits.remove_hooks)
        RUNNING.models.append(edited_model)
        stack.callback(RUNNING.models.remove, edited_model)
        yield edits
    edits.check_applied()


class ModuleEdits(Edits):
    """The edits of a PyTorch model in one ``with`` block.

    Args:
        model: the model.
        surroundings: what is restored after the block.
    """

    verbs: Verbs = changes

    def __init__(self, model: EditedModel, surroundings: ExitStack) -> None:
        self._model, self._surroundings = model, surroundings
        self._modules = dict(model.model.named_modules())
        self._matches: dict[str, dict[str, nn.Module]] = {}
        self._hooks: dict[int, ModuleHooks] = {}
        self._edits: list[tuple[Edit, int]] = []  # with the number of runs before

    def check_name(self, choice: str) -> None:
        """Check that a name or a pattern matches modules.

        Raises:
            ConfigError: there is no module of the name.
        """
        self._matching(choice)

    def _matching(self, choice: str) -> dict[str, nn.Module]:
        """Return the modules of a name or pattern, cached because searching a model is slow."""
        if choice not in self._matches:
            self._matches[choice] = matching_modules(self._model.model, choice)
        return self._matches[choice]

    def add(self, choice: str | int, edit: Edit) -> None:
        """Add an edit of the modules that match a name, a pattern or a number."""
        model = self._model
        if not self._edits:
            _run_as_written(model.model, self._surroundings)
        if isinstance(choice, int):
            if isinstance(edit, TensorEdit) and edit.part == OUTPUT:
                raise ConfigError(
                    f"{edit.words}: which module attends as number {choice} is known only when it "
                    "does, so that its output cannot be edited by number. Give its name, or edit "
                    f"its heads: edits[{choice}] without .output."
                )
            model.numbered.setdefault(choice, []).append(edit)
            self._hook("")
        else:
            for name, module in self._matching(choice).items():
                model.edits.setdefault(id(module), []).append(edit)
                self._hook(name)
        self._edits.append((edit, model.runs))

    def _hook(self, name: str) -> None:
        """Put hooks on a module and on those around it, whose arguments tell what a cache holds."""
        modules = self._modules
        parts = name.split(".") if name else []
        around = [".".join(parts[:end]) for end in range(len(parts) + 1)]
        chain = [modules[one] for one in around if one in modules]
        for place, module in enumerate(chain):
            if id(module) not in self._hooks:
                outer = chain[:place][::-1]
                self._hooks[id(module)] = ModuleHooks(self._model, module, outer)

    def remove_hooks(self) -> None:
        """Remove all hooks."""
        for hooks in self._hooks.values():
            hooks.remove()
        self._hooks.clear()

    def check_applied(self) -> None:
        """Check that every edit had an effect, if the model ran after it was added.

        Raises:
            ConfigError: one was.
        """
        for edit, runs_before in self._edits:
            if not edit.applied and self._model.runs > runs_before:
                raise ConfigError(
                    f"{edit.words} had no effect: the model ran, and the module, its attention or "
                    "the positions did not occur."
                )


def _run_as_written(model: nn.Module, stack: ExitStack) -> None:
    """Run compiled code uncompiled, and PyTorch's own layers without their fast paths."""
    modules = list(model.modules())
    # If its module is not loaded nothing is compiled yet, but transformers compiles FlexAttention
    # on use.
    if "torch._dynamo" in sys.modules or any(map(_wants_flex, modules)):
        stack.enter_context(torch.compiler.set_stance("force_eager"))
    if any(isinstance(module, nn.MultiheadAttention) for module in modules):
        before = torch.backends.mha.get_fastpath_enabled()
        stack.callback(torch.backends.mha.set_fastpath_enabled, before)
        torch.backends.mha.set_fastpath_enabled(False)


def _wants_flex(module: nn.Module) -> bool:
    config = getattr(module, "config", None)
    return getattr(config, "_attn_implementation", None) == "flex_attention"
