"""Questions as they come, as plain values, made into what the explorer works with.

Whatever does not fit is an error with words that help, never a guess: numbers are not read from
strings, truth values are no numbers, and unknown names are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import ConfigError, TextError
from ...translation.attention_paths import PARTS
from .edits import KINDS, Edit
from .reader import Reader, shown

MOST_BEAM = 8
MOST_ITEMS = 64


@dataclass(frozen=True)
class Limits:
    """How much is taken and given at once.

    Attributes:
        characters: of a text.
        numbers: of the arrays of one answer.
        edits: of one run.
        query: characters of a search for words.
    """

    characters: int = 20_000
    numbers: int = 1_000_000
    edits: int = 32
    query: int = 200


@dataclass(frozen=True)
class RunRequest:
    """Which sentence is walked, and how: the key of a run.

    Attributes:
        text: the whole text.
        target: a translation to walk instead of the model's own; None for the model's own.
        sentence: number of the sentence that is walked.
        beam_size: of the search.
        edits: what is changed in the model or the source, in the order given.
    """

    text: str
    target: str | None = None
    sentence: int = 0
    beam_size: int = 4
    edits: tuple[Edit, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The request as plain values, from which it can be read again."""
        return {
            "text": self.text,
            "target": self.target,
            "sentence": self.sentence,
            "beam_size": self.beam_size,
            "edits": [edit.to_dict() for edit in self.edits],
        }


@dataclass(frozen=True)
class BeamRequest:
    """The beam of a run's sentence, of any width."""

    run: RunRequest
    beam_size: int


@dataclass(frozen=True)
class ArrayItem:
    """A window of one array.

    Attributes:
        path: of a step of the trace, or ``weights/NAME``.
        window: (start, stop) for each axis; None for the whole array.
    """

    path: str
    window: tuple[tuple[int, int], ...] | None = None


@dataclass(frozen=True)
class EffectsRequest:
    """The links of one query of one head: which, how many, and what the effect is on.

    Attributes:
        run: the run that they are in.
        part, layer, head, query: where they start.
        position: of the predicted token whose log-probability is looked at; None for all.
        most: so many keys, those with the largest weights.
    """

    run: RunRequest
    part: str
    layer: int
    head: int
    query: int
    position: int | None = None
    most: int = 24


def run_request(params: Any, limits: Limits) -> RunRequest:
    """The request of a run.

    Raises:
        ConfigError: a value is missing, unknown or out of its range.
        TextError: the text is empty or too long.
    """
    names = ("text", "target", "sentence", "beam_size", "edits")
    reader = Reader("run", params, names)
    text = _bounded("text", reader.text("text"), limits)
    if not text.strip():
        raise TextError('The text is empty. Give a sentence, such as "The cat sleeps."')
    target = _bounded("target", reader.text("target"), limits) if "target" in reader else None
    edits = reader.listed("edits", limits.edits)
    return RunRequest(
        text,
        target if target and target.strip() else None,
        reader.whole("sentence", 0),
        reader.whole("beam_size", 4, least=1, most=MOST_BEAM),
        tuple(edit(given, place) for place, given in enumerate(edits)),
    )


def _bounded(name: str, text: str, limits: Limits) -> str:
    if len(text) > limits.characters:
        raise TextError(
            f"A {name} may have {limits.characters:,} characters here; this one has "
            f"{len(text):,}. Give a part of it, such as a page."
        )
    return text


def edit(params: Any, place: int = 0) -> Edit:
    """One edit; `clearhead.explorer.contract.edits` says whether it fits a model and a sentence.

    Raises:
        ConfigError: a value is missing, unknown or out of its range.
    """
    every = {name for names in KINDS.values() for name in names}
    reader = Reader(f"edit {place}", params, ("kind", *sorted(every)))
    kind = reader.choice("kind", tuple(KINDS))
    names = KINDS[kind]
    reader = Reader(f"edit {place} ({kind})", params, ("kind", *names))
    given: dict[str, Any] = {"kind": kind}
    for name in names:
        if name == "part":
            given[name] = reader.choice(name, tuple(PARTS))
        elif name == "renormalise":
            given[name] = reader.truth(name, False)
        elif name == "value":
            # Temperatures beyond these bounds would leave the numbers that floats can hold.
            least, most = (0.0, 1.0) if kind == "set_weight" else (0.01, 100.0)
            given[name] = reader.number(name, least=least, most=most)
        else:
            given[name] = reader.whole(name)
    return Edit(**given)


def beam_request(params: Any, limits: Limits) -> BeamRequest:
    """The request of a beam; its width is the run's where none is given."""
    reader = Reader("beam", params, ("run", "beam_size"))
    run = run_request(reader.value("run"), limits)
    return BeamRequest(run, reader.whole("beam_size", run.beam_size, least=1, most=MOST_BEAM))


def array_items(values: Sequence[Any]) -> tuple[ArrayItem, ...]:
    """Windows of arrays, whose bounds are checked where the arrays are known."""
    items = []
    for place, value in enumerate(values):
        reader = Reader(f"items[{place}]", value, ("path", "window"))
        window = None
        if "window" in reader:
            window = tuple(_range(reader.what, pair) for pair in reader.listed("window", 8))
        items.append(ArrayItem(reader.text("path"), window))
    return tuple(items)


def _range(what: str, pair: Any) -> tuple[int, int]:
    if (
        not isinstance(pair, list | tuple)
        or len(pair) != 2
        or not all(isinstance(end, int) and not isinstance(end, bool) for end in pair)
    ):
        raise ConfigError(
            f"{what}: window is a list of [start, stop], two whole numbers for each axis; "
            f"one is {shown(pair)}."
        )
    return pair[0], pair[1]


def effects_request(params: Any, limits: Limits) -> EffectsRequest:
    """The request of effects; heads and positions are checked where the run is known."""
    names = ("run", "part", "layer", "head", "query", "position", "most")
    reader = Reader("effects", params, names)
    return EffectsRequest(
        run_request(reader.value("run"), limits),
        reader.choice("part", tuple(PARTS)),
        reader.whole("layer"),
        reader.whole("head"),
        reader.whole("query"),
        reader.whole("position") if "position" in reader else None,
        reader.whole("most", 24, least=1, most=64),
    )
