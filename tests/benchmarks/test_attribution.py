"""The benchmark of attribution runs, and its plain passes give the same gradient."""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import clearhead as ch  # noqa: E402
from benchmarks import attribution  # noqa: E402


def test_it_runs_and_judges(capsys):
    attribution.main(["--quick", "--json", "--threads", "1"])
    result = json.loads(capsys.readouterr().out)
    seconds = result["rows"][0]["seconds"]
    ratio = seconds[attribution.HEADS] / seconds[attribution.PASSES]
    assert f"in {ratio:.2f} times the passes that it needs (at most 1.5:" in result["verdicts"][0]


def test_the_plain_passes_are_those_of_attribution():
    model = attribution.decoder(2, 32, 4, 64)
    clean, corrupted = torch.randint(64, (2, 1, 8))
    gradient = attribution.plain_passes(model, clean, corrupted)
    vectors = model.get_input_embeddings()(corrupted).detach()
    shares = ch.attribute_inputs(model, corrupted, attribution.ANSWER, method="input_x_gradient")[
        "input_ids"
    ]
    torch.testing.assert_close(
        (gradient * vectors).sum(-1), torch.from_numpy(shares.values).float(), atol=1e-6, rtol=0
    )
