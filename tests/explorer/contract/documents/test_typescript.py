"""The page's protocol.ts is what the models of questions and answers say."""

from __future__ import annotations

import re
import subprocess
import sys

from clearhead.explorer.contract.__main__ import PROTOCOL
from clearhead.explorer.contract.answers import ANSWERS
from clearhead.explorer.contract.documents.typescript import typescript
from clearhead.explorer.contract.reading import QUESTIONS
from tests.explorer.served import environment


def test_the_committed_file_is_what_the_command_writes():
    committed = PROTOCOL.read_bytes()
    command = [sys.executable, "-m", "clearhead.explorer.contract"]
    try:
        subprocess.run(command, env=environment(), check=True, capture_output=True)
        assert PROTOCOL.read_bytes() == committed, "run `make contract` and commit the file"
    finally:
        PROTOCOL.write_bytes(committed)


def test_every_question_has_an_answer_and_stands_in_the_file():
    assert list(QUESTIONS) == list(ANSWERS)
    table = typescript().partition("export interface Questions {\n")[2].partition("}\n\n")[0]
    assert re.findall(r"^  (\w+):", table, re.M) == list(QUESTIONS)


def declaration(name: str) -> str:
    pattern = rf"^export (?:interface|type) {name}\b[^;]*?(?:;\n|\{{.*?^\}}\n)"
    return re.search(pattern, typescript(), re.M | re.S)[0]


def test_what_may_be_left_out_may_be_null_and_kinds_are_needed():
    mask = declaration("MaskToken")
    assert '  kind: "mask_token";\n' in mask
    assert "  position: number;\n" in mask
    assert "  renormalise?: boolean | null;\n" in declaration("SetWeight")
    assert "  layers?: [number, number] | null;\n" in declaration("OverviewParams")
    assert "  window?: Window | null;\n" in declaration("ArrayItem")


def test_what_may_be_null_in_an_answer_is_null_in_its_type():
    model = declaration("Model")
    for line in ("languages: Languages | null", "parameters: number | null"):
        assert f"  {line};\n" in model
    assert "  log_probabilities: (number | null)[];\n" in declaration("Run")


def test_types_that_hold_themselves_are_named():
    assert (
        declaration("ScalarIndex") == "export type ScalarIndex = number | AxisIndex | SumIndex;\n"
    )
    assert "  sum: ScalarIndex[];\n" in declaration("SumIndex")
