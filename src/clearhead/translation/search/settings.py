"""What a search is told: beam, lengths, penalties, sampling."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from ...errors import ConfigError
from .hypothesis import length_penalty


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """Everything that the result of a search depends on, beside engine and source.

    Attributes:
        beam_size: prefixes kept for each source; 1 is greedy search. In sampling, the number
            of samples drawn for each source.
        n_best: hypotheses returned for each source, at most ``beam_size``.
        length_penalty: the exponent ``alpha`` of the penalty; larger favours longer targets.
        normalization: ``length`` (log-probability / length ** alpha), ``gnmt`` (Wu et al. 2016)
            or ``none``.
        min_length: fewest tokens of a target, its end token not counted.
        max_length: most tokens of a target, its end token not counted.
        max_length_ratio, max_length_extra: besides, a target may have at most
            ``ratio * source tokens + extra`` tokens, so that a search that loops is short.
        no_repeat_ngram_size: no n-gram of this many tokens occurs twice; 0 allows all.
        sibling_diversity: taken from the score of a prefix for each better prefix with the same
            parent (Li et al. 2016, arXiv 1611.08562); 0 is plain beam search.
        sample: draw tokens at random instead of searching for the likeliest.
        temperature: divides log-probabilities before a draw; below 1 is bolder towards the
            likely. It does not change the scores that are reported.
        top_k: draw among the ``top_k`` likeliest tokens; 0 is all.
        top_p: draw among the fewest likeliest tokens whose probabilities reach ``top_p``
            (Holtzman et al. 2020).
        seed: of the draws. The draws for a source depend on the seed and on the source's
            tokens alone, never on its neighbours.
    """

    beam_size: int = 4
    n_best: int = 1
    length_penalty: float = 1.0
    normalization: str = "length"
    min_length: int = 1
    max_length: int = 255
    max_length_ratio: float = 3.0
    max_length_extra: int = 20
    no_repeat_ngram_size: int = 0
    sibling_diversity: float = 0.0
    sample: bool = False
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            if not getattr(self, name) >= least:
                raise ConfigError(f"{name} must be at least {least}; it is {getattr(self, name)}.")
        if self.n_best > self.beam_size:
            raise ConfigError(
                f"n_best must not exceed beam_size; {self.n_best} hypotheses were asked of a beam "
                f"of {self.beam_size}. Use beam_size={self.n_best} or more."
            )
        if self.min_length > self.max_length:
            raise ConfigError(
                f"min_length must not exceed max_length; {self.min_length} is more than "
                f"{self.max_length}."
            )
        if not self.temperature > 0:
            raise ConfigError(f"temperature must be above 0; it is {self.temperature}.")
        if not 0 < self.top_p <= 1:
            raise ConfigError(f"top_p must be above 0 and at most 1; it is {self.top_p}.")
        length_penalty(self.normalization)

    @classmethod
    def of(cls, settings: SearchSettings | None = None, **changes: Any) -> SearchSettings:
        """These settings (or the defaults) with some changed; an unknown one is a ConfigError.

        Unless its size is among the changes, a beam grows to ``n_best``, and ``sample`` draws
        no more samples than ``n_best``.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        unknown = sorted(set(changes) - set(known))
        if unknown:
            raise ConfigError(
                f"Unknown search setting {', '.join(map(repr, unknown))}. "
                f"The settings are: {', '.join(known)}."
            )
        base = settings or cls()
        if "beam_size" not in changes:
            wanted = changes.get("n_best", base.n_best)
            if changes.get("sample") or wanted > base.beam_size:
                changes["beam_size"] = wanted
        return dataclasses.replace(base, **changes)

    def limit(self, source_length: int) -> int:
        """Most tokens of a target for a source of so many tokens."""
        allowed = int(self.max_length_ratio * source_length) + self.max_length_extra
        return max(1, self.min_length, min(self.max_length, allowed))


_LEAST = {
    "beam_size": 1,
    "n_best": 1,
    "length_penalty": 0,
    "min_length": 0,
    "max_length": 1,
    "max_length_ratio": 0,
    "max_length_extra": 0,
    "no_repeat_ngram_size": 0,
    "sibling_diversity": 0,
    "top_k": 0,
    "seed": 0,
}
