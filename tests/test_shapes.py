"""A shape tells readers and the tests' checks what an array is, and costs nobody else anything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

import clearhead


def test_without_jaxtyping_a_shape_is_its_array_type():
    program = (
        "import sys, typing, clearhead.nn\n"
        "from clearhead.nn.attention import fused_attention\n"
        "assert 'jaxtyping' not in sys.modules\n"
        "print(typing.get_type_hints(fused_attention)['query'].__name__)"
    )
    source = str(Path(clearhead.__file__).parents[1])
    run = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": source}, capture_output=True, text=True
    )
    assert run.stdout.strip() == "Tensor", run.stderr


def test_with_jaxtyping_a_shape_is_checked() -> None:
    import jaxtyping

    from clearhead import shapes

    assert shapes.Float is jaxtyping.Float
    matrix = shapes.Float[np.ndarray, "rows 2"]
    assert isinstance(np.zeros((3, 2)), matrix)
    assert not isinstance(np.zeros((3, 4)), matrix)
    assert not isinstance(np.zeros((3, 2), int), matrix)
    assert isinstance(np.zeros((3, 2), int), shapes.Num[np.ndarray, "rows 2"])
