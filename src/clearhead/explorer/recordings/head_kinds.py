"""What kind each head of a recorded module is: the same measures, in one pass over its tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..answers.head_measures import HeadWeights, measured_heads
from ..contract.first_screen.head_kinds import MeasuredHead
from ..contract.stopping import check_from_anywhere

if TYPE_CHECKING:
    from ...maps.attention_map import AttentionMap


def measure_heads(one: AttentionMap, *, cross: bool) -> list[MeasuredHead]:
    """Return the measures and the kind of each head.

    A key counts as one that a query may attend to where its weight is above 0 in the type that
    the map is computed in.

    Args:
        one: a map whose batch is 1.
        cross: whether queries and keys are of two sequences.

    Raises:
        QuestionCancelled: the question was given up.
    """
    from ...maps.measures.per_position import Entropy
    from ...maps.measures.pooled import Blocks
    from ...maps.measures.position_weights import PositionWeights

    columns = Blocks(queries=one.shape[2], keys=1)
    measures = one.measure(PositionWeights(), Entropy(), columns, check=check_from_anywhere())
    numbers = {name: value[0].double().cpu().numpy() for name, value in measures.items()}
    weights = HeadWeights(
        positions=numbers[PositionWeights()],
        entropy=numbers[Entropy()],
        largest=numbers[columns][:, 0],
        cross=cross,
        offset=0 if cross else one.query_offset,
    )
    return measured_heads(weights)
