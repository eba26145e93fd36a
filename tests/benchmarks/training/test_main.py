"""The training benchmark runs at a tiny size, and its counted arithmetic is the arithmetic."""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch")

from benchmarks.training import __main__ as training  # noqa: E402
from benchmarks.training import data, systems, timing  # noqa: E402
from benchmarks.training.systems import LABEL_SMOOTHING, Shape, batch_flops  # noqa: E402

TINY = Shape(vocab_size=64, d_model=16, num_heads=2, layers=2, feed_forward_dim=32, dropout=0.0)


def test_it_runs_and_says_what_it_measured(capsys, tmp_path):
    arguments = ["--quick", "--json", "--threads", "1", "--precisions", "float32"]
    arguments += ["--only", "speed", "batching", "d512", "loss"]
    training.main([*arguments, "--output", str(tmp_path)])
    result = json.loads(capsys.readouterr().out)
    names = {row["system"] for row in result["rows"]}
    assert {systems.OURS, systems.TORCH} <= names
    for row in result["rows"]:
        assert row["tokens_per_second"] > 0
        assert row["share_of_ceiling"] == pytest.approx(row["gflops"] / row["ceiling_gflops"])
    assert {row["against"] for row in result["ratios"]} == names - {systems.OURS}
    assert json.loads((tmp_path / "training.json").read_text()) == result
    page = (tmp_path / "training.md").read_text()
    assert "target tokens/s" in page
    assert result["machine"]["processor"] in page


def test_counted_flops_are_those_of_the_matrix_products():
    from torch.utils.flop_counter import FlopCounterMode

    from clearhead.nn.transformer import Transformer
    from clearhead.training.step import batch_loss

    rows, length = 3, 4
    (batch,) = data.even_batches(TINY, rows, length, 1)
    model = Transformer(TINY.config())
    with FlopCounterMode(display=False) as counter:
        batch_loss(model, batch, LABEL_SMOOTHING).smoothed.backward()
    products = {"aten.mm", "aten.addmm", "aten.bmm"}
    by_operator = counter.get_flop_counts()["Global"]
    # Attention may go through a fused kernel: linear layers and the output are exact.
    linear = sum(n for key, n in by_operator.items() if str(key) in products - {"aten.bmm"})
    d = TINY.d_model
    pairs = rows * (2 * length**2 + length * (length + 1) / 2)
    attention = 3 * 2 * TINY.layers * 2 * d * pairs
    assert linear == batch_flops(TINY, batch) - attention


def test_padding_counts_as_nothing():
    (batch,) = data.varied_batches(TINY, 200, 1)
    sources = (batch.source != 0).sum(1).tolist()
    targets = (batch.target_output != 0).sum(1).tolist()
    assert min(sources) < max(sources)
    assert batch_flops(TINY, batch) == TINY.flops(sources, targets)
    assert TINY.flops(sources, targets) < TINY.flops(
        [max(sources)] * len(sources), [max(targets)] * len(targets)
    )


def test_varied_batches_keep_within_their_tokens():
    for batch in data.varied_batches(Shape(), 512, 5):
        assert max(batch.source.size, batch.target_output.size) <= 512


def test_each_system_is_judged_at_its_best_threads():
    def row(system, threads, speed):
        return {
            "batch": "b",
            "precision": "p",
            "system": system,
            "threads": threads,
            "tokens_per_second": speed,
        }

    rows = [
        row(systems.OURS, 1, 30.0),
        row(systems.OURS, 2, 20.0),
        row(systems.TORCH, 1, 10.0),
        row(systems.TORCH, 2, 15.0),
    ]
    assert [row["ratio"] for row in timing.ratios(rows)] == [2.0]
