"""Divides a model among the processes (FSDP2) if it is too large for one of them.

Each process holds a part of the parameters, gradients and optimizer moments (Rajbhandari et al.
2020, "ZeRO"; Zhao et al. 2023, "PyTorch FSDP"). A layer's parameters are gathered when it computes.
Decoder layers compute keys and values of the encoder's output outside their own forward pass, so
cross-attention is gathered for the whole step, as are embeddings and norms.
"""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, TypeGuard, cast

import torch
from torch import Tensor

from ...nn.transformer import Transformer
from .parallel import Processes

# Imported in `shard`: importing them takes half as long as PyTorch, and most runs do not shard.
if TYPE_CHECKING:
    from torch.distributed.fsdp import FSDPModule
    from torch.distributed.tensor import DTensor

# The warning is about changing a view in place; the sublayers' outputs are never changed.
_VIEWS = "FSDP2-wrapped module .* returned a view tensor"


def shard(model: Transformer, processes: Processes, device: str) -> None:
    """Divide a model among the processes, in place.

    Gradients are then means over the processes. Every forward or backward pass needs all processes,
    so all must make the same number of passes.

    Args:
        model: not yet divided, and the same in all processes.
        processes: more than one, connected by `Processes.meet`.
        device: of the run.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method

    warnings.filterwarnings("ignore", message=_VIEWS, category=UserWarning)
    mesh = init_device_mesh(torch.device(device).type, (processes.count,))
    layers = list(model.encoder.layers) if model.config.encoder_layers else []
    if model.config.decoder_layers:
        for layer in model.decoder.layers:
            layers += [layer.get_submodule("self_attention"), layer.get_submodule("feed_forward")]
    for part in layers:
        fully_shard(part, mesh=mesh)
    fully_shard(model, mesh=mesh)
    register_fsdp_forward_method(model, "hidden")
    register_fsdp_forward_method(model, "hidden_rows")


def is_sharded(model: torch.nn.Module) -> bool:
    """Return whether a model is divided among processes."""
    if "torch.distributed.fsdp" not in sys.modules:
        return False
    from torch.distributed.fsdp import FSDPModule

    return isinstance(model, FSDPModule)


def end_of_pass(model: torch.nn.Module) -> None:
    """Free the gathered parameters after a forward pass that has no backward pass."""
    if is_sharded(model):
        cast("FSDPModule", model).reshard()


def whole(tensor: Tensor) -> Tensor:
    """Gather a divided tensor, in all processes at once; return other tensors unchanged."""
    return tensor.full_tensor() if _is_divided(tensor) else tensor


def own_part(tensor: Tensor) -> Tensor:
    """Return this process's part of a divided tensor; return other tensors unchanged."""
    return tensor.to_local() if _is_divided(tensor) else tensor


def divided_like(tensor: Tensor, other: Tensor) -> Tensor:
    """Divide a tensor that all processes hold in the same way as another tensor."""
    if not _is_divided(other) or tensor.shape != other.shape:
        return tensor
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(
        tensor.to(other.device), other.device_mesh, other.placements, src_data_rank=None
    )


def _is_divided(tensor: Tensor) -> TypeGuard[DTensor]:
    if "torch.distributed.tensor" not in sys.modules:
        return False
    from torch.distributed.tensor import DTensor

    return isinstance(tensor, DTensor)
