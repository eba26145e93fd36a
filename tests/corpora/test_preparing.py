"""A recipe carried out: what comes out, that nothing held out is in it, and in any order."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from clearhead.corpora import preparing
from clearhead.corpora.preparing import Preparation
from clearhead.corpora.recipe import Recipe
from clearhead.corpora.report import Report
from clearhead.corpora.scores import header_line
from clearhead.errors import CorpusError
from clearhead.text.corpus import Pair, read_pairs
from clearhead.text.token_store import corpus_hash, split_position

ANIMALS = ["cat", "dog", "fox", "hen", "owl", "pig", "rat", "bee", "ant", "cow"]
FRENCH = ["chat", "chien", "renard", "poule", "hibou", "porc", "rat", "abeille", "ver", "vache"]
SENTENCES = [
    Pair(f"My {a} likes your {b}.", f"Mon {x} aime ton {y}.")
    for a, x in zip(ANIMALS, FRENCH, strict=True)
    for b, y in zip(ANIMALS, FRENCH, strict=True)
]
WORDS = [Pair(a, x) for a, x in zip(ANIMALS, FRENCH, strict=True)]


def write(path: Path, pairs: list[Pair]) -> None:
    path.write_text("".join(f"{a}\t{b}\n" for a, b in pairs), encoding="utf-8")


def row(path: str, output: str, **changes: Any) -> dict[str, Any]:
    first = {"path": path, "output": output, "licence": "CC0", "attribution": "us"}
    return {**first, **changes}


def prepare(
    folder: Path,
    out: str,
    *rows: dict[str, Any],
    share: float = 0.3,
    attestation: dict[str, Any] | None = None,
    **options: Any,
) -> Report:
    recipe = Recipe.from_dict(
        {
            "seed": 7,
            "held_out": {"share": share},
            "attestation": attestation or {},
            "corpus": list(rows),
        }
    )
    return Preparation(recipe, folder, **options).write(folder / out)


def pairs_of(path: Path) -> list[Pair]:
    return list(read_pairs(path))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of corpora, read some pairs at a time."""
    monkeypatch.setattr(preparing, "_AT_ONCE", 7)
    write(tmp_path / "sentences.tsv", SENTENCES)
    write(tmp_path / "words.tsv", WORDS)
    return tmp_path


def test_nothing_that_is_held_out_is_trained_on(folder: Path) -> None:
    variants = {"output": "typed", "several": 0.5, "lower": 0.3}
    report = prepare(
        folder, "text", row("sentences.tsv", "all", kind="everyday", variants=variants)
    )
    text = folder / "text"
    training, typed = (pairs_of(text / f"{name}.en-fr.tsv.gz") for name in ("all", "typed"))
    development, test = (
        pairs_of(text / f"everyday.{part}.en-fr.tsv") for part in ("development", "test")
    )
    held_out = {pair for pair in SENTENCES if split_position(pair.source) < 0.3}
    assert {*development, *test} == held_out
    assert {*training} == {*SENTENCES} - held_out
    for pair in held_out:
        assert not any(pair.source.lower() in line.source.lower() for line in typed)
    joined = [line for line in typed if line.source.count(".") > 1]
    assert 15 < len(joined) < 55
    assert all(line.source.count(".") == line.target.count(".") for line in joined)
    ((_, counts, _),) = report.corpora
    assert (counts.read, counts.trained, counts.held_out) == (100, len(training), len(held_out))
    assert counts.variants == {"several": len(joined), "lower": len(typed) - len(joined)}


def test_the_order_of_lines_and_corpora_changes_nothing(folder: Path) -> None:
    rows = [
        row("sentences.tsv", "all", kind="everyday", variants={"several": 0.4, "title": 0.4}),
        row("words.tsv", "all", content="terms", variants={"sentence": 0.5}),
    ]
    prepare(folder, "first", *rows)
    prepare(folder, "again", *rows)
    for path in (folder / "first").iterdir():
        assert path.read_bytes() == (folder / "again" / path.name).read_bytes()
    shuffled = random.Random(1).sample(SENTENCES, 100)
    write(folder / "sentences.tsv", shuffled)
    prepare(folder, "other", *reversed(rows))
    first, other = (pairs_of(folder / out / "all.en-fr.tsv.gz") for out in ("first", "other"))
    assert first != other
    assert sorted(first) == sorted(other)
    name = "everyday.test.en-fr.tsv"
    assert (folder / "first" / name).read_bytes() == (folder / "other" / name).read_bytes()


