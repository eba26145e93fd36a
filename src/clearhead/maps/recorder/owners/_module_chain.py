"""Finds which modules of a model are running: only their ids, at little cost."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import FrameType

from torch import nn

from ._model_modules import code_of, is_stranger

_MODULES_ASKED = 6
_FRAMES_OF_OURS = 12


@dataclass(frozen=True, eq=False)
class Chain:
    """The modules of the model that are running at an operator, by id.

    Attributes:
        modules: the ids of the innermost modules, from the innermost outwards.
        stranger: whether a module that does not belong to the model is running within them.
    """

    modules: tuple[int, ...]
    stranger: bool = False


def find_chain(names: Mapping[int, str]) -> Chain:
    """Return the modules of the model that are running in this thread.

    `find_owner` tells more, and costs more. Of the frames around the first module, only those that
    enter another module are examined.
    """
    modules: list[int] = []
    stranger = False
    entered = 0
    frame: FrameType | None = below_dispatch(sys._getframe(1))
    while frame is not None and entered < _MODULES_ASKED:
        code = frame.f_code
        if code.co_name == "_call_impl" or (not entered and code.co_argcount):
            module = frame.f_locals.get(code.co_varnames[0])
            if isinstance(module, nn.Module):
                if id(module) in names:
                    if not modules or modules[-1] != id(module):
                        modules.append(id(module))
                    entered += code.co_name == "_call_impl"
                elif not modules and not stranger:
                    stranger = is_method(frame, module) and is_stranger(module, names)
        frame = frame.f_back
    return Chain(tuple(modules), stranger)


def below_dispatch(innermost: FrameType) -> FrameType:
    """Return the frame that called the operator, outside of the recorder's own frames."""
    frame: FrameType | None = innermost
    for _ in range(_FRAMES_OF_OURS):
        if frame is None:
            break
        if frame.f_code.co_name == "__torch_dispatch__":
            return frame.f_back or innermost
        frame = frame.f_back
    return innermost


def is_method(frame: FrameType, module: nn.Module) -> bool:
    """Return whether a frame runs a method of the module, not a function that takes it."""
    code = frame.f_code
    if code.co_name == "_call_impl":
        return True
    return code_of(type(module), code.co_name) is code
