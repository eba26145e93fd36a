"""The candidates of a beam search at each step, and the fate of each.

The translator runs the search; here, an engine between them records its calls, so that the rules
of search are not implemented twice. A prefix that the next call extends was kept; one that the
search returns was finished. An ended prefix that better ones displaced was dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ...engine.protocols import Engine
from ...errors import ConfigError
from ...search.choose import top_tokens
from ...search.hypothesis import Hypothesis
from ...shapes import Array
from ..contract.answers import BeamAnswer, BeamContinuation, BeamStep, Prefix
from ..contract.stopping import check
from ..models.searched_model import SearchedModel
from .run import Run
from .run_answer import finite

LIKELIEST = 5  # continuations shown for each prefix, beside those kept or finished


@dataclass(frozen=True, eq=False)
class _Call:
    """One call of the engine.

    Attributes:
        tokens, parents: Int["rows"], each row's new token, and the row of the previous call.
        best, values: Int and Float["rows candidates"], the likeliest next tokens, descending.
        ends: Float["rows"], the log-probability of the end token.
    """

    tokens: Array
    parents: Array
    best: Array
    values: Array
    ends: Array

    @property
    def successors(self) -> list[tuple[int, int]]:
        """The (parent, token) pair of each row."""
        return list(zip(self.parents.tolist(), self.tokens.tolist(), strict=True))


class _CallRecorder:
    """An engine that records its calls and their results."""

    def __init__(self, engine: Engine, candidates: int, end_id: int) -> None:
        self._engine, self._candidates, self._end_id = engine, candidates, end_id
        self.calls: list[_Call] = []

    @property
    def vocab_size(self) -> int:
        return int(self._engine.vocab_size)

    def begin(self, sources: Sequence[Sequence[int]]) -> _CallRecorder:
        self._decoding = self._engine.begin(sources)
        return self

    def advance(self, tokens: Array, parents: Array) -> Array:
        check()
        log_probs = self._decoding.advance(tokens, parents)
        count = min(self._candidates, log_probs.shape[1])
        values, best = top_tokens(log_probs, count)
        ends = log_probs[:, self._end_id].copy()
        self.calls.append(_Call(np.array(tokens), np.array(parents), best, values, ends))
        return log_probs


def beam_answer(run: Run, beam_size: int) -> BeamAnswer:
    """Answer ``beam``: the search for a run's sentence, with the run's edits.

    Log-probabilities are those of the fast engine (float32), which the search used.

    Args:
        run: gives the source and the edits; its target is not used, since this is a new search.
        beam_size: the width of the beam.
    """
    models = run.models
    if not isinstance(models, SearchedModel) or "beam" not in models.abilities:
        raise ConfigError(
            "beam: this model has no search of ours, whose steps could be told. Ask for its run."
        )
    # The search uses the best 2 * beam candidates of a source, and never pad or start.
    count = max(2 * beam_size, LIKELIEST) + 2
    recorder = _CallRecorder(models.fast_with(run.changes), count, models.config.end_id)
    hypotheses = models.search(recorder, run.source, beam_size)
    return {
        "beam_size": beam_size,
        "fast": "NumPy float32 with its cache",
        "steps": _Steps(models, recorder.calls, hypotheses).answer(),
        "finished": [
            {
                "translation": models.tokenizer.decode(hypothesis.tokens).strip(),
                "pieces": [models.token(token)["piece"] for token in hypothesis.tokens],
                "log_probability": finite(hypothesis.log_prob),
                "score": finite(hypothesis.score),
                "ended": hypothesis.ended,
                "chosen": place == 0,
            }
            for place, hypothesis in enumerate(hypotheses)
        ],
    }


class _Steps:
    """Follows the prefixes of a search through its calls."""

    def __init__(
        self, models: SearchedModel, calls: list[_Call], hypotheses: Sequence[Hypothesis]
    ) -> None:
        self.models, self.calls = models, calls
        self.finished_tokens = {hypothesis.tokens for hypothesis in hypotheses if hypothesis.ended}

    def answer(self) -> list[BeamStep]:
        """Return each step with its prefixes and their continuations."""
        prefixes: list[tuple[int, ...]] = [()]
        totals = np.zeros(1)
        steps: list[BeamStep] = []
        for call, following in zip(self.calls, [*self.calls[1:], None], strict=True):
            successors = following.successors if following else []
            steps.append({"prefixes": self.prefixes(call, successors, prefixes, totals)})
            prefixes = [(*prefixes[parent], token) for parent, token in successors]
            totals = np.array([
                totals[parent] + self.value(call, parent, token) for parent, token in successors
            ])  # fmt: skip
        return steps

    def prefixes(
        self,
        call: _Call,
        successors: list[tuple[int, int]],
        prefixes: list[tuple[int, ...]],
        totals: Array,
    ) -> list[Prefix]:
        """Return the prefixes of one step, without the impossible ones that fill up a beam."""
        return [
            {
                "pieces": [self.models.token(token)["piece"] for token in prefix],
                "log_probability": finite(totals[row]),
                "continuations": self.continuations(
                    call,
                    row,
                    prefix,
                    float(totals[row]),
                    {token for parent, token in successors if parent == row},
                ),
            }
            for row, prefix in enumerate(prefixes)
            if totals[row] > -np.inf
        ]

    def continuations(
        self, call: _Call, row: int, prefix: tuple[int, ...], total: float, successors: set[int]
    ) -> list[BeamContinuation]:
        """Return the likeliest next tokens of one prefix, with the fate of each."""
        config = self.models.config
        fates: dict[int, Literal["kept", "finished"]] = dict.fromkeys(successors, "kept")
        if prefix in self.finished_tokens:
            fates[config.end_id] = "finished"
        best = [
            token for token in call.best[row].tolist()
            if token not in (config.pad_id, config.start_id)
        ]  # fmt: skip
        tokens = dict.fromkeys([*best[:LIKELIEST], *fates])
        values = {token: self.value(call, row, token) for token in tokens}
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

    def value(self, call: _Call, row: int, token: int) -> float:
        """Return the log-probability of a token after a prefix; -inf if the search forbids it."""
        if token == self.models.config.end_id:
            return float(call.ends[row])
        place = np.flatnonzero(call.best[row] == token)
        return float(call.values[row, place[0]]) if place.size else -np.inf
