"""Scale, mask, softmax: exercises 2.1 to 2.6."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...reference import attention, causal_mask, softmax
from .._answers import call, compare, read_array, read_function, read_number
from .._exercise import Off, exercise
from .._text import text

WIDTH = 64  # d_k of exercise 2.1


@exercise(
    "2.1",
    asks=text("two numbers, (low, high)", "dois números, (menor, maior)"),
    right=text(
        "The variance of a raw score is d_k = 64, its standard deviation 8, and twice that 16.",
        "A variância de uma pontuação crua é d_k = 64, o desvio padrão é 8, e o dobro dele é 16.",
    ),
)
def bounds_of_raw_scores(answer: Any) -> None:
    """The share of a normal distribution of variance 64 between the bounds is 0.95."""
    low, high = (float(bound) for bound in read_array(answer, (2,)))
    if low >= high:
        raise Off(text("The lower bound comes first.", "O limite menor vem primeiro."))
    deviation = math.sqrt(WIDTH)
    share = (
        math.erf(high / deviation / math.sqrt(2)) - math.erf(low / deviation / math.sqrt(2))
    ) / 2
    if not 0.93 < share < 0.97:
        about = text(
            "About {share:.1%} of the raw scores lie between them.",
            "Entre eles estão cerca de {share:.1%} das pontuações cruas.",
            share=share,
        )
        hint = text(
            "Those would be the bounds of *scaled* scores.",
            "Esses seriam os limites de pontuações *escaladas*.",
        )
        raise Off(about + hint if (low, high) == (-2, 2) else about)


@exercise(
    "2.2",
    asks=text("a number", "um número"),
    right=text(
        "e^(s + 7) is e^s times e^7, and the factor stands in the sum as well, so it cancels.",
        "e^(s + 7) é e^s vezes e^7, e o fator está também na soma; por isso se cancela.",
    ),
)
def change_by_a_constant(answer: Any) -> None:
    """Softmax does not change when all scores of a row do by the same."""
    scores = np.random.default_rng(0).normal(size=5)
    change = softmax(scores + 7) - softmax(scores)
    compare(
        np.array(read_number(answer)),
        change.max(),
        text(
            "Try it: softmax(scaled + 7) - softmax(scaled).",
            "Experimente: softmax(scaled + 7) - softmax(scaled).",
        ),
    )


@exercise(
    "2.3",
    asks=text(
        "a table of two rows, np.array([[..., ...], [..., ...]])",
        "uma tabela de duas linhas, np.array([[..., ...], [..., ...]])",
    ),
    right=text(
        "One row is so far below the other that its exponentials are all zero: 0/0.",
        "Uma linha está tão abaixo da outra que todas as suas exponenciais são zero: 0/0.",
    ),
)
def table_with_nan(answer: Any) -> None:
    """NaN with the largest score of the whole table, and none with each row's own."""
    table = np.asarray(read_array(answer), dtype=float)
    if table.ndim != 2 or len(table) != 2:
        raise Off(
            text(
                "A table of two rows is asked for; the shape of yours is {shape}.",
                "Pede-se uma tabela de duas linhas; o formato da sua é {shape}.",
                shape=table.shape,
            )
        )
    if not np.isfinite(table).all():
        raise Off(text("Finite scores are enough.", "Bastam pontuações finitas."))
    exponentials = np.exp(table - table.max())
    sums = exponentials.sum(axis=-1)
    if (sums > 0).all():
        raise Off(
            text(
                "The sums of its rows of exponentials are {first:.3g} and "
                "{second:.3g}; the row comes out as NaN when one of them is zero. How "
                "small must a score be for that?",
                "As somas das linhas de exponenciais são {first:.3g} e {second:.3g}; a "
                "linha sai NaN quando uma delas é zero. Quão pequena precisa ser uma "
                "pontuação para isso?",
                first=sums[0],
                second=sums[1],
            )
        )


