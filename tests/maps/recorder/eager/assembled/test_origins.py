from __future__ import annotations

import pytest
import torch

from clearhead.maps.recorder.eager._nodes import Layout, Node, Product, storage_of, weak_reference
from clearhead.maps.recorder.eager.assembled._movements import Movements
from clearhead.maps.recorder.eager.assembled._origins import (
    Addresses,
    are_reordered,
    check_order,
    score_elements,
)
from clearhead.maps.recorder.eager.assembled._replay import CONSTANT
from clearhead.maps.recording.captured import Unreadable

QUERY, KEY = torch.randn(2, 3, 4), torch.randn(2, 5, 4)


def product(query=QUERY, key=KEY):
    out = query @ key.mT
    node = Node(Layout.of(out), Product.of(query, key.mT, "bmm"), weak_reference(out))
    return out, node


def joined(*parts):
    movements, out = Movements(), torch.cat(parts, -1)
    movements.note("cat", (list(parts), -1), {}, out)
    return movements, out


def elements_of(*products):
    movements, out = joined(*(x for x, _ in products))
    nodes = {storage_of(x): node for x, node in products}
    where = Addresses(movements)
    return score_elements(out, -1, nodes, movements, where), where


def test_elements_know_their_query_and_key():
    other = torch.randn(2, 2, 4)
    elements, where = elements_of(product(), product(key=other))
    assert elements.which[0, 0].tolist() == [0] * 5 + [1] * 2
    queries, keys = where.of(QUERY[..., 0]), where.of(KEY[..., 0])
    assert torch.equal(elements.query, queries[..., None].expand(2, 3, 7))
    assert torch.equal(elements.key[..., :5], keys[:, None].expand(2, 3, 5))
    assert elements.factor == 1.0
    assert elements.term is None


def test_keys_times_queries():
    out, node = product(KEY, QUERY)
    movements, both = joined(out.mT, out.mT)
    where = Addresses(movements)
    elements = score_elements(both, -1, {storage_of(out): node}, movements, where)
    assert torch.equal(elements.query[..., 0], where.of(QUERY[..., 0]))


def test_addresses_go_through_copies_and_buffers_are_no_beginning():
    movements = Movements()
    copy = QUERY.transpose(0, 1).clone()
    movements.note("clone", (QUERY.transpose(0, 1),), {}, copy)
    buffer = torch.zeros(4, 2, 4)
    buffer[:3].copy_(copy)
    movements.note("copy", (buffer[:3], copy), {}, buffer[:3])
    where = Addresses(movements)
    assert torch.equal(where.of(copy), where.of(QUERY).transpose(0, 1))
    assert torch.equal(where.of(buffer)[:3], where.of(copy))
    assert (where.of(buffer)[3] == CONSTANT).all()
    assert where.memories() == [(0, QUERY.numel())]


def test_nothing_of_a_product_is_refused():
    movements, out = joined(torch.zeros(2, 3), torch.zeros(2, 3))
    with pytest.raises(Unreadable, match="nothing of a product"):
        score_elements(out, -1, {}, movements, Addresses(movements))


def test_vectors_that_were_gathered_in_another_order():
    movements = Movements()

    def gathered(places):
        index = torch.tensor(places)[None, :, None].expand(2, -1, 4)
        out = KEY.gather(1, index)
        movements.note("gather", (KEY, 1, index), {}, out)
        copy = out.clone()
        movements.note("clone", (out,), {}, copy)
        return copy

    in_order, sorted_anew = gathered([0, 2, 4]), gathered([3, 0, 1])
    assert not are_reordered(movements, KEY)
    assert not are_reordered(movements, in_order)
    assert are_reordered(movements, sorted_anew)
    check_order(movements, Product.of(QUERY, in_order.mT, "bmm"))
    with pytest.raises(Unreadable, match="places are not those of tokens"):
        check_order(movements, Product.of(QUERY, sorted_anew.mT, "bmm"))
