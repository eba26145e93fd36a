"""The types of the answer to ``run``; None (null) stands for a number that would be infinite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, NotRequired

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema
from typing_extensions import TypeAliasType, TypedDict

from .derivation_answers import DerivationAnswer
from .questions import RunQuestion


@dataclass(frozen=True)
class PlainValuesOf:
    """Marks a dictionary as the plain values of a model, such as a question or an edit."""

    model: Any

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return handler.generate_schema(self.model)


RunParams = Annotated[dict[str, Any], PlainValuesOf(RunQuestion)]


class Token(TypedDict):
    """A token: its id (-1 in a recording, which knows none), and what is written for it."""

    id: int
    piece: str
    special: bool


class LikelyToken(TypedDict):
    """A token and how probable it is."""

    token: Token
    probability: float


class LikelyLabel(TypedDict):
    """One of the labels of a classifier, and how probable it is."""

    label: str
    probability: float
    log_probability: float | None


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
        notation: the same as on a blackboard, in TeX.
        of: the paths of the steps that it follows from.
        replaced: whether edits changed it; ``replaced_at`` says where.
    """

    path: str
    shape: list[int]
    axes: list[str]
    formula: str
    notation: str
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
    """The run without edits, and how likely the edited model makes its translation.

    Attributes:
        labels: of a classifier, by their numbers.
        output_change: of a model whose output is vectors, how far each of them moved, as a share
            of its length without edits.
    """

    translation: str
    log_probability: float | None
    predicted: list[Token]
    target_log_probability: float | None
    labels: NotRequired[list[LikelyLabel]]
    output_change: NotRequired[list[float]]


class ProtectedNote(TypedDict):
    """Translating the sentence gives another text, to keep placeholders or numbers as they are."""

    kind: Literal["protected"]
    translation: str


class UnreachedNote(TypedDict):
    """The translation is too short for the query of an edit, which changes nothing."""

    kind: Literal["unreached"]
    edit: int


class LanguageNote(TypedDict):
    """The text looks like another language than the model reads.

    Attributes:
        reads: code of the language that the model reads.
        language: code of the one that it looks like; None where that is not known.
    """

    kind: Literal["language"]
    reads: str
    language: str | None


Note = TypeAliasType("Note", ProtectedNote | UnreachedNote | LanguageNote)


class RunAnswer(TypedDict):
    """Everything about a run but its large arrays.

    Attributes:
        request: the parameters of the run, which later questions name it by.
        text: the whole text; None of a recording.
        sentences: the pieces of the text; of a recording, the rows of its batch.
        sentence: the number of the piece that is traced.
        translation: of a model that continues prompts, the continuation; of an encoder that fills
            in hidden words, the text with them; of a classifier, the likeliest label.
        target_given: whether the translation came with the question.
        source: what the encoder reads; empty without one.
        decoder_input: what the decoder reads; empty without one, and without an encoder it begins
            with the prompt.
        prompt: of a model without an encoder, how many tokens of ``decoder_input`` are the prompt.
        predicted: what follows each token of the decoder; of an encoder the token at each
            position, the likeliest where one is hidden.
        labels: of a classifier, all by their numbers, which are their places in the last axis of
            ``logits`` and ``probabilities``; these have one position.
        scored_positions: the positions whose log-probabilities make the sum: missing for all.
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
    scored_positions: NotRequired[list[int]]
    prompt: NotRequired[int]
    labels: NotRequired[list[LikelyLabel]]
    next: list[NextTokens]
    attention: list[AttentionAnswer]
    steps: list[StepAnswer]
    check: Check | None
    seconds: Seconds
    baseline: Baseline | None
    notes: NotRequired[list[Note]]
