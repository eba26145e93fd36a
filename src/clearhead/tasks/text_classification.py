"""Classifies texts, with a classifier of ours or someone else's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from ..errors import TextError
from .ground import Ground
from .images.classification import Classification, classify

_ROWS = 64


def labels_of(ground: Ground) -> tuple[str, ...]:
    """Return the labels of a text classifier, by their numbers; empty for other models."""
    return ground.source.labels


def classify_texts(ground: Ground, texts: Sequence[str], *, top: int = 5) -> list[Classification]:
    """Return the predicted labels of each text; see `clearhead.tasks.model.Model.classify`.

    Texts of equal length are computed together, so there is no padding, and each text gets the same
    numbers as alone.
    """
    tokenizer, config = ground.require_tokenizer(), ground.config
    rows = [tokenizer.encode(text) for text in texts]
    by_length: defaultdict[int, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        if len(row) > config.max_length:
            raise TextError(
                f"Text {place + 1} has {len(row)} tokens, and this model reads "
                f"{config.max_length} at most. Give a part of it."
            )
        by_length[len(row)].append(place)
    logits = np.empty((len(rows), config.output.labels), ground.engine.model.dtype)
    for places in by_length.values():
        for first in range(0, len(places), _ROWS):
            part = places[first : first + _ROWS]
            ids = np.array([rows[place] for place in part])
            hidden = ground.engine.model.encode(ids).output[:, :1]
            logits[part] = ground.engine.model.logits(hidden)[:, 0]
    return classify(logits, labels_of(ground), {}, top=top)
