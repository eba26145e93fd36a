"""The tool that compares what pages show with what is printed, and renews it."""

from __future__ import annotations

import pytest

from tests.docs import quotes
from tests.docs.quotes import Page, Quote, agrees, check, main, read_quotes, renew, renewed

TEXT = """Words.

```python
names = ["a", "b"]
```

```python
print("\\n".join(names))
```

```text
a
c
```

```console
$ echo one; echo 2.00
one
1.00
$ clearhead explore "A cat."
$ echo quiet > file
$ printf '1\\n2\\n3\\n4\\n'
0
...
5
```
"""


def test_programs_and_commands_are_read_with_their_outputs():
    every = read_quotes(TEXT)
    assert [(quote.name, quote.output) for quote in every] == [
        ('names = ["a", "b"]', None),
        ('print("\\n".join(names))', "a\nc\n"),
        ("echo one; echo 2.00", "one\n1.00\n"),
        ("echo quiet > file", None),
        ("printf '1\\n2\\n3\\n4\\n'", "0\n...\n5\n"),
    ]
    assert [TEXT[quote.start : quote.stop] for quote in every if quote.output] == [
        quote.output for quote in every if quote.output
    ]


def test_what_differs_is_noticed():
    assert agrees("a 1.00\nb ███\nc\n", "a 1.05\nb █\nc\n")
    assert agrees("a\nb\nc\n", "...\nb\n...\n")
    for shown in ("a 2.00\nb\n", "a 1.00\n", "a 1.00\nc\n", "...\nc\n", "a 1.00\nb\nc\n"):
        assert not agrees("a 1.00\nb\n", shown), shown
    quote = Quote("print(1.0)", "1.05\n", 0, 0, command=False)
    assert Page("a.md", exact=False).agrees("1.00\n", quote)
    assert not Page("a.md").agrees("1.00\n", quote)


def test_lines_around_an_elision_are_renewed():
    assert renewed("1\n2\n", "a\n") == "1\n2\n"
    assert renewed("1\n2\n3\n4\n", "a\n...\n") == "1\n...\n"
    assert renewed("1\n2\n3\n4\n", "...\na\nb\n") == "...\n3\n4\n"
    assert renewed("1\n2\n3\n4\n", "...\n") == "...\n"
    assert renewed("1\n2\n3\n4\n", "...\na\n...\n") is None


def test_what_a_person_must_choose_is_named_and_stays():
    text = "```console\n$ a\n...\nb\n...\n$ c\nd\n```\n"
    first, second = read_quotes(text)
    new, by_hand = renew(text, [(first, "1\n2\n"), (second, "3\n4\n")])
    assert new == text.replace("d\n", "3\n4\n")
    assert by_hand == [first]


def test_a_page_is_renewed_until_it_shows_what_is_printed(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(quotes, "ROOT", tmp_path)
    (tmp_path / "page.md").write_text(TEXT, encoding="utf-8")
    page = Page("page.md")
    assert check(page, write=False) == 3
    assert page.text == TEXT
    told = capsys.readouterr().out
    assert "page.md: 2 of 5 print what is shown" in told
    assert "-c" in told
    assert "+b" in told
    assert check(page, write=True) == 0
    assert page.text == TEXT.replace("a\nc\n", "a\nb\n").replace("1.00", "2.00").replace(
        "0\n...\n5\n", "1\n...\n4\n"
    )
    assert check(page, write=False) == 0


def test_programs_that_stand_alone_share_no_names(tmp_path, monkeypatch):
    monkeypatch.setattr(quotes, "ROOT", tmp_path)
    (tmp_path / "page.md").write_text(TEXT, encoding="utf-8")
    with pytest.raises(NameError):
        check(Page("page.md", alone=True), write=False)


def test_a_command_that_fails_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(quotes, "ROOT", tmp_path)
    (tmp_path / "page.md").write_text("```console\n$ echo why >&2; false\n```\n", "utf-8")
    with pytest.raises(RuntimeError, match="ended with status 1:\nwhy"):
        check(Page("page.md"), write=False)


def test_a_page_that_shows_nothing_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["docs/index.md"])
    assert "docs/index.md shows no outputs; these do: README.md" in capsys.readouterr().err
