"""Scores of translations, each with a signature that says how it was computed.

`scores` gives sacreBLEU and chrF of plain texts. `tokenised_bleu` gives what older papers
report: BLEU of tokens, as ``multi-bleu.perl`` and ``fairseq-generate`` compute it, which depends
on the tokenisation and on case, so that too is spelled out.

The Multi30k scores of Wu et al. 2021 (arXiv 2105.14462) are of this second kind. Their published
code trains and scores on text that is lowercased, with punctuation normalised, and tokenised by
the Moses tokenizer without splitting hyphens; their log of test2016 en-de says ``reflen=12103``,
which is what only this preparation, with lowercasing, gives for the German references. `MULTI30K`
names it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import CorpusError, require


@dataclass(frozen=True)
class Score:
    """One score of a whole corpus.

    Attributes:
        name: of the metric.
        value: 0 to 100, larger is better.
        signature: the settings that it was computed with, sacreBLEU's own signature included.
        details: numbers behind it: n-gram precisions, brevity penalty, lengths.
    """

    name: str
    value: float
    signature: str
    details: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.value:.2f}  {self.signature}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {
            "name": self.name,
            "score": self.value,
            "signature": self.signature,
            "details": self.details,
        }


@dataclass(frozen=True)
class Preparation:
    """The preparation of hypotheses and references before tokens are compared.

    Attributes:
        language: of the Moses tokenizer's rules and of punctuation normalisation; None where
            the texts are tokens with spaces between them already.
        lowercase: compare lowercased text.
        normalise: normalise punctuation (Moses' ``normalize-punctuation``).
    """

    language: str | None
    lowercase: bool = False
    normalise: bool = False

    def apply(self, texts: Sequence[str]) -> list[str]:
        """Return the tokens of each text, with spaces between them.

        Raises:
            MissingExtraError: sacremoses is not installed.
        """
        if self.lowercase:
            texts = [text.lower() for text in texts]
        if self.language is None:
            return list(texts)
        moses = require("sacremoses", extra="evaluate", purpose="Tokenised BLEU")
        tokenizer = moses.MosesTokenizer(lang=self.language)
        normalizer = moses.MosesPunctNormalizer(lang=self.language)
        if self.normalise:
            texts = [normalizer.normalize(text) for text in texts]
        return [tokenizer.tokenize(text, return_str=True, escape=False) for text in texts]

    def __str__(self) -> str:
        steps = ["lowercase"] if self.lowercase else []
        if self.language is None:
            return f"prepared:{'+'.join(steps) or 'none'}"
        moses = require("sacremoses", extra="evaluate", purpose="Tokenised BLEU")
        steps += ["normalise-punctuation"] if self.normalise else []
        steps += [f"moses-tokenize-{self.language}"]
        return f"prepared:{'+'.join(steps)}|sacremoses:{moses.__version__}"


MULTI30K = {
    language: Preparation(language, lowercase=True, normalise=True) for language in ("de", "fr")
}


def scores(
    hypotheses: Sequence[str],
    references: Sequence[str],
    *,
    tokenize: str = "13a",
    lowercase: bool = False,
) -> list[Score]:
    """Return sacreBLEU (Post 2018) and chrF (Popović 2015) of a corpus, one reference a line.

    Args:
        hypotheses, references: plain text, one a sentence.
        tokenize: sacreBLEU's tokenizer: 13a, intl, zh, ja-mecab, char, none, ...
        lowercase: compare lowercased text.

    Raises:
        CorpusError: there are not as many hypotheses as references, or none.
        MissingExtraError: sacrebleu is not installed.
    """
    _check(hypotheses, references)
    sacrebleu = require("sacrebleu", extra="evaluate", purpose="Scoring")
    bleu = sacrebleu.BLEU(tokenize=tokenize, lowercase=lowercase)
    chrf = sacrebleu.CHRF(lowercase=lowercase)
    return [_score(metric, hypotheses, references) for metric in (bleu, chrf)]


def tokenised_bleu(
    hypotheses: Sequence[str], references: Sequence[str], preparation: Preparation
) -> Score:
    """Return the BLEU of tokens, not smoothed: the score of ``multi-bleu.perl``.

    Args:
        hypotheses, references: plain text, or tokens with spaces between them.
        preparation: how text becomes tokens.

    Raises:
        CorpusError: there are not as many hypotheses as references, or none.
        MissingExtraError: sacrebleu or sacremoses is not installed.
    """
    _check(hypotheses, references)
    sacrebleu = require("sacrebleu", extra="evaluate", purpose="Scoring")
    metric = sacrebleu.BLEU(tokenize="none", smooth_method="none", force=True)
    score = _score(metric, preparation.apply(hypotheses), preparation.apply(references))
    signature = f"{preparation}|{score.signature}"
    return Score("tokenised BLEU", score.value, signature, score.details)


def _score(metric: Any, hypotheses: Sequence[str], references: Sequence[str]) -> Score:
    result = metric.corpus_score(list(hypotheses), [list(references)])
    # "BLEU = 41.02 71.0/47.5/34.3/24.5 (BP = 0.999 ...)": what stands behind the value.
    details = " ".join(str(result).split(" ")[3:])
    return Score(result.name, float(result.score), str(metric.get_signature()), details)


def _check(hypotheses: Sequence[str], references: Sequence[str]) -> None:
    if len(hypotheses) != len(references):
        raise CorpusError(
            f"Each reference needs one hypothesis; there are {len(hypotheses):,} hypotheses and "
            f"{len(references):,} references."
        )
    if not references:
        raise CorpusError("There is nothing to score: the files have no lines.")
