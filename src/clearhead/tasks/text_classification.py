"""A label for each text, by a classifier of ours or of someone else's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from ..errors import TextError
from .ground import Ground
from .images.classification import Classification, classify

_ROWS = 64


def labels_of(ground: Ground) -> tuple[str, ...]:
    """Return the labels of a classifier of texts, by their numbers; none of other models."""
    return ground.source.labels


def classify_texts(ground: Ground, texts: Sequence[str], *, top: int = 5) -> list[Classification]:
    """Return what a classifier takes each text for; see `clearhead.tasks.model.Model.classify`.

    Texts of one length are computed together, so that none is padded and the numbers of each are
    those that it has alone.
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
