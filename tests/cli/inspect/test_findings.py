from __future__ import annotations

import numpy as np
import pytest

from clearhead.cli.inspect._findings import Link, StackFindings, _label, _links, as_json, sides
from clearhead.surveys.text_model import Tokens
from tests.cli.inspect.layers import layer

TEXT = Tokens([0, 7, 8, 1], ["<s>", "the", "cat", "</s>"], [True, False, False, True])
# Of each of four queries the two keys with most weight; -1 is no key.
INDICES = np.array([[[3, 1], [1, 2], [0, 1], [2, -1]]])
WEIGHTS = np.array([[[0.6, 0.3], [0.7, 0.2], [0.8, 0.15], [0.25, 0.0]]])


@pytest.mark.parametrize(
    ("kind", "link"),
    [
        ("self", Link(head=0, query=0, key=1, weight=0.3)),  # neither itself, first nor special
        ("cross", Link(head=0, query=1, key=1, weight=0.7)),  # a key of the other text
    ],
)
def test_a_link_is_the_largest_weight_that_tells_something(kind, link):
    assert _links(layer("h.0", kind=kind), WEIGHTS, INDICES, TEXT, 4) == [link]


def test_a_head_that_looks_at_special_tokens_alone_has_no_link():
    indices = np.where(INDICES == 2, 3, np.where(INDICES == 1, 0, INDICES))
    assert _links(layer("h.0"), WEIGHTS, indices, TEXT, 4) == []


def test_labels_are_the_numbers_that_differ():
    def labels(*names: str) -> list[str]:
        layers = [layer(name) for name in names]
        _label(layers)
        return [one.label for one in layers]

    assert labels("block.0.layer.1.Attn", "block.1.layer.1.Attn") == ["0", "1"]
    assert labels("layers.0.blocks.0.attn", "layers.1.blocks.3.attn") == ["0.0", "1.3"]
    assert labels("attention") == ["0"]
    assert labels("layers.5.attn") == ["5"]


def test_calls_of_one_module_are_numbered():
    layers = [layer("layers.5.attn"), layer("layers.5.attn")]
    layers[0].call, layers[1].call = 0, 1
    _label(layers)
    assert [one.label for one in layers] == ["0", "1"]


def test_a_stack_is_a_table_with_gaps_where_a_layer_has_fewer_heads():
    stack = StackFindings("h.*", [layer("h.0", 1), layer("h.1", 3)])
    np.testing.assert_array_equal(stack.table("entropy"), [[10, np.nan, np.nan], [10, 11, 12]])
    np.testing.assert_array_equal(stack.received_shares(), [0.5, 0.25, 0.25])


def test_the_strongest_links_of_all_layers_come_first():
    weak, middle, strong = (Link(0, 0, 1, weight) for weight in (0.1, 0.5, 0.9))
    first, second = layer("h.0", links=(weak, strong)), layer("h.1", links=(middle,))
    stack = StackFindings("h.*", [first, second])
    assert stack.strongest(2) == [(first, strong), (second, middle)]
    assert len(stack.strongest(9)) == 3
    (row,) = as_json([stack], TEXT, None, top=1)
    assert row["links"] == [
        {"layer": "h.0", "head": 0, "query": 0, "query_token": "<s>",
         "key": 1, "key_token": "the", "weight": 0.9}
    ]  # fmt: skip


def test_queries_and_keys_are_of_the_text_that_the_layer_reads():
    target = Tokens([5], ["le"], [False])
    encoder, decoder = layer("encoder.0"), layer("decoder.0")
    cross = layer("decoder.0.cross", kind="cross")
    assert sides(encoder, TEXT, target) == (TEXT, TEXT)
    assert sides(decoder, TEXT, target) == (target, target)
    assert sides(cross, TEXT, target) == (target, TEXT)
    assert sides(decoder, TEXT, None) == (TEXT, TEXT)
