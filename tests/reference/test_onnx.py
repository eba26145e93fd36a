"""The ONNX operators' own test cases, judged against the reference.

The cases come with the `onnx` package; here is only the adapter from an operator's inputs and
attributes to a function's arguments. Tolerances are the cases' own, and for bfloat16 those of
ONNX's runner.
"""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import numpy as np
import pytest

from clearhead.reference import Trace, attention, log_softmax, softmax
from clearhead.reference.layers.norms import layer_norm, layer_norm_statistics, rms_norm
from clearhead.reference.rotary import rotary_embedding

onnx = pytest.importorskip("onnx", reason="the cases come with the package onnx")
cases_of_onnx = importlib.import_module("onnx.backend.test.case.node")

MODULES = {
    "Attention": "attention",
    "Softmax": "softmax",
    "LogSoftmax": "logsoftmax",
    "RotaryEmbedding": "rotaryembedding",
    "LayerNormalization": "layernormalization",
    "RMSNormalization": "rmsnormalization",
}
HOW_MANY = {
    "Attention": 93,
    "Softmax": 7,
    "LogSoftmax": 7,
    "RotaryEmbedding": 8,
    "LayerNormalization": 19,
    "RMSNormalization": 19,
}


def _collect() -> dict[str, list[Any]]:
    """The direct cases of each operator: one node, not its expansion into others.

    `collect_testcases` would import the cases of all operators and take ten times as long; the
    modules that it would import fill the same list.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in MODULES.values():
            importlib.import_module(f"{cases_of_onnx.__name__}.{module}")
    cases: dict[str, list[Any]] = {operator: [] for operator in MODULES}
    for case in cases_of_onnx._NodeTestCases:
        nodes = case.model.graph.node
        if len(nodes) == 1 and nodes[0].op_type in cases and not case.name.endswith("_expanded"):
            cases[nodes[0].op_type].append(case)
    return cases


CASES = _collect()


def _of(operator: str) -> Any:
    cases = CASES[operator]
    return pytest.mark.parametrize("case", cases, ids=[case.name for case in cases])


def _read(case: Any) -> tuple[dict[str, Any], dict[str, Any], list[tuple[str, Any]]]:
    """Inputs and attributes by name, and the expected outputs with theirs."""
    node = case.model.graph.node[0]
    values, expected = case.data_sets[0]
    inputs = dict(zip([name for name in node.input if name], values, strict=True))
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    outputs = list(zip([name for name in node.output if name], expected, strict=True))
    return inputs, attributes, outputs


def _agree(ours: np.ndarray, theirs: np.ndarray, case: Any) -> None:
    assert ours.shape == theirs.shape
    rtol = case.rtol
    if theirs.dtype.name == "bfloat16":
        # Two units in the last place, as ONNX's own runner allows.
        rtol = max(rtol, 2**-6)
        theirs = theirs.astype(np.float32)
    else:
        assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=case.atol)


@pytest.mark.parametrize("operator", MODULES)
def test_every_direct_case_is_collected(operator: str) -> None:
    names = {case.name for case in CASES[operator]}

    assert len(CASES[operator]) == len(names) == HOW_MANY[operator]


def _array(x: np.ndarray) -> np.ndarray:
    """NumPy computes nothing in bfloat16; float32 holds every one of its numbers."""
    return x.astype(np.float32) if x.dtype.name == "bfloat16" else x


def run_attention(inputs: dict[str, Any], attributes: dict[str, Any]) -> dict[str, np.ndarray]:
    """The operator Attention by means of the reference: all its outputs, by name."""
    x = {name: _array(value) for name, value in inputs.items()}
    mask, window = (
        x.get("attn_mask"),
        [
            None if attributes.get(side, -1) == -1 else attributes[side]
            for side in ("left_window_size", "right_window_size")
        ],
    )
    precision = attributes.get("softmax_precision")
    trace = Trace()
    output, _ = attention(
        x["Q"],
        x["K"],
        x["V"],
        mask=mask,
        causal=bool(attributes.get("is_causal", 0)),
        scale=attributes.get("scale"),
        softcap=attributes.get("softcap", 0.0),
        window=None if window == [None, None] else (window[0], window[1]),
        past_key=x.get("past_key"),
        past_value=x.get("past_value"),
        key_lengths=x.get("nonpad_kv_seqlen"),
        softmax_dtype=precision and onnx.helper.tensor_dtype_to_np_dtype(precision),
        num_heads=attributes.get("q_num_heads"),
        num_kv_heads=attributes.get("kv_num_heads"),
        trace=trace,
    )
    mode = attributes.get("qk_matmul_output_mode", 0)
    step = ("scaled", "capped" if "capped" in trace else "scaled", "masked", "weights")[mode]
    # Steps of a half-precision call are float32; the operator rounds what it gives out.
    outputs = {"present_key": "key", "present_value": "value", "qk_matmul_output": step}
    dtype = x["Q"].dtype
    return {"Y": output} | {name: trace[step].value.astype(dtype) for name, step in outputs.items()}


@_of("Attention")
def test_attention(case: Any) -> None:
    inputs, attributes, outputs = _read(case)

    ours = run_attention(inputs, attributes)

    for name, theirs in outputs:
        _agree(ours[name], theirs, case)


def test_the_cases_cover_what_the_reference_promises() -> None:
    """Were ONNX to drop a feature's cases, this suite would pass and prove less."""
    read = [_read(case) for case in CASES["Attention"]]
    attributes = {name for _, settings, _ in read for name in settings}
    ranks = {inputs["attn_mask"].ndim for inputs, _, _ in read if "attn_mask" in inputs}
    modes = {
        settings.get("qk_matmul_output_mode", 0)
        for _, settings, outputs in read
        if "qk_matmul_output" in dict(outputs)
    }

    assert attributes >= {
        "is_causal",
        "scale",
        "softcap",
        "left_window_size",
        "right_window_size",
        "softmax_precision",
        "q_num_heads",
        "kv_num_heads",
    }
    assert ranks == {1, 2, 3, 4}
    assert modes == {0, 1, 2, 3}


