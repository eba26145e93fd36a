"""`clearhead evaluate` on translations that exist and on a model's."""

from __future__ import annotations

import gzip
import json

import pytest
from click.testing import CliRunner

from clearhead.cli.evaluate import command
from clearhead.translation.translation import Segment, Translation
from clearhead.translation.translator import Translator

SOURCES = ["A man walks in the street.", "Two dogs play in the white snow."]
REFERENCES = ["Un homme marche dans la rue.", "Deux chiens jouent dans la neige blanche."]


class Oracle:
    """Translates by looking the answer up."""

    def translate(self, texts, **options):
        answers = dict(zip(SOURCES, REFERENCES, strict=True))
        return [Translation(text, (Segment(text, answers[text]),)) for text in texts]


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setattr(Translator, "load", lambda model: Oracle())
    (tmp_path / "en").write_text("\n".join(SOURCES) + "\n")
    (tmp_path / "fr.gz").write_bytes(gzip.compress("\n".join(REFERENCES).encode()))
    pairs = zip(SOURCES, REFERENCES, strict=True)
    (tmp_path / "pairs.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in pairs))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def evaluate(*arguments):
    return CliRunner().invoke(command, arguments)


@pytest.mark.parametrize(
    "where", [["--source", "en", "--reference", "fr.gz"], ["--pairs", "pairs.tsv"]]
)
def test_a_model_is_scored_with_signatures(files, where):
    outcome = evaluate("some-model", *where, "--save", "out.txt")
    assert outcome.exit_code == 0, outcome.output
    assert (files / "out.txt").read_text().splitlines() == REFERENCES
    bleu, precisions, chrf = outcome.stdout.splitlines()
    assert bleu.split()[:2] == ["BLEU", "100.00"]
    assert "case:mixed|eff:no|tok:13a|smooth:exp|version:" in bleu
    assert "100.0/100.0/100.0/100.0" in precisions
    assert chrf.split()[:2] == ["chrF2", "100.00"]
    assert "sentences 2, model some-model" in outcome.stderr


def test_translations_that_exist(files):
    (files / "out.txt").write_text(f"{REFERENCES[0]}\nDeux chats dorment.\n")
    pytest.importorskip("sacremoses")
    outcome = evaluate(
        "--hypotheses", "out.txt", "--reference", "fr.gz", "--multi30k", "fr",
        "--tokenised", "fr", "--json",
    )  # fmt: skip
    assert outcome.exit_code == 0, outcome.output
    result = json.loads(outcome.stdout)
    assert result["sentences"] == 2
    names = [score["name"] for score in result["scores"]]
    assert names == ["BLEU", "chrF2", "tokenised BLEU", "tokenised BLEU"]
    assert all(0 < score["score"] < 100 for score in result["scores"])
    assert result["scores"][2]["signature"].startswith("prepared:moses-tokenize-fr|")
    assert "lowercase+normalise-punctuation" in result["scores"][3]["signature"]


def test_a_limit(files):
    outcome = evaluate("--pairs", "pairs.tsv", "--limit", "1", "--json")
    assert json.loads(outcome.stdout)["sentences"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Say what to score on: --pairs FILE.tsv, or --source FILE --reference FILE."),
        (["--source", "en"], "Say what to score on"),
        (["--pairs", "pairs.tsv", "--source", "en"], "not both"),
    ],
)
def test_what_is_missing_is_said(files, arguments, message):
    outcome = evaluate(*arguments)
    assert outcome.exit_code == 2
    assert message in outcome.output


def test_a_line_that_is_not_utf8_is_named(files):
    (files / "out.txt").write_bytes(b"good\nb\xffd\n")
    outcome = evaluate("--hypotheses", "out.txt", "--reference", "fr.gz")
    assert "out.txt, line 2: byte 2 of the line is not UTF-8" in str(outcome.exception)
