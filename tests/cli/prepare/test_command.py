from __future__ import annotations

import pytest
from click.testing import CliRunner

from clearhead.cli.main import main
from clearhead.cli.prepare.command import command

RECIPE = """
[held_out]
share = 0.0
[[corpus]]
path = "a.tsv"
output = "words"
licence = "CC0"
attribution = "us"
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "r.toml").write_text(RECIPE)
    (tmp_path / "a.tsv").write_text("It is late.\tIl est tard!\n")
    return tmp_path


def test_a_folder_of_text_and_its_report(folder):
    out = folder / "out"
    arguments = [str(folder / "r.toml"), "--data", str(folder), "--out", str(out)]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert result.stdout == f"{out}\n"
    assert result.stderr == "a.tsv: 1 pairs, 1 kept, 0 variants, 0 held out, 0 left out\n"
    names = ["report.json", "report.md", "words.en-fr.tsv.gz"]
    assert sorted(path.name for path in out.iterdir()) == names


def test_text_that_is_kept_beside_its_recipe(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("data")
    (folder / "r.toml").write_text(RECIPE.replace('"a.tsv"', '"./a.tsv"'))
    arguments = [str(folder / "r.toml"), "--data", str(elsewhere), "--out", str(folder / "out")]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.stderr.startswith("./a.tsv: 1 pairs, 1 kept")
    assert str(folder) not in (folder / "out" / "report.json").read_text()


def test_the_other_direction(folder):
    arguments = [str(folder / "r.toml"), "--data", str(folder), "--out", str(folder / "out")]
    CliRunner().invoke(command, [*arguments, "--reverse"], catch_exceptions=False)
    assert (folder / "out" / "words.fr-en.tsv.gz").is_file()


def test_what_is_wrong_is_one_message(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    for arguments, message in (
        (["none.toml", "--out", "out"], "There is no recipe none.toml"),
        (["r.toml", "--out", "."], "exists and is not empty"),
    ):
        with pytest.raises(SystemExit) as end:
            main(["prepare", *arguments])
        assert end.value.code == 2
        assert message in capsys.readouterr().err
