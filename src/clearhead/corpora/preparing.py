"""Prepares training text by a recipe: reads corpora, writes training and test files and a report.

Every choice about a pair depends only on the seed and the pair, so the order of lines and of
corpora does not change which pairs are written; of doubles, the first is kept. Some thousand pairs
are read at a time. Memory grows with a corpus by eight bytes for each pair, to recognise doubles;
if terms are checked against sentences, some sentences for each word of the terms are kept, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from ..errors import CorpusError
from ..shapes import Array
from ..text.corpus import Pair, Skipped, locate, read_pairs
from ..text.shares import number_of
from ..text.token_store import corpus_hash
from .attestation import NOT_ATTESTED, Attestation, words_of
from .cleaning import clean_pair
from .doubles import SeenNumbers
from .filters import DOUBLE, NEAR_DOUBLE, letters_of, reason_to_drop, rules_of
from .output_files import PairFiles, file_facts, pair_line, whole_folder
from .recipe import CorpusRecipe, Recipe
from .report import CorpusCounts, FileFacts, Report
from .scores import agreement, least_score, read_scores
from .splits import HeldOut
from .variants import Sample, Sides, variant_of

_AT_ONCE = 8192
REPORT = "report"


class Preparation:
    """Carries out a recipe.

    Args:
        recipe: to carry out.
        folder: the folder that relative paths of corpora and scores start from; None for the
            working folder.
        beside: the folder that paths with ``./`` in front start from, usually the recipe's; None
            for ``folder``.
        is_reverse: whether to write French-English pairs instead of English-French ones.
        tell: called with a sentence about each corpus.
    """

    def __init__(
        self,
        recipe: Recipe,
        folder: Path | None = None,
        *,
        beside: Path | None = None,
        is_reverse: bool = False,
        tell: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self.recipe, self.tell = recipe, tell
        self.folder, self.beside = folder, folder if beside is None else beside
        self.sides = Sides("fr", "en") if is_reverse else Sides("en", "fr")
        self.direction = "-".join(self.sides)
        self.held_out = HeldOut(recipe.held_out.share, recipe.held_out.most_pairs)
        self._is_reverse = is_reverse
        self._seen_pairs: dict[str, SeenNumbers] = {}
        self._samples: dict[str, Sample] = {}
        self._attestation: Attestation | None = None

    def write(self, out: Path) -> Report:
        """Write all files into a folder, which appears only when it is complete.

        Raises:
            CorpusError: a corpus or its scores cannot be read, a corpus has no pairs left, or the
                folder is not empty.
        """
        rows = []
        with whole_folder(out) as draft:
            with PairFiles(draft, self.direction) as files:
                for corpus in self.recipe.corpus:
                    counts, sha256 = self._write_corpus(corpus, files)
                    rows.append((corpus, counts, sha256))
            report = Report(
                direction=self.direction,
                recipe=self.recipe.to_dict(),
                corpora=tuple(rows),
                outputs=files.facts(),
                held_out=tuple(self._write_held_out(draft)),
            )
            (draft / f"{REPORT}.json").write_text(report.to_json(), encoding="utf-8")
            (draft / f"{REPORT}.md").write_text(report.to_markdown(), encoding="utf-8")
        return report

    def _locate(self, path: str) -> str:
        """Return a corpus with its relative paths resolved."""
        return locate(path, self.beside if path.startswith("./") else self.folder)

    def _write_corpus(self, corpus: CorpusRecipe, files: PairFiles) -> tuple[CorpusCounts, str]:
        """Write the pairs of a corpus and their variants; return its counts and SHA-256."""
        path = self._locate(corpus.path)
        sample = self._sample(corpus) if corpus.variants.several else None
        counts = CorpusCounts()
        earlier = self._seen_pairs.setdefault(corpus.output, SeenNumbers())
        for pairs in self._new_pairs(corpus, counts, earlier):
            training = self._without_held_out(corpus, pairs, counts)
            oriented = [self._orient(pair) for pair in training]
            files.write(corpus.output, oriented)
            variants = self._variants(corpus, oriented, sample, counts)
            files.write(corpus.variants.output or corpus.output, variants)
        if not counts.trained:
            raise CorpusError(
                f"No pair of {path} is left to train on: of {counts.read:,}, {counts.held_out:,} "
                f"are held out and {counts.dropped_pairs.total():,} have a reason to be left out "
                f"({dict(counts.dropped_pairs)}). Leave the corpus out, or mend it."
            )
        self.tell(
            f"{corpus.path}: {counts.read:,} pairs, {counts.trained:,} kept, "
            f"{counts.variants.total():,} variants, {counts.held_out:,} held out, "
            f"{counts.dropped_pairs.total():,} left out"
        )
        return counts, corpus_hash(path)

    def _good_pairs(self, corpus: CorpusRecipe, counts: CorpusCounts) -> Iterator[Pair]:
        """Yield the clean pairs of a corpus that have no reason to be dropped."""
        pairs = self._plausible_pairs(corpus, counts)
        if not corpus.attested:
            yield from pairs
            return
        attestation = self._attest()
        for pair in pairs:
            if attestation.covers(pair):
                yield pair
            else:
                counts.dropped_pairs[NOT_ATTESTED] += 1

    def _attest(self) -> Attestation:
        """Return the attestation of terms by sentences; they are read at the first call."""
        if self._attestation is None:
            settings = self.recipe.attestation
            attestation = Attestation(
                self._english_words_of_terms(attested=True),
                other_words=self._english_words_of_terms(attested=False),
                least_share=settings.least_share,
                most_sentences=settings.most_sentences,
            )
            for number, output in enumerate(settings.corpora):
                attestation.add(number, self._different_sentences(output))
            self._attestation = attestation
        return self._attestation

    def _english_words_of_terms(self, *, attested: bool) -> set[str]:
        return {
            word
            for row in self.recipe.corpus
            if row.content == "terms" and row.attested == attested
            for pair in self._plausible_pairs(row, CorpusCounts())
            for word in words_of(pair.source)
        }

    def _different_sentences(self, output: str) -> Iterator[Pair]:
        earlier = SeenNumbers()
        for row in self.recipe.corpus:
            if row.output == output and row.content == "sentences":
                for pairs in self._new_pairs(row, CorpusCounts(), earlier):
                    yield from (pair for pair in pairs if not self.held_out.covers(pair.source))

    def _plausible_pairs(self, corpus: CorpusRecipe, counts: CorpusCounts) -> Iterator[Pair]:
        """Yield the clean pairs of a corpus that pass the rules and scores."""
        path = self._locate(corpus.path)
        rules = rules_of(corpus.filters, corpus.most_words)
        is_sentence = corpus.content == "sentences"
        bad_lines = Skipped()
        is_low = self._low_scores(corpus, path)
        pairs = read_pairs(path, skipped=bad_lines if corpus.skip_bad_lines else None)
        for number, raw in enumerate(pairs):
            counts.read += 1
            reason = is_low(number)
            if reason is None:
                pair = clean_pair(Pair(raw.source, _first_alternative(raw.target, corpus)))
                reason = reason_to_drop(pair, rules, is_sentence=is_sentence)
            if reason is None:
                yield pair
            else:
                counts.dropped_pairs[reason] += 1
        counts.read += bad_lines.total
        counts.dropped_pairs.update(bad_lines.reasons)

    def _low_scores(self, corpus: CorpusRecipe, path: str) -> Callable[[int], str | None]:
        """Return a function from a pair's number to the reason to drop it by its score, or None."""
        if not corpus.scores:
            return lambda number: None
        sha256 = corpus_hash(path)
        files = [self._locate(name) for name in corpus.scores]
        each = [read_scores(file, corpus.path, sha256) for file in files]
        return _score_reasons(each, corpus, files)

    def _new_pairs(
        self, corpus: CorpusRecipe, counts: CorpusCounts, earlier: SeenNumbers
    ) -> Iterator[list[Pair]]:
        """Yield pairs in chunks, without doubles of each other or of earlier pairs."""
        pairs = self._good_pairs(corpus, counts)
        is_near = NEAR_DOUBLE in corpus.filters
        while chunk := list(islice(pairs, _AT_ONCE)):
            keys = map(letters_of, chunk) if is_near else chunk
            is_new = earlier.add(number_of(*key) for key in keys)
            new = [pair for pair, flag in zip(chunk, is_new, strict=True) if flag]
            if len(new) < len(chunk):
                counts.dropped_pairs[NEAR_DOUBLE if is_near else DOUBLE] += len(chunk) - len(new)
            yield new

    def _without_held_out(
        self, corpus: CorpusRecipe, pairs: Sequence[Pair], counts: CorpusCounts
    ) -> list[Pair]:
        training = []
        for pair in pairs:
            if not self.held_out.covers(pair.source):
                training.append(pair)
                continue
            counts.held_out += 1
            if corpus.kind:
                self.held_out.add(corpus.kind, pair)
        counts.trained += len(training)
        return training

    def _orient(self, pair: Pair) -> Pair:
        return Pair(pair.target, pair.source) if self._is_reverse else pair

    def _sample(self, corpus: CorpusRecipe) -> Sample:
        """Return pairs to join into lines of several sentences, from all corpora of an output."""
        if corpus.output not in self._samples:
            pairs = (
                self._orient(pair)
                for row in self.recipe.corpus
                if row.output == corpus.output
                for pair in self._good_pairs(row, CorpusCounts())
                if not self.held_out.covers(pair.source)
            )
            self._samples[corpus.output] = Sample(pairs, self.recipe.seed)
        return self._samples[corpus.output]

    def _variants(
        self,
        corpus: CorpusRecipe,
        pairs: Sequence[Pair],
        sample: Sample | None,
        counts: CorpusCounts,
    ) -> list[Pair]:
        shares = corpus.variants.shares
        variants = []
        for pair in pairs if shares else ():
            variant = variant_of(pair, self.sides, shares, self.recipe.seed, sample)
            if variant is not None:
                counts.variants[variant[0]] += 1
                variants.append(variant[1])
        return variants

    def _write_held_out(self, draft: Path) -> Iterator[FileFacts]:
        for kind, part, pairs in self.held_out.sets():
            path = draft / f"{kind}.{part}.{self.direction}.tsv"
            lines = (pair_line(self._orient(pair)) for pair in pairs)
            path.write_text("".join(lines), encoding="utf-8", newline="\n")
            yield file_facts(path, len(pairs))


def _first_alternative(target: str, corpus: CorpusRecipe) -> str:
    for before, after in corpus.replace:
        target = target.replace(before, after)
    return target.split(corpus.alternatives)[0] if corpus.alternatives else target


def _score_reasons(
    each: Sequence[Array], corpus: CorpusRecipe, files: Sequence[str]
) -> Callable[[int], str | None]:
    if len({len(scores) for scores in each}) > 1:
        lengths = " and ".join(f"{len(scores):,}" for scores in each)
        raise CorpusError(
            f"{' and '.join(files)} have {lengths} scores, and each must have one for each line of "
            f"{corpus.path}. Make the shorter one anew with clearhead score."
        )
    scores = agreement(each)
    least = least_score(scores, corpus.best_share)

    def reason(number: int) -> str | None:
        if number >= len(scores):
            raise CorpusError(
                f"{' and '.join(files)}: there are {len(scores):,} scores and more pairs in "
                f"{corpus.path}. Make them anew with clearhead score."
            )
        score = scores[number]
        if np.isnan(score):
            return "no score"
        return "low score" if score < least else None

    return reason
