"""One notation for the shapes of arrays: ``Float[Tensor, "batch heads query_len head_dim"]``.

Names are axes: the same name is the same length within one signature. ``#batch`` may be 1 instead,
and stand for any length; ``...`` is any number of axes, ``1`` is one entry. ``Float``, ``Int`` and
``Bool`` say what the entries are, ``Num`` that they are any numbers, and ``Shaped`` says nothing.

To a type checker, and to whoever runs clearhead, `Float[Tensor, "..."]` is `Tensor`: nothing is
imported and nothing is checked. The tests import jaxtyping before clearhead; then these are its
types, and calls of functions that use them are checked (tests/shape_checks.py). A function that
checks its arguments itself, in an error's words, has them as `Tensor` and describes their shapes.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np

Array = np.ndarray
"""A NumPy array of which nothing more is said."""

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
        """The array type alone: what stands for a shape where nothing checks it."""

        def __class_getitem__(cls, array_and_axes: tuple[type, str]) -> type:
            return array_and_axes[0]

    Bool = Float = Float64 = Int = Num = Shaped

__all__ = ["Array", "Bool", "Float", "Float64", "Int", "Num", "Shaped"]