def test_the_other_direction_holds_out_the_same_english(folder: Path) -> None:
    variants = {"no_apostrophes": 0.5, "lower": 0.5}
    write(folder / "sentences.tsv", [*SENTENCES, Pair("The ant.", "L'Ant.")])
    prepare(
        folder, "back", row("sentences.tsv", "all", kind="k", variants=variants), is_reverse=True
    )
    training = pairs_of(folder / "back" / "all.fr-en.tsv.gz")
    assert all(split_position(pair.target) >= 0.3 for pair in training)
    assert any(pair.source.startswith("mon ") for pair in training)  # French is what is typed
    test = pairs_of(folder / "back" / "k.test.fr-en.tsv")
    assert all(0.15 <= split_position(pair.target) < 0.3 for pair in test)


def test_reasons_are_counted(folder: Path) -> None:
    pairs = [
        Pair("It’s a dog.", "C’est un chien!"),
        Pair("It's a dog.", "C'est un chien !"),
        Pair("Its a dog", "C'est un chien."),
        Pair("It's a dog.", "It's the dog."),
        Pair("It's a dog.", " "),
        Pair("a dog", "un ch. / un toutou"),
    ]
    write(folder / "a.tsv", pairs)
    with (folder / "a.tsv").open("a") as file:
        file.write("no tab\n")
    changes: dict[str, Any] = {"skip_bad_lines": True, "alternatives": " / "}
    changes["replace"] = [["ch.", "chien"]]
    report = prepare(folder, "exact", row("a.tsv", "all", **changes), share=0)
    ((_, counts, sha256),) = report.corpora
    expected = {"double": 1, "wrong language": 1, "empty side": 1, "no tab": 1}
    assert (counts.read, counts.trained, dict(counts.dropped_pairs)) == (7, 3, expected)
    assert sha256 == corpus_hash(str(folder / "a.tsv"))
    first, _, last = pairs_of(folder / "exact" / "all.en-fr.tsv.gz")
    assert (first, last) == (pairs[1], ("a dog", "un chien"))
    near = prepare(folder, "near", row("a.tsv", "all", filters=["near double"], **changes), share=0)
    assert near.corpora[0][1].dropped_pairs["near double"] == 2
    content = json.loads((folder / "near/report.json").read_text("utf-8"))
    assert content["corpora"][0]["dropped"]["near double"] == 2
    assert "near double 2" in (folder / "near/report.md").read_text("utf-8")


def test_terms_that_sentences_do_not_bear_out_are_left_out(folder: Path) -> None:
    senses = [
        Pair("pig", "goret"),
        Pair("to my likes", "aime"),
        Pair("unicorn", "licorne"),
        Pair("unicorn dog", "chien à corne"),
        Pair("griffin", "griffon"),
        Pair("my cat and my dog", "mon chat et mon chien"),
    ]
    write(folder / "senses.tsv", [*WORDS, *senses])
    write(folder / "names.tsv", [Pair("unicorn face", "tête de licorne")])
    rows = [
        row("senses.tsv", "words", content="terms", attested=True, most_words=3),
        row("names.tsv", "names", content="terms"),
        row("sentences.tsv", "all", kind="everyday"),
        row("sentences.tsv", "more"),
    ]
    settings = {"corpora": ["all", "more"], "least_share": 0.3, "most_sentences": 8}
    report = prepare(folder, "text", *rows, attestation=settings)
    counts = {corpus.output: counts for corpus, counts, _ in report.corpora}
    every = [*WORDS, *senses]
    assert counts["words"].dropped_pairs == {"not attested": 2, "too many words": 1}
    gone = {"goret", "griffon", "mon chat et mon chien"}
    expected = [
        pair for pair in every if pair.target not in gone and split_position(pair.source) >= 0.3
    ]
    assert pairs_of(folder / "text/words.en-fr.tsv.gz") == expected
    assert "not attested 2, too many words 1" in (folder / "text/report.md").read_text("utf-8")
    write(folder / "sentences.tsv", random.Random(1).sample(SENTENCES, 100))
    prepare(folder, "other", *rows, attestation=settings, is_reverse=True)
    other = pairs_of(folder / "other/words.fr-en.tsv.gz")
    assert other == [Pair(pair.target, pair.source) for pair in expected]


