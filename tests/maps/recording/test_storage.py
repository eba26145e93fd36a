"""How tensors are copied, and how they grow."""

from __future__ import annotations

import pytest
import torch

from clearhead.maps.recording.storage import GrowingTensor, Storage


@pytest.mark.parametrize("dtype", [None, torch.float32, torch.bfloat16])
def test_a_copy_is_in_memory_of_its_own(dtype):
    x = torch.randn(2, 3, 4).requires_grad_()
    view = x.transpose(0, 2)
    copy = Storage(dtype=dtype).copy(view)
    assert copy.dtype == (dtype or torch.float32)
    assert copy.is_contiguous()
    assert not copy.requires_grad
    assert torch.equal(copy, view.detach().to(copy.dtype))
    with torch.no_grad():
        x.zero_()
    assert bool(copy.abs().sum() > 0)


def test_whole_numbers_and_masks_are_not_narrowed():
    storage = Storage(dtype=torch.bfloat16)
    assert storage.copy(torch.tensor([300])).dtype == torch.int64
    assert storage.copy(torch.tensor([True])).dtype == torch.bool


def test_a_copy_goes_to_its_device():
    assert Storage(device=torch.device("meta")).copy(torch.ones(2)).device.type == "meta"


def test_a_tensor_grows_along_its_third_axis():
    pieces = [torch.randn(2, 3, size, 4) for size in (2, 1, 0, 5, 1)]
    growing = GrowingTensor(pieces[0].clone())
    for count, piece in enumerate(pieces[1:], 2):
        growing.append(piece)
        expected = torch.cat(pieces[:count], 2)
        assert growing.length == expected.shape[2]
        assert torch.equal(growing.tensor, expected)


def test_memory_doubles_so_that_few_steps_copy():
    growing, places = GrowingTensor(torch.zeros(1, 1, 1, 1)), []
    for _ in range(31):
        growing.append(torch.ones(1, 1, 1, 1))
        places.append(growing.tensor.data_ptr())
    assert growing.length == 32
    assert len(dict.fromkeys(places)) <= 5  # room for 2, 4, 8, 16 and 32
    assert float(growing.tensor.sum()) == 31
