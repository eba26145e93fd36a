"""The folder of a job: one job alone, begun by many at once, and its manifest."""

from __future__ import annotations

import dataclasses
import json
import pickle

import pytest

from clearhead.batch.job import line_translator, part
from clearhead.batch.job.folder import find_inputs
from clearhead.errors import ConfigError, CorpusError
from tests.batch.job.jobs import output, small_job


def test_a_pickled_job_is_the_same_job(folder, tmp_path):
    job = small_job(folder, tmp_path / "a", count=2)
    job.open()
    job.open()
    content = pickle.dumps(job)
    assert len(content) < 4_000
    other = pickle.loads(content)
    assert other.remaining_parts() == [1, 2]
    other.write_part(2)
    assert job.remaining_parts() == [1]
    assert job.finish() is None
    job.write_part(1)
    manifest = other.finish()
    assert json.loads((job.folder / "manifest.json").read_text("utf-8")) == manifest
    assert manifest["plan"] == job.plan.digest
    assert manifest["settings"]["model"]["sha256"]


def test_a_folder_with_other_things_is_not_written_to(folder, tmp_path):
    job = small_job(folder, tmp_path / "a")
    job.folder.mkdir()
    (job.folder / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"has files that are of no job, such as notes\.txt"):
        job.open()
    (job.folder / "notes.txt").unlink()
    job.open()
    with pytest.raises(ConfigError, match=r"another one: parts\.count was 1 and is 2"):
        dataclasses.replace(job, plan=small_job(folder, tmp_path / "a", count=2).plan).open()


def test_with_torch_any_number_of_shards_gives_the_same_bytes(folder, tmp_path, monkeypatch):
    """Its numbers depend on the texts beside, so whole windows are translated together."""
    pytest.importorskip("torch")
    monkeypatch.setattr(line_translator, "WINDOW", 3)
    monkeypatch.setattr(part, "WINDOW", 3)
    outputs = []
    for count in (1, 2, 3):
        job = small_job(folder, tmp_path / str(count), count=count, engine="torch")
        parts = [job.plan.part(number) for number in range(1, count + 1)]
        assert {stretch.first % 3 for one in parts for stretch in one.stretches} == {0}
        job.open()
        for number in range(1, count + 1):
            job.write_part(number)
        outputs.append(output(job.folder))
    assert outputs[0] == outputs[1] == outputs[2]


def test_inputs_are_files_by_a_name_or_a_pattern_in_order(tmp_path):
    for name in ("b.txt", "a.txt", "c[1].txt", "d.tsv"):
        (tmp_path / name).write_text(name)
    found_names = [path.name for path in find_inputs(f"{tmp_path}/*.txt")]
    assert found_names == ["a.txt", "b.txt", "c[1].txt"]
    assert [path.name for path in find_inputs(f"{tmp_path}/c[1].txt")] == ["c[1].txt"]
    with pytest.raises(CorpusError, match="No file is meant by --input"):
        find_inputs(f"{tmp_path}/*.gz")
