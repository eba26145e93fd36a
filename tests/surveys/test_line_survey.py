"""A survey in parts: the same bytes for any parts and kills, and what is said of bad lines."""

from __future__ import annotations

import json
import shutil
import sys

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from clearhead.batch.job import part as part_module
from clearhead.batch.job.folder import Job, survey_inputs
from clearhead.batch.job.plan import Plan
from clearhead.errors import ConfigError, CorpusError, MissingExtraError
from clearhead.surveys import HeadStatistics, HeadSurvey
from clearhead.surveys.line_survey import LineSurvey
from tests.batch.job.jobs import contents
from tests.batch.job.test_part import work, work_until_killed
from tests.surveys.surveys import LINES, Reader, survey_job

FILES = ("heads.json", "heads.csv")


@pytest.fixture(autouse=True)
def small_windows(monkeypatch):
    monkeypatch.setattr(part_module, "WINDOW", 3)


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    job = survey_job(tmp_path_factory.mktemp("whole"))
    work(job)
    return contents(job.folder)


def test_a_survey_has_every_good_line_once_and_says_which_it_rejected(expected):
    content = json.loads(expected["heads.json"])
    assert (content["texts"], content["rejects"]) == (len(LINES) - 2, 2)
    rejects = [
        json.loads(one) for one in expected["part-00001-of-00001.rejects.jsonl"].splitlines()
    ]
    assert rejects == [
        {"file": "in.txt", "line": 2, "reason": "it is empty"},
        {"file": "in.txt", "line": 4, "reason": "it is not valid UTF-8: byte 5 is 0xff"},
    ]
    texts = [line.decode().rstrip("\r") for line in LINES if line and b"\xff" not in line]
    alone = HeadStatistics.of(Reader().digest, [Reader().read(text) for text in texts])
    assert expected["part-00001-of-00001.heads.json"] == alone.to_bytes() + b"\n"
    manifest = json.loads(expected["manifest.json"])
    assert [one["name"] for one in manifest["results"]] == list(FILES)


@pytest.mark.parametrize("count", [2, 3, 10, 13])
def test_any_number_of_parts_gives_the_same_bytes(tmp_path, expected, count):
    job = survey_job(tmp_path, count)
    assert work(job)["rejects"] == 2
    for name in FILES:
        assert (job.folder / name).read_bytes() == expected[name]


def test_killed_before_every_call_it_goes_on_to_the_same_bytes(tmp_path, expected):
    job = survey_job(tmp_path)
    kills = 0
    while not work_until_killed(job, kills + 1):
        kills += 1
        work(job)
        assert contents(job.folder) == expected, f"killed before call {kills}"
        shutil.rmtree(job.folder)
    assert kills > 30


def test_killed_again_and_again_it_comes_to_its_end(tmp_path, expected):
    job, attempts = survey_job(tmp_path), 1
    while not work_until_killed(job, 16):
        attempts += 1
        assert attempts < 20
    assert attempts >= 3
    assert contents(job.folder) == expected


def test_another_model_or_input_is_refused_with_what_it_was(tmp_path):
    job = survey_job(tmp_path)
    work(job)
    other = LineSurvey(Reader(digest="cd" * 32), table="csv", picture="none")
    plan = Plan.of_shards(job.plan.surveys, other.settings, 1)
    with pytest.raises(ConfigError, match=r'model.sha256 was "abab.* and is "cdcd'):
        Job(job.folder, plan, other).open()
    (tmp_path / "in.txt").write_bytes(b"others")
    with pytest.raises(ConfigError, match=r"inputs\[in\.txt\]\.bytes was \d+ and is 6"):
        survey_job(tmp_path).open()
    for path in (job.files(1).manifest, job.files(1).output):
        path.unlink()
    (tmp_path / "in.txt").write_bytes(b"\n".join(LINES).replace(b"old", b"new"))
    with pytest.raises(CorpusError, match="was changed while part 1 was surveyed"):
        job.write_part(1)


def test_of_a_finished_survey_there_may_be_another_table_any_time(tmp_path):
    job = survey_job(tmp_path, table="none")
    work(job)
    assert not (job.folder / "heads.csv").exists()
    job = survey_job(tmp_path)
    assert job.remaining_parts() == []
    work(job)
    assert (job.folder / "heads.csv").exists()


def test_without_a_good_line_the_files_are_empty_and_no_picture_is_drawn(tmp_path):
    (tmp_path / "in.txt").write_bytes(b"\n\xff\n")
    job = survey_job(tmp_path, picture="svg")
    assert work(job)["rejects"] == 2
    assert json.loads((job.folder / "heads.json").read_text("utf-8"))["heads"] == []
    assert not (job.folder / "heads.svg").exists()


@pytest.mark.parametrize(
    ("more", "words"),
    [({"table": "xls"}, "A table is one of parquet, csv, none; 'xls' came"),
     ({"picture": "gif"}, "A picture is one of png, svg, none; 'gif' came"),
     ({"target_column": 2}, "Targets are in column 2; name another one for the texts"),
     ({"column": 2, "target_column": 2}, "name another one for the texts")],
)  # fmt: skip
def test_options_that_do_not_fit_are_refused(more, words):
    with pytest.raises(ConfigError, match=words):
        LineSurvey(Reader(), **{"table": "csv", "picture": "none", **more})


def test_what_writes_a_file_is_asked_for_before_the_work(monkeypatch):
    for module in ("pyarrow", "matplotlib"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r'"clearhead\[parquet\]"'):
        LineSurvey(Reader())
    with pytest.raises(MissingExtraError, match=r'"clearhead\[plots\]"'):
        LineSurvey(Reader(), table="csv")


def test_pairs_are_two_columns_of_a_line(tmp_path):
    (tmp_path / "in.txt").write_bytes(b"one\tun\ntwo\nthree\ttrois\n")
    job = survey_job(tmp_path, column=1, target_column=2)
    assert work(job)["rejects"] == 1
    (reject,) = (job.folder / "part-00001-of-00001.rejects.jsonl").read_bytes().splitlines()
    assert json.loads(reject)["reason"] == "it has no column 2; it has 1"
    pairs = [Reader().read("one", "un"), Reader().read("three", "trois")]
    alone = HeadStatistics.of(Reader().digest, pairs).to_bytes()
    assert job.files(1).output.read_bytes() == alone + b"\n"


def test_a_real_model_gives_the_same_bytes_in_any_parts(folder, tmp_path):
    source = tmp_path / "in.txt"
    source.write_text("\n".join(["hello world", "the street " * 40, "la rue", "red", "animal"]))
    files = []
    for count in (1, 3):
        survey = LineSurvey(HeadSurvey(folder("gpt2")), table="csv", picture="none")
        plan = Plan.of_shards(survey_inputs([source]), survey.settings, count)
        job = Job(tmp_path / str(count), plan, survey)
        assert work(job)["rejects"] == 1
        files.append([(job.folder / name).read_bytes() for name in FILES])
    assert files[0] == files[1]
    alone = HeadSurvey(folder("gpt2")).accumulate(["hello world", "la rue", "red", "animal"])
    assert (tmp_path / "1" / "part-00001-of-00001.heads.json").read_bytes() == (
        alone.to_bytes() + b"\n"
    )
