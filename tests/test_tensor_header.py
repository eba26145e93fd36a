"""A flipped bit in a tensor, or in what belongs to a file, is seen where the file has checksums."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from clearhead.file_reading import FileProblem
from clearhead.json_fields import canonical_json
from clearhead.tensor_file import TensorFile
from clearhead.tensor_header import CHECKSUMS, Checksums, checksum_metadata

TENSORS = {"a": np.arange(12, dtype=np.float32).reshape(3, 4), "b": np.array([True, False])}
READERS = {
    "raw": lambda file: file.raw("a"),
    "view": lambda file: file.view("a"),
    "read_as": lambda file: file.read_as("a", np.float64),
    "blocks": lambda file: [block.copy() for _, block in file.blocks("a", 5)],
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "x.safetensors"
    save_file(TENSORS, path, checksum_metadata(TENSORS, notes=b"abc"))
    return path


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("reader", READERS)
def test_whole_tensors_are_read_and_flipped_bits_refused(path: Path, reader: str) -> None:
    with TensorFile(path) as file:
        READERS[reader](file)
        place = file._start + file.tensors["a"].begin + 7
    flip(path, place)
    with TensorFile(path) as file:
        assert file.raw("b").tolist() == [True, False]
        with pytest.raises(FileProblem, match=r"its tensor 'a' is not what was written: the check"):
            READERS[reader](file)


def test_a_file_without_checksums_is_read_as_it_is(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "x")
    with TensorFile(tmp_path / "x") as file:
        assert file.checksums.of("a") is None
        assert file.checksums.belongs("notes", b"anything")


def test_what_belongs_to_a_file(path: Path) -> None:
    with TensorFile(path) as file:
        assert file.checksums.belongs("notes", b"abc")
        assert not file.checksums.belongs("notes", b"abd")
        assert file.checksums.belongs("something else", b"")


def test_a_tensor_that_the_checksums_leave_out(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "x", checksum_metadata({"b": TENSORS["b"]}))
    with TensorFile(tmp_path / "x") as file, pytest.raises(FileProblem, match="lacks 'a'"):
        file.raw("a")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"others": 1}', '{"others": {}, "tensors": []}'])
def test_checksums_that_are_none(text: str) -> None:
    with pytest.raises(FileProblem):
        Checksums({CHECKSUMS: text})


def test_json_without_its_spaces_and_its_order() -> None:
    assert canonical_json({"b": 1, "a": [1.5]}) == b'{"a":[1.5],"b":1}'
