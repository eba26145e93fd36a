"""Which tensors can be followed, and what is said of the others."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from clearhead.maps.recorder.plain_tensors import is_plain, kind_of_tensors
from tests.maps.attending import WrapperTensor


class RenamedTensor(Tensor):
    """Another name, and the arithmetic of any tensor."""


class FunctionTensor(Tensor):
    """Functions of its own, above the operators."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return super().__torch_function__(func, types, args, kwargs or {})


X = torch.randn(2, 3)
PLAIN = {
    "a tensor": X,
    "a parameter": nn.Parameter(X),
    "a view": X.t()[1:],
    "integers": torch.arange(3),
    "another name": X.as_subclass(RenamedTensor),
    "functions of its own": X.as_subclass(FunctionTensor),
    "no tensor": 3.0,
    "nothing": None,
}
OTHERS = {
    "jagged": (
        lambda: torch.nested.nested_tensor([X, X[:1]], layout=torch.jagged),
        "its tensors are nested, of sequences of several lengths, which are not read; record the "
        "model with padded tensors and a mask",
    ),
    "nested": (
        lambda: torch.nested.nested_tensor([X, X[:1]]),
        "its tensors are nested, of sequences of several lengths, which are not read; record the "
        "model with padded tensors and a mask",
    ),
    "sparse": (
        lambda: X.to_sparse(),
        "its tensors have the layout torch.sparse_coo, which is not read",
    ),
    "compressed": (
        lambda: X.to_sparse_csr(),
        "its tensors have the layout torch.sparse_csr, which is not read",
    ),
    "meta": (
        lambda: X.to("meta"),
        "its tensors are on the meta device, where there are no numbers",
    ),
    "a wrapper": (
        lambda: WrapperTensor(X),
        "its tensors are of the class WrapperTensor, which is not read",
    ),
}
ignored = pytest.mark.filterwarnings("ignore:.*(nested tensors|Sparse CSR):UserWarning")


@pytest.mark.parametrize("x", PLAIN.values(), ids=PLAIN)
def test_tensors_with_a_memory_of_their_own_are_plain(x):
    assert is_plain((x,))
    assert is_plain((X, [x, X], (x,)))
    assert kind_of_tensors((x, [x])) == ""


@ignored
@pytest.mark.parametrize(("make", "words"), OTHERS.values(), ids=OTHERS)
def test_others_are_not_and_it_is_said_what_they_are(make, words):
    x = make()
    assert not is_plain((x,))
    assert not is_plain((X, 1, [X, x]))
    assert not is_plain((X, (X, (x,))))
    assert kind_of_tensors((x,)) == words
    assert kind_of_tensors((X, 1, [X, x])) == words
    assert kind_of_tensors((X, None, (X, (x,)))) == words


@ignored
def test_the_first_of_several_that_is_not_read_is_named():
    sparse, meta = OTHERS["sparse"][0](), OTHERS["meta"][0]()
    assert kind_of_tensors((X, sparse, meta)) == OTHERS["sparse"][1]
    assert kind_of_tensors((X, [meta], sparse)) == OTHERS["meta"][1]


def test_of_no_tensors_there_is_nothing_to_say():
    assert is_plain(())
    assert is_plain(([], 1, "x"))
    assert kind_of_tensors(([], 1, "x")) == ""
