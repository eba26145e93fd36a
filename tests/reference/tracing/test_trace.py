"""The trace: what it records, how it is asked, how it intervenes, and what it refuses."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import load_file, save_file
from safetensors.torch import save_file as save_torch

from clearhead.errors import TraceError
from clearhead.reference import OFF, Step, Trace, attention
from tests.strangers import DEEP, ODD, SPOILT, edits, refusal, split, spoilt, tensor_bytes


def small_run(trace: Trace) -> np.ndarray:
    """Two layers that square and then double their input."""
    x = trace.step("input", np.arange(3.0), "x", axes=("length",))
    for layer in range(2):
        scope = trace.at(f"layers.{layer}")
        square = scope.step("square", x**2, "x^2", of=("input",), axes=("length",))
        x = scope.step("double", 2 * square, "2 x^2", of=("square",), axes=("length",))
    return trace.step("sum", x.sum(), "sum", of=("layers.1.double",))


class TestOff:
    def test_gives_every_value_back_as_it_is(self) -> None:
        value = np.arange(3.0)

        assert OFF.step("name", value, "formula", of=("nothing",), axes=("a", "b")) is value
        assert OFF.at("decoder.layers.0") is OFF

    def test_lets_callers_skip_what_only_a_trace_needs(self) -> None:
        assert not OFF.enabled
        assert not OFF.asks("contributions")
        assert not OFF.visited("query")
        assert Trace().enabled


class TestRecording:
    def test_steps_are_listed_in_order_with_full_paths(self) -> None:
        trace = Trace()

        small_run(trace)

        assert trace.paths == [
            "input",
            "layers.0.square",
            "layers.0.double",
            "layers.1.square",
            "layers.1.double",
            "sum",
        ]
        assert len(trace) == 6
        assert [step.path for step in trace] == trace.paths

    def test_a_step_knows_all_about_itself(self) -> None:
        trace = Trace()

        small_run(trace)

        step = trace["layers.0.double"]
        assert (step.name, step.axes, step.formula) == ("double", ("length",), "2 x^2")
        assert step.of == ("layers.0.square",)
        assert step.shape == (3,)
        assert not step.replaced
        np.testing.assert_array_equal(step.value, [0, 2, 8])

    def test_sources_are_looked_up_in_the_scope_and_then_around_it(self) -> None:
        trace = Trace()
        trace.step("memory", np.zeros(1))
        trace.at("decoder").step("memory", np.ones(1))

        trace.at("decoder.layers.0").step("inner", np.zeros(1), of=("memory",))
        trace.at("encoder.layers.0").step("inner", np.zeros(1), of=("memory",))

        assert trace["decoder.layers.0.inner"].of == ("decoder.memory",)
        assert trace["encoder.layers.0.inner"].of == ("memory",)

    def test_a_source_that_was_not_computed_is_an_error(self) -> None:
        trace = Trace()
        trace.step("scores", np.zeros(1))

        with pytest.raises(TraceError, match=r"'weights' says .* from 'score', .* scores"):
            trace.step("weights", np.zeros(1), of=("score",))

    def test_the_record_does_not_follow_later_changes(self) -> None:
        trace, value = Trace(), np.arange(3.0)

        trace.step("input", value)
        value *= 100

        np.testing.assert_array_equal(trace["input"].value, [0, 1, 2])
        with pytest.raises(ValueError, match="read-only"):
            trace["input"].value[0] = 1

    def test_a_path_visited_twice_is_an_error_that_says_what_to_do(self) -> None:
        trace = Trace()
        small_run(trace)

        with pytest.raises(
            TraceError, match=r"'input' was visited twice.*trace\.at\(\"step\.1\"\)"
        ):
            small_run(trace)

    def test_repetitions_have_scopes(self) -> None:
        trace = Trace()

        for n in range(3):
            small_run(trace.at(f"step.{n}"))

        assert len(trace) == 18
        assert [s.path for s in trace.find("step.*.sum")] == [
            "step.0.sum",
            "step.1.sum",
            "step.2.sum",
        ]

    def test_axes_must_fit_the_value(self) -> None:
        with pytest.raises(TraceError, match=r"shape \(2, 3\) and 1 names of axes: length"):
            Trace().step("x", np.zeros((2, 3)), axes=("length",))

    def test_keep_records_only_what_matches(self) -> None:
        trace = Trace(keep=["*double", "sum"])

        assert small_run(trace) == 2 * (0 + 4 + 64)

        assert trace.paths == ["layers.0.double", "layers.1.double", "sum"]
        assert trace["layers.0.double"].of == ("layers.0.square",)

    def test_one_pattern_may_be_given_as_text(self) -> None:
        trace = Trace(keep="sum")

        small_run(trace)

        assert trace.paths == ["sum"]

    def test_costly_steps_are_asked_for_by_a_pattern(self) -> None:
        scope = "decoder.layers.0"

        assert not Trace().at(scope).asks("contributions")
        assert not Trace(keep="*weights").at(scope).asks("contributions")
        assert Trace(keep="*").at(scope).asks("contributions")
        assert Trace(keep="*.0.contributions").at(scope).asks("contributions")
        assert Trace(replace={"*contributions": abs}).at(scope).asks("contributions")

    def test_visited_is_about_this_scope(self) -> None:
        trace = Trace(keep="nothing")
        trace.at("encoder").step("query", np.zeros(1))

        assert trace.at("encoder").visited("query")
        assert not trace.visited("query")


class TestReading:
    def test_by_path_and_by_pattern(self) -> None:
        trace = Trace()
        small_run(trace)

        assert trace["*.1.square"] is trace["layers.1.square"]
        assert [step.path for step in trace.find("layers.?.square")] == [
            "layers.0.square",
            "layers.1.square",
        ]
        assert "sum" in trace
        assert "*" not in trace

    def test_several_where_one_was_asked_for(self) -> None:
        trace = Trace()
        small_run(trace)

        with pytest.raises(
            TraceError, match=r"4 steps match 'layers\.\*'.*layers\.0\.square.*find"
        ):
            trace["layers.*"]

    @pytest.mark.parametrize(
        ("path", "near"),
        [
            ("layers.0.squares", r"layers\.0\.square"),
            ("layers.7.double", r"layers\.0\.double"),
            ("decoder.layers.3.attention.sum", r"sum"),
        ],
    )
    def test_an_unknown_path_names_near_ones(self, path: str, near: str) -> None:
        trace = Trace()
        small_run(trace)

        with pytest.raises(TraceError, match=rf"No recorded step is called '{path}'.*{near}"):
            trace[path]

    def test_an_empty_trace_says_so(self) -> None:
        with pytest.raises(TraceError, match="Nothing has been recorded"):
            Trace()["weights"]

    def test_a_step_that_was_not_kept_says_so(self) -> None:
        trace = Trace(keep="sum")
        small_run(trace)

        with pytest.raises(TraceError, match="It was computed, but keep= left it out"):
            trace["input"]

    def test_it_prints_as_a_table(self) -> None:
        trace = Trace()
        small_run(trace)

        assert repr(trace).splitlines() == [
            "Trace of 6 steps",
            "input            3       length  x",
            "layers.0.square  3       length  x^2",
            "layers.0.double  3       length  2 x^2",
            "layers.1.square  3       length  x^2",
            "layers.1.double  3       length  2 x^2",
            "sum              scalar          sum",
        ]
        assert trace.table("*.0.square") == "layers.0.square  3  length  x^2"

    def test_a_long_trace_is_cut_and_says_so(self) -> None:
        trace = Trace()
        for n in range(70):
            trace.step(f"s{n}", np.zeros(1))

        lines = repr(trace).splitlines()

        assert len(lines) == 62
        assert lines[-1].startswith("… and 10 more")

    def test_a_step_prints_with_named_axes(self) -> None:
        step = Step("a.b", np.zeros((2, 3)), ("query_len", "key_len"), "Q K^T", ("a.q",), True)

        assert repr(step) == "<Step a.b (query_len 2, key_len 3) float64: Q K^T of a.q, replaced>"


class TestReplacing:
    def test_the_run_goes_on_with_the_replacement(self) -> None:
        trace = Trace(replace={"layers.0.double": np.zeros_like})

        assert small_run(trace) == 0

        assert trace["layers.0.double"].replaced
        assert not trace["layers.1.double"].replaced
        assert "(replaced)" in trace.table("layers.0.double")

    def test_patterns_act_in_order(self) -> None:
        trace = Trace(replace={"*.square": lambda x: x + 1, "layers.0.*": lambda x: x * 10})

        small_run(trace)

        np.testing.assert_array_equal(trace["layers.0.square"].value, [10, 20, 50])

    def test_what_is_not_kept_is_replaced_all_the_same(self) -> None:
        assert small_run(Trace(keep=(), replace={"*square": np.zeros_like})) == 0

    def test_the_function_may_work_in_place_on_its_copy(self) -> None:
        def first_to_nine(x: np.ndarray) -> np.ndarray:
            x[0] = 9
            return x

        given_value = np.zeros(2)
        trace = Trace(replace={"x": first_to_nine})

        result = trace.step("x", given_value)

        np.testing.assert_array_equal(result, [9, 0])
        np.testing.assert_array_equal(given_value, [0, 0])

    def test_the_dtype_stays(self) -> None:
        trace = Trace(replace={"x": lambda x: [1, 2]})

        assert trace.step("x", np.zeros(2, dtype=np.float32)).dtype == np.float32

    @pytest.mark.parametrize(
        ("function", "came"),
        [
            (lambda x: x[:1], r"the shape \(1,\)"),
            (lambda x: 0.0, r"the shape \(\)"),
            (lambda x: x.fill(0), "None"),
        ],
    )
    def test_another_shape_is_an_error(self, function: object, came: str) -> None:
        trace = Trace(replace={"la*.0.square": function})

        with pytest.raises(
            TraceError, match=rf"'la\*\.0\.square' of 'layers\.0\.square' must .* \(3,\).*{came}"
        ):
            small_run(trace)

    def test_a_replacement_that_matched_nothing_is_reported(self) -> None:
        trace = Trace(replace={"layers.0.squared": abs, "sum": abs})
        small_run(trace)

        assert trace.unused == ["layers.0.squared"]
        assert "matched no step: layers.0.squared" in repr(trace)

    def test_a_block_ends_in_an_error_if_a_replacement_matched_nothing(self) -> None:
        with (
            pytest.raises(TraceError, match=r"'layers\.0\.squared'.* layers\.0\.square"),
            Trace(replace={"layers.0.squared": abs}) as trace,
        ):
            small_run(trace)

    def test_a_block_does_not_hide_an_error_of_its_own(self) -> None:
        with pytest.raises(ZeroDivisionError), Trace(replace={"nothing": abs}):
            raise ZeroDivisionError


class TestFiles:
    def test_what_is_saved_is_loaded(self, tmp_path: Path) -> None:
        trace = Trace(keep="*", replace={"weights": lambda w: w[:, ::-1]})
        x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
        attention(x, x, x, trace=trace)

        trace.save(tmp_path / "trace.safetensors")
        loaded = Trace.load(tmp_path / "trace.safetensors")

        assert loaded.paths == trace.paths
        for ours, theirs in zip(trace, loaded, strict=True):
            np.testing.assert_array_equal(ours.value, theirs.value)
            assert ours.value.dtype == theirs.value.dtype
            assert (ours.axes, ours.formula) == (theirs.axes, theirs.formula)
            assert (ours.of, ours.replaced) == (theirs.of, theirs.replaced)
        assert loaded["weights"].replaced
        assert [path.name for path in tmp_path.iterdir()] == ["trace.safetensors"]

    @given(
        hnp.arrays(
            st.sampled_from([np.float16, np.float32, np.float64, np.int64, np.complex64, np.bool_]),
            hnp.array_shapes(min_dims=0, min_side=0, max_side=4),
        )
    )
    def test_any_array_survives(
        self, tmp_path_factory: pytest.TempPathFactory, value: np.ndarray
    ) -> None:
        path = tmp_path_factory.mktemp("trace") / "t"
        trace = Trace()
        trace.step("α/β γ", value.T)

        trace.save(path)

        loaded = Trace.load(path)["α/β γ"].value
        assert loaded.dtype == value.dtype
        np.testing.assert_array_equal(loaded, value.T)

    def test_a_loaded_trace_is_read_only_and_cannot_be_recorded_over(self, tmp_path: Path) -> None:
        path = tmp_path / "t"
        trace = Trace()
        small_run(trace)
        trace.save(path)
        loaded = Trace.load(path)

        with pytest.raises(ValueError, match="read-only"):
            loaded["input"].value[0] = 1
        with pytest.raises(TraceError, match="visited twice"):
            small_run(loaded)

    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(TraceError, match="There is no trace at"):
            Trace.load(tmp_path / "nowhere")

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(TraceError, match="is no trace, or it is damaged"):
            Trace.load(tmp_path)

    @given(st.data())
    def test_a_damaged_file_is_a_trace_error_whatever_byte_it_is(
        self, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
    ) -> None:
        path = tmp_path_factory.mktemp("trace") / "t"
        trace = Trace()
        small_run(trace)
        trace.save(path)
        content = bytearray(path.read_bytes())
        header = int.from_bytes(content[:8], "little")
        place = data.draw(st.one_of(st.integers(0, 7), st.integers(8 + header, len(content) - 1)))
        content[place] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)

        with pytest.raises(TraceError, match="damaged"):
            Trace.load(path)

    @given(st.floats(0, 1, exclude_max=True))
    def test_a_file_cut_short(self, tmp_path_factory: pytest.TempPathFactory, share: float) -> None:
        path = tmp_path_factory.mktemp("trace") / "t"
        trace = Trace()
        small_run(trace)
        trace.save(path)
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])

        with pytest.raises(TraceError, match="damaged"):
            Trace.load(path)

    def test_a_file_of_something_else(self, tmp_path: Path) -> None:
        save_file({"embedding.weight": np.zeros(3)}, tmp_path / "model.safetensors")

        with pytest.raises(TraceError, match="a safetensors file, but not a trace"):
            Trace.load(tmp_path / "model.safetensors")

    def test_a_later_version(self, tmp_path: Path) -> None:
        metadata = {"format": "clearhead-trace", "version": "2", "steps": "[]"}
        save_file({"x": np.zeros(1)}, tmp_path / "t", metadata=metadata)

        with pytest.raises(TraceError, match="version 2; this release reads version 1"):
            Trace.load(tmp_path / "t")

    @pytest.mark.parametrize(
        "described",
        [
            "{",
            "3",
            "[3]",
            "[{}]",
            json.dumps([{"path": "y"}]),
            json.dumps([{"path": "x", "crc32": 0}]),
        ],
    )
    def test_a_header_that_does_not_describe_the_values(
        self, tmp_path: Path, described: str
    ) -> None:
        metadata = {"format": "clearhead-trace", "version": "1", "steps": described}
        save_file({"x": np.zeros(1)}, tmp_path / "t", metadata=metadata)

        with pytest.raises(TraceError, match="damaged"):
            Trace.load(tmp_path / "t")

    def test_the_file_is_plain_safetensors(self, tmp_path: Path) -> None:
        trace = Trace()
        small_run(trace)
        trace.save(tmp_path / "t")

        assert set(load_file(tmp_path / "t")) == set(trace.paths)

    def test_saving_fails_without_touching_what_was_there(self, tmp_path: Path) -> None:
        path = tmp_path / "t"
        trace = Trace()
        small_run(trace)
        trace.save(path)
        before = path.read_bytes()
        unfit = Trace()
        unfit.step("tokens", np.array(["I", "love", "tea"]))

        with pytest.raises(TraceError, match="'tokens' holds <U4, which cannot be saved"):
            unfit.save(path)

        assert path.read_bytes() == before
        assert [p.name for p in tmp_path.iterdir()] == ["t"]

    @pytest.mark.parametrize("how", [*SPOILT, "pipe"])
    def test_a_spoilt_file(self, tmp_path: Path, how: str) -> None:
        path = tmp_path / "t"
        trace = Trace()
        small_run(trace)
        trace.save(path)

        with spoilt(path, how):
            assert "is no trace, or it is damaged" in str(
                refusal(TraceError, lambda: Trace.load(path))
            )

    def test_every_member_of_the_header_replaced_by_values_of_every_type(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "t"
        trace = Trace()
        small_run(trace)
        trace.save(path)
        header, numbers = split(path.read_bytes())
        steps = json.loads(header["__metadata__"]["steps"])

        def look() -> None:
            loaded = Trace.load(path)
            assert str(loaded).replace("\n", "").isprintable()
            assert loaded.table().replace("\n", "").isprintable()

        refusals = 0
        for _, changed in edits(steps):
            header["__metadata__"]["steps"] = json.dumps(changed)
            path.write_bytes(tensor_bytes(header, numbers))
            refusals += refusal(TraceError, look) is not None
        assert refusals > 100
        for odd in ODD:
            header["__metadata__"]["steps"] = json.dumps(odd)
            path.write_bytes(tensor_bytes(header, numbers))
            assert odd == [] or refusal(TraceError, look)

    def test_a_deep_description(self, tmp_path: Path) -> None:
        metadata = {"format": "clearhead-trace", "version": "1", "steps": DEEP}
        save_file({"x": np.zeros(1)}, tmp_path / "t", metadata=metadata)
        with pytest.raises(TraceError, match="nested more than 64 levels deep"):
            Trace.load(tmp_path / "t")

    def test_a_step_that_is_described_again_and_again(self, tmp_path: Path) -> None:
        path = tmp_path / "t"
        trace = Trace()
        small_run(trace)
        trace.save(path)
        header, numbers = split(path.read_bytes())
        first = json.loads(header["__metadata__"]["steps"])[0]
        header["__metadata__"]["steps"] = json.dumps([first] * 1000)
        path.write_bytes(tensor_bytes(header, numbers))
        with pytest.raises(TraceError, match="is described twice"):
            Trace.load(path)

    @pytest.mark.parametrize(
        ("dtype", "words"),
        [
            ("float8_e4m3fn", "'x' is of type float8_e4m3fn, which is not read here; convert"),
            ("float8_e5m2", "'x' is of type float8_e5m2, which is not read here; convert"),
        ],
    )
    def test_steps_of_types_that_numpy_does_not_have(
        self, tmp_path: Path, dtype: str, words: str
    ) -> None:
        write_foreign_trace(tmp_path / "t", torch.ones(3).to(getattr(torch, dtype)))
        with pytest.raises(TraceError, match=words):
            Trace.load(tmp_path / "t")

    def test_bfloat16_of_another_program_is_read_as_float32(self, tmp_path: Path) -> None:
        numbers = torch.tensor([1.0, -2.5, 3.14159]).bfloat16()
        write_foreign_trace(tmp_path / "t", numbers)
        loaded = Trace.load(tmp_path / "t")["x"].value
        assert loaded.dtype == np.float32
        np.testing.assert_array_equal(loaded, numbers.float().numpy())


def write_foreign_trace(path: Path, value: torch.Tensor) -> None:
    """A trace of one step, x, whose value NumPy has no type for."""
    numbers = value.view(torch.uint8).numpy().tobytes()
    step = {"path": "x", "axes": [], "formula": "", "of": [], "replaced": False}
    metadata = {
        "format": "clearhead-trace",
        "version": "1",
        "steps": json.dumps([step | {"crc32": zlib.crc32(numbers)}]),
    }
    save_torch({"x": value}, path, metadata=metadata)
