"""A recording cannot ask for more than it may cost, whatever its shapes claim."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch

from clearhead.errors import ConfigError, ShapeError
from clearhead.explorer.recordings import bounds as recordings_bounds
from clearhead.explorer.recordings.bounds import (
    BYTES,
    MULTIPLY_ADDS,
    SOFTMAX,
    check_window,
    picture_work,
)
from clearhead.explorer.recordings.explorer import RecordingExplorer
from clearhead.explorer.server.app import create_app
from clearhead.explorer.server.limits import ServerLimits, Workers
from clearhead.maps import AttentionMap, Source
from clearhead.maps.scores.masks.key_ranges import KeyRanges
from tests.explorer.served import served
from tests.maps.attending import recording_of
from tests.processor_time import at_most_processor_seconds


def a_map(
    batch: int = 1, heads: int = 1, queries: int = 4, keys: int = 4, size: int = 1,
    *, kv_heads: int | None = None, **how: Any
) -> AttentionMap:  # fmt: skip
    """A map of zeros in half precision; its tensors are small, whatever it claims."""
    query = torch.zeros(batch, heads, queries, size, dtype=torch.float16)
    key = torch.zeros(batch, kv_heads or heads, keys, size, dtype=torch.float16)
    return AttentionMap.of(query, key, source=Source(module="layers.0.attention"), **how)


def ask(explorer: RecordingExplorer, path: str, window: Any) -> Any:
    return explorer.answer("array", {"items": [{"path": path, "window": window}]})


LONG = 200_000  # positions; queries and keys take 0.8 MB, and there are 4 x 10^10 weights


@pytest.fixture(scope="module")
def long() -> RecordingExplorer:
    return RecordingExplorer({"layers.0.attention": a_map(queries=LONG, keys=LONG)})


# Pictures


def test_a_picture_that_would_take_too_long_is_refused_before_any_work(long: RecordingExplorer):
    with at_most_processor_seconds(5), pytest.raises(ShapeError) as error_info:
        long.answer("overview", {"part": "self"})
    assert str(error_info.value) == (
        "The pictures of 'self' would take 4.0 x 10^12 multiply-adds (layers: 1, each of 1 "
        "heads of 200,000 queries and 200,000 keys), and one question may take 10^12. Record a "
        "shorter text, or ask for windows of its weights, which are exact at any length; in "
        "Python, AttentionMap.pooled has no such bound."
    )


def test_fewer_layers_at_a_time_may_do():
    maps = {f"layers.{n}.attention": a_map(queries=60_000, keys=60_000) for n in range(6)}
    with pytest.raises(
        ShapeError, match=r"layers: 6, each of 1 heads.*Ask for 2 of its layers at a time"
    ):
        RecordingExplorer(maps).answer("overview", {"part": "self"})


@pytest.mark.parametrize(
    ("heads", "queries", "keys", "size"), [(8, 24_576, 24_576, 64), (96, 2048, 2048, 128)]
)
def test_a_recording_as_people_make_them_is_drawn(heads: int, queries: int, keys: int, size: int):
    assert picture_work(a_map(1, heads, queries, keys, size)) <= MULTIPLY_ADDS


def test_what_a_mask_forbids_is_not_counted():
    plain, causal = (picture_work(a_map(1, 2, 9000, 9000, 8, causal=way)) for way in (False, True))
    assert plain == 2 * 9000**2 * (8 + SOFTMAX)
    assert causal == pytest.approx(plain / 2, rel=0.02)
    documents = KeyRanges(
        torch.arange(9000)[None, None].int() // 100 * 100,
        torch.arange(9000)[None, None].int() // 100 * 100 + 100,
    )
    one = a_map(1, 2, 9000, 9000, 8)
    short = AttentionMap(one.query, one.key, one.scoring.__class__(1.0, mask=documents))
    assert picture_work(short) < plain / 40


def test_many_heads_that_share_their_keys_need_too_much_memory():
    explorer = RecordingExplorer(a_map(heads=4000, queries=2, keys=200_000, kv_heads=1))
    with at_most_processor_seconds(5), pytest.raises(ShapeError, match="GB of memory beside the"):
        explorer.answer("overview", {"part": "self"})


def test_more_heads_than_numbers_are_sent_are_refused():
    explorer = RecordingExplorer(a_map(heads=3000, queries=1, keys=1), numbers=2000)
    with pytest.raises(ShapeError, match=r"3,000 numbers were asked for, and at most 2,000"):
        explorer.answer("overview", {"part": "self"})


# Windows


@pytest.mark.parametrize(
    ("step", "window"),
    [
        ("log_sum_exp", [[0, 1], [0, 1], [0, 1]]),
        ("weights", [[0, 1], [0, 1], [0, LONG], [0, 1]]),
        ("weights", [[0, 1], [0, 1], [0, 49_999], [0, 1]]),
    ],
)
def test_a_window_whose_sums_would_take_too_long_is_refused(
    long: RecordingExplorer, step: str, window: Any
):
    with at_most_processor_seconds(5), pytest.raises(ShapeError) as error_info:
        ask(long, f"layers.0.attention.{step}", window)
    assert "each weight is divided by the sum over all keys of its query" in str(error_info.value)


def test_small_windows_of_the_same_map_are_answered(long: RecordingExplorer):
    window = [[0, 1], [0, 1], [150_000, 150_002], [0, 100_000]]
    with at_most_processor_seconds(20):
        weights = ask(long, "layers.0.attention.weights", window).arrays["0"]
        scores = ask(long, "layers.0.attention.scores", window).arrays["0"]
    assert weights.shape == (1, 1, 2, 100_000)
    assert weights[0, 0, 1, 7] == pytest.approx(1 / LONG)
    assert not scores.any()


def test_many_windows_count_together(long: RecordingExplorer):
    window = [[0, 1], [0, 1], [0, 20_000], [0, 1]]
    item = {"path": "layers.0.attention.weights", "window": window}
    with pytest.raises(ShapeError, match=r"1\.2 x 10\^12 multiply-adds"):
        long.answer("array", {"items": [item] * 3})


def test_keys_that_would_be_laid_out_for_each_head_are_counted():
    """Of some of the heads, which share their keys, the keys are laid out for each."""
    one = a_map(heads=1000, queries=2, keys=900, size=4000, kv_heads=1)
    some = ((0, 1), (0, 999), (0, 1), (0, 900))
    with pytest.raises(ShapeError, match=rf"14\.4 GB of memory.*may take {BYTES / 1e9:.1f} GB"):
        check_window(one, "scores", some, "path")
    assert check_window(one, "scores", ((0, 1), (0, 1000), (0, 1), (0, 900)), "path") > 0


def test_stored_numbers_cost_nothing(long: RecordingExplorer):
    window = [[0, 1], [0, 1], [0, LONG], [0, 1]]
    assert ask(long, "layers.0.attention.query", window).arrays["0"].shape == (1, 1, LONG, 1)


# The recording as a whole


def test_more_positions_than_a_page_can_name_are_refused_when_it_is_opened():
    one = a_map(queries=50_000, keys=50_000)
    maps = {f"layers.{n}.attention": one for n in range(50)}
    with at_most_processor_seconds(5), pytest.raises(ConfigError) as error_info:
        RecordingExplorer(maps)
    assert str(error_info.value) == (
        "The page cannot show this recording: it would have to name 5,052,000 positions, those of "
        "the queries and keys of 50 attentions and of 1 rows, and it names at most 2,000,000. "
        "Record less: a shorter text, fewer layers (layers=[...]) or fewer rows at once."
    )


def test_so_are_more_rows():
    with pytest.raises(ConfigError, match="and of 3,000,000 rows"):
        RecordingExplorer(a_map(batch=3_000_000, queries=2, keys=2))


def test_what_has_no_length_is_left_out_with_a_word():
    empty, whole = a_map(queries=0, keys=10**9, size=0, scale=1.0), a_map()
    explorer = RecordingExplorer({"a.attention": empty, "b.attention": whole})
    assert [each["path"] for each in explorer.answer("run").json["attention"]] == ["b.attention"]
    assert (
        "a.attention: nothing attended in it (its shape is 1 x 1 x 0 x 1000000000 x 0)."
        in (explorer.answer("model").json["provenance"]["notes"])
    )
    with pytest.raises(ConfigError, match="There is nothing to show"):
        RecordingExplorer({"a.attention": empty})


def test_tensors_that_do_not_fit_are_an_error_in_words():
    one = a_map(queries=9, keys=9)
    wrong = KeyRanges(torch.zeros(1, 1, 9).int(), torch.full((1, 1, 5), 9).int())
    explorer = RecordingExplorer(
        AttentionMap(one.query, one.key, one.scoring.__class__(1.0, mask=wrong))
    )
    for question in ({"part": "self"}, {"items": [{"path": "attention.weights"}]}):
        name = "overview" if "part" in question else "array"
        with pytest.raises(Exception, match=r"could not answer '\w+': its tensors do not fit"):
            explorer.answer(name, question)


# The server


@pytest.fixture(scope="module")
def crafted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of less than a megabyte whose pictures would take 1.6 x 10^13 multiply-adds."""
    one = a_map(queries=LONG, keys=LONG)
    recording = recording_of({f"layers.{layer}.attention": one for layer in range(4)}, "Large")
    path = recording.save(tmp_path_factory.mktemp("crafted") / "large.safetensors")
    assert path.stat().st_size < 1_000_000
    return path


