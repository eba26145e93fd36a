"""The two texts of a comparison, and the words whose logits distinguish them."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import ConfigError, ShapeError, TextError
from ..inspect import Model, Tokens


@dataclass(frozen=True)
class Word:
    """A word that is one token.

    Attributes:
        text: as given by the user.
        id: of its token.
        label: the token in readable form.
    """

    text: str
    id: int
    label: str


@dataclass(frozen=True)
class Pair:
    """A clean and a corrupted text of the same number of tokens, and the answer's position.

    Attributes:
        clean, corrupted: the texts; in models with two stacks, the encoder's input.
        target: the decoder's input; None for models with one stack.
        position: the position that predicts the answer; negative values count from the end.
    """

    clean: Tokens
    corrupted: Tokens
    target: Tokens | None
    position: int

    @property
    def differing(self) -> list[int]:
        """The positions at which the texts differ."""
        pairs = zip(self.clean.ids, self.corrupted.ids, strict=True)
        return [place for place, (one, other) in enumerate(pairs) if one != other]


def pair_of(model: Model, clean: str, corrupted: str, target: str | None) -> Pair:
    """Return two texts as the model's input.

    Raises:
        ShapeError: they have different numbers of tokens, or are the same.
        ConfigError: the model has no mask to fill, or a target does not fit it.
    """
    first, second = model.tokens(clean), model.tokens(corrupted)
    if len(first.ids) != len(second.ids):
        raise ShapeError(
            f"The texts are compared token by token, so they need as many. --clean has "
            f"{len(first.ids)} tokens: {' '.join(first.labels)}; --corrupted has "
            f"{len(second.ids)}: {' '.join(second.labels)}. Exchange words for others of as many "
            "tokens."
        )
    if first.ids == second.ids:
        raise ShapeError("--clean and --corrupted are the same tokens: nothing can be patched.")
    if target is not None and not model.two_stacks:
        raise ConfigError(
            f"--target-text is for models with an encoder and a decoder; {model.name} reads one "
            "text."
        )
    if not model.two_stacks:
        position = _masked_place(model, first, second) if model.fills_masks else -1
        return Pair(first, second, None, position)
    if target:
        return Pair(first, second, model.tokens(target, target=True), -1)
    return Pair(first, second, model.tokens_of_ids([model.start_id], target=True), -1)


def _masked_place(model: Model, clean: Tokens, corrupted: Tokens) -> int:
    mask = model.tokenizer.mask_token_id
    places = [[i for i, one in enumerate(side.ids) if one == mask] for side in (clean, corrupted)]
    if mask is None or len(places[0]) != 1 or places[0] != places[1]:
        name = model.tokenizer.mask_token or "a mask token"
        raise ConfigError(
            f"{model.name} says which word stands behind a mask, so both texts need {name} at "
            "the same place, once."
        )
    return places[0][0]


def word_of(model: Model, text: str, option: str) -> Word:
    """Return a word's token: preferably the one after a space, as in running text.

    Raises:
        TextError: the word is not a single token.
    """
    tries = []
    for form in (f" {text}", text) if text == text.strip() else (text,):
        ids = list(model.tokenizer(form, add_special_tokens=False)["input_ids"])
        if len(ids) == 1 and ids[0] != model.tokenizer.unk_token_id:
            return Word(text, ids[0], model.tokens_of_ids(ids).labels[0])
        tries = model.tokens_of_ids(ids).labels if ids else []
    pieces = " ".join(tries) or "nothing"
    raise TextError(
        f"{option} {text!r} is not one token of {model.name} but {pieces}. The logit of one token "
        "is measured: give a word that is one, or the first piece of it."
    )
