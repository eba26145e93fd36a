"""Attention by hand, against a plain loop, against PyTorch, by its laws, and what it refuses."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import ShapeError
from clearhead.reference import Trace, attention, causal_mask, merge_heads, softmax, split_heads

Array = np.ndarray[Any, Any]


def loop(case: Case) -> tuple[Array, Array]:
    """Attention of one query at a time, in float64, from the definition alone."""
    query, key, value = (x.astype(np.float64) for x in (case.query, case.key, case.value))
    batch, heads, query_len, head_dim = query.shape
    kv_heads, key_len = key.shape[1:3]
    weights = np.zeros((batch, heads, query_len, key_len))
    output = np.zeros((batch, heads, query_len, value.shape[-1]))
    scale = 1 / math.sqrt(head_dim) if case.scale is None else case.scale
    for b, h, i in np.ndindex(batch, heads, query_len):
        length = key_len if case.key_lengths is None else int(case.key_lengths[b])
        position = i if case.key_lengths is None else length - query_len + i
        exponentials = {}
        for j in range(length):
            before, after = (None, None) if case.window is None else case.window
            if (
                (case.causal and j > position)
                or (before is not None and j < position - before)
                or (after is not None and j > position + after)
            ):
                continue
            score = scale * sum(query[b, h, i] * key[b, h * kv_heads // heads, j])
            if case.softcap:
                score = case.softcap * math.tanh(score / case.softcap)
            if case.mask is not None:
                entry = np.broadcast_to(case.mask, weights.shape)[b, h, i, j]
                if entry is np.False_ or entry == -np.inf:
                    continue
                score += 0.0 if entry is np.True_ else entry
            exponentials[j] = math.exp(score)
        for j, exponential in exponentials.items():
            weights[b, h, i, j] = exponential / math.fsum(exponentials.values())
            output[b, h, i] += weights[b, h, i, j] * value[b, h * kv_heads // heads, j]
    return output, weights


@dataclass
class Case:
    query: Array
    key: Array
    value: Array
    mask: Array | None = None
    causal: bool = False
    scale: float | None = None
    softcap: float = 0.0
    window: tuple[int | None, int | None] | None = None
    key_lengths: Array | None = None

    def options(self) -> dict[str, Any]:
        names = ("mask", "causal", "scale", "softcap", "window", "key_lengths")
        return {name: getattr(self, name) for name in names}


@st.composite
def cases(draw: st.DrawFn, dtype: type = np.float64) -> Case:
    """Every option of attention with every other, on small shapes."""
    numbers = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    batch, kv_heads, group = (draw(st.integers(1, 3)) for _ in range(3))
    query_len, key_len, head_dim, value_dim = (draw(st.integers(1, 5)) for _ in range(4))

    def normal(*shape: int) -> Array:
        return numbers.normal(size=shape).astype(dtype)

    mask: Array | None = None
    full = (batch, kv_heads * group, query_len, key_len)
    kind = draw(st.sampled_from(["none", "boolean", "additive", "additive with -inf"]))
    if kind != "none":
        shape = tuple(draw(st.sampled_from([size, 1])) for size in full)[draw(st.integers(0, 3)) :]
        visible = numbers.random(shape) < 0.7
        mask = visible if kind == "boolean" else normal(*shape)
        if kind == "additive with -inf":
            mask = np.where(visible, mask, np.asarray(-np.inf, dtype))
    side = st.none() | st.integers(0, 3)
    return Case(
        normal(*full[:3], head_dim),
        normal(batch, kv_heads, key_len, head_dim),
        normal(batch, kv_heads, key_len, value_dim),
        mask=mask,
        causal=draw(st.booleans()),
        scale=draw(st.none() | st.floats(0.1, 3)),
        softcap=draw(st.sampled_from([0.0, 0.0, 1.5])),
        window=draw(st.none() | st.tuples(side, side)),
        key_lengths=draw(st.none() | st.just(numbers.integers(0, key_len + 1, size=batch))),
    )


class TestByHand:
    def test_two_keys_share_as_one_to_e(self) -> None:
        output, weights = attention(
            np.array([[1.0, 0.0]]), np.array([[0.0, 5.0], [1.0, 7.0]]), np.eye(2), scale=1.0
        )

        np.testing.assert_allclose(weights, [[1 / (1 + math.e), math.e / (1 + math.e)]])
        np.testing.assert_allclose(output, weights)

    def test_the_scale_is_one_over_the_root_of_head_dim(self) -> None:
        query, key = np.ones((1, 4)), np.log(np.array([[1.0] * 4, [3.0] * 4])) / 2

        _, weights = attention(query, key, np.ones((2, 1)))

        np.testing.assert_allclose(weights, [[0.25, 0.75]])

    def test_equal_keys_average_the_values(self) -> None:
        output, _ = attention(np.ones((3, 2)), np.ones((4, 2)), np.arange(8.0).reshape(4, 2))

        np.testing.assert_allclose(output, [[3, 4]] * 3)

    def test_whole_numbers_are_read_as_float64(self) -> None:
        output, weights = attention(
            np.eye(2, dtype=int), np.eye(2, dtype=int), np.eye(2, dtype=int)
        )

        assert output.dtype == weights.dtype == np.float64


class TestAgainstALoop:
    @given(cases())
    def test_in_double_precision(self, case: Case) -> None:
        output, weights = attention(case.query, case.key, case.value, **case.options())
        expected_output, expected_weights = loop(case)

        np.testing.assert_allclose(weights, expected_weights, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(output, expected_output, rtol=1e-12, atol=1e-13)

    @given(cases(np.float32))
    def test_in_single_precision(self, case: Case) -> None:
        output, weights = attention(case.query, case.key, case.value, **case.options())
        expected_output, expected_weights = loop(case)

        assert output.dtype == weights.dtype == np.float32
        np.testing.assert_allclose(weights, expected_weights, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(output, expected_output, rtol=1e-4, atol=1e-5)


class TestAgainstPyTorch:
    @given(cases())
    def test_scaled_dot_product_attention(self, case: Case) -> None:
        torch = pytest.importorskip("torch")
        # PyTorch has no softcap, window or lengths; causality it takes as part of the mask.
        mask = case.mask
        if case.causal:
            order = causal_mask(case.query.shape[2], case.key.shape[2])
            mask = (
                order
                if mask is None
                else np.where(order, mask, False if mask.dtype == bool else -np.inf)
            )
        groups = case.query.shape[1] // case.key.shape[1]
        theirs = torch.nn.functional.scaled_dot_product_attention(
            torch.tensor(case.query),
            torch.tensor(case.key.repeat(groups, axis=1)),
            torch.tensor(case.value.repeat(groups, axis=1)),
            attn_mask=None if mask is None else torch.tensor(np.atleast_2d(mask)),
            scale=case.scale,
        ).numpy()

        ours, weights = attention(
            case.query, case.key, case.value, mask=case.mask, causal=case.causal, scale=case.scale
        )

        attended = weights.any(axis=-1)  # of the others PyTorch's answer differs with its version
        np.testing.assert_allclose(ours[attended], theirs[attended], rtol=1e-11, atol=1e-13)
        assert (ours[~attended] == 0).all()


class TestLaws:
    @given(cases())
    def test_weights_of_a_query_sum_to_one_or_are_all_zero(self, case: Case) -> None:
        _, weights = attention(case.query, case.key, case.value, **case.options())

        total = weights.sum(axis=-1)
        assert (weights >= 0).all()
        assert (np.isclose(total, 1, rtol=1e-14, atol=0) | (total == 0)).all()

    @given(cases())
    def test_output_is_the_weighted_sum_of_values(self, case: Case) -> None:
        output, weights = attention(case.query, case.key, case.value, **case.options())

        value = case.value.repeat(weights.shape[1] // case.value.shape[1], axis=1)
        np.testing.assert_allclose(output, weights @ value, rtol=1e-12, atol=1e-14)

    @given(cases(), st.randoms(use_true_random=False))
    def test_the_order_of_keys_does_not_matter_without_positions(
        self, case: Case, random: Any
    ) -> None:
        order = list(range(case.key.shape[2]))
        random.shuffle(order)

        output, weights = attention(case.query, case.key, case.value)
        shuffled, shuffled_weights = attention(
            case.query, case.key[:, :, order], case.value[:, :, order]
        )

        np.testing.assert_allclose(shuffled, output, rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(shuffled_weights, weights[..., order], rtol=1e-12)

    @given(cases(), st.floats(-100, 100))
    def test_adding_the_same_to_all_scores_changes_nothing(self, case: Case, shift: float) -> None:
        output, _ = attention(case.query, case.key, case.value)
        shifted, _ = attention(case.query, case.key, case.value, mask=np.array(shift))

        np.testing.assert_allclose(shifted, output, rtol=1e-10, atol=1e-12)

    @given(cases())
    def test_arguments_are_left_as_they_are(self, case: Case) -> None:
        before = [x.copy() for x in (case.query, case.key, case.value)]
        mask_before = None if case.mask is None else case.mask.copy()

        attention(case.query, case.key, case.value, **case.options())

        for array, copy in zip((case.query, case.key, case.value), before, strict=True):
            np.testing.assert_array_equal(array, copy)
        if case.mask is not None and mask_before is not None:
            np.testing.assert_array_equal(case.mask, mask_before)

    @given(cases())
    def test_a_trace_changes_nothing(self, case: Case) -> None:
        plain = attention(case.query, case.key, case.value, **case.options())
        with_trace = attention(
            case.query, case.key, case.value, **case.options(), trace=Trace(keep="*")
        )

        np.testing.assert_array_equal(with_trace[0], plain[0])
        np.testing.assert_array_equal(with_trace[1], plain[1])

    @given(cases())
    def test_a_row_of_a_batch_is_what_it_is_alone(self, case: Case) -> None:
        output, _ = attention(case.query, case.key, case.value, key_lengths=case.key_lengths)

        for row in range(len(output)):
            one = slice(row, row + 1)
            lengths = None if case.key_lengths is None else case.key_lengths[one]
            alone, _ = attention(
                case.query[one], case.key[one], case.value[one], key_lengths=lengths
            )
            np.testing.assert_allclose(output[one], alone, rtol=1e-12, atol=1e-14)


class TestForms:
    @given(cases())
    def test_heads_side_by_side(self, case: Case) -> None:
        output, weights = attention(case.query, case.key, case.value, **case.options())

        side_by_side, packed_weights = attention(
            *(merge_heads(x) for x in (case.query, case.key, case.value)),
            **case.options(),
            num_heads=case.query.shape[1],
            num_kv_heads=case.key.shape[1],
        )

        np.testing.assert_allclose(side_by_side, merge_heads(output), rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(packed_weights, weights, rtol=1e-12, atol=1e-14)

    def test_leading_axes_may_be_left_out(self) -> None:
        x = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
        output, weights = attention(x, x, x, causal=True)

        for row, head in np.ndindex(2, 3):
            one, one_weights = attention(*[x[row, head]] * 3, causal=True)
            np.testing.assert_allclose(one, output[row, head], rtol=1e-12)
            np.testing.assert_allclose(one_weights, weights[row, head], rtol=1e-12)
        np.testing.assert_allclose(
            attention(x[0], x[0], x[0], causal=True)[0], output[0], rtol=1e-12
        )

    @given(cases())
    def test_groups_are_repeated_keys_and_values(self, case: Case) -> None:
        groups = case.query.shape[1] // case.key.shape[1]
        output, _ = attention(case.query, case.key, case.value, **case.options())

        repeated, _ = attention(
            case.query,
            case.key.repeat(groups, axis=1),
            case.value.repeat(groups, axis=1),
            **case.options(),
        )

        np.testing.assert_allclose(output, repeated, rtol=1e-12, atol=1e-14)

    @given(cases(), st.integers(0, 4), st.booleans())
    def test_a_past_is_what_was_said_before(self, case: Case, past_len: int, causal: bool) -> None:
        """Keys and queries of one sequence, its end attended to by way of a past."""
        x = case.key.repeat(2, axis=2)
        past_len = min(past_len, x.shape[2] - 1)
        whole, _ = attention(x, x, x, causal=causal, window=case.window)

        end, _ = attention(
            *(x[:, :, past_len:] for _ in range(3)),
            causal=causal,
            window=case.window,
            past_key=x[:, :, :past_len],
            past_value=x[:, :, :past_len],
        )

        np.testing.assert_allclose(end, whole[:, :, past_len:], rtol=1e-12, atol=1e-14)

    @given(cases())
    def test_padded_keys_are_as_if_they_were_not_there(self, case: Case) -> None:
        lengths = np.full(len(case.key), case.key.shape[2])
        output, _ = attention(case.query, case.key, case.value, key_lengths=lengths)
        padding = np.full((*case.key.shape[:2], 3, 1), np.nan)

        padded, weights = attention(
            case.query,
            np.concatenate(
                [case.key, np.broadcast_to(padding, (*padding.shape[:3], case.key.shape[3]))], 2
            ),
            np.concatenate([case.value, np.zeros((*padding.shape[:3], case.value.shape[3]))], 2),
            key_lengths=lengths,
        )

        np.testing.assert_allclose(padded, output, rtol=1e-12, atol=1e-14)
        assert (weights[..., -3:] == 0).all()

    def test_with_lengths_a_mask_may_end_early(self) -> None:
        x = np.random.default_rng(0).normal(size=(2, 1, 5, 3))
        mask, lengths = np.tri(5, 4, dtype=bool), np.array([4, 2])

        output, weights = attention(x, x, x, mask=mask, key_lengths=lengths)

        full, _ = attention(x, x, x, mask=np.pad(mask, ((0, 0), (0, 1))), key_lengths=lengths)
        np.testing.assert_array_equal(output, full)
        assert (weights[..., 4] == 0).all()

    @pytest.mark.parametrize("options", [{}, {"causal": True}, {"mask": np.ones(4, dtype=bool)}])
    def test_half_precision_is_rounded_once(self, options: dict[str, Any]) -> None:
        x = np.random.default_rng(0).normal(size=(2, 4, 8)).astype(np.float16)

        output, weights = attention(x, x, x, **options)

        wide = attention(*[x.astype(np.float32)] * 3, **options)
        np.testing.assert_array_equal(output, wide[0].astype(np.float16))
        np.testing.assert_array_equal(weights, wide[1].astype(np.float16))

    def test_the_softmax_may_be_more_precise(self) -> None:
        x = np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32)
        trace = Trace()

        output, weights = attention(x, x, x, softmax_dtype=np.float64, trace=trace)

        assert output.dtype == weights.dtype == np.float32
        precise = softmax(trace["masked"].value.astype(np.float64)).astype(np.float32)
        np.testing.assert_array_equal(weights, precise)

    def test_splitting_and_merging_heads(self) -> None:
        x = np.arange(24).reshape(1, 2, 12)

        heads = split_heads(x, 3)

        assert heads.shape == (1, 3, 2, 4)
        np.testing.assert_array_equal(heads[0, 1], [[4, 5, 6, 7], [16, 17, 18, 19]])
        np.testing.assert_array_equal(merge_heads(heads), x)


class TestFullyMasked:
    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    @pytest.mark.parametrize(
        "options",
        [
            {"mask": np.zeros(3, dtype=bool)},
            {"mask": np.full((2, 3), -np.inf)},
            {"mask": np.full((1, 1), -np.inf), "softcap": 2.0},
            {"key_lengths": np.array([0])},
            {"causal": True, "mask": np.array([False, True, True])},
            {"window": (0, 0), "mask": np.array([False, True, True])},
        ],
    )
    def test_gives_zeros(self, dtype: type, options: dict[str, Any]) -> None:
        query, key = np.ones((1, 1, 2, 4), dtype), np.ones((1, 1, 3, 4), dtype)

        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            output, weights = attention(query, key, key, **options)

        assert (output[0, 0, 0] == 0).all()
        assert (weights[0, 0, 0] == 0).all()
        assert np.isfinite(output).all()

    def test_also_where_the_score_is_infinite(self) -> None:
        query, key = np.full((1, 1), 1e200), np.array([[1e200], [1e200]])

        with np.errstate(over="ignore"):
            output, weights = attention(query, key, np.ones((2, 1)), mask=np.full(2, -np.inf))

        assert (output == 0).all()
        assert (weights == 0).all()

    def test_no_keys_at_all(self) -> None:
        output, weights = attention(np.ones((2, 3)), np.ones((0, 3)), np.ones((0, 5)))

        np.testing.assert_array_equal(output, np.zeros((2, 5)))
        assert weights.shape == (2, 0)


class TestTrace:
    def test_the_steps_and_where_they_come_from(self) -> None:
        x = np.random.default_rng(0).normal(size=(2, 4, 3, 8))
        trace = Trace(keep="*")

        output, weights = attention(x, x[:, :2], x[:, :2, :, :5], softcap=3.0, trace=trace)

        assert {step.path: step.of for step in trace} == {
            "query": (),
            "key": (),
            "value": (),
            "scores": ("query", "key"),
            "scaled": ("scores",),
            "capped": ("scaled",),
            "masked": ("capped",),
            "weights": ("masked",),
            "contributions": ("weights", "value"),
            "output": ("weights", "value"),
        }
        assert trace["key"].axes == ("batch", "kv_heads", "key_len", "head_dim")
        assert trace["weights"].axes == ("batch", "heads", "query_len", "key_len")
        assert trace["output"].axes == ("batch", "heads", "query_len", "value_dim")
        np.testing.assert_array_equal(trace["weights"].value, weights)
        np.testing.assert_array_equal(trace["output"].value, output)
        np.testing.assert_allclose(trace["contributions"].value.sum(axis=-2), output)

    def test_each_step_follows_from_the_one_before(self) -> None:
        x, trace = np.random.default_rng(0).normal(size=(3, 4)), Trace()

        attention(x, 2 * x, 3 * x, causal=True, softcap=2.0, trace=trace)

        step = {s.path: s.value for s in trace}
        np.testing.assert_allclose(step["scores"], x @ (2 * x).T)
        np.testing.assert_allclose(step["scaled"], step["scores"] / 2)
        np.testing.assert_allclose(step["capped"], 2 * np.tanh(step["scaled"] / 2))
        np.testing.assert_array_equal(
            step["masked"], np.where(np.tri(3, dtype=bool), step["capped"], -np.inf)
        )
        np.testing.assert_array_equal(step["weights"], softmax(step["masked"]))
        np.testing.assert_allclose(step["output"], step["weights"] @ (3 * x))

    def test_axes_of_fewer_than_four(self) -> None:
        trace = Trace()

        attention(*[np.ones((2, 3))] * 3, trace=trace)

        assert trace["scores"].axes == ("query_len", "key_len")
        assert trace["value"].axes == ("key_len", "value_dim")

    def test_contributions_are_not_computed_unasked(self) -> None:
        trace = Trace()

        attention(*[np.ones((2, 3))] * 3, trace=trace)

        assert "contributions" not in trace

    @pytest.mark.parametrize("step", ["query", "key", "value", "scores", "scaled", "masked"])
    def test_a_replaced_step_is_what_the_next_ones_are_computed_from(self, step: str) -> None:
        x = np.random.default_rng(0).normal(size=(3, 4))
        trace = Trace(replace={step: np.zeros_like})

        output, weights = attention(x, x, x, trace=trace)

        if step == "value":
            np.testing.assert_array_equal(output, np.zeros((3, 4)))
        else:
            np.testing.assert_allclose(weights, np.full((3, 3), 1 / 3))

    def test_weights_can_be_set(self) -> None:
        x = np.random.default_rng(0).normal(size=(3, 4))

        output, weights = attention(x, x, x, trace=Trace(replace={"weights": lambda w: np.eye(3)}))

        np.testing.assert_array_equal(weights, np.eye(3))
        np.testing.assert_allclose(output, x)

    @pytest.mark.parametrize("shape", [(), (3,), (1, 3), (3, 3)])
    def test_a_floating_mask_is_a_step_of_its_own(self, shape: tuple[int, ...]) -> None:
        numbers = np.random.default_rng(0)
        x, bias = numbers.normal(size=(3, 4)), numbers.normal(size=shape)
        trace = Trace()

        attention(x, x, x, mask=bias, trace=trace)

        assert trace["bias"].axes == ("query_len", "key_len")[2 - len(shape) :]
        assert trace["masked"].of == ("scaled", "bias")
        np.testing.assert_allclose(trace["masked"].value, trace["scaled"].value + bias)
        plain = attention(x, x, x)[0]
        without, _ = attention(x, x, x, mask=bias, trace=Trace(replace={"bias": np.zeros_like}))
        np.testing.assert_array_equal(without, plain)

    def test_a_boolean_mask_is_none(self) -> None:
        x, trace = np.ones((3, 4)), Trace()

        attention(x, x, x, mask=np.tri(3, dtype=bool), trace=trace)

        assert "bias" not in trace

    def test_a_token_can_be_masked(self) -> None:
        x = np.random.default_rng(0).normal(size=(3, 4))

        def hide_first_key(masked: Array) -> Array:
            masked[..., 0] = -np.inf
            return masked

        output, weights = attention(x, x, x, trace=Trace(replace={"masked": hide_first_key}))

        assert (weights[:, 0] == 0).all()
        np.testing.assert_allclose(output, attention(x, x[1:], x[1:])[0])

    def test_one_contribution_can_be_taken_out(self) -> None:
        x = np.random.default_rng(0).normal(size=(2, 4, 3, 8))

        def without_first_key(contributions: Array) -> Array:
            contributions[..., 0, :] = 0
            return contributions

        trace = Trace(replace={"contributions": without_first_key})
        output, weights = attention(x, x[:, :2], x[:, :2], trace=trace)

        weights[..., 0] = 0
        np.testing.assert_allclose(output, weights @ x[:, :2].repeat(2, axis=1))
        assert trace["output"].of == ("contributions",)

    def test_a_head_can_be_ablated(self) -> None:
        x = np.random.default_rng(0).normal(size=(1, 2, 3, 4))

        def silence_head_one(output: Array) -> Array:
            output[:, 1] = 0
            return output

        plain, _ = attention(x, x, x)
        output, _ = attention(x, x, x, trace=Trace(replace={"output": silence_head_one}))

        np.testing.assert_array_equal(output[:, 0], plain[:, 0])
        assert (output[:, 1] == 0).all()

    def test_a_past_is_in_the_steps_key_and_value(self) -> None:
        x, trace = np.random.default_rng(0).normal(size=(5, 4)), Trace()

        attention(x[3:], x[3:], x[3:], past_key=x[:3], past_value=x[:3], trace=trace)

        np.testing.assert_array_equal(trace["key"].value, x)
        assert trace["key"].formula == "[past K; K]"

    def test_a_caller_may_have_recorded_its_inputs(self) -> None:
        trace, x = Trace(), np.ones((2, 3))
        trace.step("x", x)
        query = trace.step("query", x, "x W_q", of=("x",))
        trace.step("new_key", x[:1], "x W_k", of=("x",))

        attention(query, x, x, trace=trace)

        assert trace["query"].of == ("x",)
        assert trace["key"].of == ("new_key",)
        assert trace["value"].of == ()


def zeros(*shapes: tuple[int, ...]) -> list[Array]:
    return [np.zeros(shape) for shape in shapes]


class TestErrors:
    @pytest.mark.parametrize("kind", [bool, float])
    def test_a_mask_that_does_not_broadcast(self, kind: type) -> None:
        with pytest.raises(
            ShapeError, match=r"shape \(3, 2\) does not broadcast to the scores \(2, 3\).*key_len"
        ):
            attention(*zeros((2, 4), (3, 4), (3, 4)), mask=np.ones((3, 2), kind))

    @pytest.mark.parametrize("kind", [bool, float])
    def test_a_mask_of_more_axes_than_the_scores(self, kind: type) -> None:
        with pytest.raises(ShapeError, match="does not broadcast"):
            attention(*zeros((2, 4), (3, 4), (3, 4)), mask=np.ones((5, 2, 3), kind))

    def test_a_mask_that_ends_early_without_lengths(self) -> None:
        with pytest.raises(ShapeError, match="does not broadcast"):
            attention(*zeros((2, 4), (3, 4), (3, 4)), mask=np.ones((2, 2), bool))

    def test_heads_that_do_not_divide_the_width(self) -> None:
        with pytest.raises(ShapeError, match=r"shape \(1, 2, 10\) cannot be split into 4 heads"):
            attention(*[np.zeros((1, 2, 10))] * 3, num_heads=4)
