"""The report of a preparation, as Markdown and JSON; equal inputs give equal bytes."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from .recipe import CorpusRecipe

FORMAT = 1


@dataclass
class CorpusCounts:
    """Counts of the pairs of one corpus.

    Attributes:
        read: lines of a file, or rows of a data set.
        dropped_pairs: by reason.
        held_out: good pairs held out of training.
        trained: pairs written to an output, without variants.
        variants: pairs added as variants, by kind.
    """

    read: int = 0
    dropped_pairs: Counter[str] = field(default_factory=Counter)
    held_out: int = 0
    trained: int = 0
    variants: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class FileFacts:
    """Facts about a written file."""

    file: str
    pairs: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Report:
    """The report of a preparation.

    Attributes:
        direction: ``en-fr`` or ``fr-en``.
        recipe: as it was read, with unchanged paths.
        corpora: each with its counts and the SHA-256 of its files.
        outputs: the files to train on.
        held_out: the files to measure on.
    """

    direction: str
    recipe: dict[str, Any]
    corpora: tuple[tuple[CorpusRecipe, CorpusCounts, str], ...]
    outputs: tuple[FileFacts, ...]
    held_out: tuple[FileFacts, ...]

    def to_json(self) -> str:
        """Return the report as JSON."""
        content = {
            "format": FORMAT,
            "direction": self.direction,
            "recipe": self.recipe,
            "corpora": [_corpus_facts(*row) for row in self.corpora],
            "outputs": [vars(row) for row in self.outputs],
            "held_out": [vars(row) for row in self.held_out],
        }
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"

    def to_markdown(self) -> str:
        """Return the report as tables."""
        rows = [
            [
                corpus.path,
                corpus.output,
                f"{counts.read:,}",
                f"{counts.trained:,}",
                f"{counts.variants.total():,}",
                f"{counts.held_out:,}",
                _listed(counts.dropped_pairs),
            ]
            for corpus, counts, _ in self.corpora
        ]
        sources = [
            [corpus.path, _origin(corpus), corpus.licence, corpus.attribution, sha256]
            for corpus, _, sha256 in self.corpora
        ]
        files = (*self.outputs, *self.held_out)
        share = self.recipe["held_out"]["share"]
        return "\n".join(
            [
                f"# Training text, {self.direction}",
                "",
                f"Seed {self.recipe['seed']}; {share:.2%} of the English sentences are held out.",
                "",
                *_table("corpus|output|read:|kept:|variants:|held out:|left out", rows),
                "",
                "## Sources",
                "",
                *_table("corpus|written by|licence|attribution|SHA-256", sources),
                "",
                "## Files",
                "",
                *_table(
                    "file|pairs:|SHA-256",
                    [[row.file, f"{row.pairs:,}", row.sha256] for row in files],
                ),
                "",
            ]
        )


def _corpus_facts(corpus: CorpusRecipe, counts: CorpusCounts, sha256: str) -> dict[str, Any]:
    return {
        "path": corpus.path,
        "output": corpus.output,
        "licence": corpus.licence,
        "attribution": corpus.attribution,
        "synthetic": corpus.synthetic,
        "sha256": sha256,
        "read": counts.read,
        "kept": counts.trained,
        "held_out": counts.held_out,
        "dropped": dict(sorted(counts.dropped_pairs.items())),
        "variants": dict(sorted(counts.variants.items())),
    }


def _origin(corpus: CorpusRecipe) -> str:
    if corpus.synthetic is None:
        return "people"
    side = "English" if corpus.synthetic == "source" else "French"
    return f"people; {side} by a machine"


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{reason} {count:,}" for reason, count in sorted(counts.items())) or "none"


def _table(heads: str, rows: list[list[str]]) -> list[str]:
    """Return the lines of a Markdown table; a colon after a head marks a column of numbers."""
    columns = heads.split("|")
    lines = [
        [column.removesuffix(":") for column in columns],
        ["---:" if column.endswith(":") else "---" for column in columns],
        *([cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows),
    ]
    return [f"| {' | '.join(line)} |" for line in lines]
