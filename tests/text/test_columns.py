"""Two columns of files that have more, chosen by number or name."""

from __future__ import annotations

from pathlib import Path

import pytest

from clearhead.errors import CorpusError
from clearhead.text.corpus import Pair, Skipped, corpus_files, locate, read_pairs
from tests.text.test_corpus import write

TABLES = {
    "tsv": b"en\tfr\tfrom\nHello.\tBonjour.\tAnn\nThanks!\tMerci !\tBob\n",
    "csv": b'en,fr,from\n"Hello.",Bonjour.,Ann\nThanks!,"Merci !","Bob, ""B"""\n',
}


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_two_columns_of_several_by_name_or_number(tmp_path: Path, kind: str, suffix: str) -> None:
    path = write(tmp_path / f"a{suffix}", TABLES[kind])
    named = list(read_pairs(f"{kind}:{path}:en:fr"))
    assert named == [Pair("Hello.", "Bonjour."), Pair("Thanks!", "Merci !")]
    assert list(read_pairs(f"{kind}:{path}:1:2")) == [Pair("en", "fr"), *named]
    assert list(read_pairs(f"{kind}:{path}:fr:en")) == [Pair(fr, en) for en, fr in named]
    assert locate(f"{kind}:a{suffix}:1:2", tmp_path) == f"{kind}:{path}:1:2"
    assert corpus_files(f"{kind}:{path}:1:2") == [str(path)]
    with pytest.raises(CorpusError, match=r"no column 'frm'; .* Did you mean from\?"):
        list(read_pairs(f"{kind}:{path}:en:frm"))


def test_a_quoted_field_may_have_a_line_of_its_own(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b'"One\ntwo.",x,Un deux.\nThree.,y,Trois.\n')
    assert list(read_pairs(f"csv:{path}:1:3")) == [
        Pair("One\ntwo.", "Un deux."),
        Pair("Three.", "Trois."),
    ]


def test_a_row_with_too_few_columns_is_told_or_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", b"a\tb\tc\nd\te\n\xff\tf\tg\nh\ti\tj\n")
    with pytest.raises(CorpusError, match=r"line 2: expected at least 3 columns; it has 2\. Mend"):
        list(read_pairs(f"tsv:{path}:1:3"))
    counts = Skipped()
    assert list(read_pairs(f"tsv:{path}:1:3", skipped=counts)) == [Pair("a", "c"), Pair("h", "j")]
    assert counts.reasons == {"too few columns": 1, "not UTF-8": 1}
    with pytest.raises(CorpusError, match=r"of more columns choose two with tsv:FILE:1:2"):
        list(read_pairs(path))
    for name in ("tsv:a.txt", "csv:a.csv:1", "tsv::1:2"):
        with pytest.raises(CorpusError, match="Write a file of columns as"):
            read_pairs(name)


@pytest.mark.parametrize("kind", TABLES)
def test_a_mark_of_utf8_is_no_part_of_the_first_name(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "a", b"\xef\xbb\xbf" + TABLES[kind])
    assert next(read_pairs(f"{kind}:{path}:en:fr")) == Pair("Hello.", "Bonjour.")
