"""Where the numbers of norms come from, of the layer kind and of the root-mean-square kind."""

from __future__ import annotations

from collections.abc import Sequence

from ...config import TransformerConfig
from ...reference.tracing.step import Step
from .derivation import ALL, Derivation, Operand, array, axis, constant, same

NAMES = ("mean", "variance", "mean_square", "normalized", "output")


def norm_derivations(step: Step, config: TransformerConfig) -> Sequence[Derivation]:
    """Of a step of a norm; the first of what it was computed from is the norm's input."""
    scope, _, name = step.path.rpartition(".")
    row = array(
        "x",
        "vector of this position, before the norm",
        "vetor desta posição, antes da normalização",
        step.of[0],
        (*same(0, 1), ALL),
    )
    if name == "mean":
        return (Derivation("np.mean(x)", (row,)),)
    if name == "mean_square":
        return (Derivation("np.mean(x ** 2)", (row,)),)
    if name == "variance":
        return (Derivation("np.mean((x - mean) ** 2)", (row, _mean(scope))),)
    if name == "normalized":
        return (_normalized(step.of[0], scope, config),)
    return (_output(scope, config),)


def _statistic(symbol: str, en: str, pt: str, path: str) -> Operand:
    return array(symbol, en, pt, path, (*same(0, 1), 0))


def _mean(scope: str) -> Operand:
    return _statistic("mean", "mean of the vector", "média do vetor", f"{scope}.mean")


def _normalized(inputs: str, scope: str, config: TransformerConfig) -> Derivation:
    entry = array(
        "x",
        "this entry, before the norm",
        "esta entrada, antes da normalização",
        inputs,
        same(0, 1, 2),
    )
    epsilon = constant(
        "epsilon",
        "small number that keeps the root from 0",
        "número pequeno que afasta a raiz de 0",
        config.norm_epsilon,
    )
    if config.norm == "rms":
        square = _statistic(
            "mean_square",
            "mean of the squares of the vector",
            "média dos quadrados do vetor",
            f"{scope}.mean_square",
        )
        return Derivation("x / np.sqrt(mean_square + epsilon)", (entry, square, epsilon))
    variance = _statistic(
        "variance", "variance of the vector", "variância do vetor", f"{scope}.variance"
    )
    expression = "(x - mean) / np.sqrt(variance + epsilon)"
    return Derivation(expression, (entry, _mean(scope), variance, epsilon))


def _output(scope: str, config: TransformerConfig) -> Derivation:
    operands = [
        array("n", "normalised entry", "entrada normalizada", f"{scope}.normalized", same(0, 1, 2)),
        array(
            "w",
            "learned scale of this entry",
            "escala aprendida desta entrada",
            f"weights/{scope}.weight",
            (axis(2),),
        ),
    ]
    if config.norm == "rms":
        return Derivation("n * w", tuple(operands))
    operands.append(
        array(
            "b",
            "learned shift of this entry",
            "deslocamento aprendido desta entrada",
            f"weights/{scope}.bias",
            (axis(2),),
        )
    )
    return Derivation("n * w + b", tuple(operands))
