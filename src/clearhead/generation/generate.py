"""Generation over any engine: all at once, or token by token."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from ..engine.protocols import Decoding, Engine
from .checks import check_generation
from .result import GeneratedToken, Generation
from .search import GenerationSearch
from .settings import GenerationSettings


def generate(
    engine: Engine,
    inputs: Sequence[Sequence[int]],
    settings: GenerationSettings | None = None,
    *,
    has_encoder: bool = False,
    starts: Sequence[Sequence[int]] | None = None,
    positions: int | None = None,
    on_token: Callable[[int, GeneratedToken], None] | None = None,
) -> list[list[Generation]]:
    """Generate sequences for each input of one batch.

    The tokens of an input are those of transformers' ``generate`` for this input alone, whatever
    the other inputs; inputs of different length need no padding. With a seed, every input is
    sampled as after ``torch.manual_seed(seed)``.

    Args:
        engine: the model. If its `Decoding` has ``advance_logits``, its logits are used.
        inputs: prompts of a decoder-only model; sources, end token included, of a model with an
            encoder.
        settings: what is looked for.
        has_encoder: whether the inputs are sources.
        starts: the first tokens of each decoder, its start token included, for a model with an
            encoder; None: the start token that the settings name.
        positions: the most tokens that the model reads, its config's ``max_length``; a sequence
            ends there at the latest. None: any number.
        on_token: called with the number of an input and each token of its first sequence, as they
            come. A beam knows its tokens only at the end, and does not call it.

    Returns:
        for each input its ``num_return_sequences`` results; those of a beam best first, and fewer
        if the settings leave no more.

    Raises:
        ConfigError: an input has no token or is too long, or the settings do not fit.
    """
    settings = settings or GenerationSettings()
    first_tokens = check_generation(engine, inputs, settings, has_encoder, starts, positions)
    if not first_tokens:
        return []
    results: list[list[Generation]] = [[] for _ in inputs]
    seed = _seed(settings)
    # The first tokens of decoders are read one at a time, so starts of equal length go together.
    lengths = {len(tokens) for tokens in first_tokens} if has_encoder else {0}
    for length in sorted(lengths):
        numbers = [
            number
            for number, tokens in enumerate(first_tokens)
            if not has_encoder or len(tokens) == length
        ]
        beginnings = [first_tokens[number] for number in numbers]
        decoding = _begin(engine, [inputs[number] for number in numbers], beginnings, has_encoder)
        search = GenerationSearch(
            decoding,
            beginnings,
            [settings.longest(len(tokens), positions) for tokens in beginnings],
            settings,
            engine.vocab_size,
            seed,
            _numbered(on_token, numbers, settings) if on_token else None,
        )
        for number, generations in zip(numbers, search.run(), strict=True):
            results[number] = generations
    return results


def stream(
    engine: Engine,
    tokens: Sequence[int],
    settings: GenerationSettings | None = None,
    *,
    has_encoder: bool = False,
    start: Sequence[int] | None = None,
    positions: int | None = None,
) -> Iterator[GeneratedToken]:
    """Yield the tokens of one input as they come; the last one has the reason of its end.

    Nothing is computed before the first token is requested, or after the last one is.

    Args:
        tokens: a prompt, or a source where ``has_encoder``.
        start: as ``starts`` of `generate`, of this input.
        engine, settings, has_encoder, positions: as `generate` takes them.

    Raises:
        ConfigError: as `generate` raises it, or there is a beam, or more than one sequence.
    """
    settings = settings or GenerationSettings()
    starts = None if start is None else [start]
    (beginning,) = check_generation(
        engine, [tokens], settings, has_encoder, starts, positions, streams=True
    )
    return _stream(engine, tokens, settings, has_encoder, beginning, positions)


def _stream(
    engine: Engine, tokens: Sequence[int], settings: GenerationSettings, has_encoder: bool,
    beginning: Sequence[int], positions: int | None,
) -> Iterator[GeneratedToken]:  # fmt: skip
    arrivals: list[GeneratedToken] = []
    search = GenerationSearch(
        _begin(engine, [tokens], [beginning], has_encoder),
        [beginning],
        [settings.longest(len(beginning), positions)],
        settings,
        engine.vocab_size,
        _seed(settings),
        lambda _, token: arrivals.append(token),
    )
    for _ in search.rounds():
        yield arrivals.pop()


def _begin(
    engine: Engine,
    inputs: Sequence[Sequence[int]],
    starts: Sequence[Sequence[int]],
    has_encoder: bool,
) -> Decoding:
    """Return the state before the last token of each start."""
    if not has_encoder:
        return engine.begin([prompt[:-1] for prompt in inputs])
    decoding = engine.begin(inputs)
    rows = np.arange(len(inputs))
    for tokens in np.array(starts).T[:-1]:
        decoding.advance(tokens, rows)
    return decoding


def _seed(settings: GenerationSettings) -> int:
    if settings.seed is not None:
        return settings.seed
    return int(np.random.default_rng().integers(1 << 32))


def _numbered(
    on_token: Callable[[int, GeneratedToken], None],
    numbers: Sequence[int],
    settings: GenerationSettings,
) -> Callable[[int, GeneratedToken], None]:
    """Return a callback that passes on the tokens of each input's first sample, with its number."""
    samples = settings.num_return_sequences

    def hand_on(source: int, token: GeneratedToken) -> None:
        if source % samples == 0:
            on_token(numbers[source // samples], token)

    return hand_on
