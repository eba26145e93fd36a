"""The questions that can be asked of a model or a recording, each with its parameters.

Whether a model has such a layer, or a text such a position, these types cannot say; what answers
the question does.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, ValidationInfo
from pydantic_core import PydanticCustomError
from typing_extensions import TypeAliasType

from .edits import Edit
from .parts import Part
from .values import INTEGER, LIMITS, TUPLE, Index, Limits, PlainModel, Span, at_most

MOST_BEAM = 8
MOST_NEW_TOKENS = 256
MOST_IDS = 4096
MOST_ITEMS = 64
MOST_KEYS = 64
AXES = 8
PATH, STATE = 200, 200_000  # characters
# The types of errors whose message is a whole sentence; all others are pydantic's own.
LONG_TEXT, LONG_VALUE = "long_text", "long_value"


def _limits(info: ValidationInfo) -> Limits:
    return info.context if isinstance(info.context, Limits) else LIMITS


def _text(value: Any, info: ValidationInfo) -> Any:
    most = _limits(info).characters
    if isinstance(value, str) and len(value) > most:
        raise PydanticCustomError(
            "long_text",
            "A {name} may have {most} characters here; this one has {length}. Give a part of it, "
            "such as a page.",
            {"name": info.field_name, "most": f"{most:,}", "length": f"{len(value):,}"},
        )
    return value


def _target(value: Any, info: ValidationInfo) -> Any:
    value = _text(value, info)
    return None if isinstance(value, str) and not value.strip() else value


def _query(value: Any, info: ValidationInfo) -> Any:
    most = _limits(info).query
    if isinstance(value, str) and len(value) > most:
        raise PydanticCustomError(
            "long_value",
            "query may have {most} characters; it has {length}. Type the beginning of a word.",
            {"most": most, "length": len(value)},
        )
    return value


def _edits(value: Any, info: ValidationInfo) -> Any:
    most = _limits(info).edits
    if isinstance(value, list | tuple) and len(value) > most:
        raise PydanticCustomError(
            "long_value",
            "run: edits must be a list of at most {most}; it has {length}.",
            {"most": most, "length": len(value)},
        )
    return value


# An explorer may have limits of its own, so the types name the usual ones in their schema alone.
_CHARACTERS = Field(json_schema_extra={"maxLength": LIMITS.characters})
BeamSize = Annotated[int, Field(ge=1, le=MOST_BEAM), INTEGER]
Path = Annotated[str, Field(min_length=1, max_length=PATH)]
Window = TypeAliasType(
    "Window", Annotated[tuple[Span, ...], Field(max_length=AXES), TUPLE, at_most(AXES)]
)


DiscoveryKind = TypeAliasType("DiscoveryKind", Literal["hide_word", "switch_off", "temperature"])


class Question(PlainModel):
    """The parameters of a question.

    Attributes:
        question: its name.
    """

    question: ClassVar[str]


class ModelQuestion(Question):
    """What the model is."""

    question: ClassVar[str] = "model"


class RunQuestion(Question):
    """A text goes through the model, and its forward pass is traced: these are the key of a run.

    A sentence is translated, a prompt is continued, and what an encoder reads is only read.

    Attributes:
        text: the whole text; of a recording, nothing.
        target: a translation or continuation to trace instead of the model's own; None for the
            model's own.
        target_ids: the same as token ids, without start and end token: exactly these are read.
        sentence: number of the sentence that is traced; of a recording, the row of its batch.
        beam_size: of the search.
        new_tokens: so many tokens at most continue a prompt; of 0 the prompt alone is traced.
        formality: the register, how a translation says "you": a tag that the model reads first.
        edits: what is changed in the model or the source, in this order.
        checkpoint: of a training run, the step whose weights compute; None for the last one.
    """

    question: ClassVar[str] = "run"
    text: Annotated[str, _CHARACTERS, BeforeValidator(_text)] = ""
    target: Annotated[Annotated[str, _CHARACTERS] | None, BeforeValidator(_target)] = None
    target_ids: Annotated[
        tuple[Index, ...] | None, Field(max_length=MOST_IDS), TUPLE, at_most(MOST_IDS)
    ] = None
    sentence: Index = 0
    beam_size: BeamSize = 4
    new_tokens: Annotated[int, Field(ge=0, le=MOST_NEW_TOKENS), INTEGER] = 8
    formality: Literal["auto", "tu", "vous"] = "auto"
    edits: Annotated[
        tuple[Edit, ...],
        Field(json_schema_extra={"maxItems": LIMITS.edits}),
        TUPLE,
        BeforeValidator(_edits),
    ] = ()
    checkpoint: Index | None = None


class WordsQuestion(Question):
    """Entries of the vocabulary: for a swap, or to name those of a row of logits.

    Attributes:
        query: what was typed.
        ids: these entries, whatever was typed; None for those that were looked for.
    """

    question: ClassVar[str] = "words"
    query: Annotated[
        str, Field(json_schema_extra={"maxLength": LIMITS.query}), BeforeValidator(_query)
    ]
    ids: Annotated[
        tuple[Index, ...] | None, Field(max_length=MOST_IDS), TUPLE, at_most(MOST_IDS)
    ] = None


class NeighboursQuestion(Question):
    """The tokens nearest to one in the table of embeddings, by the angle between their rows.

    Attributes:
        token: its id.
        stack: whose table it is, where encoder and decoder have one each.
        count: so many neighbours.
        checkpoint: as in `RunQuestion`.
    """

    question: ClassVar[str] = "neighbours"
    token: Index
    stack: Literal["encoder", "decoder"]
    count: Annotated[int, Field(ge=1, le=MOST_KEYS), INTEGER] = 8
    checkpoint: Index | None = None


class BeamQuestion(Question):
    """What beam search kept and dropped at each step.

    Attributes:
        run: whose sentence is searched again.
        beam_size: of the search; None for that of the run.
    """

    question: ClassVar[str] = "beam"
    run: RunQuestion
    beam_size: BeamSize | None = None


class ArrayItem(PlainModel):
    """A window of one array.

    Attributes:
        path: of a step of the trace, or ``weights/NAME``.
        window: [start, stop] for each axis; None for the whole array.
    """

    path: Path
    window: Window | None = None


class ArrayQuestion(Question):
    """Numbers of the run or of the model.

    Attributes:
        run: whose arrays.
        items: which arrays, and how much of each.
        loss_position: of a gradient, the position whose loss it is of; None for the mean over all
            positions that count, as in the question ``gradients``.
    """

    question: ClassVar[str] = "array"
    run: RunQuestion = RunQuestion()
    items: Annotated[
        tuple[ArrayItem, ...],
        Field(min_length=1, max_length=MOST_ITEMS),
        TUPLE,
        at_most(MOST_ITEMS),
    ]
    loss_position: Index | None = None


class OverviewQuestion(Question):
    """All heads of a part as small pictures.

    Attributes:
        run: whose heads.
        part: of the model; the parts of a recording are named after the stacks of its model.
        layers: of a recording with many heads, the layers from ``start`` to before ``stop``; None
            for all of them.
    """

    question: ClassVar[str] = "overview"
    run: RunQuestion = RunQuestion()
    part: Path
    layers: Span | None = None


class EffectsQuestion(Question):
    """Weight, contribution and effect of the links of one query.

    Attributes:
        run: the run that they are in.
        part, layer, head, query: where they start.
        position: of the predicted token whose log-probability is looked at; None for all.
        most: so many keys, those with the largest weights.
    """

    question: ClassVar[str] = "effects"
    run: RunQuestion
    part: Part
    layer: Index
    head: Index
    query: Index
    position: Index | None = None
    most: Annotated[int, Field(ge=1, le=MOST_KEYS), INTEGER] = 24


class LensQuestion(Question):
    """What each layer would say at a position, and what adds to the logit of one token there.

    Attributes:
        run: whose pass it is.
        position: at which something is predicted.
        token: id of the token whose logit is taken apart; None for the one that is predicted.
        most: so many summands, those that move the logit most.
        count: so many tokens of each layer.
    """

    question: ClassVar[str] = "lens"
    run: RunQuestion
    position: Index
    token: Index | None = None
    most: Annotated[int, Field(ge=1, le=MOST_KEYS), INTEGER] = 24
    count: Annotated[int, Field(ge=1, le=10), INTEGER] = 4


class AlignmentQuestion(Question):
    """Which head aligns best in this text, and which words draw on which in it.

    Attributes:
        run: the text, with its edits.
        start: of a recording, whose long sequences are shown in part, the first query that is
            shown; 0 of anything else.
    """

    question: ClassVar[str] = "alignment"
    run: RunQuestion
    start: Index = 0


class DiscoveryQuestion(Question):
    """The one change of a kind that changes the model's text most, tried.

    Attributes:
        run: the text; its edits and the text that it names for the model do not count.
        kind: what is changed: a word is hidden, a head is switched off, or the temperature at
            which words are drawn.
    """

    question: ClassVar[str] = "discovery"
    run: RunQuestion
    kind: DiscoveryKind


class OfflineQuestion(Question):
    """The page as one HTML file that needs no server.

    Attributes:
        run: that the file holds.
        state: what stands behind the # of the page's address.
    """

    question: ClassVar[str] = "offline"
    run: RunQuestion
    state: Annotated[str, Field(max_length=STATE)] = ""
