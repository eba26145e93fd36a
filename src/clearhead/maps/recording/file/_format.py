"""Constants of the file format: its version, its key in the header, the measures that it may hold.

A recording is one safetensors file. Its header has a JSON description, which names the tensors.
"""

from __future__ import annotations

from ...measures.base import Measure
from ...measures.per_position import Diagonal, Distance, Entropy, LogSumExp, Received, Sink
from ...measures.pooled import Mass, Pooled
from ...measures.topk import TopK

# In format 1 the only denominators were the kernels' log-sum-exps.
FORMAT, READABLE_FORMATS = 2, (1, 2)
HEADER = "clearhead.recording"
MEASURES: dict[str, type[Measure]] = {
    cls.__name__: cls
    for cls in (Diagonal, Distance, Entropy, LogSumExp, Mass, Pooled, Received, Sink, TopK)
}