@_of("Softmax")
def test_softmax(case: Any) -> None:
    inputs, attributes, [(_, theirs)] = _read(case)

    _agree(softmax(inputs["x"], **attributes), theirs, case)


@_of("LogSoftmax")
def test_log_softmax(case: Any) -> None:
    inputs, attributes, [(_, theirs)] = _read(case)

    _agree(log_softmax(inputs["x"], **attributes), theirs, case)


@_of("RotaryEmbedding")
def test_rotary_embedding(case: Any) -> None:
    x, attributes, [(_, theirs)] = _read(case)

    ours = rotary_embedding(
        x["input"],
        x["cos_cache"],
        x["sin_cache"],
        x.get("position_ids"),
        interleaved=bool(attributes.get("interleaved", 0)),
        rotary_dim=attributes.get("rotary_embedding_dim", 0),
        num_heads=attributes.get("num_heads", 0),
    )

    _agree(ours, theirs, case)


@_of("LayerNormalization")
def test_layer_normalization(case: Any) -> None:
    x, settings, outputs = _read(case)

    mean, inverse_deviation = layer_norm_statistics(x["X"], **settings)
    ours = {
        "Y": layer_norm(x["X"], x["W"], x["B"], **settings),
        "Mean": mean,
        "InvStdDev": inverse_deviation,
    }

    assert [name for name, _ in outputs] == list(ours)
    for name, theirs in outputs:
        _agree(ours[name], theirs, case)


@_of("RMSNormalization")
def test_rms_normalization(case: Any) -> None:
    x, settings, [(_, theirs)] = _read(case)

    _agree(rms_norm(x["X"], x["W"], **settings), theirs, case)
