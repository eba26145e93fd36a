"""Text that is written: translations, whole and in shards, prepared text, and scores."""

from __future__ import annotations

from pathlib import Path

from tests.faults import samples
from tests.faults.operations.operation import (
    Operation,
    do,
    folder,
    keep,
    model,
    run,
    shared,
    which,
)

_EARLIER = "what was there before\n"


def share() -> None:
    """Make what the results are compared with."""
    reference = folder() / "reference.txt"
    do(lambda: translate(reference), folder())
    keep("translation", reference.read_text())
    there = folder() / "scored"
    there.mkdir()
    samples.write_recipe(there)
    do(lambda: score(there), there)
    keep("scores", (there / "scores.txt").read_text())


def translate(output: Path) -> None:
    run("translate", "-m", model(), "--max-length", "6", "-i", folder() / "lines.txt", "-o", output)


def _look_at_translation(there: Path) -> str:
    return which((there / "out.txt").read_text(), _EARLIER, shared("translation"))


def _translate_shards(there: Path) -> None:
    from clearhead.batch.job import folder as job_folder

    job_folder._PATIENCE = 0.2  # the other process stands still until this one ends
    for shard in ("1/2", "2/2"):
        run(
            "translate", "-m", model(), "--max-length", "6", "--quiet", "--shard", shard,
            "--resume", "-i", folder() / "lines.txt", "-o", there / "parts",
        )  # fmt: skip


def _look_at_shards(there: Path) -> str:
    """A part that says it is complete is, and all of them are the translation."""
    parts = there / "parts"
    lines = shared("translation").splitlines(keepends=True)
    shares = {1: lines[: len(lines) // 2], 2: lines[len(lines) // 2 :]}
    outputs = sorted(parts.glob("part-*-of-00002.txt")) if parts.exists() else []
    for path in outputs:
        assert path.read_text() == "".join(shares[int(path.name[5:10])]), path.name
    for path in parts.glob("part-*.json") if parts.exists() else ():
        assert path.with_suffix(".txt").exists(), f"{path.name} is of a part that is not there"
    if not (parts / "manifest.json").exists():
        return "earlier"
    assert len(outputs) == 2
    return "new"


def _prepare(there: Path) -> None:
    run("prepare", there / "r.toml", "--data", there, "--out", there / "there")


def _look_at_prepared(there: Path) -> str:
    if not (there / "there").exists():
        return "earlier"
    names = {path.name for path in (there / "there").iterdir()}
    assert names == {"report.json", "report.md", "words.en-fr.tsv.gz"}, names
    return "new"


def score(there: Path) -> None:
    run("score", model(), there / "a.tsv", "--output", there / "scores.txt")


def _begin_a_part_of_scores(there: Path) -> None:
    """As a kill left it: the head, a score, and half of the next."""
    samples.write_recipe(there)
    head, first, second = shared("scores").splitlines(keepends=True)
    (there / "scores.txt.part").write_text(head + first + second[: len(second) // 2])


def _look_at_scores(there: Path) -> str:
    if not (there / "scores.txt").exists():
        return "earlier"
    assert (there / "scores.txt").read_text() == shared("scores")
    return "new"


OPERATIONS = (
    Operation(
        "translate to a file",
        lambda there: (there / "out.txt").write_text(_EARLIER) and None,
        lambda there: translate(there / "out.txt"),
        _look_at_translation,
    ),
    Operation(
        "translate in two shards, and go on",
        lambda there: None,
        _translate_shards,
        _look_at_shards,
        slices=2,
        short_calls=2,
    ),
    Operation("prepare a corpus", samples.write_recipe, _prepare, _look_at_prepared, repeats=False),
    Operation("score a corpus", samples.write_recipe, score, _look_at_scores, repeats=False),
    Operation(
        "score a corpus, going on",
        _begin_a_part_of_scores,
        score,
        _look_at_scores,
        repeats=False,
        short_calls=0,
    ),
)
