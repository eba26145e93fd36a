"""Corpora as TSV, two files, gzip and data sets; what is wrong with a line is told or counted."""

from __future__ import annotations

import gzip
import re
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from clearhead.errors import CorpusError, MissingExtraError
from clearhead.text.corpus import Pair, Skipped, locate, read_pairs, read_texts


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


PAIRS = [Pair("Hello.", "Bonjour."), Pair("Thanks!", "Merci !"), Pair("", "rien")]
TSV = b"Hello.\tBonjour.\nThanks!\tMerci !\r\n\trien"


@pytest.mark.parametrize("name", ["pairs.tsv", "pairs.tsv.gz"])
def test_tsv(tmp_path: Path, name: str) -> None:
    assert list(read_pairs(write(tmp_path / name, TSV))) == PAIRS


@pytest.mark.parametrize(("source", "target"), [("a.en", "a.fr"), ("a.en.gz", "a.fr")])
def test_two_files(tmp_path: Path, source: str, target: str) -> None:
    write(tmp_path / source, b"Hello.\nThanks!\n\n")
    write(tmp_path / target, b"Bonjour.\r\nMerci !\nrien\n")
    assert list(read_pairs(f"{tmp_path / source},{tmp_path / target}")) == PAIRS


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    text = "a\x0bb\x0c\x1c\u2028c\u0085\td\re\n"
    path = write(tmp_path / "pairs.tsv", text.encode())
    assert list(read_pairs(path)) == [Pair("a\x0bb\x0c\x1c\u2028c\u0085", "d\re")]


@pytest.mark.parametrize(
    ("line", "complaint", "reason"),
    [
        (b"no tab here", "expected a source, one tab and a target; it has no tab", "no tab"),
        (b"a\tb\tc", "it has 2 tabs", "2 tabs"),
        (b"", "it has no tab", "no tab"),
        (b"caf\xe9\tcafe", "byte 4 of the line is not UTF-8", "not UTF-8"),
    ],
)
@pytest.mark.parametrize("name", ["pairs.tsv", "pairs.tsv.gz"])
def test_a_bad_line_is_told_or_counted(
    tmp_path: Path, name: str, line: bytes, complaint: str, reason: str
) -> None:
    path = write(tmp_path / name, b"Hello.\tBonjour.\n" + line + b"\nThanks!\tMerci !\n")
    pairs = read_pairs(path)
    assert next(pairs) == PAIRS[0]
    with pytest.raises(CorpusError) as error_info:
        next(pairs)
    assert str(error_info.value).startswith(f"{path}, line 2: ")
    assert complaint in str(error_info.value)
    assert "skip_bad_lines" in str(error_info.value)
    skip_counts = Skipped()
    assert list(read_pairs(path, skipped=skip_counts)) == PAIRS[:2]
    assert skip_counts.reasons == {reason: 1}
    assert str(skip_counts) == f"1 line skipped: 1 {reason}"


@pytest.mark.parametrize(("bad", "line"), [("fr", 2), ("en", 1)])
def test_bad_bytes_in_two_files_name_the_right_file(tmp_path: Path, bad: str, line: int) -> None:
    for name in ("en", "fr"):
        rows = [b"a", b"b", b"c"]
        if name == bad:
            rows[line - 1] = b"\xff"
        write(tmp_path / name, b"\n".join(rows))
    corpus = f"{tmp_path / 'en'},{tmp_path / 'fr'}"
    place = re.escape(f"{tmp_path / bad}, line {line}: byte 1 ")
    with pytest.raises(CorpusError, match=place):
        list(read_pairs(corpus))
    skip_counts = Skipped()
    assert len(list(read_pairs(corpus, skipped=skip_counts))) == 2
    assert skip_counts.reasons == {"not UTF-8": 1}


