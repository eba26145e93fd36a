"""Words for masks: what a model with a head for masked words would put in their place."""

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
    """A token that may stand in place of a mask.

    Attributes:
        token: its text.
        token_id: its id.
        probability: of it at this place, while the other masks are masks.
        text: the whole text with it, and with the likeliest token in place of every other mask.
    """

    token: str
    token_id: int
    probability: float
    text: str


@dataclass(frozen=True, repr=False)
class FilledMasks:
    """A text whose masks were filled.

    Attributes:
        text: what came, with its masks.
        positions: the positions of the masks among the tokens.
        masks: for each mask the likeliest tokens, the likeliest first.
        completed: the text with the likeliest token in place of each mask. Each is the likeliest
            by itself; together they may be less likely than others.
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
    """Return the likeliest tokens in place of each mask of a text.

    Args:
        encoder: a model with a head for masked words.
        text: holds the model's mask token one or more times, such as ``[MASK]`` or ``<mask>``.
        top: so many tokens for each mask, of those that the tokenizer knows.

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
    """Return where the masks stand among the tokens of a text that the model can read."""
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
