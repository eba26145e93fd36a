"""The types of a saved page: the answers that it holds, and how it holds their arrays."""

from __future__ import annotations

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from .answers import BeamAnswer, EffectsAnswer, ModelAnswer, OverviewAnswer
from .first_screen.answers import AlignmentAnswer, DiscoveryAnswer
from .first_screen.head_kinds import HeadKindsAnswer
from .run_answers import RunAnswer

StoredType = Literal["float64", "float32", "float16", "int32"]
Operation = Literal["copy", "heads", "times", "relu", "causal", "normalized", "affine", "sum"]


class SavedBeam(TypedDict):
    """The beam of one width."""

    beam_size: int
    json: BeamAnswer


class SavedPlace(TypedDict):
    """Where the links of a saved answer to ``effects`` start."""

    part: str
    layer: int
    head: int
    query: int
    position: int | None


class SavedEffects(TypedDict):
    """The effects of one query."""

    params: SavedPlace
    json: EffectsAnswer


class StoredRecipe(TypedDict):
    """An operation over other arrays, some with a number."""

    recipe: Operation
    of: list[str]
    number: NotRequired[float]


class StoredArray(TypedDict):
    """How the page gets an array: ``stored`` numbers, or a ``recipe`` over other arrays.

    Attributes:
        shape: of the whole array.
        stored: the type that its numbers are stored in, beginning at ``start`` of all of them.
        single: the numbers are float32 themselves, or rounded to it.
        recipe: the operation on the arrays ``of``, some with a ``number``.
        axis: of this axis only the ``kept`` indices are here.
    """

    path: str
    shape: list[int]
    stored: NotRequired[StoredType]
    start: NotRequired[int]
    single: NotRequired[bool]
    recipe: NotRequired[Operation]
    of: NotRequired[list[str]]
    number: NotRequired[float]
    axis: NotRequired[int]
    kept: NotRequired[list[int]]


class SavedPage(TypedDict):
    """All that a saved page holds.

    Attributes:
        state: what stood behind the # of the address.
        all_layers: whether it has the steps of all layers, or of one.
        overview, head_kinds: by part.
        alignment, discoveries: of the first screen; missing of a recording.
    """

    state: str
    all_layers: bool
    model: ModelAnswer
    run: RunAnswer
    beam: SavedBeam | None
    effects: list[SavedEffects]
    overview: dict[str, OverviewAnswer]
    head_kinds: dict[str, HeadKindsAnswer]
    alignment: NotRequired[AlignmentAnswer]
    discoveries: NotRequired[list[DiscoveryAnswer]]
    arrays: list[StoredArray]
