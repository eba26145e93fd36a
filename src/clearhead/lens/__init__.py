"""What the residual stream says on its way: the logit lens, and which part added what to a logit.

    readings = logit_lens(model, target_ids=ids)            what each layer says
    sums = attribute_logit(model, target_ids=ids, token=5)  what each head and layer added

Both read the numbers of one forward pass of the reference; nothing is approximated.
"""

from __future__ import annotations

from .attribution import Attribution, Summand, attribute_logit
from .logit_lens import LayerReading, logit_lens

__all__ = ["Attribution", "LayerReading", "Summand", "attribute_logit", "logit_lens"]
