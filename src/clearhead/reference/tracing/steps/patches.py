"""The steps before the layers of a model that reads images: from pixels to patch vectors."""

from __future__ import annotations

from ..step_kind import ALL, Operand, Rule, StepKind, axis, linear, same

_VECTORS = ("batch", "length", "d_model")

PIXELS = StepKind("pixels", "", axes=("batch", "channels", "height", "width"))

_PIXEL = Operand(
    "x",
    "sameNumber",
    "{scope}.pixels",
    (
        axis(0),
        axis(3, floordiv="patch_area"),
        {
            "sum": [
                axis(1, times="patch_height"),
                axis(3, floordiv="patch_width", mod="patch_height"),
            ]
        },
        {"sum": [axis(2, times="patch_width"), axis(3, mod="patch_width")]},
    ),
)
PATCHES = StepKind(
    "patches",
    "the pixels of each patch, channel by channel, row by row",
    of=("pixels",),
    axes=("batch", "patch_row", "patch_column", "pixel"),
    rules=(Rule("x", (_PIXEL,)),),
)
PATCH_VECTORS = StepKind(
    "patch_vectors",
    "patches W_patches^T + b_patches",
    of=("patches",),
    axes=("batch", "patch_row", "patch_column", "d_model"),
    rules=(
        linear(
            "patches",
            Operand("x", "patchPixels", "{scope}.patches", (*same(0, 1, 2), ALL)),
            axis(3),
            bias="",
        ),
    ),
)


def _in_rows(name: str) -> StepKind:
    index = (
        axis(0),
        axis(1, floordiv="patch_columns"),
        axis(1, mod="patch_columns"),
        axis(2),
    )
    return StepKind(
        name,
        "patch_vectors, row by row",
        of=("patch_vectors",),
        axes=_VECTORS,
        rules=(Rule("x", (Operand("x", "sameNumber", "{scope}.patch_vectors", index),)),),
    )


# Whether a class token comes first -> the sequence of patch vectors of an image.
SEQUENCE = {False: _in_rows("embedding"), True: _in_rows("patch_embedding")}

_CLASS = Operand("c", "classTokenEntry", "weights/class_token.weight", (0, axis(2)))
_PATCH = Operand("x", "sameNumber", "{scope}.patch_embedding", (axis(0), axis(1, plus=-1), axis(2)))
WITH_CLASS_TOKEN = StepKind(
    "embedding",
    "class_token, then patch_embedding",
    of=("patch_embedding",),
    axes=_VECTORS,
    rules=(
        Rule("c", (_CLASS,), when={"axis": 1, "mod": "sequence_length", "equals": 0}),
        Rule("x", (_PATCH,)),
    ),
)
