"""What a beam search weighed at each step, and what became of it.

The search itself is the translator's. The engine that it asks is watched, so nothing of its
rules is written twice: what it goes on with was kept, what it returns was finished.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...translation.search.choose import top_tokens
from ...translation.search.hypothesis import Hypothesis
from ..stopping import check
from .models import Models
from .run import Run
from .run_answer import finite

Array = np.ndarray[Any, Any]

SHOWN = 5  # continuations of each prefix, beside those that were kept or finished


@dataclass(frozen=True, eq=False)
class _Asked:
    """One call of the engine.

    Attributes:
        tokens, parents: Int["rows"], what was appended to which row of the call before.
        best, values: Int and Float["rows candidates"], the likeliest next tokens, falling.
        ends: Float["rows"], the log-probability of the end token.
    """

    tokens: Array
    parents: Array
    best: Array
    values: Array
    ends: Array


class _Watched:
    """An engine that remembers what it was asked and what it answered."""

    def __init__(self, engine: Any, candidates: int, end_id: int) -> None:
        self._engine, self._candidates, self._end_id = engine, candidates, end_id
        self.asked: list[_Asked] = []

    @property
    def vocab_size(self) -> int:
        return int(self._engine.vocab_size)

    def begin(self, sources: Sequence[Sequence[int]]) -> _Watched:
        self._decoding = self._engine.begin(sources)
        return self

    def advance(self, tokens: Array, parents: Array) -> Array:
        check()
        log_probs = self._decoding.advance(tokens, parents)
        count = min(self._candidates, log_probs.shape[1])
        values, best = top_tokens(log_probs, count)
        ends = log_probs[:, self._end_id].copy()
        self.asked.append(_Asked(np.array(tokens), np.array(parents), best, values, ends))
        return log_probs


def beam_answer(run: Run, beam_size: int) -> dict[str, Any]:
    """The answer to ``beam``: the search for a run's sentence (edited as the run is).

    Log-probabilities are those of the fast engine (float32), which the search compared.

    Args:
        run: whose source and edits are taken; its target is not, since this is a new search.
        beam_size: width of the beam.
    """
    models = run.models
    # The search takes the best 2 * beam of a source, and never pad or start.
    count = max(2 * beam_size, SHOWN) + 2
    watched = _Watched(models.fast_with(run.changes), count, models.config.end_id)
    found = models.search(watched, run.source, beam_size, n_best=beam_size)
    return {
        "beam_size": beam_size,
        "fast": "NumPy float32 with its cache",
        "steps": _Steps(models, watched.asked, found).shown(),
        "finished": [
            {
                "translation": models.tokenizer.decode(hypothesis.tokens).strip(),
                "pieces": [models.token(token)["piece"] for token in hypothesis.tokens],
                "log_probability": finite(hypothesis.log_prob),
                "score": finite(hypothesis.score),
                "ended": hypothesis.ended,
                "chosen": place == 0,
            }
            for place, hypothesis in enumerate(found)
        ],
    }


class _Steps:
    """Follows the prefixes of a search from call to call."""

    def __init__(self, models: Models, asked: list[_Asked], found: list[Hypothesis]) -> None:
        self.models, self.asked = models, asked
        self.finished = {hypothesis.tokens for hypothesis in found if hypothesis.ended}

    def shown(self) -> list[dict[str, Any]]:
        """Each step with its prefixes and their continuations."""
        prefixes: list[tuple[int, ...]] = [()]
        totals = np.zeros(1)
        steps = []
        for number, asked in enumerate(self.asked):
            following = self.asked[number + 1] if number + 1 < len(self.asked) else None
            steps.append({"prefixes": self.step(asked, following, prefixes, totals)})
            if following is not None:
                parents = following.parents.tolist()
                prefixes = [
                    (*prefixes[parent], token)
                    for parent, token in zip(parents, following.tokens.tolist(), strict=True)
                ]
                totals = np.array([
                    totals[parent] + self.value(asked, parent, token)
                    for parent, token in zip(parents, following.tokens.tolist(), strict=True)
                ])  # fmt: skip
        return steps

    def step(
        self,
        asked: _Asked,
        following: _Asked | None,
        prefixes: list[tuple[int, ...]],
        totals: Array,
    ) -> list[dict[str, Any]]:
        """The prefixes of one step; impossible ones, which fill up a beam, are left out."""
        kept: set[tuple[int, int]] = set()
        if following is not None:
            kept = set(zip(following.parents.tolist(), following.tokens.tolist(), strict=True))
        return [
            {
                "pieces": [self.models.token(token)["piece"] for token in prefix],
                "log_probability": finite(totals[row]),
                "continuations": self.continuations(
                    asked, row, prefix, float(totals[row]), {t for r, t in kept if r == row}
                ),
            }
            for row, prefix in enumerate(prefixes)
            if totals[row] > -np.inf
        ]

    def continuations(
        self, asked: _Asked, row: int, prefix: tuple[int, ...], total: float, kept: set[int]
    ) -> list[dict[str, Any]]:
        """The likeliest next tokens of one prefix, likeliest first, with what became of each."""
        config = self.models.config
        fates = dict.fromkeys(kept, "kept")
        if prefix in self.finished:
            fates[config.end_id] = "finished"
        best = [
            token for token in asked.best[row].tolist()
            if token not in (config.pad_id, config.start_id)
        ]  # fmt: skip
        shown = dict.fromkeys([*best[:SHOWN], *fates])
        values = {token: self.value(asked, row, token) for token in shown}
        return [
            {
                "token": self.models.token(token),
                "probability": float(np.exp(value)),
                "total": finite(total + value),
                "fate": fates.get(token, "dropped"),
            }
            for token, value in sorted(values.items(), key=lambda entry: -entry[1])
            if value > -np.inf
        ]

    def value(self, asked: _Asked, row: int, token: int) -> float:
        """The log-probability of a token after a prefix; -inf where search ruled it out."""
        if token == self.models.config.end_id:
            return float(asked.ends[row])
        place = np.flatnonzero(asked.best[row] == token)
        return float(asked.values[row, place[0]]) if place.size else -np.inf
