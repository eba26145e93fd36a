"""The two kinds of matrix product in a Transformer, which an engine may compute in another way.

Every layer multiplies its input by a weight, and attention multiplies queries by keys and weights
by values. The layers say what is multiplied; `Products` says how. `PLAIN` is NumPy's own product,
and `clearhead.engine.products` gives one whose rows do not depend on the rows beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..shapes import Array, Float

Multiply = Callable[[Array, Array], Array]
WeightProduct = Callable[[Array], Array]


def multiply_by(weight: Float[Array, "out in"]) -> WeightProduct:
    """Return the function that multiplies by a weight: x to x W^T.

    Returns:
        a function of Float["... in"] that returns a new array Float["... out"].
    """

    def product(x: Array) -> Array:
        return x @ weight.T

    return product


@dataclass(frozen=True)
class Products:
    """How the layers of a model multiply.

    Attributes:
        by_weight: makes, of a weight Float["out in"], the function of x Float["... length in"]
            that returns x W^T, Float["... length out"], in an array of its own.
        multiply: a @ b for attention, Float["... rows inner"] by
            Float["... inner columns"].
        joint: whether layers of the same input become one product, for which their weights are
            laid below one another in a copy.
    """

    by_weight: Callable[[Array], WeightProduct] = multiply_by
    multiply: Multiply = np.matmul
    joint: bool = True


PLAIN = Products()
