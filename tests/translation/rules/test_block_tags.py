from __future__ import annotations

import pytest

from clearhead.translation.sentences.segments import split_text


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("<p>Close the door.</p><p>Come in.</p>", ["Close the door.", "Come in."]),
        ("<ul><li>Close the door</li><li>Come in</li></ul>", ["Close the door", "Come in"]),
        ("Close the door<br>Come in<BR />Yes", ["Close the door", "Come in", "Yes"]),
        ('<h1 class="x">Close the door</h1>', ["Close the door"]),
        ("<td>Tea</td><td>Milk</td>", ["Tea", "Milk"]),
        ("Close <b>the</b> door", ["Close <b>the</b> door"]),
        ("<bread> is no tag of HTML", ["<bread> is no tag of HTML"]),
    ],
)
def test_a_block_tag_ends_a_sentence(text, sentences):
    pieces = split_text(text)
    assert [piece.text for piece in pieces if piece.translate] == sentences
    assert "".join(piece.text for piece in pieces) == text


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("<b>Close the door.</b> <i>Come in.</i>", ["Close the door.", "Come in."]),
        ("<b>Close the door.</b><i>Come in.</i>", ["Close the door.", "Come in."]),
        ("**Close the door.** *Come in.*", ["Close the door.", "Come in."]),
        ("<b>Mr.</b> Smith came.", ["<b>Mr.</b> Smith came."]),
        ("He has 3.<b>5</b> of them.", ["He has 3.<b>5</b> of them."]),
    ],
)
def test_marks_around_a_sentence_do_not_hide_its_end(text, sentences):
    assert [piece.text for piece in split_text(text) if piece.translate] == sentences
