"""Whatever the BLAS library at work does, a sequence's product is its own, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.engine.products import INDEPENDENT_ROWS, Whole, by_weight, method, multiply
from clearhead.engine.rows import Rows
from clearhead.engine.tiles import Tiles
from tests.engine.matrices import draws
from tests.kernel_sets import run, skip_without

SHAPES = [(1, 64), (7, 64), (64, 704), (255, 128), (257, 64), (1024, 256), (3000, 64), (256, 1536)]


@pytest.mark.parametrize("kind", [Tiles, Rows, Whole])
@pytest.mark.parametrize(("inner", "out"), SHAPES)
def test_every_way_gives_the_product(kind, inner, out):
    matrix = draws(inner, out, dtype=np.float64)
    product = kind(matrix)
    for batch, length in [(1, 1), (2, 1), (5, 1), (70, 1), (1, 2), (3, 17), (2, 40), (1, 130)]:
        x = draws(batch, length, inner, dtype=np.float64, seed=batch)
        np.testing.assert_allclose(product(x), x @ matrix, rtol=0, atol=1e-10)


needs_a_kept_promise = pytest.mark.skipif(
    method(np.float32) == "whole", reason="this machine's BLAS keeps rows apart in no known way"
)


@needs_a_kept_promise
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(max_examples=40, deadline=None)
@given(
    shape=st.sampled_from([(256, 256), (256, 1024), (1024, 256), (256, 10048), (64, 320)]),
    length=st.integers(1, 70),
    batch=st.integers(2, 40),
    data=st.data(),
)
def test_a_sequence_does_not_depend_on_the_sequences_beside_it(dtype, shape, length, batch, data):
    inner, out = shape
    length = 1 if out > 5000 else length
    product = by_weight(draws(out, inner, dtype=dtype))
    x = draws(batch, length, inner, dtype=dtype)
    together = product(x)
    first = data.draw(st.integers(0, batch - 1))
    count = data.draw(st.integers(1, batch - first))
    some = slice(first, first + count)
    assert np.array_equal(product(x[some]), together[some])
    assert np.array_equal(product(x[::-1])[::-1], together)


@needs_a_kept_promise
def test_where_an_array_lies_in_memory_changes_nothing():
    product = by_weight(draws(768, 256))
    x = draws(9, 1, 256)
    for shift in range(1, 16):
        elsewhere = np.empty(x.size + 16, np.float32)[shift : shift + x.size].reshape(x.shape)
        elsewhere[:] = x
        assert np.array_equal(product(elsewhere), product(x))


@settings(max_examples=30, deadline=None)
@given(
    rows=st.sampled_from([1, 2, 40, 80, 130]),
    inner=st.integers(1, 300),
    columns=st.integers(1, 300),
)
def test_attentions_products_are_products_however_they_are_cut(rows, inner, columns):
    a, b = (
        draws(2, rows, inner, dtype=np.float64),
        draws(2, inner, columns, dtype=np.float64),
    )
    np.testing.assert_allclose(multiply(a, b), a @ b, rtol=0, atol=1e-10)


@given(
    shape=st.sampled_from([(3,), (0, 3), (4, 3), (2, 4, 3), (0, 2, 3), (2, 1, 4, 3)]),
    out=st.sampled_from([1, 63, 64, 65, 700]),
)
def test_a_weight_multiplies_arrays_of_any_axes(shape, out):
    x, weight = draws(*shape, dtype=np.float64), draws(out, 3, dtype=np.float64, seed=1)
    product = INDEPENDENT_ROWS.by_weight(weight)(x)
    assert product.shape == (*shape[:-1], out)
    np.testing.assert_allclose(product, x @ weight.T, rtol=0, atol=1e-12)


def test_a_probe_names_one_of_three_ways():
    assert method(np.float32) in ("tiles", "rows", "whole")


ONE_THREAD = """
import time
import numpy as np
from clearhead.engine.products import by_weight, multiply

rng = np.random.default_rng(0)
product = by_weight(rng.random((1024, 256), dtype=np.float32))
one, many = (rng.random(shape, dtype=np.float32) for shape in [(70, 1, 256), (5, 70, 256)])
time.sleep(0.3)  # until the threads that the probe of the library woke are asleep again
left, right = (rng.random((4, 8, 90, 64), dtype=np.float32) for _ in range(2))
every, this = time.process_time(), time.thread_time()
for _ in range(20):
    product(one), product(many)
    multiply(left, right.swapaxes(-1, -2)), multiply(left[..., :1, :], right.swapaxes(-1, -2))
this, every = time.thread_time() - this, time.process_time() - every
print((every - this) / this)
"""


@pytest.mark.parametrize("kernels", ["", "Nehalem", "Haswell", "SkylakeX"])
def test_no_product_is_divided_among_threads(kernels):
    """What other threads do shows in the processor time of the process beyond that of this one."""
    skip_without(kernels)
    assert float(run(ONE_THREAD, kernels, threads=2)) < 0.25
