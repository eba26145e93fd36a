"""What commands on corpora share: shards, columns, how far one is, and what is told at the end."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from clearhead.cli.parts import LineCounter, Shard, check_columns, tell_products


def test_a_shard_is_a_number_of_a_count():
    assert Shard().convert("2/8", None, None) == (2, 8)
    for text in ("0/3", "4/3", "1", "a/b", "1/2/3"):
        with pytest.raises(click.BadParameter, match="is no shard such as 2/8"):
            Shard().convert(text, None, None)


def test_a_file_with_columns_needs_one():
    check_columns([Path("a.tsv.gz")], 1)
    check_columns([Path("a.txt")], None)
    with pytest.raises(click.UsageError, match=r"a\.tsv\.gz has columns"):
        check_columns([Path("a.tsv.gz")], None)


def test_rejects_are_told_however_quiet_one_wants_it(capsys):
    LineCounter(True, 9).close(2, "out", "were rejected")
    assert "2 of 9 lines were rejected. Their places and reasons are in out/*.rejects" in (
        capsys.readouterr().err
    )
    LineCounter(True, 9).close(0, "out", "were rejected")
    assert capsys.readouterr().err == ""
    LineCounter(False, 9).close(0, "out", "were rejected")
    assert capsys.readouterr().err == "clearhead: 9 lines, none rejected.\n"


def test_several_products_are_told(capsys):
    tell_products({"products": ["a"]}, "numbers differ")
    assert capsys.readouterr().err == ""
    tell_products({"products": ["a", "b"]}, "numbers differ")
    assert "a and b, because the machines have different processors" in capsys.readouterr().err
