"""Three discoveries about one text: of many changes the one that changes it most, and what it does.

Each kind is tried in two rounds. All changes are ranked by how unlikely they make the text that the
model has written (`trials`). Then the model writes anew under the first few of them, as a run with
these edits would, and the one after which most words differ is the discovery. Where a switched-off
head is not missed, the next ones are switched off with it, until the words change. If nothing
changes them, the two texts of the answer are equal.
"""

from __future__ import annotations

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

MOST_WRITTEN = 3  # changes of a kind under which the model writes anew
TOGETHER = (2, 3, 4, 6, 8, 12, 16)  # heads that are switched off where no single one is missed


def discovery_answer(
    run: Run, kind: str, hidden: Callable[[RunQuestion], HiddenWords]
) -> DiscoveryAnswer:
    """Answer ``discovery``.

    Args:
        run: the model's own text, without edits.
        kind: of change: ``hide_word``, ``switch_off`` or ``temperature``.
        hidden: gives what hiding each word of a run costs.

    Raises:
        ConfigError: the model predicts nothing, so that there is no text to change, or the text
            leaves nothing to try.
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
    """What the model writes under some edits.

    Attributes:
        edits: that were made.
        text: what the model writes.
        difference: how many tokens differ from its own text.
        labels: of a classifier, how likely each is, as the fast engine computes it.
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
    if not best.difference:  # others take its place: more are switched off with it
        for count in TOGETHER:
            best = _write(run, tuple(edit for (edit,) in ways[:count]))
            if best.difference or count >= len(ways):
                break
    answer = _answer(run, "switch_off", best, trials=len(silent.heads), of=silent.count)
    answer["heads"] = [edit_head(edit) for edit in best.edits if isinstance(edit, AblateHead)]
    return answer


def edit_head(edit: AblateHead) -> HeadPlace:
    """Return where the head is that an edit switches off."""
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
    """Return the outcome that differs most from the text; of equals the first."""
    return max((_write(run, edits) for edits in ways), key=lambda one: one.difference)


def _write(run: Run, edits: tuple[Edit, ...]) -> Outcome:
    """Let the model write anew under some edits, as a run with them does."""
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
    """Return the fewest tokens that are put in, left out or replaced between two texts.

    The distance of Levenshtein 1966.
    """
    row = list(range(len(other) + 1))
    for place, token in enumerate(one, 1):
        corner, row[0] = row[0], place
        for at, candidate in enumerate(other, 1):
            cost = corner + (token != candidate)
            corner, row[at] = row[at], min(cost, row[at] + 1, row[at - 1] + 1)
    return row[-1]