@pytest.mark.parametrize(("short", "long"), [("en", "fr"), ("fr", "en")])
def test_unequal_line_counts(tmp_path: Path, short: str, long: str) -> None:
    write(tmp_path / short, b"a\nb\n")
    write(tmp_path / long, b"a\nb\nc\nd\n")
    corpus = f"{tmp_path / 'en'},{tmp_path / 'fr'}"
    with pytest.raises(CorpusError) as error_info:
        list(read_pairs(corpus))
    assert str(error_info.value).startswith(f"{tmp_path / long}, line 3: ")
    assert f"{tmp_path / short} ends after line 2" in str(error_info.value)
    skip_counts = Skipped()
    assert list(read_pairs(corpus, skipped=skip_counts)) == [Pair("a", "a"), Pair("b", "b")]
    assert skip_counts.reasons == {"without a partner": 2}


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no corpus file .*absent\.tsv"):
        next(read_pairs(tmp_path / "absent.tsv"))


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="cannot be read after line 0"):
        next(read_pairs(tmp_path))


def noisy_lines(count: int) -> bytes:
    """Text that gzip cannot shrink to one block."""
    return b"".join(b"%d\t%d\n" % (i * i % 99991, i * 7919 % 65537) for i in range(count))


def test_cut_gzip_is_an_error_even_where_bad_lines_are_skipped(tmp_path: Path) -> None:
    whole = gzip.compress(noisy_lines(5000))
    path = tmp_path / "pairs.tsv.gz"
    path.write_bytes(whole[: len(whole) // 2])
    skip_counts = Skipped()
    with pytest.raises(CorpusError, match=r"pairs\.tsv\.gz cannot be read after line [1-9]\d*: "):
        list(read_pairs(path, skipped=skip_counts))
    assert not skip_counts.total


def test_damaged_gzip(tmp_path: Path) -> None:
    damaged = bytearray(gzip.compress(noisy_lines(5000)))
    damaged[len(damaged) // 2 : len(damaged) // 2 + 40] = bytes(range(40))
    path = tmp_path / "pairs.tsv.gz"
    path.write_bytes(damaged)
    with pytest.raises(CorpusError, match="cannot be read after line"):
        list(read_pairs(path))
    path.write_bytes(b"Hello.\tBonjour.\n")
    with pytest.raises(CorpusError, match="after line 0: Not a gzipped file"):
        list(read_pairs(path))


class Hub(ModuleType):
    """What `datasets` is to this project: one function."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        super().__init__("datasets")
        self.rows = rows
        self.requests: list[Any] = []

    def load_dataset(self, *names: Any, **options: Any) -> Iterator[dict[str, Any]]:
        self.requests.append((names, options))
        if names[0] == "absent":
            raise FileNotFoundError("Dataset 'absent' doesn't exist")
        return iter(self.rows)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    rows = [{"id": i, "translation": {"fr": f"f{i}", "en": f"e{i}"}} for i in range(3)]
    module = Hub(rows)
    monkeypatch.setitem(sys.modules, "datasets", module)
    return module


def test_a_data_set(hub: Hub) -> None:
    assert list(read_pairs("hub:books")) == [Pair(f"f{i}", f"e{i}") for i in range(3)]
    assert hub.requests == [(("books", None), {"split": "train", "streaming": True})]


def test_a_data_set_in_the_other_direction(hub: Hub) -> None:
    assert list(read_pairs("hub:group/books:en-fr:test:en:fr")) == [
        Pair(f"e{i}", f"f{i}") for i in range(3)
    ]
    assert hub.requests == [(("group/books", "en-fr"), {"split": "test", "streaming": True})]


def test_a_data_set_of_two_columns(hub: Hub) -> None:
    hub.rows = [{"en": "a", "fr": "b"}]
    assert list(read_pairs("hub:columns")) == [Pair("a", "b")]


@pytest.mark.parametrize(
    "row", [{"translation": {"en": "a"}}, {"translation": {"en": "a", "fr": None}}, {"text": "a"}]
)
def test_a_row_that_is_no_pair(hub: Hub, row: dict[str, Any]) -> None:
    hub.rows.insert(1, row)
    with pytest.raises(CorpusError, match="data set books, row 2: expected texts in two columns"):
        list(read_pairs("hub:books"))
    with pytest.raises(CorpusError, match="row 2: expected texts in en and fr"):
        list(read_pairs("hub:books:::en:fr"))
    skip_counts = Skipped()
    assert len(list(read_pairs("hub:books", skipped=skip_counts))) == 3
    assert skip_counts.reasons == {"no pair": 1}


def test_a_data_set_that_cannot_be_opened(hub: Hub) -> None:
    with pytest.raises(CorpusError, match=r"data set absent cannot be opened: .*doesn't exist"):
        list(read_pairs("hub:absent"))
    with pytest.raises(CorpusError, match=r"Write a data set as hub:name\[:.*got hub:a:b:c:d"):
        list(read_pairs("hub:a:b:c:d"))


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError, match=r"'datasets'.*clearhead\[datasets\]"):
        list(read_pairs("hub:books"))


def test_nothing_skipped_says_so() -> None:
    assert str(Skipped()) == "no line skipped"


def peak_of_reading(path: Path, lines: int) -> int:
    with gzip.open(path, "wb", compresslevel=1) as file:
        for i in range(lines):
            file.write(b"source sentence %d\ttarget sentence %d\n" % (i, i))
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_pairs(path)) == lines
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_corpus(tmp_path: Path) -> None:
    small = peak_of_reading(tmp_path / "small.tsv.gz", 10_000)
    large = peak_of_reading(tmp_path / "large.tsv.gz", 100_000)
    assert large < 1.2 * small


def test_relative_paths_begin_at_the_data_folder() -> None:
    folder = Path("there")
    assert locate("a.tsv", folder) == "there/a.tsv"
    assert locate("a.en,b.fr", folder) == "there/a.en,there/b.fr"
    assert locate("/root.tsv", folder) == "/root.tsv"
    assert locate("hub:books", folder) == "hub:books"
    assert locate("a.tsv", None) == "a.tsv"


TEXT = b"One line,\r\nand another.\n\n \nA paragraph.\n\n"


@pytest.mark.parametrize(
    ("unit", "texts"),
    [
        ("line", ["One line,", "and another.", "A paragraph."]),
        ("paragraph", ["One line,\nand another.", "A paragraph."]),
        ("file", ["One line,\nand another.\n\n\nA paragraph."]),
    ],
)
@pytest.mark.parametrize("name", ["some.txt", "some.txt.gz"])
def test_texts_of_each_unit(tmp_path: Path, name: str, unit: str, texts: list[str]) -> None:
    path = write(tmp_path / name, TEXT)
    assert list(read_texts(path, unit)) == texts
    other = write(tmp_path / "other.txt", b"More.")
    assert list(read_texts(f"{path},{other}", unit)) == [*texts, "More."]


def test_a_line_of_text_that_is_none(tmp_path: Path) -> None:
    path = write(tmp_path / "some.txt", b"good\n\xff\nbetter\n")
    with pytest.raises(CorpusError, match=r"some\.txt, line 2: byte 1 of the line is not UTF-8"):
        list(read_texts(path))
    counts = Skipped()
    assert list(read_texts(path, skip_counts=counts)) == ["good\nbetter"]
    assert counts.reasons == {"not UTF-8": 1}
    with pytest.raises(CorpusError, match="hub:some is a data set, and texts are read from files"):
        list(read_texts("hub:some"))


def test_a_compressed_file_without_a_byte_is_no_empty_corpus(tmp_path: Path) -> None:
    (tmp_path / "a.tsv.gz").touch()
    with pytest.raises(
        CorpusError, match=r"a\.tsv\.gz holds not a byte, and even nothing takes 20"
    ):
        list(read_pairs(str(tmp_path / "a.tsv.gz")))


def test_the_attribution_of_manythings_is_no_third_column(tmp_path: Path) -> None:
    origin = "CC-BY 2.0 (France) Attribution: tatoeba.org #1 (Ann) & #2 (Bob)"
    path = write(tmp_path / "fra.txt", f"Good night.\tBonne nuit.\t{origin}\n".encode())
    assert list(read_pairs(path)) == [Pair("Good night.", "Bonne nuit.")]
    path = write(tmp_path / "other.txt", b"Good night.\tBonne nuit.\tGute Nacht.\n")
    with pytest.raises(CorpusError, match="it has 2 tabs; of more columns choose two"):
        list(read_pairs(path))
