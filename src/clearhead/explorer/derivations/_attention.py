"""Where the numbers of attention come from: from projections to the output projection."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...config import TransformerConfig
from ...reference.tracing.step import Step
from ...reference.tracing.trace import Trace
from ._embeddings import alibi, relative, rotated
from .derivation import (
    ALL,
    Derivation,
    Index,
    Operand,
    array,
    axis,
    constant,
    linear,
    same,
    scalar,
    softmax,
)

NAMES = (
    "query_projected",
    "key_projected",
    "query",
    "key",
    "value",
    "scores",
    "scaled",
    "bias",
    "masked",
    "weights",
    "contributions",
    "output",
    "concatenated",
    "projected",
)


def attention_derivations(
    step: Step, trace: Trace, config: TransformerConfig
) -> Sequence[Derivation]:
    """Of a step whose path ends in ``_attention.NAME``, NAME being one of `NAMES`."""
    scope, _, name = step.path.rpartition(".")
    if name in ("query", "key") and f"{scope}.{name}_projected" in trace:
        return rotated(f"{scope}.{name}_projected", config)
    part = name.removesuffix("_projected")
    if part in ("query", "key", "value"):
        return (_projection(step, f"{scope}.{part}", config),)
    if name == "bias":
        return (_bias(scope, config),)
    if name == "masked":
        return (_masked(scope, f"{scope}.bias" in trace),)
    if name == "weights":
        masked = trace[f"{scope}.masked"].value
        return (_weights(scope, guarded=bool((masked.max(axis=-1) == -math.inf).any())),)
    return (_ATTENTION[name](scope, config),)


def _projection(step: Step, name: str, config: TransformerConfig) -> Derivation:
    # A projection is [length, heads * head_dim] before heads are split: entry d of head h is made
    # by the weight's row h * head_dim + d.
    row: Index = {"sum": [axis(1, times=config.head_dim), axis(3)]}
    inputs = array(
        "x",
        "vector of this position, as the attention reads it",
        "vetor desta posição, como a atenção o lê",
        step.of[0],
        (axis(0), axis(2), ALL),
    )
    return linear(inputs, name, row, bias=config.bias)


def _group(config: TransformerConfig) -> Index:
    """The head of keys and values that serves the head of axis 1."""
    group = config.num_heads // config.key_value_heads
    return axis(1) if group == 1 else axis(1, floordiv=group)


def _scores(scope: str, config: TransformerConfig) -> Derivation:
    return Derivation(
        "q @ k",
        (
            array(
                "q", "query vector", "vetor da consulta", f"{scope}.query", (*same(0, 1, 2), ALL)
            ),
            array(
                "k",
                "key vector",
                "vetor da chave",
                f"{scope}.key",
                (axis(0), _group(config), axis(3), ALL),
            ),
        ),
    )


def _scaled(scope: str, config: TransformerConfig) -> Derivation:
    return Derivation(
        "s / np.sqrt(head_dim)",
        (
            array("s", "raw score", "pontuação bruta", f"{scope}.scores", same(0, 1, 2, 3)),
            constant("head_dim", "width of one head", "largura de uma cabeça", config.head_dim),
        ),
    )


def _bias(scope: str, config: TransformerConfig) -> Derivation:
    stack = scope.partition(".")[0]
    return relative(stack, config) if config.positions == "relative" else alibi(config)


def _masked(scope: str, biased: bool) -> Derivation:
    operands = [
        array("s", "scaled score", "pontuação escalada", f"{scope}.scaled", same(0, 1, 2, 3))
    ]
    expression = "s"
    if biased:
        entry = array(
            "b",
            "bias of this head for the distance",
            "viés desta cabeça para a distância",
            f"{scope}.bias",
            same(1, 2, 3),
        )
        operands.append(entry)
        expression = "s + b"
    if scope.startswith("decoder") and scope.endswith("self_attention"):
        operands += [query_position(2), key_position(3)]
        expression += " if j <= i else -np.inf"
    return Derivation(expression, tuple(operands))


def query_position(number: int) -> Operand:
    """``i``, the query's position, which is the index on an axis."""
    return scalar("i", "position of the query", "posição da consulta", axis(number))


def key_position(number: int) -> Operand:
    """``j``, the key's position, which is the index on an axis."""
    return scalar("j", "position of the key", "posição da chave", axis(number))


def _weights(scope: str, *, guarded: bool) -> Derivation:
    row = array(
        "m",
        "masked scores of this query, for all keys",
        "pontuações mascaradas desta consulta, para todas as chaves",
        f"{scope}.masked",
        (*same(0, 1, 2), ALL),
    )
    return softmax(row, key_position(3), guarded=guarded)


def _contributions(scope: str, config: TransformerConfig) -> Derivation:
    return Derivation(
        "w * v",
        (
            array(
                "w",
                "routing weight",
                "peso de encaminhamento",
                f"{scope}.weights",
                same(0, 1, 2, 3),
            ),
            array(
                "v",
                "entry of the value vector of this key",
                "entrada do vetor de valor desta chave",
                f"{scope}.value",
                (axis(0), _group(config), axis(3), axis(4)),
            ),
        ),
    )


def _output(scope: str, config: TransformerConfig) -> Derivation:
    return Derivation(
        "w @ v",
        (
            array(
                "w",
                "routing weights of this query, for all keys",
                "pesos de encaminhamento desta consulta, para todas as chaves",
                f"{scope}.weights",
                (*same(0, 1, 2), ALL),
            ),
            array(
                "v",
                "this entry of the value vectors of all keys",
                "esta entrada dos vetores de valor de todas as chaves",
                f"{scope}.value",
                (axis(0), _group(config), ALL, axis(3)),
            ),
        ),
    )


def _concatenated(scope: str, config: TransformerConfig) -> Derivation:
    width = config.head_dim
    index = (axis(0), axis(2, floordiv=width), axis(1), axis(2, mod=width))
    entry = array(
        "x",
        "the same number, in the output of its head",
        "o mesmo número, na saída da sua cabeça",
        f"{scope}.output",
        index,
    )
    return Derivation("x", (entry,))


def _projected(scope: str, config: TransformerConfig) -> Derivation:
    inputs = array(
        "x",
        "outputs of all heads, side by side",
        "saídas de todas as cabeças, lado a lado",
        f"{scope}.concatenated",
        (*same(0, 1), ALL),
    )
    return linear(inputs, f"{scope}.output", axis(2), bias=config.bias)


_ATTENTION = {
    "scores": _scores,
    "scaled": _scaled,
    "contributions": _contributions,
    "output": _output,
    "concatenated": _concatenated,
    "projected": _projected,
}
