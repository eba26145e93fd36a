"""The answer to ``neighbours``: which tokens lie nearest to one in the table of embeddings."""

from __future__ import annotations

from typing_extensions import TypedDict

from ..run_answers import Token


class Neighbour(TypedDict):
    """A token near another one.

    Attributes:
        cosine: of the angle between the rows of the two, from -1 to 1.
    """

    token: Token
    cosine: float


class NeighboursAnswer(TypedDict):
    """The tokens whose rows point most nearly where one token's row does.

    Attributes:
        token: the one.
        length: of its row.
        table: name of the table of embeddings among the weights.
        nearest: the nearest first, without the token itself.
        of: how many rows were compared.
    """

    token: Token
    length: float
    table: str
    nearest: list[Neighbour]
    of: int
