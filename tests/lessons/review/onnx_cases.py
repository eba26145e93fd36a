"""Write the cases of the ONNX operator Attention that a review uses, from the package onnx.

    python -m tests.lessons.review.onnx_cases

They are ONNX's own inputs and outputs (Apache License 2.0). The package clearhead brings those of
these few cases, so that a review needs no onnx.
"""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from clearhead.lessons.review.attention_cases import ONNX_CASES, ONNX_FILE

CASES = "onnx.backend.test.case.node"


def collect() -> dict[str, tuple[dict[str, np.ndarray], str]]:
    """Return the inputs and the output Y of each of the cases, by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module(f"{CASES}.attention")
    cases: dict[str, Any] = {}
    for case in importlib.import_module(CASES)._NodeTestCases:
        name = case.name.removeprefix("test_")
        if name in ONNX_CASES:
            node = case.model.graph.node[0]
            inputs, outputs = case.data_sets[0]
            names = [*(name for name in node.input if name), "Y"]
            cases[name] = dict(zip(names, [*inputs, outputs[0]], strict=True))
    return cases


def main() -> None:
    arrays = {
        f"{case}.{name}": np.ascontiguousarray(array)
        for case, values in collect().items()
        for name, array in values.items()
    }
    version = importlib.import_module("onnx").__version__
    save_file(arrays, ONNX_FILE, {"source": f"onnx {version}, Apache License 2.0"})


if __name__ == "__main__":
    main()
