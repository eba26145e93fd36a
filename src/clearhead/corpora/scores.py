"""Files of scores: one number by a model for each pair of a corpus, in the corpus's order.

    {"format": 1, "corpus_sha256": "...", "direction": "en-fr", "model": "...", ...}
    -1.2345
    -           (no score: a side is empty, or longer than the model's limit)

A score is the mean log-probability of the target tokens, including the end token, in nats.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CorpusError
from ..file_reading import FileProblem, parse_json
from ..json_fields import Fields
from ..shapes import Array
from ..text.corpus import read_lines
from ..visible import quoted

FORMAT = 1
_NONE = "-"


def header_line(facts: dict[str, Any]) -> str:
    """Return the first line of a file of scores, without its line break."""
    return json.dumps({"format": FORMAT, **facts}, sort_keys=True)


def score_line(score: float) -> str:
    """Return the line of a score, without its line break; NaN means no score."""
    return _NONE if np.isnan(score) else f"{score:.4f}"


def read_scores(path: str | Path, corpus: str, sha256: str) -> Array:
    """Read the scores of a corpus, float32; NaN for a pair without a score.

    Args:
        path: of the file of scores.
        corpus: its name, for messages.
        sha256: of the corpus.

    Raises:
        CorpusError: the file is missing or damaged, or belongs to another corpus.
    """
    lines = read_lines(path)
    try:
        facts = Fields(parse_json(next(lines, b"")), "its first line")
        version = facts.integer("format")
        other = facts.text("corpus_sha256") != sha256
    except FileProblem as error:
        raise CorpusError(
            f"{path} is no file of scores: {error.reason}. Make one with clearhead score."
        ) from error
    if version != FORMAT:
        raise CorpusError(f"{path} has format {version}, and format {FORMAT} is read here.")
    if other:
        raise CorpusError(
            f"{path} has the scores of another corpus than {corpus}, or of another version of it. "
            f"Make it anew with clearhead score."
        )
    return np.fromiter(
        (_score(line, f"{path}, line {number}") for number, line in enumerate(lines, 2)),
        dtype=np.float32,
    )


def _score(line: bytes, place: str) -> float:
    try:
        return float("nan") if line == _NONE.encode() else float(line)
    except ValueError:
        raise CorpusError(
            f"{place}: expected a number or {_NONE}, got {quoted(line.decode('utf-8', 'replace'))}."
        ) from None


def agreement(scores: Sequence[Array]) -> Array:
    """Return one score for each pair from those of one or two models, higher for better pairs.

    For a model in each direction, this is the mean of both scores minus their distance: the dual
    conditional cross-entropy of Junczys-Dowmunt 2018, with the opposite sign. A good translation is
    likely in both directions, and about equally likely.
    """
    if len(scores) == 1:
        return scores[0]
    forward, backward = scores
    return (forward + backward) / 2 - np.abs(forward - backward)


def least_score(scores: Array, best_share: float) -> float:
    """Return the lowest score within the best share of the scored pairs."""
    usable = scores[~np.isnan(scores)]
    if not len(usable):
        return float("inf")
    count = max(1, round(best_share * len(usable)))
    return float(np.partition(usable, len(usable) - count)[len(usable) - count])
