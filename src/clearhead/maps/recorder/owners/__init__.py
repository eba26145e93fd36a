"""Which module of a model an attention belongs to, and of what kind the attention is."""

from ._attention_kind import attention_kind
from ._drafting import is_draft, is_drafting
from ._model_modules import ModuleNames
from ._module_chain import Chain, find_chain
from ._owners import Owner, common_owner, find_owner, head_hints
from ._sequence_lengths import Lengths

__all__ = [
    "Chain",
    "Lengths",
    "ModuleNames",
    "Owner",
    "attention_kind",
    "common_owner",
    "find_chain",
    "find_owner",
    "head_hints",
    "is_draft",
    "is_drafting",
]
