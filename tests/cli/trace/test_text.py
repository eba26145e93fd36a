from __future__ import annotations

import numpy as np
import pytest

from clearhead.cli.terminal.heatmap import Paper, width_of
from clearhead.cli.trace._text import (
    contributions,
    tell_head,
    tell_next,
    tell_step,
    tell_tokens,
    vectors,
)
from tests.cli.trace.heads import two_token_head

PAPER = Paper(width=80)


def page_of(row: int, **options: object) -> str:
    """The sections of a head as one line of words."""
    head = two_token_head(**options)
    return " ".join(
        " ".join(tell_head(head, row, PAPER, layers=1, heads=1, parts=["encoder"])).split()
    )


@pytest.mark.parametrize(
    "sentence",
    [
        "the query '▁b' (row 1) and the key '▁b' (column 1)",
        "Row 1, column 1: 0.000 * 1.000 + 2.000 * 1.000 and 2 more products = 2.000",
        "Row 1, column 1: 2.000 / sqrt(4) = 2.000 / 2.000 = 1.000",
        "Row 1 may attend to every key, so nothing changes.",
        "exp(1.000) divided by the sum of exp over the row = 2.718 / 3.718 = 0.731",
        "the row sums to 1.000",
    ],
)
def test_the_arithmetic_of_one_cell_is_that_of_pencil_and_paper(sentence):
    assert sentence in page_of(1)


def test_a_row_tells_how_many_keys_are_hidden_from_it():
    page = page_of(0, causal=True)
    assert "Row 0 may not attend to 1 of the 2 keys, shown as ///." in page
    assert "may not attend" not in page_of(1, causal=True).replace(
        "where a query may not attend", ""
    )


def test_a_row_without_keys_has_no_softmax():
    page = page_of(0, mask=np.array([[False, False], [True, True]]))
    assert "Row 0 may attend to no key: all weights are 0." in page


def test_a_negative_bias_is_subtracted():
    assert "Row 1, column 1: 1.000 - 0.500 = 0.500" in page_of(
        1, mask=np.array([[0, 0], [-9, -0.5]])
    )


def test_contributions_add_up_to_the_output():
    head = two_token_head()
    table = contributions(head, 1, PAPER).splitlines()
    numbers = {line.split()[0]: line.split()[1:] for line in table if line.startswith(("▁", "sum"))}
    # weight, |value|, |given|, and the first entries of what is given
    assert numbers["▁a"][:5] == ["0.269", "4.000", "1.076", "1.076", "0.000"]
    assert numbers["▁b"][:5] == ["0.731", "4.000", "2.924", "0.000", "2.924"]
    assert numbers["sum"][0] == "1.000"
    assert numbers["sum"][-4:-2] == ["1.076", "2.924"]
    np.testing.assert_allclose(head.values["output"][1, :2], [1.0758, 2.9242], atol=1e-4)


def test_a_long_vector_says_how_much_of_it_is_missing():
    text = vectors(np.arange(22.0).reshape(2, 11), ["a", "b"], PAPER)
    assert text.endswith("… and 3 more columns")
    assert text.splitlines()[0].split() == [str(column) for column in range(8)]
    plain = Paper(unicode=False)
    assert vectors(np.zeros((1, 9)), ["a"], plain).endswith("... and 1 more columns")
    assert "more columns" not in vectors(np.zeros((1, 8)), ["a"], PAPER)


def test_a_step_is_told_with_its_formula_and_the_sizes_of_its_axes():
    step = two_token_head().steps["scaled"]
    first, *numbers = tell_step(step, PAPER).splitlines()
    assert first == (
        "encoder.layers.0.self_attention.scaled = scores / sqrt(head_dim)   "
        "[1 batch x 1 heads x 2 query_len x 2 key_len]"
    )
    assert "".join(numbers).split() == ["[[[[1.", "1.]", "[0.", "1.]]]]"]


def test_bars_of_the_next_tokens_are_as_long_as_they_are_probable():
    lines = tell_next(["▁cat", "▁dog"], [0.5, 0.25], "▁dog", PAPER).splitlines()
    assert [line.count("█") for line in lines] == [20, 10]  # of 40 columns
    assert lines[0] == f"  1  ▁cat   0.5000  {'█' * 20}"
    assert lines[1].endswith("<- taken")


def test_the_text_that_is_read_is_told_where_it_is_another():
    def page(read: str) -> list[str]:
        tokens = (["▁a"], ["<s>", "▁un"], ["▁un", "</s>"], [0.75, 0.5])
        return list(tell_tokens("a?", "un", *tokens, PAPER, read=read))

    assert "The model does not read the text as it is typed, but: a" in page("a")
    assert not any("typed" in line for line in page("a?"))
    rows = page("a?")[-2:]
    assert [row.split() for row in rows] == [
        ["0", "<s>", "▁un", "0.7500"],
        ["1", "▁un", "</s>", "0.5000"],
    ]
    assert width_of(rows[0]) == width_of(rows[1])
