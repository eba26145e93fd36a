"""The logit lens and the contributions to a logit, as tables."""

from __future__ import annotations

from collections.abc import Iterator

from ..terminal.heatmap import Paper, fit, width_of
from ..terminal.paragraphs import heading, prose
from ._subject import Subject

_MOST = 20  # contributions that are printed


def tell_lens(subject: Subject, position: int, paper: Paper) -> Iterator[str]:
    """Yield each layer's prediction at a position, one row for each layer."""
    readings = subject.lens(position)
    yield heading("What each layer would say (logit lens)", paper)
    yield prose(
        "The stream after so many layers is read as the last one is: through the last norm, where "
        f"the model has one, and the output matrix. Here it is that of position {position}. rank "
        "is the place of what the model says in the end.",
        paper,
    )
    final = subject.labels([readings[-1].final_token])[0]
    yield f"layers   rank of {final}   likeliest"
    for reading in readings:
        words = "  ".join(
            f"{piece} {share:.2f}"
            for piece, share in zip(
                subject.labels(reading.tokens), reading.probabilities, strict=True
            )
        )
        rank = f"{reading.final_rank:,}"
        yield f"{reading.layers:6d}   {rank:>{8 + width_of(final)}s}   {words}"


def tell_attribution(
    subject: Subject, position: int, token: str | None, paper: Paper
) -> Iterator[str]:
    """Yield the contribution of each head, layer and embedding to a logit, the largest first."""
    attribution = subject.attribution(position, token)
    piece = subject.labels([attribution.token])[0]
    yield heading(f"What adds to the logit of {piece} (direct logit attribution)", paper)
    yield prose(
        f"The logit after position {position} is {attribution.logit:.4f}: the sum of what stands "
        "here, to the last digits. What a head moved to other positions, and later layers used, "
        "counts to those.",
        paper,
    )
    largest = attribution.largest(_MOST)
    wide = max(abs(summand.value) for summand in largest) or 1.0
    width = max(width_of(summand.name) for summand in largest)
    block = "█" if paper.unicode else "#"
    for summand in largest:
        bar = block * round(20 * abs(summand.value) / wide)
        yield f"{summand.value:+10.4f}  {fit(summand.name, width)}  {bar}".rstrip()
    rest = attribution.summands
    others = [summand.value for summand in rest if summand not in largest]
    if others:
        yield f"{sum(others):+10.4f}  {len(others)} others together"
    away = f"{attribution.error:.0e} away from" if attribution.error else "exactly"
    yield f"{attribution.total:+10.4f}  sum, {away} the logit"
