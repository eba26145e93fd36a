"""Learning rates over the steps of a training run."""

from __future__ import annotations

import math

SCHEDULES = ("inverse_sqrt", "cosine", "constant")


def learning_rate(
    step: int, *, schedule: str, peak: float, warmup: int, last: int, decay: int = 0
) -> float:
    """Return the learning rate of a step.

    Args:
        step: counted from 1.
        schedule: after the warm-up, ``inverse_sqrt`` falls with 1 / sqrt(step) (Vaswani et al.
            2017, 5.3, with the peak given instead of derived), ``cosine`` falls along half a
            cosine to 0 at ``last`` (Loshchilov and Hutter 2017), ``constant`` stays.
        peak: the rate at the end of the warm-up.
        warmup: steps of linear rise.
        last: the last step of the run.
        decay: number of last steps over which the rate also falls linearly to 0, for
            ``inverse_sqrt`` and ``constant``.
    """
    if step <= warmup:
        return peak * step / max(warmup, 1)
    if schedule == "cosine":
        progress = min((step - warmup) / max(last - warmup, 1), 1.0)
        return peak * 0.5 * (1 + math.cos(math.pi * progress))
    rate = peak
    if schedule == "inverse_sqrt":
        rate *= math.sqrt(max(warmup, 1) / step)
    if decay:
        rate *= min(max((last - step + 1) / decay, 0.0), 1.0)
    return rate
