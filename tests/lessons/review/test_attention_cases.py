"""The cases are what they say: hand-worked numbers, and ONNX's own."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.lessons.review.attention_cases import ONNX_CASES, ONNX_FILE, attention_cases
from clearhead.tensor_file import TensorFile


def test_the_first_case_is_lesson_1_to_six_digits():
    case = attention_cases()[0]
    by_hand = [
        [1.863874, 6.319371, 1.704189],
        [1.999110, 7.814124, 0.273472],
        [1.992555, 7.479636, 0.735877],
    ]
    assert np.allclose(case.right[0], by_hand, rtol=0, atol=5e-7)
    assert np.allclose(case.right[1].sum(axis=-1), 1)


def test_the_cases_of_onnx_have_onnxs_outputs_and_the_reference_agrees():
    cases = [case for case in attention_cases() if "ONNX" in case.name.en]
    assert len(cases) == len(ONNX_CASES)
    for case in cases:
        output, weights = case.right
        assert output.dtype == np.float32
        assert np.allclose(weights @ case.arguments[2], output, rtol=1e-5, atol=1e-6)


def test_the_file_holds_cases_that_the_package_onnx_still_has():
    pytest.importorskip("onnx", reason="the cases come with the package onnx")
    from tests.lessons.review.onnx_cases import collect

    theirs = collect()
    with TensorFile(ONNX_FILE) as file:
        ours = {name: file.read(name).shape for name in file}
        assert "Apache" in file.metadata["source"]
    assert ours == {
        f"{case}.{name}": array.shape
        for case, arrays in theirs.items()
        for name, array in arrays.items()
    }
