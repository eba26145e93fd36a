"""The trace: what it records, how it is asked, how it intervenes, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.errors import TraceError
from clearhead.reference import OFF, Trace
from tests.reference.tracing.runs import small_run


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
