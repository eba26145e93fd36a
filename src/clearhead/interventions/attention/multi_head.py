"""`torch.nn.functional.multi_head_attention_forward` with its steps in view.

Under a function mode it is handed to the mode as a whole. A copy of its Python code, in which no
argument seems to have a torch function, runs on to its steps instead.
"""

from __future__ import annotations

from functools import cache
from types import FunctionType
from typing import Any

from torch.nn import functional as F


@cache
def open_multi_head_attention() -> Any:
    """Return `multi_head_attention_forward` as a function that does not hand itself to a mode."""
    original = F.multi_head_attention_forward
    variables = dict(original.__globals__)
    variables["has_torch_function"] = lambda arguments: False
    function = FunctionType(
        original.__code__,
        variables,
        original.__name__,
        original.__defaults__,
        original.__closure__,
    )
    function.__kwdefaults__ = original.__kwdefaults__
    return function
