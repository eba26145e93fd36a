"""What a model wrote."""

from __future__ import annotations

from clearhead.tasks.generated_text import GeneratedText


def test_it_prints_as_its_text():
    text = GeneratedText("The", " cat", (5,), ("▁cat",), (-0.5,), -0.5, "length")
    assert str(text) == f"{text}" == " cat"
    assert text.alternatives == ()
