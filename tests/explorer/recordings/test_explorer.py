"""A recording answers the explorer's questions with its own weights, and with nothing else."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

import clearhead
from clearhead.errors import ConfigError, ShapeError, TraceError
from clearhead.explorer.contract.arrays import decode, encode
from clearhead.explorer.recordings.explorer import RecordingExplorer, open_recording
from clearhead.maps import AttentionMap, Source


def a_map(
    *,
    batch: int = 2,
    heads: int = 4,
    kv_heads: int = 2,
    queries: int = 5,
    keys: int = 7,
    **how: Any,
) -> AttentionMap:
    draw = torch.Generator().manual_seed(3)
    query = torch.randn(batch, heads, queries, 8, generator=draw)
    key = torch.randn(batch, kv_heads, keys, 8, generator=draw)
    value = torch.randn(batch, kv_heads, keys, 6, generator=draw)
    return AttentionMap.of(query, key, value, **how)


def dense(one: AttentionMap) -> np.ndarray[Any, Any]:
    """The weights by the plain formula in float64, without a mask."""
    key = one.key.double().repeat_interleave(one.shape[1] // one.key.shape[1], 1)
    scores = one.query.double() @ key.mT / one.query.shape[-1] ** 0.5
    weights: np.ndarray[Any, Any] = scores.softmax(-1).numpy()
    return weights


def ask(explorer: RecordingExplorer, path: str, window: Any = None, row: int = 0) -> Any:
    params = {"run": {"text": None, "sentence": row}, "items": [{"path": path, "window": window}]}
    return explorer.answer("array", params).arrays["0"]


@pytest.fixture(scope="module")
def recording() -> clearhead.Recording:
    torch.manual_seed(0)
    model = nn.Transformer(16, 2, 2, 1, 32, batch_first=True).eval()
    with clearhead.record(model) as recording:
        model(torch.randn(2, 6, 16), torch.randn(2, 4, 16))
    return recording


@pytest.fixture(scope="module")
def explorer(recording: clearhead.Recording) -> RecordingExplorer:
    return RecordingExplorer(recording)


def test_the_parts_are_the_stacks_of_the_model(explorer: RecordingExplorer) -> None:
    model = explorer.answer("model").json
    assert (model["kind"], model["name"], model["abilities"]) == ("recording", "Transformer", [])
    assert [(part["part"], part["layers"], part["heads"]) for part in model["parts"]] == [
        ("encoder.layers.*.self_attn", 2, 2),
        ("decoder.layers.*.self_attn", 1, 2),
        ("cross", 1, 2),
    ]


def test_a_run_lists_every_module_and_its_steps(explorer: RecordingExplorer) -> None:
    run = explorer.answer("run", {"sentence": 1}).json
    cross = next(entry for entry in run["attention"] if entry["part"] == "cross")
    assert cross["path"] == "decoder.layers.0.multihead_attn"
    assert (cross["layer"], cross["heads"], cross["queries"], cross["keys"]) == (0, 2, 4, 6)
    assert [token["piece"] for token in cross["key_tokens"]] == ["0", "1", "2", "3", "4", "5"]
    assert run["request"]["sentence"] == run["sentence"] == 1
    assert len(run["sentences"]) == 2
    shapes = {step["path"]: step["shape"] for step in run["steps"]}
    assert shapes["decoder.layers.0.multihead_attn.weights"] == [1, 2, 4, 6]
    assert shapes["decoder.layers.0.multihead_attn.log_sum_exp"] == [1, 2, 4]
    paths = list(shapes)
    for step in run["steps"]:
        assert all(paths.index(source) < paths.index(step["path"]) for source in step["of"])


def test_every_step_listed_can_be_asked_for(explorer: RecordingExplorer) -> None:
    run = explorer.answer("run").json
    for step in run["steps"]:
        values = ask(explorer, step["path"])
        assert list(values.shape) == step["shape"]
        assert len(step["axes"]) == values.ndim


@given(st.data())
def test_windows_are_exact_tiles(data: st.DataObject) -> None:
    one = a_map()
    explorer = RecordingExplorer(one)
    row = data.draw(st.integers(0, 1))
    shape = (1, *one.shape[1:])
    spans = [sorted(data.draw(st.tuples(*[st.integers(0, n)] * 2))) for n in shape]
    window = [[a, b] if a < b else [0, n] for (a, b), n in zip(spans, shape, strict=True)]
    weights = ask(explorer, "attention.weights", window, row)
    place = tuple(slice(a, b) for a, b in window)
    np.testing.assert_allclose(weights, dense(one)[row : row + 1][place], rtol=2e-5, atol=1e-7)


def test_the_steps_make_up_the_weights() -> None:
    explorer = RecordingExplorer(a_map(keys=5, causal=True))
    query, key, scores, lse, weights = (
        ask(explorer, f"attention.{step}", row=1).astype(float)
        for step in ("query", "key", "scores", "log_sum_exp", "weights")
    )
    np.testing.assert_allclose(weights, np.exp(scores - lse[..., None]), rtol=1e-5)
    products = query @ key.repeat(2, axis=1).swapaxes(-1, -2) / 8**0.5
    np.testing.assert_allclose(
        np.tril(scores, 0)[scores > -np.inf], products[scores > -np.inf], rtol=1e-4
    )
    assert np.isneginf(scores[0, 0, 0, 1:]).all()
    assert (weights[0, :, 0, 1:] == 0).all()


def test_half_precision_travels_as_float32() -> None:
    one = a_map()
    half = AttentionMap.of(one.query.bfloat16(), one.key.bfloat16())
    explorer = RecordingExplorer(half)
    answer = explorer.answer("array", {"items": [{"path": "attention.query", "window": None}]})
    _, arrays = decode(encode(answer.json, answer.arrays))
    np.testing.assert_array_equal(arrays["0"], half.query[:1].float().numpy())


def test_pictures_are_maxima_of_blocks_and_entropy_is_the_map_s() -> None:
    one = a_map(queries=100, keys=130)
    answer = RecordingExplorer(one).answer("overview", {"part": "self", "run": {"sentence": 1}})
    assert answer.json["pooled"] is True
    assert answer.json["block"] == [3, 3]
    picture = answer.arrays["weights"]
    assert picture.dtype == np.float32
    assert picture.shape == (1, 4, 34, 44)
    full = one.dense()[1].numpy()
    for head, row, column in ((0, 0, 0), (3, 33, 43), (2, 17, 5)):
        block = full[head, 3 * row : 3 * row + 3, 3 * column : 3 * column + 3]
        assert picture[0, head, row, column] == pytest.approx(block.max(), rel=1e-5)
    np.testing.assert_allclose(answer.arrays["entropy"][0], one.entropy()[1].mean(-1), rtol=1e-5)
    assert not answer.arrays["masked"].any()


def test_masked_is_what_no_query_may_see_and_not_what_is_small() -> None:
    query = torch.zeros(1, 1, 3, 4)
    query[..., 0] = 2000.0
    key = torch.zeros(1, 1, 3, 4)
    key[0, 0, 0, 0] = 1.0
    one = AttentionMap.of(query, key, causal=True)
    assert one[0, 0, 2, 1] == 0  # beyond float32, and yet not masked
    masked = RecordingExplorer(one).answer("overview", {"part": "self"}).arrays["masked"]
    np.testing.assert_array_equal(masked, [[0, 1, 1], [0, 0, 1], [0, 0, 0]])


def test_tokens_of_the_user_stand_where_they_fit(recording: clearhead.Recording) -> None:
    explorer = RecordingExplorer(
        recording, tokens=["Je", "suis", "là", "."], source_tokens=[list("abcdef"), list("uvwxyz")]
    )
    run = explorer.answer("run", {"sentence": 1}).json
    names = {
        entry["path"]: [
            "".join(token["piece"] for token in entry[side])
            for side in ("query_tokens", "key_tokens")
        ]
        for entry in run["attention"]
    }
    assert names["encoder.layers.0.self_attn"] == ["uvwxyz", "uvwxyz"]
    assert names["decoder.layers.0.self_attn"] == ["Jesuislà.", "Jesuislà."]
    assert names["decoder.layers.0.multihead_attn"] == ["Jesuislà.", "uvwxyz"]


def test_recorded_tokens_are_used_unless_the_user_gives_others() -> None:
    one = a_map(queries=3, keys=3)
    labelled = AttentionMap(one.query, one.key, one.scoring, query_labels=list("abc"))
    explorer = RecordingExplorer(labelled)
    (entry,) = explorer.answer("run").json["attention"]
    assert [token["piece"] for token in entry["query_tokens"]] == ["a", "b", "c"]
    assert [token["piece"] for token in entry["key_tokens"]] == ["0", "1", "2"]


def test_a_file_is_opened_as_it_was_saved(recording: clearhead.Recording, tmp_path: Path) -> None:
    path = recording.save(tmp_path / "recorded.safetensors")
    from_file, direct = open_recording(path), RecordingExplorer(recording)
    assert from_file.answer("run").json == direct.answer("run").json
    name = "decoder.layers.0.multihead_attn.weights"
    np.testing.assert_array_equal(ask(from_file, name), ask(direct, name))


class Twice(nn.Module):
    """One module that is called twice in a forward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.attention(x, x, x, need_weights=False)[0]
        output: Tensor = self.attention(x, x, x, need_weights=False)[0]
        return output


