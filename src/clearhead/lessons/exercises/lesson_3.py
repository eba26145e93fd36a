"""From one head to a Transformer: exercises 3.1 to 3.7."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ...config import TransformerConfig
from ...errors import ConfigError
from ...reference import Trace, Transformer, expected_shapes, sinusoidal_positions
from .._answers import call, compare, read_array, read_function, read_number, read_text
from .._exercise import Off, exercise

STEPS, EXAMPLES = 150, 64  # of `train`, as the lesson calls it
HEADS = (5, 6, 8, 12, 16)
PLACES = {  # whose positions ask, and whose are asked: the source's or the translation's
    "encoder self-attention": ("source", "source"),
    "cross-attention": ("translation", "source"),
    "decoder self-attention": ("translation", "translation"),
}
BASE = TransformerConfig(vocab_size=8000, d_model=256, num_heads=4, feed_forward_dim=1024)


@exercise(
    "3.1",
    asks="a number",
    right="At most so many, of a million: it has learnt where to look, and not sequences by heart.",
)
def number_of_sequences(answer: Any) -> None:
    """Steps times examples of a step."""
    number = read_number(answer)
    for part, name in ((STEPS, "steps"), (EXAMPLES, "examples in one step")):
        if number == part:
            raise Off(f"That is the number of {name}.")
    hint = "How many steps does `train` take, and how many examples does it draw in each?"
    compare(np.array(number), np.array(float(STEPS * EXAMPLES)), hint)


@exercise(
    "3.2",
    asks="the name of your function of [heads, length, head_dim]",
    right="Side by side, and each token keeps its row.",
)
def own_merge(answer: Any) -> None:
    """Heads side by side, tried on numbers that all differ."""
    function = read_function(answer)
    for shape in ((2, 3, 4), (8, 5, 8), (1, 1, 2)):
        heads = np.arange(np.prod(shape), dtype=float).reshape(shape)
        right = heads.transpose(1, 0, 2).reshape(shape[1], -1)
        merged = read_array(call(function, heads))
        if merged.shape == right.shape and np.array_equal(merged, heads.reshape(right.shape)):
            if not np.array_equal(merged, right):
                raise Off("It mixes the tokens up, as a reshape without transpose does.")
        elif merged.shape == (shape[0] * shape[1], shape[2]):
            raise Off("It puts the heads below one another; np.hstack puts them side by side.")
        compare(merged, right, f"Heads of shape {shape}.", tell=True)


def _is_possible(heads: int) -> bool:
    try:
        TransformerConfig(vocab_size=50, d_model=256, num_heads=heads)
    except ConfigError:
        return False
    return True


@exercise(
    "3.3",
    asks="a set, like {5, 6}",
    right="Each head takes d_model / num_heads columns, and that must be a whole number.",
)
def possible_numbers_of_heads(answer: Any) -> None:
    """Those that divide 256."""
    numbers = set(answer) if isinstance(answer, set | list | tuple) else {int(read_number(answer))}
    if not numbers <= set(HEADS):
        raise Off(f"Choose among {', '.join(map(str, HEADS))}.")
    surplus = sorted(heads for heads in numbers if not _is_possible(heads))
    if surplus:
        raise Off(f"With {surplus[0]} heads each would be {256 / surplus[0]:.4g} columns wide.")
    if numbers != {heads for heads in HEADS if _is_possible(heads)}:
        raise Off("What you name is possible, and there is one more.")


@exercise(
    "3.4",
    asks="the length of each row of P, a number",
    right="A row has 32 pairs, and the squares of a sine and its cosine add up to 1.",
)
def length_of_positions(answer: Any) -> None:
    """The root of half the width, 64."""
    lengths = np.linalg.norm(sinusoidal_positions(10, 64), axis=1)
    number = read_number(answer)
    if np.isclose(number, lengths[0] ** 2):
        raise Off("That is the square of the length.")
    compare(
        np.array(number), lengths[0], "How many pairs of a sine and a cosine has a row?", atol=5e-3
    )


@exercise(
    "3.5",
    asks='"encoder self-attention", "decoder self-attention" or "cross-attention"',
    right="There alone are keys words that are still to be written.",
)
def where_the_future_is(answer: Any) -> None:
    """Where queries and keys both come from the translation."""
    queries, keys = PLACES[read_text(answer, PLACES)]
    if (queries, keys) != ("translation", "translation"):
        raise Off(
            f"Its keys are words of the {keys}, all of which are there before anything is written."
        )


@cache
def _trace() -> Trace:
    config = TransformerConfig(
        vocab_size=9, d_model=4, num_heads=2, encoder_layers=2, decoder_layers=2, feed_forward_dim=4
    )
    weights = {name: np.ones(shape) for name, shape in expected_shapes(config).items()}
    with Trace() as trace:
        Transformer(config, weights).forward(np.array([[3, 4, 2]]), np.array([[1, 5]]), trace=trace)
    return trace


@exercise(
    "3.6",
    asks="a text in quotation marks",
    right="Layers are counted from 0, and the name of the step stands at the end.",
)
def name_of_first_cross_weights(answer: Any) -> None:
    """The one step of the decoder's first cross-attention that holds weights."""
    name = read_text(answer)
    if name not in _trace():
        raise Off(
            "The trace has no step of this name; print(trace.table()) lists those that it has."
        )
    for part, why in (
        ("decoder.", "It is of the encoder, which reads the source to itself."),
        (".0.", "It is of the second layer: layers are counted from 0."),
        ("cross_attention", "There the decoder looks at its own words."),
    ):
        if part not in name:
            raise Off(why)
    if not name.endswith(".weights"):
        raise Off("The layer is right; the step that holds weights has another name.")


@exercise(
    "3.7", asks="a number", right="One row of d_model numbers for each token: 8,000 times 256."
)
def numbers_of_the_table(answer: Any) -> None:
    """Rows times columns of the embedding table."""
    shape = expected_shapes(BASE)["embedding.weight"]
    number = read_number(answer)
    if number in shape:
        raise Off("That is one side of the table.")
    compare(
        np.array(number), np.array(float(np.prod(shape))), "One row for each token: how wide is it?"
    )
