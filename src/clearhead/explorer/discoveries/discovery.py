"""Discoveries about a text: of each kind of change, the one with the largest effect.

Each kind is tried in two rounds. First, all changes are ranked by how unlikely they make the text
that the model has generated (`trials`). Then the model generates a new text under the first few,
as a run with these edits would, and the change with the most differing words is the discovery. If
switching off single heads changes nothing, several heads are switched off together, until the words
change. If nothing changes them, the two texts of the answer are equal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import ConfigError
from ..answers.run import Run
from ..answers.run_answer import labels_of, likely_labels
from ..contract.edits import AblateHead, Edit, MaskToken, OutputTemperature, changes_of
from ..contract.first_screen.answers import DiscoveryAnswer, HeadPlace
from ..contract.questions import DiscoveryKind, RunQuestion
from ..contract.run_answers import LikelyLabel
from ..contract.stopping import check
from .draws import TEMPERATURES, draws_of
from .trials import HiddenWords, silence_each_head

MOST_WRITTEN = 3  # changes of a kind under which the model generates a new text
TOGETHER = (2, 3, 4, 6, 8, 12, 16)  # heads switched off together if single ones have no effect


@dataclass(frozen=True)
class Discovery:
    """A stored answer to ``discovery``; the page asks for it each time that a text is opened.

    Attributes:
        answer: the answer.
    """

    answer: DiscoveryAnswer

    @property
    def nbytes(self) -> int:
        """The approximate size of the answer in bytes: that of its JSON."""
        return len(json.dumps(self.answer))


def discovery_answer(
    run: Run, kind: str, hidden: Callable[[RunQuestion], HiddenWords]
) -> DiscoveryAnswer:
    """Answer ``discovery``.

    Args:
        run: the model's own text, without edits.
        kind: the kind of change: ``hide_word``, ``switch_off`` or ``temperature``.
        hidden: returns the costs of hiding each word of a run.

    Raises:
        ConfigError: the model predicts nothing, so there is no text to change, or the text offers
            nothing to try.
    """
    if not run.models.predicts:
        raise ConfigError(
            "discovery: this model predicts no words and no labels, so there is no text that a "
            "change could change. Ask for its alignment."
        )
    if not run.config.decoder_layers and not run.passage.target_ids:
        raise ConfigError(
            "discovery: this text hides no word that the model would fill in. Hide one, and a "
            "change may change what it makes of it."
        )
    if kind == "hide_word":
        return _hide_word(run, hidden(run.request))
    if kind == "switch_off":
        return _switch_off(run)
    return _temperature(run)


@dataclass(frozen=True)
class Outcome:
    """The text that the model generates under some edits.

    Attributes:
        edits: the edits.
        text: the generated text.
        difference: the number of tokens that differ from the model's own text.
        labels: for a classifier, the probability of each, as the fast engine computes it.
    """

    edits: tuple[Edit, ...]
    text: str
    difference: int
    labels: list[LikelyLabel] | None = None


def _hide_word(run: Run, hidden: HiddenWords) -> DiscoveryAnswer:
    if not hidden.words:
        raise ConfigError("discovery: this text has no word that could be hidden. Write another.")
    order = np.argsort(-hidden.drops, kind="stable")[:MOST_WRITTEN]
    words = [hidden.words[int(number)] for number in order]
    ways = [
        tuple(MaskToken(position=place) for place in range(word["start"], word["stop"]))
        for word in words
    ]
    best = _best(run, ways)
    hidden_word = next(word for word, way in zip(words, ways, strict=True) if way == best.edits)
    answer = _answer(run, "hide_word", best, trials=len(hidden.words), of=hidden.count)
    answer["word"] = hidden_word
    return answer


def _switch_off(run: Run) -> DiscoveryAnswer:
    silent = silence_each_head(run)
    order = np.argsort(-silent.drops, kind="stable")
    ranked = [silent.heads[int(number)] for number in order]
    ways = [(AblateHead(part=one.part, layer=one.layer, head=one.head),) for one in ranked]
    best = _best(run, ways[:MOST_WRITTEN])
    if not best.difference:  # other heads replace it, so more are switched off together
        for count in TOGETHER:
            best = _write(run, tuple(edit for (edit,) in ways[:count]))
            if best.difference or count >= len(ways):
                break
    answer = _answer(run, "switch_off", best, trials=len(silent.heads), of=silent.count)
    answer["heads"] = [edit_head(edit) for edit in best.edits if isinstance(edit, AblateHead)]
    return answer


def edit_head(edit: AblateHead) -> HeadPlace:
    """Return the place of the head that an edit switches off."""
    return {"part": edit.part, "layer": edit.layer, "head": edit.head}


def _temperature(run: Run) -> DiscoveryAnswer:
    draws, departure = draws_of(run)
    number = len(draws) - 1 if departure is None else departure
    edit = OutputTemperature(value=TEMPERATURES[number])
    return {
        "kind": "temperature",
        "before": run.translation.strip(),
        "after": draws[number]["text"],
        "edits": [edit.to_dict()],
        "trials": len(draws),
        "of": len(draws),
        "draws": draws,
        "draw": number,
    }


def _answer(
    run: Run, kind: DiscoveryKind, best: Outcome, *, trials: int, of: int
) -> DiscoveryAnswer:
    answer: DiscoveryAnswer = {
        "kind": kind,
        "before": run.translation.strip(),
        "after": best.text,
        "edits": [edit.to_dict() for edit in best.edits],
        "trials": trials,
        "of": of,
    }
    if best.labels is not None:
        answer["labels_before"], answer["labels_after"] = labels_of(run), best.labels
    return answer


def _best(run: Run, ways: Sequence[tuple[Edit, ...]]) -> Outcome:
    """Return the outcome that differs most from the text; among equals, the first."""
    return max((_write(run, edits) for edits in ways), key=lambda one: one.difference)


def _write(run: Run, edits: tuple[Edit, ...]) -> Outcome:
    """Let the model generate a new text under some edits, as a run with them does."""
    check()
    models = run.models
    request = run.request.model_copy(update={"edits": edits})
    ids = run.source or run.target[: run.passage.prompt]
    changes = changes_of(edits, models.config, models.weights)
    completion = models.complete(ids, request, changes)
    passage = completion.passage
    difference = differing(run.passage.target_ids or (), passage.target_ids or ())
    labels = None
    if models.labels:
        labels = likely_labels(models.labels, completion.fast(slice(0, 1))[0].astype(np.float64))
    return Outcome(edits, passage.text.strip(), difference, labels)


def differing(one: Sequence[int], other: Sequence[int]) -> int:
    """Return the smallest number of tokens inserted, deleted or replaced between two texts.

    This is the Levenshtein distance (Levenshtein 1966).
    """
    row = list(range(len(other) + 1))
    for place, token in enumerate(one, 1):
        corner, row[0] = row[0], place
        for at, candidate in enumerate(other, 1):
            cost = corner + (token != candidate)
            corner, row[at] = row[at], min(cost, row[at] + 1, row[at - 1] + 1)
    return row[-1]
