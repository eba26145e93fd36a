"""The random numbers with which PyTorch draws tokens, from the same seed.

``torch.multinomial(probabilities, n)`` on a processor draws an exponential variate for every
probability and takes the largest of probability / variate (an exponential race, the Gumbel-max
trick of Gumbel 1954 without its logarithm). ``exponential_`` takes two outputs of a Mersenne
Twister for each variate, in the order of the elements, makes 53 of their 64 bits a number ``u``
in [0, 1), and returns ``-log1p(-u)``, in double precision, rounded to the tensor's.
``torch.manual_seed`` begins the Twister as NumPy's `numpy.random.RandomState` does.

This is PyTorch 2.5 and later, on every processor and with any number of threads. Earlier wheels
for x86 called Intel's library there, whose stream is another one; on a GPU, it is another again.
"""

from __future__ import annotations

import numpy as np

from ..engine.protocols import FloatArray, IntArray
from ..shapes import Array, Float, Num

_BITS = 53


class TorchRandom:
    """The exponential variates of one generator of PyTorch.

    Args:
        seed: what ``torch.manual_seed`` is called with; its low 32 bits count, as there.
    """

    def __init__(self, seed: int) -> None:
        self._twister = np.random.RandomState(seed & 0xFFFF_FFFF)

    def words(self, count: int) -> IntArray:
        """Return what ``count`` variates are made of, Int["count 2"], and go on in the stream."""
        words = self._twister.randint(0, 1 << 32, size=2 * count, dtype=np.uint32)
        return words.reshape(count, 2)

    def exponential(self, count: int) -> FloatArray:
        """Return the next ``count`` variates of ``torch.empty(count).exponential_()``, float64."""
        return exponential(self.words(count))


def exponential(words: Num[Array, "count 2"]) -> Float[Array, "count"]:
    """Return the exponential variates that such words give, float64: round them for others.

    Only those that are looked at need a logarithm, of a stream that has one for every token.
    """
    return -np.log1p(-_uniform(words))


def fastest(probabilities: Float[Array, "count"], words: Num[Array, "count 2"]) -> int:
    """Return the place of the largest ``probability / variate``, the first of equal ones.

    As ``-log(1 - u)`` lies between ``u`` and ``u / (1 - u)``, few variates need their logarithm.
    """
    uniform = _uniform(words)
    with np.errstate(divide="ignore", invalid="ignore"):  # a variate may be 0
        most = probabilities / uniform
        np.subtract(1, uniform, out=uniform)
        least = np.multiply(most, uniform, out=uniform)
        # A margin for what is lost where quotients are rounded to the probabilities' precision.
        places = np.flatnonzero(~(most < least.max() * (1 - 1e-5)))
        variates = exponential(words[places]).astype(probabilities.dtype)
        return int(places[(probabilities[places] / variates).argmax()])


def _uniform(words: Num[Array, "count 2"]) -> Float[Array, "count"]:
    # The first word has the upper bits. Every step is exact: 53 bits are what a float64 holds.
    uniform = (words[:, 0] & np.uint32((1 << _BITS - 32) - 1)).astype(np.float64)
    uniform *= 2.0**32
    uniform += words[:, 1]
    uniform *= 2.0**-_BITS
    return uniform
