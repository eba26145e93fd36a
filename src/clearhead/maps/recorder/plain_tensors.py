"""Tells plain tensors, whose memory can be followed, from others."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

ORDINARY = (Tensor, nn.Parameter)


def is_plain(args: Any) -> bool:
    """Return whether all tensors among arguments are plain: dense, with numbers in memory.

    Nested, sparse and fake tensors are not, nor are subclasses that override operators. A subclass
    that overrides nothing is plain.
    """
    for x in args:
        if isinstance(x, Tensor):
            if x.is_nested or x.layout != torch.strided or x.is_meta:
                return False
            kind = type(x)
            if kind not in ORDINARY and kind.__torch_dispatch__ is not Tensor.__torch_dispatch__:
                return False
        elif isinstance(x, list | tuple) and not is_plain(x):
            return False
    return True


def kind_of_tensors(args: Any) -> str:
    """Return why tensors among arguments are not read; "" where all are plain."""
    for x in args:
        if isinstance(x, list | tuple):
            why = kind_of_tensors(x)
            if why:
                return why
        elif isinstance(x, Tensor) and not is_plain((x,)):
            if x.device.type == "meta":
                return "its tensors are on the meta device, where there are no numbers"
            if x.is_nested:
                return (
                    "its tensors are nested, of sequences of several lengths, which are not read; "
                    "record the model with padded tensors and a mask"
                )
            if x.layout != torch.strided:
                return f"its tensors have the layout {x.layout}, which is not read"
            return f"its tensors are of the class {type(x).__name__}, which is not read"
    return ""
