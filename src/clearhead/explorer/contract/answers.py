"""What the explorer answers: plain values of these types, and arrays beside them.

A saved page holds answers of the version that wrote it, so what is added later may be missing
there. Where a number would be infinite, None (null) stands for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NotRequired, Protocol

import numpy as np
from pydantic import BaseModel, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema
from typing_extensions import TypeAliasType, TypedDict

from .questions import Question, RunQuestion


@dataclass(frozen=True, eq=False)
class Answer:
    """The answer to one question.

    Attributes:
        json: plain values, ready for JSON, of the type that `ANSWERS` has for the question.
        arrays: what is too much for JSON, by name; -inf stands in them as it is.
    """

    json: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray[Any, Any]] = field(default_factory=dict)


class Answering(Protocol):
    """What answers questions: an `Explorer`, or the same over a recording."""

    def answer(self, name: str, params: Mapping[str, Any] | Question | None = None) -> Answer:
        """Answer a question; a ClearheadError where it cannot be answered."""
        ...


@dataclass(frozen=True)
class PlainValuesOf:
    """Marks a dictionary as the plain values of a model, such as a question."""

    model: type[BaseModel]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return handler.generate_schema(self.model)


Ability = TypeAliasType("Ability", Literal["translate", "edit", "beam", "effects", "derivations"])
RunParams = Annotated[dict[str, Any], PlainValuesOf(RunQuestion)]
# [start, stop] of an axis, or the sizes of two axes.
Pair = Annotated[list[int], Field(min_length=2, max_length=2)]


class Token(TypedDict):
    """A token: its id (-1 in a recording, which knows none), and what is written for it."""

    id: int
    piece: str
    special: bool


class LikelyToken(TypedDict):
    """A token and how probable it is."""

    token: Token
    probability: float


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
        batch_invariant: whether a sentence's scores are the same bits alone and in any batch, on
            the computer that answers; not said of recordings.
    """

    kind: Literal["translation", "recording"]
    name: str
    languages: Languages | None
    config: dict[str, Any] | None
    parameters: int | None
    parts: list[ModelPart]
    abilities: list[Ability]
    batch_invariant: NotRequired[bool]
    limits: ModelLimits
    special: SpecialIds | None
    provenance: dict[str, Any]


# run: derivations, as `clearhead.explorer.derivations` writes them


class AxisIndex(TypedDict):
    """((index[axis] * times) // floordiv) % mod + plus, of the index of the explained number."""

    axis: int
    times: NotRequired[int]
    plus: NotRequired[int]
    floordiv: NotRequired[int]
    mod: NotRequired[int]


class SumIndex(TypedDict):
    """The sum of several."""

    sum: list[ScalarIndex]


ScalarIndex = TypeAliasType("ScalarIndex", int | AxisIndex | SumIndex)


class ElementOf(TypedDict):
    """An element of a step of integers."""

    path: str
    index: list[IndexEntry]


class ValueIndex(TypedDict):
    """The value of an element of a step of integers."""

    value_of: ElementOf


IndexEntry = TypeAliasType("IndexEntry", ScalarIndex | Literal[":"] | ValueIndex)


class Label(TypedDict):
    """What an operand is, for people, in both languages of the page."""

    en: str
    pt: str


class ArrayOperand(TypedDict):
    """An operand that is a slice of a step or, with a path ``weights/NAME``, of a weight."""

    symbol: str
    label: Label
    path: str
    index: list[IndexEntry]


class ScalarOperand(TypedDict):
    """An operand that is an integer, which follows from the index of the explained number."""

    symbol: str
    label: Label
    scalar: ScalarIndex


class ConstantOperand(TypedDict):
    """An operand that is a number of the model's config or of an edit."""

    symbol: str
    label: Label
    constant: float


Operand = TypeAliasType("Operand", ArrayOperand | ScalarOperand | ConstantOperand)


class WhenAxis(TypedDict):
    """Holds where (index[axis] // floordiv) % mod == equals."""

    axis: int
    floordiv: NotRequired[int]
    mod: NotRequired[int]
    equals: int


class WhenReplaced(TypedDict):
    """Holds for replaced elements: at these places alone, None standing for all of an axis."""

    replaced: Literal[True]
    index: NotRequired[list[int | None]]


