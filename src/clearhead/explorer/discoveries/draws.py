"""Samples a text at several temperatures, with the same random numbers at each.

Each word is drawn from the ten likeliest (top-k sampling, Fan et al. 2018, arXiv 1805.04833). At
each step one random number between 0 and 1 is drawn; every temperature uses it to choose from the
cumulative distribution of the tokens, the likeliest first. So the lowest temperatures give the
likeliest tokens whatever the random numbers are, and higher ones move further away: a slider moves
along one story.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...engine.protocols import Decoding
from ...reference.softmax import log_softmax, softmax
from ...shapes import Array, Float
from ..answers.run import Run
from ..contract.first_screen.answers import Draw
from ..contract.stopping import check

TEMPERATURES = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0)
DICE = 4  # series of random numbers that are tried
_SEED = 2017
LIKELIEST = 10  # tokens that each word is drawn from


@dataclass(frozen=True)
class Story:
    """One series of random numbers at every temperature.

    Attributes:
        ids: the tokens drawn at each temperature.
        ends: whether each draw ended with an end token.
    """

    ids: tuple[tuple[int, ...], ...]
    ends: tuple[bool, ...]

    def departs(self, own: Sequence[int]) -> int | None:
        """Return the index of the lowest temperature that gives other tokens, or None."""
        return next((n for n, ids in enumerate(self.ids) if ids != tuple(own)), None)


def draws_of(run: Run) -> tuple[list[Draw], int | None]:
    """Return a draw for each temperature, and the index of the first that differs from the text.

    Of several series of random numbers, the one chosen gives the model's own text up to temperature
    1, and departs from it soonest above: it shows best what a temperature does.
    """
    own = run.passage.target_ids or ()
    stories = _stories(run)
    story = min(stories, key=lambda one: _rank(one.departs(own)))
    draws: list[Draw] = [
        {
            "temperature": temperature,
            "text": _text(run, ids),
            "ended": end,
            "probability": probability_at(run, temperature),
        }
        for temperature, ids, end in zip(TEMPERATURES, story.ids, story.ends, strict=True)
    ]
    return draws, story.departs(own)


def _text(run: Run, ids: Sequence[int]) -> str:
    """Return the text of a draw; for an encoder, the whole text with the drawn words filled in.

    For a classifier it is the label.
    """
    if run.models.labels:
        return run.models.labels[ids[0]]
    if run.config.decoder_layers:
        return run.models.decode(ids).strip()
    words = dict(zip(run.passage.scored_positions, ids, strict=True))
    whole = [words.get(place, token) for place, token in enumerate(run.predicted)]
    return run.models.decode([one for one in whole if one not in run.models.special_ids]).strip()


def _rank(departure: int | None) -> tuple[int, int]:
    one = TEMPERATURES.index(1.0)
    if departure is None:
        return 2, 0
    return (0, departure) if departure > one else (1, -departure)


def probability_at(run: Run, temperature: float) -> float:
    """Return the probability of the run's own text at a temperature: the product over its tokens.

    For a decoder, the end token counts too. If a search stopped at its limit, the model would
    continue there; so a low temperature makes exactly this text unlikely, even if all of its words
    are likely.
    """
    places = list(run.passage.scored_positions)
    words = [run.predicted[place] for place in places]
    rows = log_softmax(run.logits / temperature)
    return float(np.exp(rows[np.arange(len(places)), words].sum()))


def _stories(run: Run) -> list[Story]:
    if not run.config.decoder_layers:
        return [_hidden_words(run, dice) for dice in range(DICE)]
    return _write_all(run)


def _hidden_words(run: Run, dice: int) -> Story:
    """Draw the hidden words of an encoder, each from the prediction at its place.

    The label of a classifier is drawn in the same way.
    """
    places = list(run.passage.scored_positions)
    size = len(run.models.labels) or run.models.tokenizer.vocab_size
    logits = run.logits[:, :size]
    numbers = np.random.default_rng((_SEED, dice)).random(len(places))
    ids = [
        tuple(
            int(token_at(row, number))
            for row, number in zip(softmax(logits / temperature), numbers, strict=True)
        )
        for temperature in TEMPERATURES
    ]
    return Story(tuple(ids), (True,) * len(ids))


def _write_all(run: Run) -> list[Story]:
    """Draw the texts of a decoder: all series and temperatures are rows of one batch."""
    models, passage = run.models, run.passage
    own = passage.target_ids or ()
    # A draw may never end, so its length is limited to half as much again as the text.
    most = len(own) + len(own) // 2 + 2 if run.source else len(own)
    most = min(most, run.config.max_length - passage.prompt + 1)
    rows = DICE * len(TEMPERATURES)
    sources = [run.source or run.target[: passage.prompt][:-1]] * rows
    last = run.target[0] if run.source else run.target[passage.prompt - 1]
    decoding = models.fast.begin(sources)
    tokens: Array = np.full(rows, last)
    texts: list[list[int]] = [[] for _ in range(rows)]
    going = np.ones(rows, bool)
    dice = [np.random.default_rng((_SEED, number)).random(most) for number in range(DICE)]
    for step in range(most):
        check()
        probabilities = _at_temperatures(decoding, tokens, models.tokenizer.vocab_size)
        numbers = np.repeat([series[step] for series in dice], len(TEMPERATURES))
        tokens = np.array(
            [token_at(row, number) for row, number in zip(probabilities, numbers, strict=True)]
        )
        going &= ~np.isin(tokens, _ends(run))
        for row in np.flatnonzero(going):
            texts[row].append(int(tokens[row]))
        if not going.any():
            break
    size = len(TEMPERATURES)
    return [
        Story(
            tuple(tuple(text) for text in texts[start : start + size]),
            tuple(not one for one in going[start : start + size]),
        )
        for start in range(0, rows, size)
    ]


def _ends(run: Run) -> list[int]:
    return sorted(getattr(run.models, "ends", None) or {run.config.end_id})


def _at_temperatures(
    decoding: Decoding, tokens: Array, vocab_size: int
) -> Float[Array, "rows vocab"]:
    """Return the probabilities of the next token in each row, at the row's temperature."""
    rows = decoding.advance(tokens, np.arange(len(tokens)))[:, :vocab_size]
    temperatures = np.tile(TEMPERATURES, DICE)
    return softmax(rows.astype(np.float64) / temperatures[:, None])


def token_at(probabilities: Float[Array, "vocab"], number: float) -> int:
    """Return the token where the cumulative probability of the likeliest few passes a number.

    Args:
        probabilities: of all tokens.
        number: from 0 to below 1, as a share of the sum of these few.
    """
    few = min(LIKELIEST, len(probabilities))
    likeliest = np.sort(np.argpartition(-probabilities, few - 1)[:few])
    order = likeliest[np.argsort(-probabilities[likeliest], kind="stable")]
    sums = np.cumsum(probabilities[order])
    place = int(np.searchsorted(sums, number * sums[-1], side="right"))
    return int(order[min(place, few - 1)])
