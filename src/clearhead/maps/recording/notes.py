"""Notes on a recording as a whole, made after the model has run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from .contents import Contents

_FLEX_HIDDEN = (
    "no attention was seen, and the model's configuration asks for flex_attention: compiled "
    "by torch.compile it is one kernel that tells neither queries nor keys. Load the model with "
    'attn_implementation="sdpa" (or "eager") to record it.'
)
STRANGER = (
    "computed by a {stranger}, which is not registered as a submodule of the model. Keep it as an "
    "attribute or in a torch.nn.ModuleList to have it under a name, or record it by itself"
)
_STRANGERS = (
    "attention of another model ran within a method of this one and was left out: {listed}. To "
    "have it, record that model, in a recording of its own."
)
_NOTHING_RAN = (
    "no operator was seen in this thread within the block. If the model ran in another thread, as "
    "behind a server or a streamer, call record() there; if it ran as a compiled graph, record it "
    "before torch.compile."
)


def is_compiled(module: nn.Module) -> bool:
    """Return whether torch.compile was asked to compile a module."""
    return (
        type(module).__name__ == "OptimizedModule"
        or getattr(module, "_compiled_call_impl", None) is not None
    )


def note_compiled_modules(contents: Contents, compiled: list[str], calls: int) -> None:
    """Note that modules ran as compiled graphs, and what a recording shows of them.

    Args:
        contents: of the recording.
        compiled: names of the compiled modules.
        calls: the number of attention calls that were read inside the graphs.
    """
    if not compiled:
        return
    names = ", ".join(repr(name) if name else "the model" for name in compiled[:4])
    more = f" and {len(compiled) - 4} more" if len(compiled) > 4 else ""
    contents.notes.append(
        f"{names}{more} ran as compiled graphs. Of the attention inside them, {calls} calls of "
        "fused kernels were seen; what the compiler fused into kernels of its own cannot be. "
        "For all of it by module name, record the model before torch.compile "
        "(compiled._orig_mod)."
    )


def note_strangers(contents: Contents, strangers: Mapping[str, int]) -> None:
    """Note the attention of other models that ran beside this one: the number of calls by class."""
    if strangers:
        listed = ", ".join(f"{name}, {calls} calls" for name, calls in strangers.items())
        contents.notes.append(_STRANGERS.format(listed=listed))


def note_emptiness(contents: Contents, model: Any, *, ran: bool) -> None:
    """Note why a recording is empty, if the reason is known.

    Args:
        contents: of the recording.
        model: the model.
        ran: whether any operator ran in the recording's thread.
    """
    implementation = getattr(getattr(model, "config", None), "_attn_implementation", None)
    if not ran:
        contents.notes.append(_NOTHING_RAN)
    elif implementation == "flex_attention" and not contents.calls:
        contents.notes.append(_FLEX_HIDDEN)
