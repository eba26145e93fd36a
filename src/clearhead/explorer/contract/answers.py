"""What the explorer answers: plain values of these types, and arrays beside them.

The types of the answer to ``run`` are in `run_answers`. A saved page holds answers of the version
that wrote it, so what is added later may be missing there. Where a number would be infinite, None
(null) stands for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NotRequired, Protocol

from pydantic import Field
from typing_extensions import TypeAliasType, TypedDict

from ...shapes import Array
from .first_screen.answers import AlignmentAnswer, DiscoveryAnswer
from .first_screen.checkpoints import TrainedCheckpoint
from .first_screen.head_kinds import HeadKindsAnswer
from .meaning.gradients import GradientsAnswer
from .meaning.lens import LensAnswer
from .meaning.neighbours import NeighboursAnswer
from .meaning.sweep import SweepAnswer
from .questions import Question
from .run_answers import LikelyToken, RunAnswer, Token


@dataclass(frozen=True, eq=False)
class Answer:
    """The answer to one question.

    Attributes:
        json: plain values, ready for JSON, of the type that `ANSWERS` has for the question.
        arrays: what is too much for JSON, by name; -inf stands in them as it is.
    """

    json: Mapping[str, Any]
    arrays: Mapping[str, Array] = field(default_factory=dict)


class Answering(Protocol):
    """What answers questions: an `Explorer`, or the same over a recording."""

    def answer(self, name: str, params: Mapping[str, Any] | Question | None = None) -> Answer:
        """Answer a question; a ClearheadError where it cannot be answered."""
        ...


# ``next_words``: the model has probabilities of words, at each position. ``effects``: it has any,
# of words or of labels.
Ability = TypeAliasType(
    "Ability",
    Literal[
        "translate",
        "edit",
        "beam",
        "effects",
        "derivations",
        "next_words",
        "lens",
        "gradients",
        "sweep",
    ],
)
ModelKind = TypeAliasType(
    "ModelKind", Literal["translation", "generation", "encoder", "recording", "sweep"]
)
# [start, stop] of an axis, or the sizes of two axes.
Pair = Annotated[list[int], Field(min_length=2, max_length=2)]


# model


class ModelPart(TypedDict):
    """The attentions of one kind: those of an encoder, say, or of one stack of a recording."""

    part: str
    layers: int
    heads: int
    kind: NotRequired[Literal["self", "cross"]]


class Languages(TypedDict):
    """Codes of the languages; None where the model's name does not say them."""

    source: str | None
    target: str | None


class ModelLimits(TypedDict):
    """How much is taken and given at once, 0 where nothing of the kind is taken.

    Attributes:
        characters: of a text.
        tokens: of a sentence.
        numbers: of the arrays of one answer.
        edits: of one run.
    """

    characters: int
    tokens: int
    numbers: int
    edits: NotRequired[int]


class SpecialIds(TypedDict):
    """Ids of the special tokens."""

    pad: int
    start: int
    end: int


class ModelAnswer(TypedDict):
    """What the model is, or what was recorded; of a recording, much is not known.

    Attributes:
        kind: ``translation`` with encoder and decoder, ``generation`` with a decoder alone,
            ``encoder`` with an encoder alone, ``recording``, or ``sweep``, of which there is
            its result alone.
        mask: what is written for a hidden word, which the model predicts; missing where it
            predicts none.
        registers: that a translation can be asked for; missing where there are none.
        labels: of a classifier of texts, by their numbers; missing of other models.
        limits_in_words: the first sentences under "Limits" of its card; missing without one.
        checkpoints: of a training run, by their steps; missing of anything else.
        batch_invariant: whether a sentence's scores are the same bits alone and in any batch, on
            the computer that answers; not said of recordings.
    """

    kind: ModelKind
    name: str
    languages: Languages | None
    config: dict[str, Any] | None
    parameters: int | None
    parts: list[ModelPart]
    abilities: list[Ability]
    registers: NotRequired[list[str]]
    labels: NotRequired[list[str]]
    limits_in_words: NotRequired[str]
    checkpoints: NotRequired[list[TrainedCheckpoint]]
    batch_invariant: NotRequired[bool]
    limits: ModelLimits
    special: SpecialIds | None
    mask: NotRequired[str]
    provenance: dict[str, Any]


# words, beam, array, overview, effects, offline


class WordsAnswer(TypedDict):
    """Entries of the vocabulary."""

    tokens: list[Token]


class BeamContinuation(LikelyToken):
    """A next token of a prefix, its log-probability with the prefix, and what became of it."""

    total: float | None
    fate: Literal["kept", "dropped", "finished"]


class Prefix(TypedDict):
    """A beginning of a translation that the beam held."""

    pieces: list[str]
    log_probability: float | None
    continuations: list[BeamContinuation]


class BeamStep(TypedDict):
    """One step of the search."""

    prefixes: list[Prefix]


class FinishedTranslation(TypedDict):
    """A translation that the search returned.

    Attributes:
        ended: whether it ends by itself, and not because it became too long.
        chosen: whether it is the best.
    """

    translation: str
    pieces: list[str]
    log_probability: float | None
    score: float | None
    ended: bool
    chosen: bool


class BeamAnswer(TypedDict):
    """What beam search kept and dropped at each step; ``fast`` names the engine that it asked."""

    beam_size: int
    fast: str
    steps: list[BeamStep]
    finished: list[FinishedTranslation]


class ArrayWindow(TypedDict):
    """A window of an array.

    Attributes:
        shape: of the whole array.
        dtype: of the numbers on their way.
    """

    path: str
    window: list[Pair]
    shape: list[int]
    dtype: str


class ArraysAnswer(TypedDict):
    """The windows; their numbers are the arrays "0", "1", ... beside this."""

    items: list[ArrayWindow]


class OverviewAnswer(TypedDict):
    """Pictures of all heads of a part; they are the arrays beside this.

    Attributes:
        pooled: whether a cell is the largest weight of a block.
        block: queries and keys of a cell.
    """

    part: str
    pooled: bool
    block: Pair
    queries: int
    keys: int


class EffectOn(TypedDict):
    """What the effect is on: one predicted token, or the whole translation."""

    position: int | None
    text: str


class EffectsAnswer(TypedDict):
    """Three numbers of each link of a query, keys by falling weight.

    Attributes:
        of: how many keys the query may attend to.
    """

    keys: list[int]
    of: int
    weight: list[float]
    contribution: list[float]
    effect: list[float | None]
    effect_on: EffectOn


class OfflineAnswer(TypedDict):
    """A name for the file; the array ``html`` beside this holds its UTF-8 bytes."""

    name: str


# Question -> the type of the plain values of its answer.
ANSWERS: dict[str, Any] = {
    "model": ModelAnswer,
    "run": RunAnswer,
    "words": WordsAnswer,
    "neighbours": NeighboursAnswer,
    "beam": BeamAnswer,
    "array": ArraysAnswer,
    "overview": OverviewAnswer,
    "head_kinds": HeadKindsAnswer,
    "effects": EffectsAnswer,
    "lens": LensAnswer,
    "gradients": GradientsAnswer,
    "alignment": AlignmentAnswer,
    "discovery": DiscoveryAnswer,
    "sweep": SweepAnswer,
    "offline": OfflineAnswer,
}
# Those whose answers have arrays, and so travel as containers.
WITH_ARRAYS = ("array", "overview", "offline")
