"""`clearhead inspect --heads`: finds the heads that copy what they attend to, from the weights."""

from __future__ import annotations

from ...errors import ClearheadError
from ...head_kinds import CopyingScores
from ...surveys.text_model import Model, Tokens

# A run over this many tokens finds the matrices from which the scores are computed.
TOKENS = 8


def copying_of(model: Model, source: Tokens, target: Tokens | None) -> CopyingScores:
    """Return the copying scores of the recorded heads, or the reason why there are none.

    Args:
        model: loaded with ``copies``.
        source, target: the model's input.
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
