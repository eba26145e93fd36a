"""The limits of a model as its card says them."""

from __future__ import annotations

import pytest

from clearhead.explorer.models.card import limits_of


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("# A\n\n## Limits\n\n- Made for **stories**. It knows [little](x.md)\n  else.\n- More.\n",
         "Made for stories. It knows little else."),
        ("### Bias, Risks, and Limitations\nMay be wrong. It is.\n\nMore.\n## Next",
         "May be wrong. It is."),
        ("## Limits\n" + "A sentence of words. " * 40, " ".join(["A sentence of words."] * 19)),
        ("## Limits\nno full stop", None),
        ("## Use\nAnything. Unlimited.", None),
        ("", None),
    ],
)  # fmt: skip
def test_the_first_sentences_of_the_section(tmp_path, card, expected):
    (tmp_path / "README.md").write_text(card, "utf-8")
    assert limits_of(tmp_path) == expected


def test_a_model_without_a_card_has_none(tmp_path):
    assert limits_of(tmp_path) is None
    assert limits_of(None) is None
    (tmp_path / "README.md").write_bytes(b"\xff\xfe## Limits\nA.")
    assert limits_of(tmp_path) is None
