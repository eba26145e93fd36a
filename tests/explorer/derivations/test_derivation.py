from __future__ import annotations

from clearhead.explorer.derivations.derivation import (
    EDIT,
    INPUT,
    Derivation,
    OperandLabel,
    array,
    constant,
    scalar,
)


def test_an_operand_comes_from_one_of_three_places() -> None:
    label = {"key": "word"}
    assert array("w", "word", "weights/up.weight", [{"axis": 1}, ":"]).to_json() == {
        "symbol": "w", "label": label, "path": "weights/up.weight", "index": [{"axis": 1}, ":"],
    }  # fmt: skip
    assert scalar("i", "word", {"axis": 0}).to_json() == {
        "symbol": "i", "label": label, "scalar": {"axis": 0},
    }  # fmt: skip
    assert scalar("i", "word", 0).to_json() == {"symbol": "i", "label": label, "scalar": 0}
    assert constant("n", "word", 0.0).to_json() == {"symbol": "n", "label": label, "constant": 0}


def test_a_whole_constant_is_an_integer() -> None:
    assert type(constant("n", "word", 8.0).constant) is int
    assert constant("n", "word", 0.5).constant == 0.5


def test_a_label_names_what_its_text_needs() -> None:
    assert OperandLabel("rowOfWeight", "up").to_json() == {"key": "rowOfWeight", "name": "up"}


def test_an_input_follows_from_nothing_and_an_edit_from_the_one_who_asks() -> None:
    assert INPUT.to_json() == {"expression": None, "given": True, "operands": []}
    assert EDIT.to_json() == {
        "when": {"replaced": True}, "expression": "set by you", "operands": [],
    }  # fmt: skip
    double = Derivation("2 * i", (scalar("i", "word", {"axis": 0}),))
    assert list(double.to_json()) == ["expression", "operands"]
