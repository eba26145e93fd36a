"""Reads the residual stream: the logit lens, and the contribution of each part to a logit.

    readings = logit_lens(model, target_ids=ids)            what each layer says
    sums = attribute_logit(model, target_ids=ids, token=5)  what each head and layer added
    copying_scores(model)                                    which heads write what they read

The first two read the numbers of one forward pass of the reference, the last its weights; nothing
is approximated.
"""

from __future__ import annotations

from .attribution import Attribution, Summand, attribute_logit
from .copying import copying_scores
from .logit_lens import LayerReading, logit_lens

__all__ = [
    "Attribution",
    "LayerReading",
    "Summand",
    "attribute_logit",
    "copying_scores",
    "logit_lens",
]