class DerivationAnswer(TypedDict):
    """How an element of a step follows from its operands.

    Attributes:
        when: for which elements it holds; missing for all.
        expression: Python over the symbols, ``np`` and ``math``; None for what is given.
        given: that it follows from nothing.
    """

    when: NotRequired[WhenAxis | WhenReplaced]
    expression: str | None
    given: NotRequired[Literal[True]]
    operands: list[Operand]


# run


class Rule(TypedDict):
    """A rule around the model that acted on a sentence, and what it did."""

    rule: str
    change: str


class Sentence(TypedDict):
    """A piece of the text.

    Attributes:
        translated: whether it is a sentence, and nothing that is only handed through.
        translation: what the translator makes of it.
        read: what the model reads.
        rules: that acted on it.
    """

    text: str
    translated: bool
    translation: NotRequired[str]
    read: NotRequired[str]
    rules: NotRequired[list[Rule]]


class ChosenToken(LikelyToken):
    """The token that was taken, and its place among all, from 1."""

    rank: int


class NextTokens(TypedDict):
    """The likeliest tokens after one of the decoder's, and the one that was taken."""

    likeliest: list[LikelyToken]
    taken: ChosenToken


class AttentionAnswer(TypedDict):
    """One attention sub-layer: all heads of one layer of one part.

    Attributes:
        path: how the paths of its steps begin.
        kind, query_tokens, key_tokens: of a recording, whose attentions may see different texts.
    """

    part: str
    layer: int
    heads: int
    queries: int
    keys: int
    path: str
    kind: NotRequired[Literal["self", "cross"]]
    query_tokens: NotRequired[list[Token]]
    key_tokens: NotRequired[list[Token]]


class Replacement(TypedDict):
    """Which elements of a step an edit changed: one entry for each axis, None for all of it."""

    edit: int
    index: list[int | None]


class StepAnswer(TypedDict):
    """One step of the forward pass.

    Attributes:
        formula: how it is computed.
        of: the paths of the steps that it follows from.
        replaced: whether edits changed it; ``replaced_at`` says where.
    """

    path: str
    shape: list[int]
    axes: list[str]
    formula: str
    of: list[str]
    replaced: bool
    replaced_at: NotRequired[list[Replacement]]
    derivations: list[DerivationAnswer]


class Check(TypedDict):
    """How far the fast engine is from the reference.

    Attributes:
        largest: difference.
        of: what was compared.
        fast, reference: names of the engines.
        stored: in a saved page, the type that its numbers are stored in.
    """

    largest: float | None
    of: str
    fast: str
    reference: str
    stored: NotRequired[Literal["float64", "float32"]]


class Seconds(TypedDict, total=False):
    """How long each part of a run took."""

    translate: float
    trace: float
    check: float


class Baseline(TypedDict):
    """The run without edits, and how likely the edited model makes its translation."""

    translation: str
    log_probability: float | None
    predicted: list[Token]
    target_log_probability: float | None


class ProtectedNote(TypedDict):
    """Translating the sentence gives another text, to keep placeholders or numbers as they are."""

    kind: Literal["protected"]
    translation: str


class UnreachedNote(TypedDict):
    """The translation is too short for the query of an edit, which changes nothing."""

    kind: Literal["unreached"]
    edit: int


Note = TypeAliasType("Note", ProtectedNote | UnreachedNote)


class RunAnswer(TypedDict):
    """Everything about a run but its large arrays.

    Attributes:
        request: the parameters of the run, which later questions name it by.
        text: the whole text; None of a recording.
        sentences: the pieces of the text; of a recording, the rows of its batch.
        sentence: the number of the piece that is traced.
        target_given: whether the translation came with the question.
        notes: what a reader should know of this run, such as an edit that changes nothing.
    """

    request: RunParams
    text: str | None
    sentences: list[Sentence]
    sentence: int
    translation: str | None
    target_given: bool
    source: list[Token]
    decoder_input: list[Token]
    predicted: list[Token]
    log_probability: float | None
    log_probabilities: list[float | None]
    next: list[NextTokens]
    attention: list[AttentionAnswer]
    steps: list[StepAnswer]
    check: Check | None
    seconds: Seconds
    baseline: Baseline | None
    notes: NotRequired[list[Note]]


# The other questions


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
    "beam": BeamAnswer,
    "array": ArraysAnswer,
    "overview": OverviewAnswer,
    "effects": EffectsAnswer,
    "offline": OfflineAnswer,
}
# Those whose answers have arrays, and so travel as containers.
WITH_ARRAYS = ("array", "overview", "offline")
