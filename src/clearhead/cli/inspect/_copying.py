"""`clearhead inspect --heads`: which heads copy what they read, from the model's weights."""

from __future__ import annotations

from ...errors import ClearheadError
from ...head_kinds import CopyingScores
from ...surveys.text_model import Model, Tokens

# A run of so many tokens finds the matrices that the scores follow from.
TOKENS = 8


def copying_of(model: Model, source: Tokens, target: Tokens | None) -> CopyingScores:
    """Return the copying scores of the heads that were recorded, or why there are none.

    Args:
        model: loaded with ``copies``.
        source, target: what it reads.
    """
    lacking = [key for key in model.missing if "lm_head" in key]
    if not (model.two_stacks or model.foretells) or lacking:
        why = "it has no matrix that gives the logits of the next word"
        return CopyingScores({}, (f"no copying scores: {why}",))
    from ...attribution.copying import copying_scores

    try:
        scores = copying_scores(model.model, model.inputs(source, target, TOKENS))
    except ClearheadError as error:
        return CopyingScores({}, (f"no copying scores: {str(error).rstrip('.')}",))
    prefix = "" if model.two_stacks else f"{model.model.base_model_prefix}."
    by_stack = {name.removeprefix(prefix): values for name, values in scores.scores.items()}
    return CopyingScores(by_stack, tuple(note.removeprefix(prefix) for note in scores.notes))
