"""Run PyTorch's own tests of MultiheadAttention against clearhead's, and print what passed.

    python benchmarks/torch_multihead_suite.py path/to/test_multihead_attention.py

The file is `test/nn/test_multihead_attention.py` of the PyTorch repository, in the version of the
installed PyTorch; it is not part of this package. Both the class and
`torch.nn.functional.multi_head_attention_forward`, which some tests call directly, are replaced
before the file is loaded, and each row of the table says how often clearhead's code ran in that
test: a test that never called it proves nothing.

One expectation is changed: where that file expects NaN, the output and weights of a query that may
see no key, clearhead gives the output of zero attention and zero weights. There the value must be
finite (tests/nn holds it to be zero), elsewhere it must be PyTorch's; ``--expect-nan`` runs the
file as it is.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import unittest
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from clearhead.nn.multihead.layer import MultiheadAttention, multi_head_attention_forward

LEFT_OUT = {
    "nested_tensor": "nested tensors are handed on to PyTorch's own forward",
    "fast_path_mock": "asserts that PyTorch's native operator is called; there is none here",
}


@dataclass
class Calls:
    """How often clearhead's layer was made, and its two entrances called."""

    instances: int = 0
    layer: int = 0
    functional: int = 0
    finite_for_nan: int = 0


CALLS = Calls()


class CountedMultiheadAttention(MultiheadAttention):
    """clearhead's layer, counting."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        CALLS.instances += 1

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the layer's own forward, and count."""
        CALLS.layer += 1
        return super().forward(*args, **kwargs)


def counted_forward(*args: Any, **kwargs: Any) -> Any:
    """Call clearhead's functional form, and count."""
    CALLS.functional += 1
    return multi_head_attention_forward(*args, **kwargs)


def patch_torch() -> None:
    """Put clearhead's class and function wherever PyTorch and its tests look for theirs."""
    for module in (torch.nn, torch.nn.modules, torch.nn.modules.activation):
        module.MultiheadAttention = CountedMultiheadAttention  # type: ignore[misc]
    torch.nn.modules.transformer.MultiheadAttention = CountedMultiheadAttention  # type: ignore
    torch.nn.functional.multi_head_attention_forward = counted_forward


def accept_finite_for_nan() -> None:
    """Make NumPy's assertion take any finite value where NaN is expected, and count them."""
    original = np.testing.assert_allclose

    def assert_allclose(actual: Any, desired: Any, *args: Any, **kwargs: Any) -> None:
        undefined = np.isnan(desired)
        assert np.isfinite(np.asarray(actual)[undefined]).all(), "not finite where NaN is expected"
        CALLS.finite_for_nan += int(undefined.sum())
        original(np.asarray(actual)[~undefined], desired[~undefined], *args, **kwargs)

    np.testing.assert_allclose = assert_allclose


def load(path: Path) -> ModuleType:
    """Load the test file as a module."""
    spec = importlib.util.spec_from_file_location("torch_multihead_tests", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def cases(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    """Yield every test of a suite of suites."""
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from cases(item)
        else:
            yield item


def verdict(result: unittest.TestResult) -> tuple[str, str]:
    """Return one test's outcome and its reason."""
    for _, text in result.failures + result.errors:
        lines = text.strip().splitlines()
        return "FAILED", next((line for line in reversed(lines) if "Error" in line), lines[-1])
    for _, reason in result.skipped:
        return "left out", reason
    return "passed", ""


def run_one(case: unittest.TestCase) -> tuple[str, str, Calls]:
    """Run one test: outcome, reason, and what it called."""
    name = case.id().rpartition(".")[2]
    for part, reason in LEFT_OUT.items():
        if part in name:
            return "left out", reason, Calls()
    for field in fields(CALLS):
        setattr(CALLS, field.name, 0)
    result = unittest.TestResult()
    run: Callable[[unittest.TestResult], Any] = case.run
    run(result)
    return *verdict(result), replace(CALLS)


def main() -> int:
    """Run the file given on the command line; 1 if a test fails, or none ran."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("path", type=Path, help="PyTorch's test/nn/test_multihead_attention.py")
    parser.add_argument("--expect-nan", action="store_true", help="do not change expectations")
    options = parser.parse_args()
    sys.argv = sys.argv[:1]  # PyTorch's test tools read the command line too
    patch_torch()
    if not options.expect_nan:
        accept_finite_for_nan()
    suite = unittest.defaultTestLoader.loadTestsFromModule(load(options.path))
    counts = {"passed": 0, "FAILED": 0, "left out": 0}
    print(f"PyTorch {torch.__version__}, {options.path.name}\n")
    print(f"{'outcome':9} {'made':>5} {'layer':>6} {'function':>9} {'not NaN':>8}  test")
    for case in sorted(cases(suite), key=lambda case: case.id()):
        outcome, reason, calls = run_one(case)
        counts[outcome] += 1
        name = case.id().rpartition(".")[2]
        counts_of_calls = (
            f"{calls.instances:5} {calls.layer:6} {calls.functional:9} {calls.finite_for_nan:8}"
        )
        print(f"{outcome:9} {counts_of_calls}  {name}{f': {reason}' if reason else ''}")
    print("\n" + ", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    return 1 if counts["FAILED"] or not counts["passed"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
