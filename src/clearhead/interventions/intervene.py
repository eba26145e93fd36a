"""`intervene`: change what a PyTorch model computes while a block runs, with its kernels fused."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import nn

from ..errors import ConfigError
from ..maps.recorder.owners import ModuleNames
from ..maps.recorder.selection import matching_modules
from .edits import OUTPUT, Edit, TensorEdit
from .handles import ModulePart
from .hooks import ModuleHooks
from .running import RUNNING, EditedModel


@contextmanager
def intervene(model: nn.Module) -> Iterator[Edits]:
    """Edit a model within a ``with`` block.

    Edits are asked for by the names of modules, as a recording has them, and are applied whenever
    the model runs within the block, in this thread. Attention keeps its fused kernel. Behind the
    block the model is as it was before.

        with clearhead.intervene(model) as edits:
            edits["model.layers.3.self_attn"].head(2).zero()
            logits = model(**inputs).logits

    Blocks may be within one another; inner edits come on top of outer ones. Gradients are those of
    the edited computation, also when they are computed behind the block.

    Args:
        model: any module.

    Raises:
        ConfigError: an edit asks for what is not there, or could not be applied exactly.
    """
    if not isinstance(model, nn.Module):
        raise ConfigError(
            f"intervene() edits a torch.nn.Module; got {type(model).__name__}. Of a pipeline or "
            "wrapper, give the model within it."
        )
    edited_model = EditedModel(model, ModuleNames(model))
    with ExitStack() as stack:
        edits = Edits(edited_model, stack)
        stack.callback(edits.remove_hooks)
        RUNNING.models.append(edited_model)
        stack.callback(RUNNING.models.remove, edited_model)
        yield edits
    edits.check_applied()


class Edits:
    """The edits of one ``with`` block: ``edits[name]`` is a module to be edited.

    A name is a module's, a pattern such as ``"*.self_attn"`` for several of them, or the number of
    an attention, in the order in which they first run.
    """

    def __init__(self, model: EditedModel, surroundings: ExitStack) -> None:
        self._model, self._surroundings = model, surroundings
        self._modules = dict(model.model.named_modules())
        self._hooks: dict[int, ModuleHooks] = {}
        self._edits: list[tuple[Edit, int]] = []  # with the number of runs before

    def __getitem__(self, choice: str | int) -> ModulePart:
        """Return a module, to be edited.

        Raises:
            ConfigError: there is no module of the name.
        """
        if isinstance(choice, int):
            if choice < 0:
                raise ConfigError(
                    "Attentions are counted from 0 as they are first called, so that none can be "
                    f"counted from the end; got {choice}."
                )
        else:
            matching_modules(self._model.model, choice)
        return ModulePart(self, choice)

    def add(self, choice: str | int, edit: Edit) -> None:
        """Add an edit of the modules that a name, a pattern or a number stands for."""
        model = self._model
        if not self._edits:
            _run_as_written(model.model, self._surroundings)
        if isinstance(choice, int):
            if isinstance(edit, TensorEdit) and edit.part == OUTPUT:
                raise ConfigError(
                    f"{edit.words}: which module attends as number {choice} is known only when it "
                    "does, so that its output cannot be edited by number. Give its name, or edit "
                    f"its heads: edits[{choice}].heads."
                )
            model.numbered.setdefault(choice, []).append(edit)
            self._hook("")
        else:
            for name, module in matching_modules(model.model, choice).items():
                model.edits.setdefault(id(module), []).append(edit)
                self._hook(name)
        self._edits.append((edit, model.runs))

    def _hook(self, name: str) -> None:
        """Put hooks on a module and on those around it, which know what a cache holds."""
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
        """Check that no edit was without effect, if the model ran after it was asked for.

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
    """Let what was compiled run as it was written, and PyTorch's own layers without short cuts."""
    modules = list(model.modules())
    # Without its module nothing was compiled yet, but transformers compiles FlexAttention on use.
    if "torch._dynamo" in sys.modules or any(map(_wants_flex, modules)):
        stack.enter_context(torch.compiler.set_stance("force_eager"))
    if any(isinstance(module, nn.MultiheadAttention) for module in modules):
        before = torch.backends.mha.get_fastpath_enabled()
        stack.callback(torch.backends.mha.set_fastpath_enabled, before)
        torch.backends.mha.set_fastpath_enabled(False)


def _wants_flex(module: nn.Module) -> bool:
    config = getattr(module, "config", None)
    return getattr(config, "_attn_implementation", None) == "flex_attention"
