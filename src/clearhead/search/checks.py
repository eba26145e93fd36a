"""The checks before a search."""

from __future__ import annotations

from collections.abc import Sequence

from ..engine.protocols import Engine
from ..errors import ConfigError
from .settings import SearchSettings
from .special_tokens import SpecialTokens


def check_search(
    engine: Engine,
    sources: Sequence[Sequence[int]],
    settings: SearchSettings,
    special: SpecialTokens,
    prefixes: Sequence[Sequence[int]],
) -> None:
    """Check that an engine can be searched with these settings and prefixes.

    Raises:
        ConfigError: the beam is wider than the vocabulary, or a prefix cannot be followed.
    """
    if settings.beam_size >= engine.vocab_size:
        raise ConfigError(
            f"beam_size must be below the vocabulary's size ({engine.vocab_size}); "
            f"it is {settings.beam_size}."
        )
    if len(prefixes) != len(sources):
        raise ConfigError(
            f"One prefix is needed for each source; {len(prefixes)} prefixes came for "
            f"{len(sources)} sources."
        )
    reserved = {special.pad_id, special.start_id, special.end_id}
    for source, prefix in zip(sources, prefixes, strict=True):
        if reserved & set(prefix):
            raise ConfigError("A prefix must not hold the pad, start or end token.")
        if any(not 0 <= token < engine.vocab_size for token in prefix):
            raise ConfigError(f"A prefix holds an id outside of 0 to {engine.vocab_size - 1}.")
        if len(prefix) > settings.limit(len(source)):
            raise ConfigError(
                f"A prefix of {len(prefix)} tokens is longer than the longest target allowed, "
                f"{settings.limit(len(source))} tokens."
            )