def test_sentences_that_are_held_out_attest_nothing(folder: Path) -> None:
    """Else a dictionary would tell a training of its test set."""
    write(folder / "sentences.tsv", [*SENTENCES, Pair("A griffin.", "Un griffon.")])
    write(folder / "senses.tsv", [*WORDS, Pair("griffin", "griffon")])
    rows = [
        row("sentences.tsv", "all"),
        row("senses.tsv", "words", content="terms", attested=True),
    ]
    left_out = []
    for share in (0.0, 0.999):
        recipe = {"held_out": {"share": share}, "attestation": {"corpora": ["all"]}, "corpus": rows}
        work = Preparation(Recipe.from_dict(recipe), folder)
        left_out.append(not work._attest().covers(Pair("griffin", "griffon")))
    assert left_out == [False, True]


def scores(folder: Path, name: str, *values: float | str) -> str:
    header = header_line({"corpus_sha256": corpus_hash(str(folder / "words.tsv"))})
    (folder / name).write_text("\n".join([header, *map(str, values)]) + "\n")
    return name


def test_the_best_share_by_score_stays(folder: Path) -> None:
    forward = scores(folder, "f", -1, -2, -3, -4, -5, -6, -7, -8, "-", -10)
    backward = scores(folder, "b", -9, -2, -3, -4, -5, -6, -7, -8, -1, -10)
    one = row("words.tsv", "all", content="terms", best_share=0.5)
    report = prepare(folder, "one", {**one, "scores": [forward]}, share=0)
    assert pairs_of(folder / "one/all.en-fr.tsv.gz") == WORDS[:4]
    assert report.corpora[0][1].dropped_pairs == {"low score": 5, "no score": 1}
    prepare(folder, "two", {**one, "scores": [forward, backward]}, share=0)
    assert pairs_of(folder / "two/all.en-fr.tsv.gz") == WORDS[1:5]


def test_scores_that_do_not_fit_are_refused(folder: Path) -> None:
    one = row("words.tsv", "all", content="terms", best_share=0.5)
    short, long = scores(folder, "short", -1, -2), scores(folder, "long", *range(10))
    with pytest.raises(CorpusError, match=r"2 and 10 scores.*clearhead score"):
        prepare(folder, "a", {**one, "scores": [short, long]})
    with pytest.raises(CorpusError, match="there are 2 scores and more pairs"):
        prepare(folder, "a", {**one, "scores": [short]})
    write(folder / "words.tsv", WORDS[:5])
    with pytest.raises(CorpusError, match="another corpus"):
        prepare(folder, "a", {**one, "scores": [long]})
    assert not list(folder.glob("a*"))


def test_synthetic_pairs_come_from_two_files_and_stay_apart(folder: Path) -> None:
    (folder / "mono.en").write_text("".join(f"{pair.source}\n" for pair in SENTENCES))
    (folder / "out.fr").write_text("".join(f"{pair.target}\n" for pair in SENTENCES))
    told: list[str] = []
    report = prepare(
        folder,
        "text",
        row("words.tsv", "words", content="terms"),
        row("mono.en,out.fr", "machine", synthetic="target"),
        tell=told.append,
    )
    machine = pairs_of(folder / "text/machine.en-fr.tsv.gz")
    assert all(split_position(pair.source) >= 0.3 for pair in machine)
    assert [facts.file for facts in report.outputs] == [
        "machine.en-fr.tsv.gz",
        "words.en-fr.tsv.gz",
    ]
    assert told[1] == (
        f"mono.en,out.fr: 100 pairs, {len(machine)} kept, 0 variants, {100 - len(machine)} held "
        f"out, 0 left out"
    )
    assert "| mono.en,out.fr | people; French by a machine |" in report.to_markdown()


def test_a_corpus_of_which_nothing_is_left_is_refused(folder: Path) -> None:
    write(folder / "a.tsv", [Pair("", "Oui.")])
    with pytest.raises(CorpusError, match=r"No pair of .*a\.tsv is left.*of 1, 0 are held out"):
        prepare(folder, "text", row("a.tsv", "all"))
    with pytest.raises(CorpusError, match=r"There is no corpus file .*none\.tsv"):
        prepare(folder, "text", row("none.tsv", "all"))
    assert not list(folder.glob("text*"))
