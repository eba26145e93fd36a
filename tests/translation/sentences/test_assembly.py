from __future__ import annotations

from clearhead.translation.rules.reading import Reading
from clearhead.translation.sentences.assembly import assemble
from clearhead.translation.sentences.segments import Piece
from clearhead.translation.sentences.sentence import Sentence
from clearhead.translation.translation import Segment


def row(source, *texts):
    sentence = Sentence(source, Reading(source, source))
    return sentence, [(Segment(source, text, source_tokens=("x",)),) for text in texts]


def test_what_stands_between_is_joined_with_the_translations():
    first, first_rows = row("Un.", "One.", "A.")
    second, second_rows = row("Deux.", "Two.")
    plan = [Piece("« ", False, "frame"), first, Piece(" ", False), second]
    rows = {first: first_rows, second: second_rows}
    translation = assemble("« Un. Deux.", plan, rows, 2, lambda marks: marks.replace("« ", "“"))
    assert translation.text == "“One. Two."
    assert [other.text for other in translation.alternatives] == ["“One. Two.", "“A. Two."]
    frame = translation.segments[0]
    assert (frame.source, frame.text, frame.kept) == ("« ", "“", True)
    assert frame.actions[0].change == "written “ in the target"
    assert translation.segments[2].actions == ()


def test_what_is_protected_or_unchanged_is_told_as_kept():
    plan = [Piece("{a : b}", False, "protected"), Piece("Tom: ", False, "speaker")]
    translation = assemble("{a : b}Tom: ", plan, {}, 1, lambda marks: marks.replace(" :", ":"))
    assert translation.text == "{a : b}Tom: "
    assert {segment.actions[0].change for segment in translation.segments} == {"kept as it is"}
    assert translation.alternatives == ()
