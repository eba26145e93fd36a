"""The settings of a run's data, and the types of values that all settings have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from ..errors import ConfigError, CorpusError
from ..setting_fields import Rule, check_fields, one_of, within
from ..text.columns import with_columns
from ..text.corpus import UNITS
from .pairs.filters import FILTERS, pair_filter


def _encodable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


LARGEST = 10**12  # no count of anything here reaches it
Count = Annotated[int, within(least=1, most=LARGEST)]
Amount = Annotated[int, within(least=0, most=LARGEST)]
Weight = Annotated[float, within(least=0, most=LARGEST)]
Share = Annotated[float, within(least=0, below=1)]
Step = Annotated[int, within(least=1, most=99_999_999)]  # a checkpoint's name holds eight digits
Text = Annotated[
    str,
    Rule("a text that is not blank", lambda text: bool(text.strip())),
    Rule("a text that UTF-8 can hold, without NUL", _encodable),
]

Code = Annotated[
    str,
    Rule(
        "the code of a language, such as en or pt-BR",
        lambda code: re.fullmatch(r"[a-z]{2,3}(?:[_-][A-Za-z0-9]{2,8})*", code) is not None,
    ),
]


@dataclass(frozen=True, kw_only=True)
class CorpusSettings:
    """One corpus, or a part of it.

    Attributes:
        path: as in clearhead.text.corpus. A path may come twice, with other limits.
        source_column, target_column: of a file of tabs or commas, by the names in its first line or
            by their numbers from 1; None where it has these two alone.
        passes: how often an epoch goes through it.
        max_tokens: pairs with a longer side are left out and counted; None takes data.max_tokens.
        from_epoch: the first epoch, counted from 0, that goes through it.
        held_out: whether the held-out pairs of this corpus become development and test sets.
        register_share: share of the pairs whose French target says tu or vous, not both, that get
            the tag of it in front of their source; see clearhead.text.tags.
        teacher: a model that writes the targets of this corpus; see training.pairs.teacher.
        from_target: the teacher writes sources, from the targets.
        back_translation_tag: whether ``<bt>`` stands before every source, because a machine wrote
            this corpus's sources.
    """

    path: Text
    source_column: Text | None = None
    target_column: Text | None = None
    passes: Annotated[float, within(above=0, most=1000)] = 1.0
    max_tokens: Count | None = None
    from_epoch: Amount = 0
    held_out: bool = False
    register_share: Annotated[float, within(least=0, most=1)] = 0.0
    teacher: Text | None = None
    from_target: bool = False
    back_translation_tag: bool = False

    def __post_init__(self) -> None:
        check_fields(self)
        if (self.source_column is None) != (self.target_column is None):
            raise ConfigError(
                f"A corpus names both of its columns or none; source_column is "
                f"{self.source_column!r} and target_column {self.target_column!r}."
            )
        try:
            _ = self.corpus
        except CorpusError as error:
            raise ConfigError(str(error)) from error

    @property
    def corpus(self) -> str:
        """The path with its columns, as in clearhead.text.corpus.

        Raises:
            CorpusError: columns are named of what has none.
        """
        if self.source_column is None or self.target_column is None:
            return self.path
        return with_columns(self.path, self.source_column, self.target_column)


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """The corpora and what is done to them.

    Attributes:
        corpus: the training corpora.
        development: a corpus to measure on during training; without it, the first half of what
            is held out (the second half is for the final test).
        development_pairs: at most so many pairs are measured on.
        held_out_share: share of distinct source texts kept out of training in every corpus;
            from the corpora marked ``held_out`` they become held_out.development.tsv and
            held_out.test.tsv.
        max_tokens: pairs with a longer side are left out and counted; so are longer texts with a
            label. The texts of a language model are cut into windows of so many tokens at most.
        unit: what one text of a language model is: each ``line`` of a file, each ``paragraph``
            (which None means, too), or the whole ``file``.
        normalize_spaces: make each run of spaces, no-break ones among them, one plain space.
        filters: reasons to leave pairs of the corpora out; see training.pairs.filters.
        skip_bad_lines: count unusable lines instead of stopping at the first.
        source_language, target_language: codes such as ``en``, which the finished model states, so
            that texts are read by the rules of its language and it is found by its direction.
    """

    corpus: tuple[CorpusSettings, ...] = ()
    development: Text | None = None
    development_pairs: Count = 1000
    held_out_share: Share = 0.0
    max_tokens: Count = 128
    unit: Annotated[str, one_of(*UNITS)] | None = None
    normalize_spaces: bool = True
    skip_bad_lines: bool = False
    filters: tuple[Annotated[str, one_of(*FILTERS)], ...] = ()
    source_language: Code | None = None
    target_language: Code | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        pair_filter(self.filters, (self.source_language, self.target_language))
        if (self.source_language is None) != (self.target_language is None):
            raise ConfigError(
                f"A model states both of its languages or none; data.source_language is "
                f"{self.source_language!r} and data.target_language {self.target_language!r}. "
                f"Give the other one, too."
            )
