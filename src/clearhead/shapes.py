"""One notation for the shapes of arrays: ``Float[Tensor, "batch heads query_len head_dim"]``.

Names are axes: the same name means the same length within one signature. ``#batch`` may also have
length 1 and is then broadcast; ``...`` is any number of axes, ``1`` an axis of length 1. ``Float``,
``Int`` and ``Bool`` give the type of the entries, ``Num`` allows any numbers, ``Shaped`` anything.

To a type checker, and when clearhead runs, `Float[Tensor, "..."]` is just `Tensor`: nothing is
imported and nothing is checked. The tests import jaxtyping before clearhead; then these names are
jaxtyping's types, and calls of functions that use them are checked (tests/shape_checks.py). A
function that checks its arguments itself, with its own error messages, declares them as `Tensor`
and describes their shapes in words.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np

Array = np.ndarray
"""A NumPy array of any shape and type."""

if TYPE_CHECKING:
    from typing import Annotated as Bool
    from typing import Annotated as Float
    from typing import Annotated as Float64
    from typing import Annotated as Int
    from typing import Annotated as Num
    from typing import Annotated as Shaped
elif "jaxtyping" in sys.modules:
    from jaxtyping import Bool, Float, Float64, Int, Num, Shaped
else:

    class Shaped:
        """Stands for the array type alone, when shapes are not checked."""

        def __class_getitem__(cls, array_and_axes: tuple[type, str]) -> type:
            return array_and_axes[0]

    Bool = Float = Float64 = Int = Num = Shaped

__all__ = ["Array", "Bool", "Float", "Float64", "Int", "Num", "Shaped"]
