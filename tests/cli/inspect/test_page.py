from __future__ import annotations

import numpy as np

from clearhead.cli.inspect import _page
from clearhead.cli.terminal.heatmap import Paper, width_of
from clearhead.surveys.text_model import Tokens


def test_a_bar_has_ten_columns_for_a_share_of_one():
    assert [len(_page.bar(share, Paper())) for share in (0.0, 0.25, 1.0, 3.0)] == [0, 2, 10, 10]
    assert _page.bar(0.3, Paper(unicode=False)) == "###"


def test_a_long_text_is_shortened_in_the_middle():
    words = [f"word{place}" for place in range(300)]
    tokens = Tokens(list(range(300)), words, [False] * 300)
    page = _page.text_of(tokens, Paper(width=80)).split()
    place = page.index("…")
    assert page[:place] == words[:place]
    assert page[place + 1 :] == words[place - len(page) + 1 :]
    assert 500 < len(" ".join(page)) <= _page.TEXT_MOST + 3
    short = Tokens([0], ["word"], [False])
    assert _page.text_of(short, Paper()) == "word"


def test_a_stack_is_described_in_a_line():
    assert _page.about("self", (1, 4, 2, 3), "softmax") == (
        "Self-attention of 4 heads, 2 queries on 3 keys, computed by softmax."
    )
    assert _page.about("cross", (1, 1, 2, 3), "sdpa").startswith("Cross-attention of 1 heads")


def test_a_table_of_many_heads_is_broken_into_even_blocks():
    values = np.arange(64, dtype=float).reshape(2, 32) / 64
    labels, paper = ["0", "1"], Paper(width=80)
    text = _page.layer_table(values, labels, values, paper, "{:.2f}")
    blocks = [block.splitlines() for block in text.split("\n\n")]
    assert all(width_of(line) <= 80 for block in blocks for line in block)
    heads = [[word for word in block[0].split() if word.isdigit()] for block in blocks]
    assert [head for block in heads for head in block] == [str(head) for head in range(32)]
    sizes = [len(block) for block in heads]
    assert len(sizes) > 1
    assert max(sizes) - min(sizes) <= 1
    numbers = [cell.strip("░▒▓█") for block in blocks for cell in block[1].split()[1:]]
    assert numbers == [f"{value:.2f}" for value in values[0]]


def test_a_head_that_a_layer_does_not_have_is_blank():
    values = np.array([[0.5, np.nan], [0.25, 0.75]])
    text = _page.layer_table(values, ["0", "1"], values, Paper(), "{:.2f}")
    numbers = [
        line.translate(dict.fromkeys(map(ord, "░▒▓█"))).split() for line in text.splitlines()
    ]
    assert numbers[1:] == [["0", "0.50"], ["1", "0.25", "0.75"]]
