"""The answer to ``lens``: what each layer would say, and what adds to a logit."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from ..run_answers import Token


class TokenShare(TypedDict):
    """A token and its probability."""

    token: Token
    probability: float


class LayerSaying(TypedDict):
    """What the model would say after some of its layers.

    Attributes:
        layers: how many the stream has passed; 0 is the embedding.
        likeliest: tokens with their probabilities, the likeliest first.
        rank: the place, from 1, of what the model says after all layers.
        probability: of that token here.
    """

    layers: int
    likeliest: list[TokenShare]
    rank: int
    probability: float


class LogitSummand(TypedDict):
    """What one part of the model adds to a logit.

    Attributes:
        path: of the step or the weight that adds it.
        kind: what it is.
        layer, head: of a head or a feed-forward layer; null elsewhere.
    """

    path: str
    kind: Literal["embedding", "head", "feed_forward", "bias"]
    layer: int | None
    head: int | None
    value: float


class LogitSum(TypedDict):
    """A logit as a sum.

    Attributes:
        logit: before a softcap, where there is one.
        summands: those that move it most, up or down.
        others: how many more there are.
        others_sum: what these add together.
        error: how far the sum of all is from the logit.
    """

    logit: float
    summands: list[LogitSummand]
    others: int
    others_sum: float
    error: float


class LensAnswer(TypedDict):
    """What each layer would say, and what adds to a logit.

    Attributes:
        token: whose logit is taken apart.
        sum: null where the logit is no sum, as behind a layer with an activation.
    """

    position: int
    token: Token
    layers: list[LayerSaying]
    sum: LogitSum | None
