"""The table of kinds: printed, added up, as a frame and as a picture."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.errors import ConfigError, ShapeError
from clearhead.head_kinds import CopyingScores
from clearhead.maps.heads.table_of_maps import head_kinds
from tests.maps.attending import recording_of
from tests.maps.heads.patterns import IDS, habits, map_with

WAYS = habits()
BEFORE, AGAIN = WAYS["previous"], WAYS["induction"]


def table_of(*heads, ids=IDS, **maps):
    maps = maps or {"h.0": map_with(list(heads))}
    return recording_of(maps).heads(ids=ids)


def test_the_table_is_printed() -> None:
    lines = repr(table_of(BEFORE, AGAIN)).splitlines()
    assert lines[0] == "Kinds of heads of Model: 2 heads, 1 text"
    assert lines[1].split() == [
        "module", "head", "kind", "margin", "previous", "next", "same", "first", "last",
        "duplicate", "induction", "local", "even",
    ]  # fmt: skip
    assert lines[2].split()[:5] == ["h.0", "0", "previous", "0.50", "1.00"]
    assert lines[3].split()[:3] == ["h.0", "1", "induction"]
    assert lines[4].startswith("note: copying follows from weights, which are not part of a rec")
    assert len(lines) == 5
    note = repr(table_of(BEFORE, ids=None)).splitlines()[-2]
    assert note.startswith("note: duplicate and induction need token ids")


def test_texts_add_up_to_the_means_over_their_tokens() -> None:
    """A head that looks back in one text of two is of half the score."""
    one, other = table_of(BEFORE), table_of(WAYS["same"])
    both = one + other
    assert both.texts == 2
    assert both.rows[0].scores["previous"] == pytest.approx(0.5, abs=1e-6)
    for name in one.sums["h.0"].totals:
        merged = one.merge(other, one).sums["h.0"].totals[name]
        assert (merged == other.merge(one, one).sums["h.0"].totals[name]).all()


def test_tables_of_other_models_or_scores_are_not_added() -> None:
    one = table_of(BEFORE)
    with pytest.raises(ConfigError, match=r"same modules, and only one of these has g, h.0"):
        one + table_of(g=map_with([BEFORE]))
    with pytest.raises(ConfigError, match=r"'h.0' has 1 heads in one table and 2 in the other"):
        one + table_of(BEFORE, AGAIN)
    with pytest.raises(ConfigError, match="Only one of the two tables has duplicate, induction"):
        one + table_of(BEFORE, ids=None)


def test_heads_are_looked_up_by_kind_and_score() -> None:
    kinds = table_of(BEFORE, AGAIN, WAYS["local"], AGAIN)
    assert [row.head for row in kinds.of_kind("induction")] == [1, 3]
    assert kinds.of_kind("broad") == []
    assert kinds.scores("induction")["h.0"].shape == (4,)
    with pytest.raises(ConfigError, match="no kind of head 'mover'; there are previous"):
        kinds.of_kind("mover")
    with pytest.raises(ConfigError, match="no score 'mover'; there are previous"):
        kinds.scores("mover")


def test_copying_stands_beside_the_kinds() -> None:
    maps = {"h.0": map_with([BEFORE, AGAIN])}
    scores = CopyingScores({"h.0": np.array([-0.25, 0.75])}, ("h.1 has none: of another stack",))
    kinds = recording_of(maps).heads(ids=IDS, copying=scores)
    assert kinds.notes == ("h.1 has none: of another stack",)
    (row,) = kinds.of_kind("copying")
    assert (row.head, row.kind, row.copying, row.copies) == (1, "induction", 0.75, True)
    assert repr(kinds).splitlines()[2].split()[-1] == "-0.25"
    assert repr(kinds).splitlines()[1].split()[-1] == "copying"
    both = kinds + table_of(BEFORE, AGAIN)
    assert both.notes == kinds.notes
    assert both.scores("copying")["h.0"].tolist() == [-0.25, 0.75]
    other = CopyingScores({"h.0": np.array([0.25, 0.75])})
    with pytest.raises(
        ConfigError, match="have other copying scores in one table than in the other"
    ):
        kinds + recording_of(maps).heads(ids=IDS, copying=other)
    with pytest.raises(ConfigError, match=r"No copying scores are known .*copying_scores\(model"):
        table_of(BEFORE).of_kind("copying")
    with pytest.raises(ShapeError, match=r"'h.0' has 2 heads, and 1 copying scores came"):
        recording_of(maps).heads(ids=IDS, copying=CopyingScores({"h.0": np.ones(1)}))
    with pytest.raises(ConfigError, match=r"of 'g', none of which is among these maps: 'h.0'"):
        recording_of(maps).heads(ids=IDS, copying=CopyingScores({"g": np.ones(2)}))


def test_the_table_as_a_frame() -> None:
    pytest.importorskip("pandas")
    kinds = table_of(BEFORE, AGAIN)
    frame = kinds.to_dataframe()
    assert list(frame.columns[:6]) == ["module", "head", "attention", "kind", "margin", "previous"]
    assert frame["kind"].tolist() == ["previous", "induction"]
    assert frame["induction"].tolist() == [row.scores["induction"] for row in kinds]


def test_the_table_as_a_picture(tmp_path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "kinds.svg"
    cross = map_with([[[key] for key in (3, 0, 5, 1, 4, 2)]] * 2, 6, kind="cross")
    maps = {"h.0": map_with([BEFORE]), "cross": cross}
    scores = CopyingScores({"h.0": np.array([0.75])})
    head_kinds(maps, ids={"h*": IDS}, copying=scores).plot(save=path)
    words = path.read_text("utf-8")
    assert "<!-- copies  1 -->" in words
    assert "<!-- aligned  2 -->" in words
    assert "<!-- previous  1 -->" in words
