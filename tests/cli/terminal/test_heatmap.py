from __future__ import annotations

import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.cli.terminal.heatmap import RAMP, Paper, draw_matrix, fit, number_format, width_of

PLAIN = Paper(width=80)
ANSI = re.compile(r"\x1b\[[\d;]*m")


def test_columns_are_aligned_under_their_labels():
    text = draw_matrix(np.array([[1.5, -22.25], [0, 3]]), ["I", "▁love"], ["a", "▁tea"], PLAIN)
    assert text == (
        "             a   ▁tea\n"
        "I         1.50 -22.25\n"
        "▁love     0.00   3.00"
    )  # fmt: skip


@given(st.text(max_size=12), st.integers(1, 12), st.booleans())
def test_a_label_takes_exactly_its_columns(text, width, right):
    assert width_of(fit(text, width, right=right)) == width


def test_wide_and_combining_characters_are_counted_as_a_terminal_shows_them():
    assert [width_of(text) for text in ("thé", "the\u0301", "茶", "▁")] == [3, 3, 2, 1]
    assert fit("茶茶茶", 4) == "茶… "


@given(
    st.integers(1, 5),
    st.integers(1, 30),
    st.integers(40, 120),
    st.booleans(),
    st.booleans(),
    st.integers(0, 1000),
)
def test_no_line_is_wider_than_the_paper(rows, columns, width, colour, heat, seed):
    weights = np.random.default_rng(seed).dirichlet(np.ones(columns), size=rows)
    names = [f"▁word{j}" for j in range(columns)]
    paper = Paper(width=width, colour=colour)
    text = draw_matrix(weights, names[:1] * rows, names, paper, pattern="{:.2f}", heat=heat)
    assert max(width_of(ANSI.sub("", line)) for line in text.split("\n")) <= width
    for name in names:
        assert name in text


def test_every_number_is_there_with_and_without_colour():
    weights = np.array([[0.25, 0.75], [1.0, 0.0]])
    for colour in (False, True):
        text = draw_matrix(weights, "ab", "cd", Paper(colour=colour), pattern="{:.2f}", heat=True)
        assert re.findall(r"\d\.\d\d", ANSI.sub("", text)) == ["0.25", "0.75", "1.00", "0.00"]


def test_the_tint_follows_the_value_on_a_fixed_scale():
    text = draw_matrix(
        np.array([[0.0, 0.55, 1.0]]), ["q"], "abc", Paper(colour=True), pattern="{:.2f}", heat=True
    )
    assert re.findall(r"48;5;(\d+)m", text) == [str(RAMP[0]), str(RAMP[5]), str(RAMP[-1])]
    shaded = draw_matrix(
        np.array([[0.0, 0.55, 1.0]]), ["q"], "abc", PLAIN, pattern="{:.2f}", heat=True
    )
    assert re.findall(r"(.)\d\.\d\d", shaded) == [" ", "▒", "█"]


@pytest.mark.parametrize("colour", [False, True])
def test_a_masked_cell_is_hatched_and_not_tinted(colour):
    text = draw_matrix(
        np.array([[1.0, 0.0]]),
        ["q"],
        ["a", "b"],
        Paper(colour=colour),
        pattern="{:.2f}",
        masked=np.array([[False, True]]),
        heat=True,
    )
    assert "///" in text
    assert "0.00" not in text
    assert len(re.findall(r"48;5;", text)) == colour


def test_a_matrix_too_wide_is_drawn_in_blocks():
    values = np.arange(24.0).reshape(1, 24)
    text = draw_matrix(values, ["q"], [f"k{j}" for j in range(24)], Paper(width=50))
    blocks = text.split("\n\n")
    assert len(blocks) > 1
    assert " ".join(block.split("\n")[0] for block in blocks).split() == [
        f"k{j}" for j in range(24)
    ]


@pytest.mark.parametrize(
    ("values", "pattern"),
    [
        ([0.001], "{:.3f}"),
        ([-12.0], "{:.2f}"),
        ([123.0, -np.inf], "{:.1f}"),
        ([99999.0], "{:.0f}"),
        ([-np.inf], "{:.3f}"),
    ],
)
def test_large_numbers_get_fewer_decimals(values, pattern):
    assert number_format(np.array(values)) == pattern


def test_minus_zero_is_zero():
    assert "-" not in draw_matrix(np.array([[-0.0, -0.0001]]), ["q"], "ab", PLAIN)


class Stream(io.StringIO):
    def __init__(self, terminal: bool, encoding: str = "utf-8") -> None:
        super().__init__()
        self.terminal = terminal
        self._encoding = encoding

    def isatty(self) -> bool:
        return self.terminal

    @property
    def encoding(self) -> str:
        return self._encoding


def test_colour_is_for_terminals_that_want_it(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "72")
    assert Paper.of(Stream(True)) == Paper(width=72, colour=True, unicode=True)
    assert not Paper.of(Stream(False)).colour
    assert not Paper.of(Stream(True, "ascii")).unicode
    monkeypatch.setenv("NO_COLOR", "1")
    assert not Paper.of(Stream(True)).colour
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not Paper.of(Stream(True)).colour


def test_without_unicode_the_map_is_plain_ascii():
    text = draw_matrix(
        np.array([[0.9, 0.1]]), ["q"], "ab", Paper(unicode=False), pattern="{:.2f}", heat=True
    )
    assert text.isascii()