def test_a_crafted_file_keeps_nobody_from_an_answer(crafted: Path):
    with served("--recording", str(crafted)) as server:

        def post(name: str, params: Any) -> tuple[int, Any]:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
            headers = {"Content-Type": "application/json"}
            connection.request("POST", f"/api/{name}", json.dumps(params), headers)
            response = connection.getresponse()
            answer = response.status, response.read()
            connection.close()
            return answer

        run = {"text": ""}
        for _ in range(3):
            status, content = post("overview", {"run": run, "part": "self"})
            assert status == 400
            assert json.loads(content)["error"]["kind"] == "ShapeError"
        path = "layers.3.attention.weights"
        window = [[0, 1], [0, 1], [0, LONG], [0, 1]]
        assert post("array", {"run": run, "items": [{"path": path, "window": window}]})[0] == 400
        assert post("model", {})[0] == 200
        memory = Path(f"/proc/{server.process.pid}/status")
        if memory.exists():
            peak = re.search(r"VmHWM:\s+(\d+) kB", memory.read_text())
            assert peak is not None
            assert int(peak[1]) < 1_500_000  # kB; PyTorch itself takes some 300,000
        assert server.end() == (0, "")


def test_a_picture_that_takes_too_long_gives_its_thread_back():
    """It would take some ten seconds of a processor."""
    draw = torch.Generator().manual_seed(1)
    x = torch.randn(1, 8, 16_384, 16, generator=draw)
    explorer = RecordingExplorer(AttentionMap.of(x, x))

    async def run() -> httpx.Response:
        workers = Workers(ServerLimits(seconds=0.2))
        transport = httpx.ASGITransport(app=create_app(explorer, port=8017, workers=workers))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8017") as one:
            params = {"run": {"text": ""}, "part": "self"}
            response = await one.post("/api/overview", json=params)
        while workers.inside:
            await asyncio.sleep(0.01)
        assert workers.close()
        return response

    with at_most_processor_seconds(5):
        response = asyncio.run(run())
    assert response.status_code == 503
    assert response.json()["error"]["kind"] == "TooSlow"


def test_the_bounds_are_those_of_the_guide():
    guide = (Path(__file__).parents[3] / "docs/guides/explore.md").read_text("utf-8")
    assert recordings_bounds.MULTIPLY_ADDS == 10**12
    assert "10^12 multiply-adds" in guide
