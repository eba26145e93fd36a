"""Predicts words for masks, with a model that has a head for masked words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import CheckpointError, ConfigError, TextError
from ..pretrained.tokenizers.protocol import PretrainedTokenizer
from ..reference.softmax import softmax
from ..shapes import Array, Int
from ..visible import quoted, visible
from .text_encoder import TextEncoder


@dataclass(frozen=True)
class Candidate:
    """A token that may replace a mask.

    Attributes:
        token: its text.
        token_id: its id.
        probability: of the token at this place, while the other masks stay masks.
        text: the whole text with this token, and with the likeliest token for every other mask.
    """

    token: str
    token_id: int
    probability: float
    text: str


@dataclass(frozen=True, repr=False)
class FilledMasks:
    """A text and the tokens predicted for its masks.

    Attributes:
        text: the input, with its masks.
        positions: token positions of the masks.
        masks: for each mask, its likeliest tokens in descending order of probability.
        completed: the text with the likeliest token in place of each mask. Each is the likeliest on
            its own; together they may be less likely than other combinations.
    """

    text: str
    positions: tuple[int, ...]
    masks: tuple[tuple[Candidate, ...], ...]
    completed: str

    def __repr__(self) -> str:
        lines = [visible(self.text)]
        for position, candidates in zip(self.positions, self.masks, strict=True):
            words = ", ".join(
                f"{visible(one.token.strip() or one.token)} {one.probability:.3f}"
                for one in candidates
            )
            lines.append(f"  token {position}: {words}")
        return "\n".join([*lines, f"  {visible(self.completed)}"])


def fill_mask(encoder: TextEncoder, text: str, *, top: int = 5) -> FilledMasks:
    """Return the likeliest tokens for each mask of a text.

    Args:
        encoder: a model with a head for masked words.
        text: contains the model's mask token at least once, such as ``[MASK]`` or ``<mask>``.
        top: the number of tokens returned for each mask; ids without a token are not counted.

    Raises:
        CheckpointError: the model has no such head, or no tokenizer with a mask token.
        TextError: the text has no mask, or is longer than the model reads.
        ConfigError: ``top`` is less than 1, or more than there are tokens.
    """
    encoder.require_head()
    tokenizer = encoder.pretrained.require_tokenizer()
    count = min(encoder.model.vocab_size, tokenizer.vocab_size)
    if not 1 <= top <= count:
        raise ConfigError(f"top must be from 1 to {count}, the tokens there are; it is {top}.")
    ids = np.array(tokenizer.encode(text))
    positions = _mask_positions(encoder, tokenizer, text, ids)
    hidden = encoder.hidden(ids[None], mask=np.ones((1, len(ids)), bool))
    probabilities = softmax(encoder.model.logits(hidden[:, positions])[0])
    order = np.argsort(-probabilities[:, :count], axis=-1, kind="stable")[:, :top]
    likeliest = ids.copy()
    likeliest[positions] = order[:, 0]
    masks = tuple(
        tuple(
            Candidate(
                token=tokenizer.decode([int(token_id)], skip_special=False),
                token_id=int(token_id),
                probability=float(probabilities[place, token_id]),
                text=_with_token(tokenizer, likeliest, position, token_id),
            )
            for token_id in token_ids
        )
        for place, (position, token_ids) in enumerate(zip(positions, order, strict=True))
    )
    return FilledMasks(text, tuple(map(int, positions)), masks, masks[0][0].text)


def _with_token(
    tokenizer: PretrainedTokenizer, ids: Int[Array, "length"], position: int, token_id: int
) -> str:
    changed = ids.copy()
    changed[position] = token_id
    return tokenizer.decode([int(one) for one in changed])


def _mask_positions(
    encoder: TextEncoder, tokenizer: PretrainedTokenizer, text: str, ids: Int[Array, "length"]
) -> Int[Array, "masks"]:
    """Return the token positions of the masks, after checking that the model can read the text."""
    if "mask" not in tokenizer.roles:
        raise CheckpointError(
            f"The tokenizer in {encoder.pretrained.folder} names no mask token, so no text can "
            f"hold one. It stands as mask_token in tokenizer_config.json."
        )
    mask_id = tokenizer.roles["mask"]
    if len(ids) > encoder.max_length:
        raise TextError(
            f"The text has {len(ids)} tokens, and this model reads at most {encoder.max_length}. "
            f"Shorten it around its mask."
        )
    positions = np.flatnonzero(ids == mask_id)
    if not len(positions):
        mask = tokenizer.decode([mask_id], skip_special=False)
        raise TextError(
            f"The text {quoted(text)} has no mask to fill. Write {mask} where the model should "
            f"say a word: it is the mask token of this model."
        )
    return positions
