"""A model that is divided among the processes (FSDP2), for one that is too large for each.

Parameters, gradients and the optimizer's moments lie on the processes in parts (Rajbhandari et al.
2020, "ZeRO"; Zhao et al. 2023, "PyTorch FSDP"). A layer is put together when it computes. The
layers of a decoder compute keys and values of the encoder's output outside of their own forward
pass, so cross-attention is put together for the whole step, with embedding and norms.
"""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, TypeGuard, cast

import torch
from torch import Tensor

from ...nn.transformer import Transformer
from .parallel import Processes

# They take half as long to import as PyTorch, and most runs divide nothing: `shard` imports them.
if TYPE_CHECKING:
    from torch.distributed.fsdp import FSDPModule
    from torch.distributed.tensor import DTensor

# The sublayers' outputs are never changed in place, which is what it warns of.
_VIEWS = "FSDP2-wrapped module .* returned a view tensor"


def shard(model: Transformer, processes: Processes, device: str) -> None:
    """Divide a model among the processes, in place.

    Gradients are then the mean over the processes. Each pass forward or backward takes all of
    them, so all must make as many.

    Args:
        model: whole, the same in all processes.
        processes: more than one, which have met.
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


def is_sharded(model: torch.nn.Module) -> bool:
    """Tell whether a model is divided among processes."""
    if "torch.distributed.fsdp" not in sys.modules:
        return False
    from torch.distributed.fsdp import FSDPModule

    return isinstance(model, FSDPModule)


def end_of_pass(model: torch.nn.Module) -> None:
    """Give back what was put together for a pass without a backward one."""
    if is_sharded(model):
        cast("FSDPModule", model).reshard()


def whole(tensor: Tensor) -> Tensor:
    """Return a tensor put together from its parts, in all processes at once; others as they are."""
    return tensor.full_tensor() if _is_divided(tensor) else tensor


def own_part(tensor: Tensor) -> Tensor:
    """Return this process's part of a tensor; all of one that is not divided."""
    return tensor.to_local() if _is_divided(tensor) else tensor


def divided_like(tensor: Tensor, other: Tensor) -> Tensor:
    """Return a whole tensor, which all processes have, divided as another one is."""
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
