"""A recipe of training text, from TOML or from Python; unknown keys are errors.

seed = 7
[held_out]
share = 0.02                     # of English sentences, in every corpus
[[corpus]]
path = "train.tsv.gz"            # English, a tab, French; as in clearhead.text.corpus
output = "everyday"              # becomes everyday.en-fr.tsv.gz
licence = "CC-BY 2.0 FR"
attribution = "Tatoeba"
[corpus.variants]
lower = 0.2                      # the share of its pairs that are added in lower case, too
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from ..errors import ConfigError
from ..file_reading import FileProblem, read_toml
from ..setting_fields import Rule, check_fields, from_mapping, one_of, within
from .filters import EXTRA, NEAR_DOUBLE
from .variants import SEVERAL, SIMPLE

_Share = Annotated[float, within(least=0, most=1)]
_Text = Annotated[
    str,
    Rule("a text that is not blank", lambda text: bool(text.strip())),
    Rule("a text without NUL", lambda text: "\0" not in text),
]
_Name = Annotated[
    str,
    Rule(
        "a name of small letters, digits and hyphens",
        lambda text: text.replace("-", "").isalnum() and text.isascii() and text == text.lower(),
    ),
]
_Reason = Annotated[str, one_of(*EXTRA, NEAR_DOUBLE)]
CONTENTS = ("sentences", "terms")


@dataclass(frozen=True, kw_only=True)
class VariantSettings:
    """The shares of a corpus's pairs to add in another form, too; together at most 1.

    Attributes:
        output: the file to write variants to; None for that of their corpus.

    The other attributes are shares, named after the variants in clearhead.corpora.variants.
    """

    output: _Name | None = None
    no_mark: _Share = 0.0
    other_mark: _Share = 0.0
    lower: _Share = 0.0
    lower_no_mark: _Share = 0.0
    small_names: _Share = 0.0
    upper: _Share = 0.0
    title: _Share = 0.0
    no_apostrophes: _Share = 0.0
    curly: _Share = 0.0
    decomposed: _Share = 0.0
    several: _Share = 0.0
    capital: _Share = 0.0
    full_stop: _Share = 0.0
    sentence: _Share = 0.0

    def __post_init__(self) -> None:
        check_fields(self)
        total = sum(self.shares.values())
        if total > 1 + 1e-9:
            raise ConfigError(
                f"A pair becomes one variant at most, so the shares of variants are together at "
                f"most 1; they are {total:g}."
            )

    @property
    def shares(self) -> dict[str, float]:
        """The shares above 0, by kind of variant."""
        every = {kind: getattr(self, kind) for kind in (*SIMPLE, SEVERAL)}
        return {kind: share for kind, share in every.items() if share}


@dataclass(frozen=True, kw_only=True)
class CorpusRecipe:
    """One corpus and how it is prepared.

    Attributes:
        path: English and French, as in clearhead.text.corpus; two files ``train.en,train.fr``, or
            one with tab-separated columns. With ``./`` in front it is relative to the recipe's
            folder.
        output: the name of the file to write its pairs to; several corpora may share one.
        licence, attribution: as required by the licence; they are written into the report.
        content: ``sentences``, or ``terms`` such as the entries of a dictionary.
        kind: of the development and test sets for its held-out pairs; None for no set.
        filters: extra reasons to drop a pair; see clearhead.corpora.filters.
        attested: whether to drop terms that sentences do not confirm; see
            clearhead.corpora.attestation.
        most_words: the largest number of English words, separated by spaces; longer pairs are
            dropped.
        alternatives: the separator of several translations in a target, of which the first is kept.
        replace: pairs of texts; in targets, the first is replaced by the second.
        scores: files of scores for this corpus by ``clearhead score``: of one model, or of one
            model in each direction.
        best_share: the share of pairs to keep among those with a score.
        synthetic: the machine-written side, ``source`` (English) or ``target`` (French).
        skip_bad_lines: count unusable lines instead of stopping at the first.
        variants: to add.
    """

    path: _Text
    output: _Name
    licence: _Text
    attribution: _Text
    content: Annotated[str, one_of(*CONTENTS)] = "sentences"
    kind: _Name | None = None
    filters: tuple[_Reason, ...] = ()
    attested: bool = False
    most_words: Annotated[int, within(least=1, most=10**9)] | None = None
    alternatives: _Text | None = None
    replace: tuple[tuple[_Text, _Text], ...] = ()
    scores: tuple[_Text, ...] = ()
    best_share: Annotated[float, within(above=0, most=1)] = 1.0
    synthetic: Annotated[str, one_of("source", "target")] | None = None
    skip_bad_lines: bool = False
    variants: VariantSettings = field(default_factory=VariantSettings)

    def __post_init__(self) -> None:
        check_fields(self)
        if len(self.scores) > 2 or bool(self.scores) != (self.best_share < 1):
            raise ConfigError(
                f"scores names one file or two, and best_share below 1 how many pairs stay; they "
                f"are {list(self.scores)} and {self.best_share:g}. Set both or neither."
            )
        if self.attested and self.content != "terms":
            raise ConfigError(
                f"Sentences attest terms; {self.path} has {self.content}. Leave attested out, or "
                f'set content = "terms".'
            )
        if self.scores and self.skip_bad_lines:
            raise ConfigError("A corpus with scores has one for each line: mend its bad lines.")
        if self.synthetic and self.kind:
            raise ConfigError(
                f"A machine wrote a side of {self.path}, so it is nothing to measure on: leave "
                f"kind out."
            )

    @property
    def outputs(self) -> set[str]:
        """The names of the files that its pairs are written to."""
        has_own = bool(self.variants.output and self.variants.shares)
        return {self.output, *([self.variants.output or ""] if has_own else [])}


@dataclass(frozen=True, kw_only=True)
class HeldOutSettings:
    """The sentences to hold out of training.

    Attributes:
        share: of distinct English sentences to hold out, in every corpus.
        most_pairs: the largest number of pairs in each development or test set.
    """

    share: Annotated[float, within(least=0, below=1)] = 0.02
    most_pairs: Annotated[int, within(least=1, most=10**9)] = 2000

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, kw_only=True)
class AttestationSettings:
    """The sentences to check terms against; see clearhead.corpora.attestation.

    Attributes:
        corpora: outputs of sentences, the most important first.
        least_share: the least share of the sentences with a term's rarest English word that must
            have its French.
        most_sentences: the largest number of sentences to check for one word.
    """

    corpora: tuple[_Name, ...] = ()
    least_share: _Share = 0.08
    most_sentences: Annotated[int, within(least=3, most=10**6)] = 150

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A recipe: all corpora of a training, and how they are prepared.

    Attributes:
        seed: of every random choice.
        held_out: the sentences to hold out of training.
        attestation: the sentences to check terms against.
        corpus: the corpora.
    """

    seed: Annotated[int, within(least=0, most=(1 << 63) - 1)] = 1
    held_out: HeldOutSettings = field(default_factory=HeldOutSettings)
    attestation: AttestationSettings = field(default_factory=AttestationSettings)
    corpus: tuple[CorpusRecipe, ...] = ()

    def __post_init__(self) -> None:
        check_fields(self)
        if not self.corpus:
            raise ConfigError("There is nothing to prepare: give at least one [[corpus]].")
        real = {name for row in self.corpus if not row.synthetic for name in row.outputs}
        synthetic = {name for row in self.corpus if row.synthetic for name in row.outputs}
        if real & synthetic:
            raise ConfigError(
                f"The output {min(real & synthetic)} would hold pairs of people and of a machine. "
                f"Give the synthetic ones an output of their own, so that training can weigh them."
            )
        self._check_attestation()

    def _check_attestation(self) -> None:
        corpora = self.attestation.corpora
        if bool(corpora) != any(row.attested for row in self.corpus):
            raise ConfigError(
                f"attestation.corpora names the sentences that the terms of each [[corpus]] with "
                f"attested = true are held against; it is {list(corpora)}. Set both or neither."
            )
        sentences = {row.output for row in self.corpus if row.content == "sentences"}
        if surplus := [name for name in corpora if name not in sentences]:
            raise ConfigError(
                f"attestation.corpora names {', '.join(surplus)}, which is the output of no "
                f"sentences. Such outputs are: {', '.join(sorted(sentences)) or 'none'}."
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as plain dictionaries and lists."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> Recipe:
        """Return a recipe from a table, as read from a TOML file.

        Raises:
            ConfigError: a key is unknown, or a value is not valid.
        """
        return from_mapping(cls, table)

    @classmethod
    def from_toml(cls, path: str | Path) -> Recipe:
        """Read a TOML file.

        Raises:
            ConfigError: there is no such file, or it is not a recipe.
        """
        try:
            return cls.from_dict(read_toml(path))
        except FileProblem as error:
            if error.missing:
                raise ConfigError(f"There is no recipe {path}. Name a TOML file.") from error
            raise ConfigError(
                f"Cannot read the recipe {path}: {error.reason}. Give a TOML file."
            ) from error
