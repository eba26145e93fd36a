"""The mistakes that attention may have, by the aspect in which it goes wrong."""

from __future__ import annotations

import itertools
from typing import Any

from .._text import Text, text
from .softmax import SOFTMAX_MISTAKES
from .subject import Mistake

INPUTS = ("query", "key", "value")

_SCALE: dict[str, tuple[Mistake, ...]] = {
    "root": (),
    "none": (
        Mistake(
            text("no scale", "sem escala"),
            text(
                "The scores are not divided by the square root of d_k.",
                "As pontuações não são divididas pela raiz quadrada de d_k.",
            ),
            text(
                "Divide them by `np.sqrt(key.shape[-1])`.",
                "Divida-as por `np.sqrt(key.shape[-1])`.",
            ),
        ),
    ),
    "d_k": (
        Mistake(
            text("scale by d_k", "escala por d_k"),
            text(
                "The scores are divided by d_k itself, not by its square root.",
                "As pontuações são divididas pelo próprio d_k, e não pela raiz quadrada dele.",
            ),
            text(
                "Divide them by `np.sqrt(key.shape[-1])`.",
                "Divida-as por `np.sqrt(key.shape[-1])`.",
            ),
        ),
    ),
    "times root": (
        Mistake(
            text("multiplied by the root", "multiplicação pela raiz"),
            text(
                "The scores are multiplied by the square root of d_k.",
                "As pontuações são multiplicadas pela raiz quadrada de d_k.",
            ),
            text("Divide by it.", "Divida por ela."),
        ),
    ),
    "value width": (
        Mistake(
            text("scale by the value's width", "escala pela largura do valor"),
            text(
                "The scores are divided by the square root of the width of the *values*.",
                "As pontuações são divididas pela raiz quadrada da largura dos *valores*.",
            ),
            text(
                "d_k is the width of a key, `key.shape[-1]`.",
                "d_k é a largura de uma chave, `key.shape[-1]`.",
            ),
        ),
    ),
    "key length": (
        Mistake(
            text("scale by the number of keys", "escala pelo número de chaves"),
            text(
                "The scores are divided by the square root of the number of keys.",
                "As pontuações são divididas pela raiz quadrada do número de chaves.",
            ),
            text(
                "d_k is the width of a key, `key.shape[-1]`.",
                "d_k é a largura de uma chave, `key.shape[-1]`.",
            ),
        ),
    ),
    "query length": (
        Mistake(
            text("scale by the number of queries", "escala pelo número de consultas"),
            text(
                "The scores are divided by the square root of the number of queries.",
                "As pontuações são divididas pela raiz quadrada do número de consultas.",
            ),
            text(
                "d_k is the width of a key, `key.shape[-1]`.",
                "d_k é a largura de uma chave, `key.shape[-1]`.",
            ),
        ),
    ),
    "axis 1": (
        Mistake(
            text("d_k counted from the front", "d_k contado a partir da frente"),
            text(
                "Tables are right, but with axes for batch and heads `shape[1]` is the heads.",
                "Tabelas saem certas, mas com eixos de lote e cabeças `shape[1]` são as cabeças.",
            ),
            text("Count from the end: `key.shape[-1]`.", "Conte a partir do fim: `key.shape[-1]`."),
        ),
    ),
    "after softmax": (
        Mistake(
            text("scale after softmax", "escala depois da softmax"),
            text(
                "The weights are divided by the root of d_k, so that their rows no "
                "longer sum to one.",
                "São os pesos que são divididos pela raiz de d_k, e assim as linhas "
                "deles já não somam um.",
            ),
            text(
                "Divide the scores, before the softmax.", "Divida as pontuações, antes da softmax."
            ),
        ),
    ),
}
_MASK: dict[str, tuple[Mistake, ...]] = {
    "before softmax": (),
    "ignored": (
        Mistake(
            text("mask ignored", "máscara ignorada"),
            text(
                "The mask is handed over and changes nothing.",
                "A máscara é entregue e não muda nada.",
            ),
            text(
                "Is its test the wrong way round (`if mask is None`), or is it never read?",
                "O teste dela está ao contrário (`if mask is None`), ou ela nunca é lida?",
            ),
        ),
    ),
    "inverted": (
        Mistake(
            text("mask inverted", "máscara invertida"),
            text(
                "Each query attends to just those keys that the mask forbids.",
                "Cada consulta olha justamente para as chaves que a máscara proíbe.",
            ),
            text(
                "True means *may attend* here: put -inf where the mask is False.",
                "Aqui True quer dizer *pode olhar*: ponha -inf onde a máscara é False.",
            ),
        ),
    ),
    "after softmax": (
        Mistake(
            text("mask after softmax", "máscara depois da softmax"),
            text(
                "The weights are set to zero after the softmax, so that rows no longer sum to one.",
                "Os pesos são postos em zero depois da softmax, e assim as linhas já não somam um.",
            ),
            text(
                "Put -inf into the scores, before the softmax.",
                "Ponha -inf nas pontuações, antes da softmax.",
            ),
        ),
    ),
    "added": (
        Mistake(
            text("boolean mask added", "máscara booleana somada"),
            text(
                "The mask of True and False is added to the scores: it raises the "
                "allowed ones by one and forbids nothing.",
                "A máscara de True e False é somada às pontuações: aumenta em um as "
                "permitidas e não proíbe nada.",
            ),
            text(
                "Write `np.where(mask, scores, -np.inf)`.",
                "Escreva `np.where(mask, scores, -np.inf)`.",
            ),
        ),
    ),
    "zero": (
        Mistake(
            text("masked with zero", "máscara com zero"),
            text(
                "Forbidden scores become 0, whose exponential is 1.",
                "As pontuações proibidas viram 0, cuja exponencial é 1.",
            ),
            text(
                "Put -inf there: its exponential is 0.", "Ponha -inf ali: a exponencial dele é 0."
            ),
        ),
    ),
}
_PRECISION: dict[str, tuple[Mistake, ...]] = {
    "as it comes": (),
    "float32": (
        Mistake(
            text("computed in float32", "cálculo em float32"),
            text(
                "Numbers of float64 are computed in float32, with 7 digits of 16.",
                "Números float64 são calculados em float32, com 7 algarismos de 16.",
            ),
            text("Leave the dtype as it comes.", "Deixe o dtype como vem."),
        ),
    ),
    "float16": (
        Mistake(
            text("computed in float16", "cálculo em float16"),
            text(
                "Numbers are computed in float16, with 3 digits.",
                "Os números são calculados em float16, com 3 algarismos.",
            ),
            text("Leave the dtype as it comes.", "Deixe o dtype como vem."),
        ),
    ),
    "whole outputs": (
        Mistake(
            text("result cut to integers", "resultado cortado em inteiros"),
            text(
                "For inputs of whole numbers, the result is cut to whole numbers.",
                "Para entradas de números inteiros, o resultado é cortado em números inteiros.",
            ),
            text(
                "`np.zeros_like(query)` has the dtype of query: name one, `dtype=float`.",
                "`np.zeros_like(query)` tem o dtype de query: indique um, `dtype=float`.",
            ),
        ),
    ),
    "whole weights": (
        Mistake(
            text("weights cut to integers", "pesos cortados em inteiros"),
            text(
                "For inputs of whole numbers, the weights are cut to whole numbers, "
                "nearly all to 0.",
                "Para entradas de números inteiros, os pesos são cortados em números "
                "inteiros, quase todos em 0.",
            ),
            text(
                "`np.zeros_like(scores)` has the dtype of scores: name one, `dtype=float`.",
                "`np.zeros_like(scores)` tem o dtype de scores: indique um, `dtype=float`.",
            ),
        ),
    ),
}
_PRODUCT: dict[str, tuple[Mistake, ...]] = {
    "rows": (),
    "transposed weights": (
        Mistake(
            text("weights transposed", "pesos transpostos"),
            text(
                "The transposed weights are multiplied with the values.",
                "São os pesos transpostos que são multiplicados pelos valores.",
            ),
            text(
                "`weights @ value`: a row of weights mixes the rows of value.",
                "`weights @ value`: uma linha de pesos mistura as linhas de value.",
            ),
        ),
    ),
    "transposed result": (
        Mistake(
            text("result transposed", "resultado transposto"),
            text("The result is transposed.", "O resultado está transposto."),
            text("One row for each query, please.", "Uma linha para cada consulta, por favor."),
        ),
    ),
    "not summed": (
        Mistake(
            text("contributions not summed", "contribuições sem soma"),
            text(
                "It returns what each key gives to each query; an output is the sum over the keys.",
                "Ela devolve o que cada chave dá a cada consulta; uma saída é a soma "
                "sobre as chaves.",
            ),
            text("`weights @ value` multiplies and sums.", "`weights @ value` multiplica e soma."),
        ),
    ),
    "keys not transposed": (
        Mistake(
            text("keys not transposed", "chaves sem transpor"),
            text(
                "Q is multiplied with K and not with its transpose. It goes through "
                "where K happens to be square.",
                "Q é multiplicada por K, e não pela transposta dela. Isso passa onde K "
                "por acaso é quadrada.",
            ),
            text(
                "`query @ key.T`, or `np.swapaxes(key, -1, -2)` for any number of axes.",
                "`query @ key.T`, ou `np.swapaxes(key, -1, -2)` para qualquer número de eixos.",
            ),
        ),
    ),
}


