"""The settings of a run's data, and the value types that all settings share."""

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


LARGEST = 10**12  # above any count in use
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
        path: as in clearhead.text.corpus. Two corpora may have the same path, with other limits.
        source_column, target_column: columns of a file of tab- or comma-separated values, as names
            from its first line or as numbers from 1; None if the file has only these two.
        passes: how often an epoch repeats the corpus.
        max_tokens: pairs with a longer side are left out and counted; None takes data.max_tokens.
        from_epoch: the first epoch, counted from 0, that uses the corpus.
        held_out: whether the held-out pairs of this corpus become development and test sets.
        register_share: among the pairs whose French target uses either tu or vous, not both, the
            share that gets the register's tag in front of the source; see clearhead.text.tags.
        teacher: a model that writes the targets of this corpus; see training.pairs.teacher.
        from_target: whether the teacher writes sources from the targets.
        back_translation_tag: whether ``<bt>`` is put before every source, to mark that a machine
            wrote the sources of this corpus.
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
            CorpusError: columns are named, but this kind of corpus has none.
        """
        if self.source_column is None or self.target_column is None:
            return self.path
        return with_columns(self.path, self.source_column, self.target_column)


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """The corpora and how they are prepared.

    Attributes:
        corpus: the training corpora.
        development: a corpus to measure on during training; without it, the first half of the
            held-out pairs (the second half is for the final test).
        development_pairs: the largest number of pairs to measure on.
        held_out_share: share of distinct source texts to leave out of training in every corpus.
            Those from corpora marked ``held_out`` are written to held_out.development.tsv and
            held_out.test.tsv.
        max_tokens: pairs with a longer side are left out and counted, and so are longer texts with
            a label. The texts of a language model are cut into windows of at most this many tokens.
        unit: the part of a file that is one text of a language model: each ``line``, each
            ``paragraph`` (also the meaning of None), or the whole ``file``.
        normalize_spaces: replace each run of spaces, including no-break spaces, by one plain space.
        filters: reasons to leave out pairs of the corpora; see training.pairs.filters.
        skip_bad_lines: count unusable lines instead of stopping at the first.
        source_language, target_language: codes such as ``en``. They are written into the finished
            model, so that texts are processed by the rules of the language and the model can be
            found by its direction.
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
