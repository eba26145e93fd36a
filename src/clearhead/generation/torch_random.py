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
from ..shapes import Array, Float, Int

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


def exponential(words: Int[Array, "count 2"]) -> Float[Array, "count"]:
    """Return the exponential variates that such words give, float64: round them for others.

    Only those that are looked at need a logarithm, of a stream that has one for every token.
    """
    bits = (words[:, 0].astype(np.uint64) << np.uint64(32)) | words[:, 1]
    uniform = (bits & np.uint64((1 << _BITS) - 1)) * 2.0**-_BITS
    return -np.log1p(-uniform)