def _roles() -> dict[tuple[int, int, int], tuple[Mistake, ...]]:
    """Which input serves as query, key and value: any of 27."""
    roles: dict[tuple[int, int, int], tuple[Mistake, ...]] = {}
    for order in itertools.product(range(3), repeat=3):
        # Those in which each serves once come first: an order that was mixed up.
        uses = [(INPUTS[i], role) for role, i in zip(INPUTS, order, strict=True)]
        words = Text(
            ", ".join(f"{one} as {role}" for one, role in uses if one != role),
            ", ".join(f"{one} como {role}" for one, role in uses if one != role),
        )
        mistake = Mistake(
            text("order of query, key and value", "ordem de consulta, chave e valor"),
            text(
                "The inputs are mixed up: it uses {words}.",
                "As entradas estão trocadas: ela usa {words}.",
                words=words,
            ),
            text(
                "The order is query, key, value, everywhere; the scores are query times key.",
                "A ordem é consulta, chave, valor, em toda parte; as pontuações são "
                "consulta vezes chave.",
            ),
        )
        roles[order[0], order[1], order[2]] = (mistake,) if words else ()
    return dict(sorted(roles.items(), key=lambda item: (-len(set(item[0])), item[0])))


ASPECTS: dict[str, dict[Any, tuple[Mistake, ...]]] = {
    "softmax": dict(SOFTMAX_MISTAKES),
    "scale": dict(_SCALE),
    "masking": dict(_MASK),
    "precision": dict(_PRECISION),
    "product": dict(_PRODUCT),
    "roles": dict(_roles()),
}
"""Each aspect, its choices, the right one first or without mistakes, and what the others are."""
