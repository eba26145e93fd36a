"""The head that aligns best in a text, and the words that its words attend to.

The dependence of predicted words is measured: each word that the model is given is hidden in turn,
and the loss in probability of a predicted word is its cost (the prediction difference of Li et al.
2019, On the Word Alignment from Neural Machine Translation). A head aligns well if it attends to
words whose hiding is costly:

    score = sum(cost * weight) / sum(cost)     over predicted tokens and hidden words

which is 1 for a head that attends to such words alone. A weight between words is summed over the
tokens of the attended word, and averaged over those of the attending word (Clark et al. 2019, What
Does BERT Look At?). In a model that predicts no words, a head's score is the mean of its rows'
largest weights, without special tokens (Voita et al. 2019, Analyzing Multi-Head Self-Attention).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np

from ...shapes import Array, Float
from ..answers.run import Run
from ..contract.first_screen.answers import AlignmentAnswer, HeadScore, Word
from ..contract.parts import Part, attention_path, layers_of, parts_of
from .trials import HiddenWords, given_words
from .words import Tokens

SURE = 0.5  # a word crosses another if it gives more weight to one key than to all others together


def alignment_answer(run: Run, hidden: HiddenWords) -> AlignmentAnswer:
    """Answer ``alignment``: the best head of a run, and its weights between words.

    Args:
        run: the text.
        hidden: the costs of hiding each of its words.
    """
    part = _part(run)
    heads = _scores(run, part, hidden)
    best = heads[0]
    table = _weights(run, part, best["layer"])[best["head"]]
    keys, queries = _keys(run), _queries(run)
    weights = between_words(table, queries, keys)
    crossing = crossing_of(weights) if queries != keys else None  # a label crosses nothing
    return {
        "part": part,
        "heads": heads,
        "measure": "agreement" if _costs_something(hidden) else "peak",
        "trials": len(hidden.words),
        "of": hidden.count,
        "keys": keys,
        "queries": queries,
        "weights": weights.tolist(),
        "crossing": crossing,
    }


def between_words(
    weights: Float[Array, "positions tokens"], queries: Sequence[Word], keys: Sequence[Word]
) -> Float[Array, "queries keys"]:
    """Return weights between words: averaged over a query's rows, summed over a key's tokens."""
    rows = [weights[word["start"] : word["stop"]].mean(axis=0) for word in queries]
    table = np.zeros((len(queries), len(keys)))
    for number, row in enumerate(rows):
        table[number] = [row[word["start"] : word["stop"]].sum() for word in keys]
    return table


def crossing_of(weights: Float[Array, "queries keys"]) -> list[int] | None:
    """Return the two queries whose ribbons cross most clearly, the first before the second.

    Of all pairs whose keys are in the opposite order, neighbours come first, and then the pair
    whose smaller weight is the largest; of equal pairs, the first is chosen.
    """
    if not weights.size:
        return None
    best = weights.argmax(axis=-1)
    sure = [number for number, row in enumerate(weights) if row[best[number]] > SURE]
    pairs = [(one, other) for one, other in combinations(sure, 2) if best[one] > best[other]]
    if not pairs:
        return None
    neighbours = set(pairwise(range(len(weights))))

    def clearness(pair: tuple[int, int]) -> tuple[bool, float]:
        return pair in neighbours, min(float(weights[number, best[number]]) for number in pair)

    clearest: tuple[int, int] = max(pairs, key=clearness)
    return list(clearest)


def _part(run: Run) -> Part:
    parts = parts_of(run.config)
    return "cross" if "cross" in parts else parts[-1]


def _scores(run: Run, part: Part, hidden: HiddenWords) -> list[HeadScore]:
    """Return the scores of all heads of a part, the best first."""
    scores: list[HeadScore] = []
    for layer in range(layers_of(part, run.config)):
        weights = _weights(run, part, layer)
        if _costs_something(hidden):
            values = agreement(weights[:, list(hidden.places)], hidden)
        else:
            values = peak(weights, [word["start"] for word in _keys(run)])
        scores += [
            {"layer": layer, "head": head, "score": float(value)}
            for head, value in enumerate(values)
        ]
    return sorted(scores, key=lambda score: -score["score"])


def agreement(weights: Float[Array, "heads places keys"], hidden: HiddenWords) -> Array:
    """Return each head's share of attention on words whose hiding costs something.

    Args:
        weights: of the rows that predict.
        hidden: the costs of hiding each word, for these rows.

    Returns:
        Float["heads"], from 0 to 1.
    """
    of_words = np.stack(
        [weights[..., word["start"] : word["stop"]].sum(axis=-1) for word in hidden.words]
    )  # [words heads places]
    costs = hidden.costs
    shares: Array = np.einsum("wp,whp->h", costs, of_words) / costs.sum()
    return shares


def peak(weights: Float[Array, "heads positions keys"], keys: Sequence[int]) -> Array:
    """Return, for each head, the mean of its rows' largest weights over some of the keys.

    Returns:
        Float["heads"], from 0 to 1; 0 if the text has no word.
    """
    if not keys:
        return np.zeros(len(weights))
    largest: Array = weights[..., list(keys)].max(axis=-1).mean(axis=-1)
    return largest


def _costs_something(hidden: HiddenWords) -> bool:
    return bool(len(hidden.words)) and bool(hidden.costs.sum() > 0)


def _weights(run: Run, part: Part, layer: int) -> Float[Array, "heads queries keys"]:
    value: Array = run.trace[f"{attention_path(part, layer)}.weights"].value[0]
    return value


def _keys(run: Run) -> list[Word]:
    """Return the words that can be attended to; in a decoder-only model, all that it reads."""
    prompt, models = run.passage.prompt, run.models
    if run.source:
        return given_words(run)
    tokens = models.tokens(run.target)
    return given_words(run) + Tokens(tokens[prompt:], models.decode, prompt, tokens).words()


def _queries(run: Run) -> list[Word]:
    """Return the predicted words, at the rows that predict them; else the attending words.

    For a classifier it is the label, which the first row predicts.
    """
    places = run.passage.scored_positions
    if run.models.labels:
        return [{"text": run.translation, "start": 0, "stop": 1}]
    if not run.models.predicts_words:
        return given_words(run)
    signs = run.models.tokens((*run.source, *run.target, *run.predicted))
    words: list[Word] = []
    start = 0
    # Hidden words of an encoder may lie apart, so no word may span a gap.
    ends = [number + 1 for number, gap in enumerate(np.diff(places)) if gap != 1]
    for stop in (*ends, len(places)):
        run_of_places = places[start:stop]
        tokens = run.models.tokens(run.predicted[place] for place in run_of_places)
        words += Tokens(tokens, run.models.decode, run_of_places[0], signs).words()
        start = stop
    return words
