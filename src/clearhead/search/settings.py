"""The settings of a search: beam, lengths, penalties, sampling."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Any

from ..errors import ConfigError
from ..setting_fields import check_fields, check_names, one_of, within
from .hypothesis import PENALTIES

_Count = Annotated[int, within(least=1)]
_Amount = Annotated[int, within(least=0)]
_Weight = Annotated[float, within(least=0)]


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """Everything that the result of a search depends on, besides engine and source.

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
        sibling_diversity: subtracted from the score of a prefix for each better prefix with the
            same parent (Li et al. 2016, arXiv 1611.08562); 0 is plain beam search.
        stop: when the search for a source is over, for a beam of two or more. ``exact``: when no
            running prefix can still become better than the ``n_best`` hypotheses that there are.
            ``patience``: when ``patience * beam_size`` hypotheses have ended (Kasai et al. 2022,
            arXiv 2204.05424). ``first``: when ``beam_size`` hypotheses have ended, which is
            fairseq's rule; it is the quickest, and may miss what greedy search finds.
            `clearhead.search.endings` gives the rules in full.
        patience: the factor of ``stop="patience"``, and refused without it; None is 2.
        sample: draw tokens at random instead of searching for the likeliest.
        temperature: divides log-probabilities before a draw; below 1 is bolder towards the
            likely. It does not change the scores that are reported.
        top_k: draw among the ``top_k`` likeliest tokens; 0 is all.
        top_p: draw among the fewest likeliest tokens whose probabilities reach ``top_p``
            (Holtzman et al. 2020).
        seed: of the draws. The draws for a source depend on the seed and on the source's
            tokens alone, never on its neighbours.
    """

    beam_size: _Count = 4
    n_best: _Count = 1
    length_penalty: _Weight = 1.0
    normalization: Annotated[str, one_of(*PENALTIES)] = "length"
    min_length: _Amount = 1
    max_length: _Count = 255
    max_length_ratio: _Weight = 3.0
    max_length_extra: _Amount = 20
    no_repeat_ngram_size: _Amount = 0
    sibling_diversity: _Weight = 0.0
    stop: Annotated[str, one_of("exact", "patience", "first")] = "exact"
    patience: Annotated[float, within(least=1)] | None = None
    sample: bool = False
    temperature: Annotated[float, within(above=0)] = 1.0
    top_k: _Amount = 0
    top_p: Annotated[float, within(above=0, most=1)] = 1.0
    seed: _Amount = 0

    def __post_init__(self) -> None:
        check_fields(self)
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

        if self.patience is not None and self.stop != "patience":
            raise ConfigError(
                f"patience belongs to stop='patience'; patience is {self.patience} and stop is "
                f"{self.stop!r}. Set stop='patience', or leave patience out."
            )

    @classmethod
    def of(cls, settings: SearchSettings | None = None, **changes: Any) -> SearchSettings:
        """Return these settings, or the defaults, with some changed.

        An unknown name is a ConfigError. Unless its size is among the changes, a beam grows to
        ``n_best``, and ``sample`` draws no more samples than ``n_best``. Another ``stop`` leaves
        the patience of these settings behind.
        """
        check_names(cls, changes, "search")
        base = settings or cls()
        if "beam_size" not in changes:
            n_best = changes.get("n_best", base.n_best)
            if changes.get("sample") or n_best > base.beam_size:
                changes["beam_size"] = n_best
        if changes.get("stop", "patience") != "patience":
            changes.setdefault("patience", None)
        return dataclasses.replace(base, **changes)

    @property
    def patience_factor(self) -> float:
        """The factor of ``stop="patience"``: as it was set, or 2."""
        return 2.0 if self.patience is None else self.patience

    def limit(self, source_length: int) -> int:
        """Return the most tokens that the target of a source of this length may have."""
        most = int(self.max_length_ratio * source_length) + self.max_length_extra
        return max(1, self.min_length, min(self.max_length, most))
