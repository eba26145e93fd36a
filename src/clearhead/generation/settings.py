"""The settings of generation, under the names that transformers gives them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from ..errors import ConfigError
from ..setting_fields import check_fields, check_names, one_of, within

DEFAULT_NEW_TOKENS = 256
"""The most new tokens where nothing else says how many."""

_Count = Annotated[int, within(least=1)]
_Amount = Annotated[int, within(least=0)]
_TokenId = Annotated[int, within(least=0)]
_TokenIds = tuple[_TokenId, ...]
_Share = Annotated[float, within(least=0, most=1)]


@dataclass(frozen=True, kw_only=True)
class GenerationSettings:
    """Everything that the tokens of a generation depend on, besides engine and input.

    A "length" counts the whole sequence: a prompt, or the first tokens of a decoder, and what is
    generated after them. The defaults are those of transformers, save for the length: where
    neither ``max_length`` nor ``max_new_tokens`` is set, transformers stops after 20 new tokens,
    and this after 256 (`DEFAULT_NEW_TOKENS`), or where the model has no more positions. The reason
    of the end of a result is in `clearhead.generation.result.Generation.reason`.

    Attributes:
        max_new_tokens: the most tokens that are generated; goes before ``max_length``.
        max_length: the most tokens of the whole sequence.
        min_new_tokens: no end token comes before so many others; goes before ``min_length``.
        min_length: no end token comes while the whole sequence is shorter than this.
        do_sample: draw tokens at random instead of taking the likeliest.
        num_beams: prefixes kept for each input; 1 is greedy search, or plain sampling.
        num_return_sequences: results for each input: at most ``num_beams`` of a beam, any number
            of sampling, 1 of greedy search.
        length_penalty: a finished sequence of a beam is ranked by the sum of its log-probabilities
            divided by ``generated tokens ** length_penalty``, its end token counted.
        early_stopping: when a beam is finished. True: as soon as it has ``num_beams`` sequences.
            False: when the best running prefix, at its present length, is worse than the worst
            of them. ``"never"``: when no prefix of any length could be better.
        temperature: divides the scores before a draw.
        top_k: draw among this many likeliest tokens; 0 is all.
        top_p: draw among the fewest likeliest tokens whose probabilities reach this
            (Holtzman et al. 2020, arXiv 1904.09751).
        min_p: draw among the tokens at least this times as likely as the likeliest
            (Nguyen et al. 2024, arXiv 2407.01082); None: all.
        typical_p: draw among the tokens of most typical surprise whose probabilities reach this
            (Meister et al. 2022, arXiv 2202.00666).
        seed: of the draws: the tokens are those of ``torch.manual_seed(seed)`` followed by
            ``generate`` of one input; see `clearhead.generation.torch_random`. None: a fresh one.
        repetition_penalty: the score of every token that the sequence holds already is divided
            by this where positive, and multiplied where negative (Keskar et al. 2019,
            arXiv 1909.05858).
        no_repeat_ngram_size: no n-gram of this many tokens comes twice; 0 allows all.
        bad_words_ids: sequences of tokens that must not come.
        suppress_tokens: tokens that must not come.
        begin_suppress_tokens: tokens that must not come first.
        forced_bos_token_id: the token that comes first, after a single first token.
        forced_eos_token_id: one of these comes last, where ``max_length`` is reached.
        remove_invalid_values: scores that are no number count as 0, infinite ones as the largest
            finite number.
        renormalize_logits: scores are made log-probabilities again after everything else.
        eos_token_id: the tokens that end a sequence; empty: nothing ends it but its length.
        pad_token_id: of padding; named in files, and without influence here, where nothing is
            padded.
        bos_token_id: where there is no ``decoder_start_token_id``, the decoder begins with it.
        decoder_start_token_id: the decoder's first token, in a model with an encoder.
    """

    max_new_tokens: _Count | None = None
    max_length: _Count | None = None
    min_new_tokens: _Amount | None = None
    min_length: _Amount = 0
    do_sample: bool = False
    num_beams: _Count = 1
    num_return_sequences: _Count = 1
    length_penalty: float = 1.0
    early_stopping: Annotated[Any, one_of(False, True, "never")] = False
    temperature: Annotated[float, within(least=0)] = 1.0
    top_k: _Amount = 50
    top_p: _Share = 1.0
    min_p: _Share | None = None
    typical_p: Annotated[float, within(above=0)] = 1.0
    seed: _Amount | None = None
    repetition_penalty: Annotated[float, within(above=0)] = 1.0
    no_repeat_ngram_size: _Amount = 0
    bad_words_ids: tuple[_TokenIds, ...] = ()
    suppress_tokens: _TokenIds = ()
    begin_suppress_tokens: _TokenIds = ()
    forced_bos_token_id: _TokenId | None = None
    forced_eos_token_id: _TokenIds = ()
    remove_invalid_values: bool = False
    renormalize_logits: bool = False
    eos_token_id: _TokenIds = ()
    pad_token_id: _TokenId | None = None
    bos_token_id: _TokenId | None = None
    decoder_start_token_id: _TokenId | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        if any(not words for words in self.bad_words_ids):
            raise ConfigError("bad_words_ids holds an empty sequence; each needs a token or more.")
        if self.do_sample and self.temperature == 0:
            raise ConfigError(
                "temperature must be above 0 where tokens are drawn; it is 0. For the likeliest "
                "token at each step, use do_sample=False."
            )
        most = self.num_beams if self.num_beams > 1 or not self.do_sample else None
        if most is not None and self.num_return_sequences > most:
            raise ConfigError(
                f"num_return_sequences must not exceed num_beams, unless do_sample=True and "
                f"num_beams=1; {self.num_return_sequences} sequences were asked of a beam of "
                f"{self.num_beams}."
            )

    @classmethod
    def of(cls, settings: GenerationSettings | None = None, **changes: Any) -> GenerationSettings:
        """Return these settings, or the defaults, with some changed.

        A single id may stand for a tuple of one, and lists for tuples; None in place of a tuple
        is an empty one.

        Raises:
            ConfigError: a name is unknown, or a value is not what its setting may be.
        """
        check_names(cls, changes, "generation")
        values = {name: _plain(name, value) for name, value in changes.items()}
        # Where a caller says how long, nothing that a file says of it counts any more.
        if settings is not None and "max_length" in changes and "max_new_tokens" not in changes:
            values["max_new_tokens"] = None
        if settings is not None and "min_length" in changes and "min_new_tokens" not in changes:
            values["min_new_tokens"] = None
        return dataclasses.replace(settings or cls(), **values)

    def longest(self, start_length: int, positions: int | None = None) -> int:
        """Return the most tokens of a whole sequence.

        Args:
            start_length: tokens that it begins with, which are not generated.
            positions: how many tokens the model can read; None is any number. The last token
                of a sequence is not read, so the sequence may have one token more.
        """
        if self.max_new_tokens is not None:
            longest = start_length + self.max_new_tokens
        elif self.max_length is not None:
            longest = self.max_length
        else:
            longest = start_length + DEFAULT_NEW_TOKENS
        return longest if positions is None else min(longest, positions + 1)

    def shortest(self, start_length: int) -> int:
        """Return the fewest tokens of a whole sequence before its end token."""
        if self.min_new_tokens is not None:
            return start_length + self.min_new_tokens
        return self.min_length

    def token_ids(self) -> Mapping[str, tuple[int, ...]]:
        """Return the token ids that the settings name, by setting."""
        single = {
            name: () if (value := getattr(self, name)) is None else (value,)
            for name in ("forced_bos_token_id", "decoder_start_token_id", "bos_token_id")
        }
        several = {
            name: getattr(self, name)
            for name in (
                "suppress_tokens", "begin_suppress_tokens", "forced_eos_token_id", "eos_token_id"
            )
        }  # fmt: skip
        words = tuple(token for words in self.bad_words_ids for token in words)
        return {**single, **several, "bad_words_ids": words}


_SEVERAL = ("suppress_tokens", "begin_suppress_tokens", "forced_eos_token_id", "eos_token_id")


def _plain(name: str, value: Any) -> Any:
    """Return a value as its field holds it: a single id or a list of them as a tuple."""
    if name in _SEVERAL or name == "bad_words_ids":
        if value is None:
            return ()
        if isinstance(value, int | np.integer) and name in _SEVERAL:
            return (int(value),)
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return tuple(tuple(one) if isinstance(one, list | tuple) else one for one in value)
    return value
