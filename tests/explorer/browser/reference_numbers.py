"""What a page about one sentence must show, computed here without the explorer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np

from clearhead.reference.tracing.trace import Trace
from clearhead.translation.checkpoint import read_checkpoint
from clearhead.translation.walkthrough import walk_through

Array = np.ndarray[Any, Any]

PATHS = {
    "encoder": "encoder.layers.{}.self_attention",
    "decoder": "decoder.layers.{}.self_attention",
    "cross": "decoder.layers.{}.cross_attention",
}


def depths() -> dict[str, int]:
    """How many layers each part of the bundled model has."""
    config = read_checkpoint("en-fr").config
    decoder = config.decoder_layers
    return {"encoder": config.encoder_layers, "decoder": decoder, "cross": decoder}


@dataclass(frozen=True)
class Sentence:
    """A sentence of the bundled model, and its address on the page."""

    text: str
    target: str | None = None

    @cached_property
    def _walked(self) -> tuple[Trace, list[str], list[str]]:
        checkpoint = read_checkpoint("en-fr")
        walkthrough = walk_through(
            self.text, checkpoint, checkpoint.engine(np.float64), target=self.target
        )
        trace = walkthrough.trace(keep=("*.weights", "*.masked"))
        pieces = checkpoint.tokenizer.pieces
        return trace, pieces(walkthrough.source), pieces(walkthrough.target)

    @property
    def source(self) -> list[str]:
        return self._walked[1]

    @property
    def decoder_input(self) -> list[str]:
        return self._walked[2]

    @property
    def predicted(self) -> list[str]:
        return [*self.decoder_input[1:], "</s>"]

    def weights(self, part: str, layer: int) -> Array:
        """Float["heads queries keys"]."""
        value: Array = self._walked[0][f"{PATHS[part].format(layer)}.weights"].value[0]
        return value

    def masked(self, part: str, layer: int) -> Array:
        """Bool["heads queries keys"], True where a query may not attend."""
        value: Array = np.isneginf(self._walked[0][f"{PATHS[part].format(layer)}.masked"].value[0])
        return value

    def entropy(self, part: str, layer: int) -> Array:
        """Nats, Float["heads"]."""
        weights = self.weights(part, layer)
        logs = np.log(weights, out=np.zeros_like(weights), where=weights > 0)
        mean: Array = -(weights * logs).sum(-1).mean(-1)
        return mean

    def address(self, **state: Any) -> str:
        given = {"text": self.text, "view": "heads", "language": "en", **state}
        if self.target is not None:
            given["target"] = self.target
        return "/#" + urlencode(given, quote_via=quote)
