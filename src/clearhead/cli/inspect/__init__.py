"""`clearhead inspect`: the attention of any PyTorch model; also parts used by other commands."""

from ...surveys.text_model import Model, Tokens
from ._page import bar, layer_table, text_of, title_line
from .command import check_outputs, command, model_options, read_text

__all__ = [
    "Model",
    "Tokens",
    "bar",
    "check_outputs",
    "command",
    "layer_table",
    "model_options",
    "read_text",
    "text_of",
    "title_line",
]
