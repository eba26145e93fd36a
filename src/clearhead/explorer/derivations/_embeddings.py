"""Where embeddings and positions come from: vectors added, rotations, biases of scores."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...config import TransformerConfig
from ...reference.tracing.step import Step
from .derivation import ALL, GIVEN, Derivation, Operand, array, axis, constant, same, scalar


def embedding_derivations(step: Step, config: TransformerConfig) -> Sequence[Derivation]:
    """Of the steps ``tokens embedding [scaled_embedding] [positions] embedded`` of a stack."""
    stack, _, name = step.path.rpartition(".")
    side = "source" if stack == "encoder" else "target"
    if name == "tokens":
        return (GIVEN,)
    if name == "embedding":
        return (_embedding(stack, side, config),)
    if name == "scaled_embedding":
        return (_scaled(stack, config),)
    if name == "positions":
        return _sinusoidal(config) if config.positions == "sinusoidal" else (_learned(side),)
    return (_embedded(step),)


def _embedding(stack: str, side: str, config: TransformerConfig) -> Derivation:
    matrix = "embedding" if config.tied_embeddings else f"{side}_embedding"
    token = {"value_of": {"path": f"{stack}.tokens", "index": list(same(0, 1))}}
    entry = array(
        "e",
        "entry of the token's row of the embedding matrix",
        "entrada da linha do token na matriz de embeddings",
        f"weights/{matrix}.weight",
        (token, axis(2)),
    )
    return Derivation("e", (entry,))


def _scaled(stack: str, config: TransformerConfig) -> Derivation:
    entry = array(
        "e",
        "entry of the token's embedding",
        "entrada do embedding do token",
        f"{stack}.embedding",
        same(0, 1, 2),
    )
    return Derivation("e * np.sqrt(d_model)", (entry, _width(config)))


def _width(config: TransformerConfig) -> Operand:
    return constant(
        "d_model", "width of the residual stream", "largura do fluxo residual", config.d_model
    )


def _sinusoidal(config: TransformerConfig) -> Sequence[Derivation]:
    position = scalar("p", "position", "posição", axis(0))
    pair = scalar(
        "k",
        "number of the pair of columns, sine and cosine",
        "número do par de colunas, seno e cosseno",
        axis(1, floordiv=2),
    )
    operands = (position, pair, _width(config))
    return tuple(
        Derivation(
            f"np.{function}(p / 10000 ** (2 * k / d_model))",
            operands,
            when={"axis": 1, "mod": 2, "equals": column},
        )
        for column, function in enumerate(("sin", "cos"))
    )


def _learned(side: str) -> Derivation:
    entry = array(
        "p",
        "entry of the learned vector of this position",
        "entrada do vetor aprendido desta posição",
        f"weights/{side}_positions.weight",
        same(0, 1),
    )
    return Derivation("p", (entry,))


def _embedded(step: Step) -> Derivation:
    token, *positions = step.of
    operands = [
        array("e", "entry of the token's vector", "entrada do vetor do token", token, same(0, 1, 2))
    ]
    if not positions:
        return Derivation("e", tuple(operands))
    operands.append(
        array(
            "p",
            "entry of the position's vector",
            "entrada do vetor da posição",
            positions[0],
            same(1, 2),
        )
    )
    return Derivation("e + p", tuple(operands))


# Positions that act within attention


def rotated(path: str, config: TransformerConfig) -> Sequence[Derivation]:
    """Rotary positions (Su et al. 2021): entries k and k + head_dim / 2 of a head are one pair.

    Args:
        path: of the step before rotation, ["batch heads length head_dim"].
        config: of the model.
    """
    pairs = config.head_dim // 2
    own = array(
        "a",
        "this entry before the rotation",
        "esta entrada antes da rotação",
        path,
        same(0, 1, 2, 3),
    )
    angle = "p * base ** (-2 * k / head_dim)"
    others = (
        scalar("p", "position", "posição", axis(2)),
        scalar("k", "number of the pair", "número do par", axis(3, mod=pairs)),
        constant("base", "base of the frequencies", "base das frequências", config.rotary_base),
        constant("head_dim", "width of one head", "largura de uma cabeça", config.head_dim),
    )
    derivations = []
    for half, (sign, shift) in enumerate((("-", pairs), ("+", -pairs))):
        partner = array(
            "b",
            "the other entry of its pair, before the rotation",
            "a outra entrada do seu par, antes da rotação",
            path,
            (*same(0, 1, 2), axis(3, plus=shift)),
        )
        derivations.append(
            Derivation(
                f"a * np.cos({angle}) {sign} b * np.sin({angle})",
                (own, partner, *others),
                when={"axis": 3, "floordiv": pairs, "mod": 2, "equals": half},
            )
        )
    return tuple(derivations)


def _places() -> tuple[Operand, Operand]:
    return (
        scalar("i", "position of the query", "posição da consulta", axis(1)),
        scalar("j", "position of the key", "posição da chave", axis(2)),
    )


def alibi(config: TransformerConfig) -> Derivation:
    """-slope * |i - j| for ["heads query_len key_len"] (Press et al. 2022).

    The slopes of n heads, n a power of two, fall from 2^(-8/n) by that factor; further heads have
    every other slope of twice as many.
    """
    heads = config.num_heads
    whole = 1 << (heads.bit_length() - 1)
    power = "-8 * (h + 1) / n"
    if whole < heads:
        power = f"({power} if h < n else -8 * (2 * (h - n) + 1) / (2 * n))"
    else:
        power = f"({power})"
    operands = (
        *_places(),
        scalar("h", "number of the head", "número da cabeça", axis(0)),
        constant(
            "n",
            "number of heads" if whole == heads else "largest power of two among the heads",
            "número de cabeças" if whole == heads else "maior potência de dois entre as cabeças",
            whole,
        ),
    )
    return Derivation(f"-(2.0 ** {power}) * abs(i - j)", operands)


def relative(stack: str, config: TransformerConfig) -> Derivation:
    """T5's bias for ["heads query_len key_len"] (Raffel et al. 2020).

    In an encoder half of the buckets are for keys after the query; in a decoder these all count
    as distance 0. Near distances have a bucket each, far ones share logarithmic ones.
    """
    both = stack == "encoder"
    buckets = config.relative_buckets // 2 if both else config.relative_buckets
    exact = buckets // 2
    distance = "abs(i - j)" if both else "max(i - j, 0)"
    bucket = (
        f"({distance} if {distance} < exact else min(buckets - 1, exact + "
        f"int(np.log({distance} / exact) / log_range * (buckets - exact))))"
    )
    operands = (
        array(
            "w",
            "learned bias of this head, for each bucket of distances",
            "viés aprendido desta cabeça, para cada faixa de distâncias",
            f"weights/{stack}.relative_bias.weight",
            (ALL, axis(0)),
        ),
        *_places(),
        constant(
            "buckets",
            "buckets of one direction" if both else "buckets",
            "faixas de uma direção" if both else "faixas",
            buckets,
        ),
        constant(
            "exact",
            "distances that have a bucket of their own",
            "distâncias que têm uma faixa própria",
            exact,
        ),
        constant(
            "log_range",
            "logarithm of the farthest distance, in units of the former",
            "logaritmo da maior distância, em unidades da anterior",
            math.log(config.relative_max_distance / exact),
        ),
    )
    ahead = "(j > i) * buckets + " if both else ""
    return Derivation(f"w[{ahead}{bucket}]", operands)
