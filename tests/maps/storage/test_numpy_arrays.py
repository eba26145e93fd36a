"""Tensors as NumPy arrays."""

from __future__ import annotations

import numpy as np
import torch

from clearhead.maps.storage.numpy_arrays import to_array


def test_a_tensor_of_a_graph_has_its_numbers():
    x = torch.arange(6.0).reshape(2, 3).requires_grad_()
    array = to_array(x.mT * 2)
    assert isinstance(array, np.ndarray)
    assert array.dtype == np.float32
    assert array.tolist() == [[0.0, 6.0], [2.0, 8.0], [4.0, 10.0]]


def test_kinds_of_numbers_stay():
    assert to_array(torch.tensor([True])).dtype == np.bool_
    assert to_array(torch.tensor([1.0], dtype=torch.float64)).dtype == np.float64
    assert to_array(torch.tensor(3)).shape == ()
