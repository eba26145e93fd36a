"""From one head to a Transformer: exercises 3.1 to 3.7."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ...config import TransformerConfig
from ...errors import ConfigError
from ...reference import Trace, Transformer, expected_shapes, sinusoidal_positions
from .._answers import call, compare, read_array, read_function, read_number, read_text
from .._exercise import Off, exercise
from .._text import text

STEPS, EXAMPLES = 150, 64  # of `train`, as the lesson calls it
HEADS = (5, 6, 8, 12, 16)
PLACES = {  # whose positions ask, and whose are asked: the source's or the translation's
    "encoder self-attention": ("source", "source"),
    "cross-attention": ("translation", "source"),
    "decoder self-attention": ("translation", "translation"),
}
_SIDES = {
    "source": text("source", "do texto de origem"),
    "translation": text("translation", "da tradução"),
}
BASE = TransformerConfig(vocab_size=8000, d_model=256, num_heads=4, feed_forward_dim=1024)


@exercise(
    "3.1",
    asks=text("a number", "um número"),
    right=text(
        "At most so many, of a million: it has learnt where to look, and not sequences by heart.",
        "No máximo essas, de um milhão: ele aprendeu para onde olhar, e não sequências de cor.",
    ),
)
def number_of_sequences(answer: Any) -> None:
    """Steps times examples of a step."""
    number = read_number(answer)
    for part, name in (
        (STEPS, text("steps", "passos")),
        (EXAMPLES, text("examples in one step", "exemplos de um passo")),
    ):
        if number == part:
            raise Off(
                text("That is the number of {name}.", "Esse é o número de {name}.", name=name)
            )
    hint = text(
        "How many steps does `train` take, and how many examples does it draw in each?",
        "Quantos passos dá `train`, e quantos exemplos sorteia em cada um?",
    )
    compare(np.array(number), np.array(float(STEPS * EXAMPLES)), hint)


@exercise(
    "3.2",
    asks=text(
        "the name of your function of [heads, length, head_dim]",
        "o nome da sua função de [heads, length, head_dim]",
    ),
    right=text(
        "Side by side, and each token keeps its row.",
        "Lado a lado, e cada token continua na sua linha.",
    ),
)
def own_merge(answer: Any) -> None:
    """Heads side by side, tried on numbers that all differ."""
    function = read_function(answer)
    for shape in ((2, 3, 4), (8, 5, 8), (1, 1, 2)):
        heads = np.arange(np.prod(shape), dtype=float).reshape(shape)
        right = heads.transpose(1, 0, 2).reshape(shape[1], -1)
        merged = read_array(call(function, heads))
        if merged.shape == right.shape and np.array_equal(merged, heads.reshape(right.shape)):
            if not np.array_equal(merged, right):
                raise Off(
                    text(
                        "It mixes the tokens up, as a reshape without transpose does.",
                        "Ela mistura os tokens, como faz um reshape sem transpose.",
                    )
                )
        elif merged.shape == (shape[0] * shape[1], shape[2]):
            raise Off(
                text(
                    "It puts the heads below one another; np.hstack puts them side by side.",
                    "Ela põe as cabeças umas embaixo das outras; np.hstack as põe lado a lado.",
                )
            )
        compare(
            merged,
            right,
            text("Heads of shape {shape}.", "Cabeças de formato {shape}.", shape=shape),
            tell=True,
        )


def _is_possible(heads: int) -> bool:
    try:
        TransformerConfig(vocab_size=50, d_model=256, num_heads=heads)
    except ConfigError:
        return False
    return True


@exercise(
    "3.3",
    asks=text("a set, like {5, 6}", "um conjunto, como {5, 6}"),
    right=text(
        "Each head takes d_model / num_heads columns, and that must be a whole number.",
        "Cada cabeça leva d_model / num_heads colunas, e isso precisa ser um número inteiro.",
    ),
)
def possible_numbers_of_heads(answer: Any) -> None:
    """Those that divide 256."""
    numbers = set(answer) if isinstance(answer, set | list | tuple) else {int(read_number(answer))}
    if not numbers <= set(HEADS):
        raise Off(
            text(
                "Choose among {numbers}.",
                "Escolha entre {numbers}.",
                numbers=", ".join(map(str, HEADS)),
            )
        )
    surplus = sorted(heads for heads in numbers if not _is_possible(heads))
    if surplus:
        raise Off(
            text(
                "With {heads} heads each would be {width:.4g} columns wide.",
                "Com {heads} cabeças, cada uma teria {width:.4g} colunas de largura.",
                heads=surplus[0],
                width=256 / surplus[0],
            )
        )
    if numbers != {heads for heads in HEADS if _is_possible(heads)}:
        raise Off(
            text(
                "What you name is possible, and there is one more.",
                "O que você indica é possível, e há mais um.",
            )
        )


@exercise(
    "3.4",
    asks=text(
        "the length of each row of P, a number", "o comprimento de cada linha de P, um número"
    ),
    right=text(
        "A row has 32 pairs, and the squares of a sine and its cosine add up to 1.",
        "Uma linha tem 32 pares, e os quadrados de um seno e do seu cosseno somam 1.",
    ),
)
def length_of_positions(answer: Any) -> None:
    """The root of half the width, 64."""
    lengths = np.linalg.norm(sinusoidal_positions(10, 64), axis=1)
    number = read_number(answer)
    if np.isclose(number, lengths[0] ** 2):
        raise Off(text("That is the square of the length.", "Isso é o quadrado do comprimento."))
    compare(
        np.array(number),
        lengths[0],
        text(
            "How many pairs of a sine and a cosine has a row?",
            "Quantos pares de um seno e um cosseno tem uma linha?",
        ),
        atol=5e-3,
    )


@exercise(
    "3.5",
    asks=text(
        '"encoder self-attention", "decoder self-attention" or "cross-attention"',
        '"encoder self-attention", "decoder self-attention" ou "cross-attention"',
    ),
    right=text(
        "There alone are keys words that are still to be written.",
        "Só ali há chaves que são palavras ainda por escrever.",
    ),
)
def where_the_future_is(answer: Any) -> None:
    """Where queries and keys both come from the translation."""
    queries, keys = PLACES[read_text(answer, PLACES)]
    if (queries, keys) != ("translation", "translation"):
        raise Off(
            text(
                "Its keys are words of the {keys}, all of which are there before "
                "anything is written.",
                "As chaves dela são palavras {keys}, todas já presentes antes de se "
                "escrever qualquer coisa.",
                keys=_SIDES[keys],
            )
        )


@cache
def _trace() -> Trace:
    config = TransformerConfig(
        vocab_size=9, d_model=4, num_heads=2, encoder_layers=2, decoder_layers=2, feed_forward_dim=4
    )
    weights = {name: np.ones(shape) for name, shape in expected_shapes(config).items()}
    with Trace() as trace:
        Transformer(config, weights).forward(np.array([[3, 4, 2]]), np.array([[1, 5]]), trace=trace)
    return trace


@exercise(
    "3.6",
    asks=text("a text in quotation marks", "um texto entre aspas"),
    right=text(
        "Layers are counted from 0, and the name of the step stands at the end.",
        "As camadas são contadas a partir de 0, e o nome do passo fica no fim.",
    ),
)
def name_of_first_cross_weights(answer: Any) -> None:
    """The one step of the decoder's first cross-attention that holds weights."""
    name = read_text(answer)
    if name not in _trace():
        raise Off(
            text(
                "The trace has no step of this name; print(trace.table()) lists those that it has.",
                "O registro não tem nenhum passo com esse nome; print(trace.table()) "
                "mostra os que ele tem.",
            )
        )
    for part, why in (
        (
            "decoder.",
            text(
                "It is of the encoder, which reads the source to itself.",
                "É do codificador, que lê o texto de origem só para si.",
            ),
        ),
        (
            ".0.",
            text(
                "It is of the second layer: layers are counted from 0.",
                "É da segunda camada: as camadas são contadas a partir de 0.",
            ),
        ),
        (
            "cross_attention",
            text(
                "There the decoder looks at its own words.",
                "Ali o decodificador olha para as próprias palavras.",
            ),
        ),
    ):
        if part not in name:
            raise Off(why)
    if not name.endswith(".weights"):
        raise Off(
            text(
                "The layer is right; the step that holds weights has another name.",
                "A camada está certa; o passo que contém os pesos tem outro nome.",
            )
        )


@exercise(
    "3.7",
    asks=text("a number", "um número"),
    right=text(
        "One row of d_model numbers for each token: 8,000 times 256.",
        "Uma linha de d_model números para cada token: 8.000 vezes 256.",
    ),
)
def numbers_of_the_table(answer: Any) -> None:
    """Rows times columns of the embedding table."""
    shape = expected_shapes(BASE)["embedding.weight"]
    number = read_number(answer)
    if number in shape:
        raise Off(text("That is one side of the table.", "Isso é um lado da tabela."))
    compare(
        np.array(number),
        np.array(float(np.prod(shape))),
        text(
            "One row for each token: how wide is it?", "Uma linha para cada token: de que largura?"
        ),
    )
