"""Weight, contribution, effect: three measures of one attention link, which may disagree.

weight        weights[query, key], the attention weight
contribution  |weights[query, key] * value[key] W_o|, the norm of the vector that the link adds to
              the residual stream (Kobayashi et al. 2020, arXiv 2004.10102)
effect        change of the translation's log-probability if weights[query, key] is set to 0 (the
              rest of the row is unchanged)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...errors import ConfigError, ShapeError
from ...reference.layers.multi_head import KeysAndValues
from ...shapes import Array
from ..contract.answers import EffectOn, EffectsAnswer
from ..contract.base_edit import Change
from ..contract.edits import AblateHead
from ..contract.parts import attention_path, check_head, heads_of, stack_of
from ..contract.questions import EffectsQuestion
from ..contract.stopping import check
from ..passes.edited_engine import Editor
from ..passes.rows import batches, hidden_rows, memories_of, word_log_probabilities
from .run import Run
from .run_answer import finite


def effects_answer(run: Run, question: EffectsQuestion) -> EffectsAnswer:
    """Answer ``effects``: the links of one query, keys in descending order of weight.

    Raises:
        ConfigError: there is no such head.
        ShapeError: the query or the position is outside the sentence.
    """
    if not run.models.predicts:
        raise ConfigError(
            "effects: this model predicts no words, so there is no log-probability for a link to "
            "have an effect on. Look at its weights and contributions."
        )
    check_head(question.part, question.layer, question.head, run.config)
    path = attention_path(question.part, question.layer)
    weights = run.trace[f"{path}.weights"].value[0, question.head]
    _check("query", question.query, len(weights), f"The {question.part} attention")
    if question.position is not None:
        _check("position", question.position, len(run.predicted), "The translation")
    row = weights[question.query]
    # In a decoder's self-attention, a query sees no key after its own position.
    visible = question.query + 1 if question.part == "decoder" else len(row)
    keys = np.argsort(-row[:visible], kind="stable")[: question.most]
    effects = _effects(run, question, path, keys)
    return {
        "keys": keys.tolist(),
        "of": visible,
        "weight": row[keys].tolist(),
        "contribution": _contributions(run, question, path)[keys].tolist(),
        "effect": [finite(effect) for effect in effects],
        "effect_on": _effect_on(run, question.position),
    }


def _check(name: str, number: int, count: int, where: str) -> None:
    if number >= count:
        noun = "queries" if name == "query" else "predicted tokens"
        raise ShapeError(
            f"effects: {where} has {count} {noun} here, so {name} must be between 0 and "
            f"{count - 1}; it is {number}."
        )


def _effect_on(run: Run, position: int | None) -> EffectOn:
    if position is None:
        return {"position": None, "text": run.translation}
    if run.models.labels:
        return {"position": position, "text": run.translation}
    return {"position": position, "text": run.models.token(run.predicted[position])["piece"]}


def _contributions(run: Run, question: EffectsQuestion, path: str) -> Array:
    """Return |weight * value W_o^T| for each key, Float["key_len"]."""
    config = run.config
    head = AblateHead(part=question.part, layer=question.layer, head=question.head)
    if head in run.request.edits:
        return np.zeros(run.trace[f"{path}.weights"].shape[-1])  # an edit sets its output to 0
    config = config.of_stack(stack_of(question.part))
    group = config.num_heads // config.key_value_heads
    value = run.trace[f"{path}.value"].value[0, question.head // group]
    columns = slice(question.head * config.head_dim, (question.head + 1) * config.head_dim)
    output = run.reference.weights[f"{path}.output.weight"][:, columns]
    weights = run.trace[f"{path}.weights"].value[0, question.head, question.query]
    return np.linalg.norm(weights[:, None] * (value @ output.T), axis=-1)


def _effects(run: Run, question: EffectsQuestion, path: str, keys: Array) -> Array:
    """Return the change of the log-probability for each key, Float["keys"].

    Each row of a batch sets the weight of one key to 0. The batch size is limited by memory: all
    keys of a sentence, or fewer for a very long one.
    """
    config = run.config
    longest = max(len(run.source), len(run.target))
    memories = None
    if question.part != "encoder" and config.encoder_layers:
        # The change does not reach the encoder, so it runs only once.
        memories = memories_of(run.reference, run.source, Editor(run.changes))
    return np.concatenate(
        [
            _effects_of_batch(run, question, path, keys[batch], memories)
            for batch in batches(len(keys), config, heads_of(question.part, config), longest)
        ]
    )


def _effects_of_batch(
    run: Run,
    question: EffectsQuestion,
    path: str,
    keys: Array,
    memories: list[KeysAndValues] | None,
) -> Array:
    check()
    head, query, rows = question.head, question.query, len(keys)

    def ablate(weights: Array, position: int | None) -> Array:
        weights[np.arange(rows), head, query, keys] = 0
        return weights

    step = f"{path}.weights"
    changes: dict[str, Sequence[Change]] = {
        **run.changes,
        step: [*run.changes.get(step, ()), ablate],
    }
    editor = Editor(changes)
    hidden = hidden_rows(run.reference, run.source, run.target, editor, rows, memories)
    return _change(run, editor, hidden, question.position)


def _change(run: Run, editor: Editor, hidden: Array, position: int | None) -> Array:
    """Return the change of the log-probability of the translation, or of one token."""
    places = list(run.passage.scored_positions) if position is None else [position]
    predicted = [run.predicted[place] for place in places]
    before = run.log_probabilities[places]
    after = word_log_probabilities(run.reference, hidden, places, predicted, editor)
    change: Array = (after - before).sum(axis=-1)
    return change