def test_each_call_of_a_module_is_a_layer() -> None:
    model = Twice().eval()
    with clearhead.record(model) as recording, torch.no_grad():
        model(torch.randn(1, 3, 8))
    run = RecordingExplorer(recording).answer("run").json
    assert [entry["path"] for entry in run["attention"]] == ["attention#0", "attention#1"]
    assert [entry["layer"] for entry in run["attention"]] == [0, 1]


def test_what_cannot_be_shown_is_said() -> None:
    model = Twice().eval()
    with clearhead.record(model, summaries=["entropy"]) as recording, torch.no_grad():
        model(torch.randn(1, 3, 8))
    with pytest.raises(ConfigError, match="only summaries were kept of it; record without"):
        RecordingExplorer(recording)


@pytest.mark.parametrize(
    ("name", "params", "error", "words"),
    [
        ("effects", {}, ConfigError, "A recording cannot answer 'effects'.*It answers model, run"),
        (
            "run",
            {"edits": [{"kind": "output_temperature", "value": 1}]},
            ConfigError,
            "be edited: it",
        ),
        ("run", {"sentence": 2}, ConfigError, "row of the batch, from 0 to 1; got 2"),
        ("run", {"sentence": True}, ConfigError, "sentence must be a whole .*; it is True"),
        ("overview", {"part": "encoder"}, ConfigError, "no part 'encoder'. It has 'encoder.lay"),
        ("array", {}, ConfigError, "array needs items; it is missing"),
        ("array", {"items": [{"path": "x.weights"}]}, TraceError, "no array 'x.weights'.*query"),
        ("array", {"items": [{}]}, ConfigError, "needs path; it is missing"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_in_words(
    explorer: RecordingExplorer, name: str, params: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        explorer.answer(name, params)


@pytest.mark.parametrize(
    ("window", "words"),
    [
        ([[0, 1]], "has 1 axes; the array has 4"),
        ([[0, 1], [0, 2], [0, 9], [0, 1]], r"asks for \[0, 9\] of axis 2"),
        ([[0, 1], [0, 2], [0, 1], [3, 3]], r"asks for \[3, 3\] of axis 3"),
    ],
)
def test_a_window_that_does_not_fit_is_refused_in_words(
    explorer: RecordingExplorer, window: Any, words: str
) -> None:
    with pytest.raises(ShapeError, match=words):
        ask(explorer, "encoder.layers.0.self_attn.weights", window)


def test_tokens_that_fit_nothing_are_refused(recording: clearhead.Recording) -> None:
    with pytest.raises(ShapeError, match=r"names 5 positions, and the recording has .* 4 or 6"):
        RecordingExplorer(recording, tokens=list("abcde"))
    with pytest.raises(ShapeError, match="3 lists, and the recording 2 rows"):
        RecordingExplorer(recording, tokens=[list("abcd")] * 3)


def test_a_thousand_tokens_stay_usable() -> None:
    draw = torch.Generator().manual_seed(1)
    maps = {}
    for layer in range(2):
        x = torch.randn(1, 4, 1000, 16, generator=draw)
        source = Source(model="Long", module=f"layers.{layer}.attention")
        maps[source.module] = AttentionMap.of(x, x, causal=True, source=source)
    explorer = RecordingExplorer(maps)
    with pytest.raises(ShapeError, match="4,000,000 numbers were asked for, and at most 1,000,000"):
        ask(explorer, "layers.0.attention.weights")
    start = time.process_time()
    row = ask(explorer, "layers.1.attention.weights", [[0, 1], [3, 4], [999, 1000], [0, 1000]])
    assert time.process_time() - start < 2
    assert row.sum() == pytest.approx(1, abs=1e-4)
    start = time.process_time()
    overview = explorer.answer("overview", {"part": "self"})
    assert time.process_time() - start < 8
    assert overview.arrays["weights"].shape == (2, 4, 48, 48)
    assert len(encode(overview.json, overview.arrays)) < 100_000
    assert overview.arrays["masked"][0, 1] == 1
    assert overview.arrays["masked"][1, 0] == 0
    start = time.process_time()
    explorer.answer("overview", {"part": "self"})
    assert time.process_time() - start < 0.2
