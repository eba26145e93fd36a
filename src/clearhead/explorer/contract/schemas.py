"""The questions of the explorer as they come over HTTP, and what their answers look like.

Questions are pydantic models: what does not fit is refused before anything is computed. Whether
the model has such a layer or the text such a position, a schema cannot say; the Explorer does.
Answers are described for the page at /api/openapi.json alone, so they are plain JSON schemas.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from .requests import MOST_BEAM, MOST_ITEMS, Limits

LIMITS = Limits()
PATH, STATE = 200, 200_000  # characters
AXES, MOST_KEYS, HIGHEST = 8, 64, 2**31 - 1


def _whole(value: Any) -> Any:
    """To JSON, and to JavaScript, 3.0 is the whole number 3; Python's strictness is undone."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
Index = Annotated[int, Field(ge=0, le=HIGHEST), WHOLE]
Temperature = Annotated[float, Field(ge=0.01, le=100, allow_inf_nan=False)]
Text = Annotated[str, Field(max_length=LIMITS.characters)]
BeamSize = Annotated[int, Field(ge=1, le=MOST_BEAM), WHOLE]
Part = Literal["encoder", "decoder", "cross"]


class Question(BaseModel):
    """The parameters of a question: exactly the named keys, exactly these types."""

    model_config: ClassVar[ConfigDict] = {"extra": "forbid", "strict": True}


class AblateHead(Question):
    """The output of a head becomes 0."""

    kind: Literal["ablate_head"]
    part: Part
    layer: Index
    head: Index


class SetWeight(Question):
    """One weight is set; with `renormalise` the others of its row share the rest in proportion."""

    kind: Literal["set_weight"]
    part: Part
    layer: Index
    head: Index
    query: Index
    key: Index
    value: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
    renormalise: bool = False


class MaskToken(Question):
    """No query attends to this position of the source."""

    kind: Literal["mask_token"]
    position: Index


class SwapToken(Question):
    """Another token stands at this position of the source."""

    kind: Literal["swap_token"]
    position: Index
    token: Index


class AttentionTemperature(Question):
    """The scaled scores of a head are divided by this before the softmax."""

    kind: Literal["attention_temperature"]
    part: Part
    layer: Index
    head: Index
    value: Temperature


class OutputTemperature(Question):
    """The logits are divided by this."""

    kind: Literal["output_temperature"]
    value: Temperature


Edit = Annotated[
    AblateHead | SetWeight | MaskToken | SwapToken | AttentionTemperature | OutputTemperature,
    Field(discriminator="kind"),
]


class ModelQuestion(Question):
    """What the model is."""


class RunQuestion(Question):
    """A sentence is translated and its forward pass traced."""

    text: Text
    target: Text | None = None
    sentence: Index = 0
    beam_size: BeamSize = 4
    edits: Annotated[list[Edit], Field(max_length=LIMITS.edits)] = []


class WordsQuestion(Question):
    """Entries of the vocabulary, for a swap."""

    query: Annotated[str, Field(max_length=LIMITS.query)]


class BeamQuestion(Question):
    """What beam search kept and dropped at each step."""

    run: RunQuestion
    beam_size: BeamSize | None = None


class Item(Question):
    """A window of a step of the trace, or of ``weights/NAME``."""

    path: Annotated[str, Field(min_length=1, max_length=PATH)]
    window: (
        Annotated[
            list[Annotated[list[Index], Field(min_length=2, max_length=2)]],
            Field(max_length=AXES),
        ]
        | None
    ) = None


class ArrayQuestion(Question):
    """Numbers of the run or of the model."""

    run: RunQuestion
    items: Annotated[list[Item], Field(min_length=1, max_length=MOST_ITEMS)]


class OverviewQuestion(Question):
    """All heads of a part as small pictures."""

    run: RunQuestion
    # Of a recording, parts are named after the stacks of its model.
    part: Annotated[str, Field(min_length=1, max_length=PATH)]
    # Of a recording with many heads, a page of its layers: from the first to before the second.
    layers: Annotated[list[Index], Field(min_length=2, max_length=2)] | None = None


class EffectsQuestion(Question):
    """Weight, contribution and effect of the links of one query."""

    run: RunQuestion
    part: Part
    layer: Index
    head: Index
    query: Index
    position: Index | None = None
    most: Annotated[int, Field(ge=1, le=MOST_KEYS), WHOLE] = 24


class OfflineQuestion(Question):
    """The page as one HTML file that needs no server."""

    run: RunQuestion
    state: Annotated[str, Field(max_length=STATE)] = ""


def _object(**properties: Any) -> dict[str, Any]:
    """An object with at least these keys. Answers may grow, so others are allowed."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


WORDS, BOOL = {"type": "string"}, {"type": "boolean"}
COUNT = {"type": "integer", "minimum": 0}
NUMBER, NUMBER_OR_NULL = {"type": "number"}, {"type": ["number", "null"]}
TOKEN = _object(id=COUNT, piece=WORDS, special=BOOL)
LIKELY = {"token": TOKEN, "probability": NUMBER}

ANSWERS: dict[str, dict[str, Any]] = {
    "model": _object(
        kind={"enum": ["translation", "recording"]},
        name=WORDS,
        parts=_list(_object(part=WORDS, layers=COUNT, heads=COUNT)),
        abilities=_list(WORDS),
    ),
    "run": _object(
        request={"type": "object"},
        text={"type": ["string", "null"]},
        source=_list(TOKEN),
        attention=_list(
            _object(
                part=WORDS, layer=COUNT, heads=COUNT, queries=COUNT, keys=COUNT, path=WORDS
            )
        ),
        steps=_list(
            _object(path=WORDS, shape=_list(COUNT), axes=_list(WORDS), formula=WORDS,
                    notation=WORDS, of=_list(WORDS), replaced=BOOL)
        ),
    ),
    "words": _object(tokens=_list(TOKEN)),
    "beam": _object(
        steps=_list(
            _object(
                prefixes=_list(
                    _object(
                        pieces=_list(WORDS),
                        log_probability=NUMBER_OR_NULL,
                        continuations=_list(
                            _object(
                                **LIKELY,
                                total=NUMBER_OR_NULL,
                                fate={"enum": ["kept", "dropped", "finished"]},
                            )
                        ),
                    )
                )
            )
        ),
        finished=_list(
            _object(
                translation=WORDS, pieces=_list(WORDS), log_probability=NUMBER_OR_NULL,
                score=NUMBER_OR_NULL, chosen=BOOL,
            )
        ),
    ),
    "effects": _object(
        keys=_list(COUNT),
        of=COUNT,
        weight=_list(NUMBER),
        contribution=_list(NUMBER),
        effect=_list(NUMBER_OR_NULL),
        effect_on=_object(position={"type": ["integer", "null"]}, text=WORDS),
    ),
}  # fmt: skip
CONTAINER = "application/octet-stream"
# Question -> the model of its parameters. Those without a schema in ANSWERS answer with a
# container of arrays.
QUESTIONS: dict[str, type[Question]] = {
    "model": ModelQuestion,
    "run": RunQuestion,
    "words": WordsQuestion,
    "beam": BeamQuestion,
    "array": ArrayQuestion,
    "overview": OverviewQuestion,
    "effects": EffectsQuestion,
    "offline": OfflineQuestion,
}
ERROR = _object(error=_object(kind=WORDS, message=WORDS))
