"""Translates our search settings to CTranslate2's, and lists those that it lacks."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ..errors import ConfigError
from ..search.settings import SearchSettings

# If a token is forbidden, CTranslate2 gives its probability to the others; ours keep their own.
_SHARES = "it gives the probability of what is forbidden to the other tokens"
# Settings that CTranslate2 supports only with this value, and why.
_WITHOUT_WORDS: dict[str, tuple[Any, str]] = {
    "sample": (False, "its draws follow other random numbers"),
    "sibling_diversity": (0.0, "it has no such penalty"),
    "no_repeat_ngram_size": (0, _SHARES),
}
# Instead of the exact rule. With it, the bundled model translated all of 300 everyday sentences as
# under the exact rule; with stopping at the first beam_size, 294, for 7 % less processor time.
_PATIENCE = 1.5
_STOP = "it stops when beam_size times a patience hypotheses have ended"


def problems(settings: SearchSettings, explicit: Collection[str] = ()) -> list[str]:
    """Return the settings that CTranslate2 cannot follow, each with the reason.

    Args:
        settings: of the search.
        explicit: names of the settings that the caller has set. The stopping rule is a problem only
            if it is among them; otherwise `stop_note` describes the difference.
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
        ConfigError: it cannot; the message names each such setting.
    """
    reasons = problems(settings, explicit)
    if reasons:
        raise ConfigError(
            f"CTranslate2 cannot search with {'; '.join(reasons)}. Leave it away, or use the "
            f"engine numpy or torch."
        )


def stop_note(settings: SearchSettings) -> str:
    """Return CTranslate2's substitute for the exact stopping rule; empty if it is the same."""
    if settings.beam_size == 1 or settings.stop != "exact":
        return ""
    count = int(settings.beam_size * _PATIENCE + 0.5)
    return f"stops at {count} ended hypotheses, not at the exact bound"


def batch_options(settings: SearchSettings, limit: int) -> dict[str, Any]:
    """Return the options of ``translate_batch`` for these settings.

    Args:
        settings: of the search.
        limit: the most tokens of a target, without its end token.
    """
    # If the end token is returned, CTranslate2 divides a score by the length with the end token, as
    # ours does. One step more than the limit distinguishes a target that ends at the limit from one
    # that would continue. With a patience, more hypotheses may end than are returned, and an empty
    # one could be missed. So an empty target is forbidden then, which raises the other scores by
    # its probability.
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
    """Return the exponent of the length by which scores are divided."""
    return 0.0 if settings.normalization == "none" else settings.length_penalty
