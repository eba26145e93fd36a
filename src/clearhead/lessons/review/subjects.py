"""The functions that can be reviewed."""

from __future__ import annotations

from .._text import text
from .attention_cases import attention_cases
from .attention_variants import candidates as attention_candidates
from .layer_norm import layer_norm_candidates, layer_norm_cases
from .multi_head import multi_head_candidates, multi_head_cases
from .softmax import softmax_candidates, softmax_cases
from .subject import Subject

_PARTS = (text("output", "saída"), text("weights", "pesos"))
SUBJECTS = (
    Subject(
        "softmax", "softmax(x)", softmax_cases, softmax_candidates
    ),
    Subject(
        "attention",
        "attention(query, key, value, mask=None)",
        attention_cases,
        attention_candidates,
        others=("scaled_dot_product_attention", "self_attention"),
        parts=_PARTS,
    ),
    Subject(
        "multi_head_attention",
        "multi_head_attention(x, W_query, W_key, W_value, W_output, num_heads)",
        multi_head_cases,
        multi_head_candidates,
        others=("multi_head", "multihead_attention"),
        parts=_PARTS,
    ),
    Subject(
        "layer_norm",
        "layer_norm(x, weight, bias)",
        layer_norm_cases,
        layer_norm_candidates,
    ),
)  # fmt: skip
