"""The command compares models in one table and keeps no machine's paths."""

from __future__ import annotations

import json

import pytest

from benchmarks.translation_quality import __main__ as quality
from clearhead.errors import ConfigError, CorpusError


def test_two_models_stand_beside_each_other(tmp_path, capsys, monkeypatch):
    pytest.importorskip("sacrebleu")

    class Translator:
        def __init__(self, place):
            self.place = place

        def translate(self, sources, *, beam_size):
            assert beam_size == 2
            french = "Bonjour." if "new" in self.place else "Il ira."
            return [type("Translation", (), {"text": french})() for _ in sources]

    monkeypatch.setattr(quality.Translator, "load", Translator)
    (tmp_path / "words").write_text("il\nira\n")
    (tmp_path / "list.toml").write_text('[greetings]\n"Hello." = ["Bonjour."]\n')
    (tmp_path / "set.tsv").write_text("Hello.\tBonjour.\nHi.\tSalut.\n")
    quality.main(
        [
            *("old", f"{tmp_path}/new", "--beam", "2", "--pairs", f"small={tmp_path}/set.tsv"),
            *("--list", f"{tmp_path}/list.toml", "--word-list", f"{tmp_path}/words"),
            *("--output", f"{tmp_path}/results", "--json"),
        ]
    )
    result = json.loads(capsys.readouterr().out)
    tables = {table["title"]: table for table in result["tables"]}
    assert tables["Against references"]["header"][2:] == [
        *("BLEU, old", "chrF2, old", "BLEU, new", "chrF2, new")
    ]
    assert tables["Everyday sentences"]["rows"][0] == ["all", "1", "0 (0%)", "1 (100%)"]
    assert tables["Everyday sentences that are not accepted"]["rows"] == [
        ["Hello.", "Il ira.", "right", "Bonjour."]
    ]
    assert result["models"]["old"]["pairs"]["small"]["lines"] == 2
    kept = "".join(path.read_text() for path in (tmp_path / "results").iterdir())
    assert '"Il ira."' in kept
    assert str(tmp_path) not in kept


def test_the_bundled_model_is_judged_by_default(capsys, tmp_path):
    (tmp_path / "words").write_text("il\n")
    quality.main(["--quick", "--json", "--beam", "1", "--word-list", f"{tmp_path}/words"])
    result = json.loads(capsys.readouterr().out)
    assert result["models"]["en-fr"]["everyday"]["sentences"] == quality.QUICK_SENTENCES
    assert "MISSED" in result["verdicts"][0] or "reached" in result["verdicts"][0]


def test_models_have_names_of_their_own():
    assert quality.models_of(["en-fr", "new=a/b"]) == {"en-fr": "en-fr", "new": "a/b"}
    assert quality.models_of(["a/b/"]) == {"b": "a/b/"}
    with pytest.raises(ConfigError, match="Two models are called b: write before=FOLDER"):
        quality.models_of(["a/b", "c/b"])


def test_a_missing_word_list_and_a_wrong_count_are_refused(tmp_path):
    with pytest.raises(CorpusError, match="apt install wfrench"):
        quality.main(["--word-list", f"{tmp_path}/none"])
    with pytest.raises(ConfigError, match="--lines must be at least 1; it is 0"):
        quality.main(["--lines", "0"])
