"""What each attention operator means: fused kernels, the encoder's fast path, FlexAttention."""

from ._encoder_fast_path import read_encoder_layer, read_multi_head
from ._flex import read_flex
from ._flex_arguments import flex_arguments
from ._fused import arguments, fused_kernel, is_unknown_attention, read_fused
from ._packed_heads import with_heads_unpacked

__all__ = [
    "arguments",
    "flex_arguments",
    "fused_kernel",
    "is_unknown_attention",
    "read_encoder_layer",
    "read_flex",
    "read_fused",
    "read_multi_head",
    "with_heads_unpacked",
]