@exercise(
    "2.4",
    asks=text(
        "the name of your function of one number, the length",
        "o nome da sua função de um número, o comprimento",
    ),
    right=text(
        "A query, and a key at its place or before.",
        "Uma consulta, e uma chave no lugar dela ou antes.",
    ),
)
def own_causal_mask(answer: Any) -> None:
    """A boolean table, True on and below the diagonal."""
    function = read_function(answer)
    for length in (1, 2, 5):
        mask, right = read_array(call(function, length)), causal_mask(length)
        if mask.shape != right.shape:
            raise Off(
                text(
                    "For {length} tokens its shape should be {right}; it is {shape}.",
                    "Para {length} tokens o formato deveria ser {right}; é {shape}.",
                    length=length,
                    right=right.shape,
                    shape=mask.shape,
                )
            )
        values = np.where(np.isneginf(np.asarray(mask, float)), 0, mask != 0)
        if np.array_equal(mask != 0, ~right) and length > 1:
            raise Off(
                text(
                    "It is the wrong way round: True means *may attend*.",
                    "Está ao contrário: True quer dizer *pode olhar*.",
                )
            )
        if np.array_equal(values != 0, right.T) and length > 1:
            raise Off(
                text(
                    "It is transposed: rows are queries, and this query 1 sees the future.",
                    "Está transposta: as linhas são consultas, e esta consulta 1 vê o futuro.",
                )
            )
        if np.array_equal(values != 0, np.tri(length, k=-1, dtype=bool)):
            raise Off(
                text(
                    "A query may attend to its own place, too.",
                    "Uma consulta também pode olhar para o próprio lugar.",
                )
            )
        if mask.dtype != bool:
            raise Off(
                text(
                    "It is made of {dtype}, not of True and False: a mask of numbers is "
                    "added to the scores. Compare, or use dtype=bool.",
                    "Ela é feita de {dtype}, e não de True e False: uma máscara de números "
                    "é somada às pontuações. Faça uma comparação ou use dtype=bool.",
                    dtype=mask.dtype.name,
                )
            )
        if not np.array_equal(mask, right):
            raise Off(
                text(
                    "For {length} tokens it is not the causal mask.",
                    "Para {length} tokens, não é a máscara causal.",
                    length=length,
                )
            )


@exercise(
    "2.5",
    asks=text("six numbers", "seis números"),
    right=text(
        "Zeros: no weights, and no NaN that would spoil every sum over the batch.",
        "Zeros: nenhum peso, e nenhum NaN que estragaria todas as somas do lote.",
    ),
)
def output_of_nothing(answer: Any) -> None:
    """What attention returns for a query that may attend to nothing."""
    query, key, value = np.random.default_rng(0).normal(size=(3, 5, 6))
    output, _ = attention(query, key, value, mask=np.zeros((5, 5), dtype=bool))
    numbers = read_array(answer, (6,))
    if np.isnan(numbers).all():
        raise Off(
            text(
                "NaN would be defensible, but it spoils every sum over the batch. Ask it.",
                "NaN seria defensável, mas estraga todas as somas do lote. Pergunte à função.",
            )
        )
    compare(
        numbers,
        output[0],
        text(
            "Ask it: attention(Q, K, V, mask=np.zeros((5, 5), dtype=bool)).",
            "Pergunte à função: attention(Q, K, V, mask=np.zeros((5, 5), dtype=bool)).",
        ),
    )


@exercise(
    "2.6",
    asks=text(
        "a boolean table of 2 x 5, True where a query may attend",
        "uma tabela booleana de 2 x 5, True onde uma consulta pode olhar",
    ),
    right=text(
        "None is needed: the future is that of the translation, and every key is of the source.",
        "Nenhuma é necessária: o futuro é o da tradução, e todas as chaves são do texto de origem.",
    ),
)
def mask_of_cross_attention(answer: Any) -> None:
    """All of the source may be seen."""
    mask = read_array(answer, (2, 5))
    if mask.dtype != bool:
        raise Off(
            text(
                "It should be of True and False; it is of {dtype}.",
                "Deveria ser de True e False; é de {dtype}.",
                dtype=mask.dtype.name,
            )
        )
    if np.array_equal(mask, np.tri(2, 5, dtype=bool)):
        raise Off(
            text(
                "That is a causal mask. But is a word of the source in the decoder's future?",
                "Essa é uma máscara causal. Mas uma palavra do texto de origem está no "
                "futuro do decodificador?",
            )
        )
    if not mask.all():
        place = tuple(int(i) for i in np.argwhere(~mask)[0])
        raise Off(
            text(
                "Why may query {query} not see word {word} of the source?",
                "Por que a consulta {query} não pode ver a palavra {word} do texto de origem?",
                query=place[0] + 1,
                word=place[1] + 1,
            )
        )
