"""Multi-head attention, layer norm and softmax: each mistake, written out, diagnosed by name."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.lessons.review.multi_head import compute, multi_head_cases
from clearhead.reference import multi_head_attention


def test_the_right_one_is_the_librarys():
    for case in multi_head_cases():
        x, query, key, value, output, heads = case.arguments
        matrices = {"query": query, "key": key, "value": value, "output": output}
        named = {f"{name}.weight": matrix.T for name, matrix in matrices.items()}
        ours = multi_head_attention(x[None], weights=named, num_heads=heads)
        assert np.allclose(ours[0], case.right[0], rtol=0, atol=1e-13)


@pytest.mark.parametrize("heads", [2, 4])
def test_a_reshape_without_transpose_changes_the_numbers_and_not_the_shape(heads):
    x, *matrices, _ = multi_head_cases()[0].arguments
    right = compute(x, *matrices, heads)
    wrong = compute(x, *matrices, heads, split_by=lambda y, n: y.reshape(n, len(y), -1))
    assert wrong[0].shape == right[0].shape
    assert not np.allclose(wrong[0], right[0])
